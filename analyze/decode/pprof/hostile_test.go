package pprof

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/pprof/profile"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

// encodeField encodes one length-delimited field.
func encodeField(number uint64, body []byte) []byte {
	out := binary.AppendUvarint(nil, number<<3|wireBytes)
	return append(binary.AppendUvarint(out, uint64(len(body))), body...)
}

// labelBomb is a profile of one sample with n empty labels of two bytes each.
func labelBomb(n int) []byte {
	return append(encodeField(fieldSampleType, nil), encodeField(fieldSample, bytes.Repeat(encodeField(sampleLabel, nil), n))...)
}

// spreadBomb is a profile of n samples with a few empty labels each.
func spreadBomb(n int) []byte {
	sample := encodeField(fieldSample, bytes.Repeat(encodeField(sampleLabel, nil), 8))
	return append(encodeField(fieldSampleType, nil), bytes.Repeat(sample, n)...)
}

func decodeErr(t testing.TB, data []byte, b budget.Budget) (*evidence.Set, error) {
	t.Helper()
	set, err := Decode(context.Background(), bytes.NewReader(data), evidence.Position{Source: "x"}, evidence.Unknown, b)
	if set == nil || len(set.Inputs) != 1 {
		t.Fatalf("set = %+v, want exactly one input", set)
	}
	if err != nil && set.Inputs[0].Complete {
		t.Fatalf("complete in spite of %v", err)
	}
	return set, err
}

// repeatedField encodes one field n times.
func repeatedField(number uint64, n int, body func(i int) []byte) []byte {
	var out []byte
	for i := range n {
		out = append(out, encodeField(number, body(i))...)
	}
	return out
}

func TestOverBudget(t *testing.T) {
	small := budget.Budget{Memory: 8 << 20}
	id := func(i int) []byte { return encodeNumber(1, uint64(i+1)) }
	sparse := func(i int) []byte { return encodeNumber(1, uint64(i+1)<<40) }
	for name, tc := range map[string]struct {
		data []byte
		b    budget.Budget
		want string
	}{
		"locations":           {repeatedField(fieldLocation, 500_000, id), small, "memory for the messages"},
		"sparse locations":    {repeatedField(fieldLocation, 200_000, sparse), small, "memory for the messages"},
		"lines":               {encodeField(fieldLocation, append(id(0), bytes.Repeat(encodeField(locationLine, nil), 600_000)...)), small, "memory for the messages"},
		"functions":           {repeatedField(fieldFunction, 800_000, id), small, "memory for the messages"},
		"mappings":            {repeatedField(fieldMapping, 400_000, id), small, "memory for the messages"},
		"empty strings":       {repeatedField(fieldString, 3_000_000, func(int) []byte { return nil }), small, "memory for the messages"},
		"strings":             {repeatedField(fieldString, 900, func(i int) []byte { return make([]byte, min(i, 1)*(16<<10)) }), small, "memory for the messages"},
		"one message":         {encodeField(fieldSample, make([]byte, 9<<20)), small, "memory for the messages"},
		"one sample's values": {encodeField(fieldSample, encodeField(sampleValue, make([]byte, 2<<20))), budget.Default(), "values of one sample"},
		"sample types":        {repeatedField(fieldSampleType, 2000, func(int) []byte { return nil }), budget.Default(), "sample types"},
		"a claimed length":    {binary.AppendUvarint([]byte{fieldSample<<3 | wireBytes}, math.MaxUint64), budget.Default(), "memory for the messages"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := decodeErr(t, tc.data, tc.b)
			var over *budget.Error
			if !errors.As(err, &over) || !strings.Contains(over.What, tc.want) {
				t.Fatalf("error = %v, want a budget error on %s", err, tc.want)
			}
			if strings.HasPrefix(over.What, "memory") && over.Flag != budget.MemoryFlag {
				t.Errorf("the error names the flag %q, want %s", over.Flag, budget.MemoryFlag)
			}
			var hint *evidence.InputError
			if !errors.As(err, &hint) || hint.Hint == "" {
				t.Errorf("no hint on %v", err)
			}
		})
	}
}

// TestClaimsCostNothing: lengths, indices and ids are the input's word, and take no memory.
func TestClaimsCostNothing(t *testing.T) {
	for name, data := range map[string][]byte{
		"a string's length":  binary.AppendUvarint([]byte{fieldString<<3 | wireBytes}, math.MaxUint64),
		"a message's length": binary.AppendUvarint([]byte{fieldSample<<3 | wireBytes}, 900<<20),
		"an index":           encodeField(fieldSampleType, encodeNumber(1, 1<<40)),
		"a smaller index":    encodeField(fieldSampleType, encodeNumber(1, 1<<31)),
		"an id":              encodeField(fieldLocation, encodeNumber(1, math.MaxUint64)),
	} {
		if got := allocated(func() { decodeErr(t, data, budget.Default()) }); got > 1<<20 {
			t.Errorf("%s: %d KiB allocated for %d bytes of input", name, got>>10, len(data))
		}
	}
}

// allocated is how many bytes f allocated, garbage included.
func allocated(f func()) uint64 {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestLabelBombStaysSmall(t *testing.T) {
	for name, bomb := range map[string][]byte{"one sample": labelBomb(11_600_000), "spread": spreadBomb(640_000)} {
		var zipped bytes.Buffer
		zw := gzip.NewWriter(&zipped)
		zw.Write(bomb)
		zw.Close()
		got := allocated(func() {
			zr, err := gzip.NewReader(&zipped)
			if err != nil {
				t.Fatal(err)
			}
			Decode(context.Background(), zr, evidence.Position{}, evidence.Unknown, budget.Default())
		})
		t.Logf("%s: %d bytes of gzip, %d of protobuf, %d MiB allocated", name, zipped.Cap(), len(bomb), got>>20)
		if got > 80<<20 { // a message stands in memory as a whole
			t.Errorf("%s: %d MiB allocated, want at most 80", name, got>>20)
		}
	}
}

func synthetic(samples, depth, functions, labels int) *profile.Profile {
	p := &profile.Profile{
		SampleType: []*profile.ValueType{{Type: "samples", Unit: "count"}, {Type: "cpu", Unit: "nanoseconds"}},
		TimeNanos:  1e18, DurationNanos: 1e9, Period: 1e7,
	}
	for i := range functions {
		f := &profile.Function{ID: uint64(i + 1), Name: fmt.Sprintf("example.com/app.f%d", i), Filename: "app/f.go"}
		p.Function = append(p.Function, f)
		p.Location = append(p.Location, &profile.Location{ID: uint64(i + 1), Line: []profile.Line{{Function: f, Line: int64(i)}}})
	}
	next := 0
	for i := range samples {
		s := &profile.Sample{Value: []int64{1, int64(i)}}
		for range depth {
			next = (next*31 + 7) % functions
			s.Location = append(s.Location, p.Location[next])
		}
		next = i
		for l := range labels {
			if s.Label == nil {
				s.Label = map[string][]string{}
			}
			s.Label[fmt.Sprintf("k%d", l)] = []string{fmt.Sprint(i % 50)}
		}
		p.Sample = append(p.Sample, s)
	}
	return p
}

func hasNote(set *evidence.Set, text string) bool {
	return strings.Contains(strings.Join(set.Inputs[0].Notes, "\n"), text)
}

func TestCutAnywhere(t *testing.T) {
	data := take(t, "heap")
	for n := 0; n < len(data); n += 1 + len(data)/100 {
		set, err := decodeErr(t, data[:n], budget.Default())
		if err == nil && set.Inputs[0].Complete && n < len(data)/2 {
			t.Fatalf("%d of %d bytes decode as a whole profile", n, len(data))
		}
	}
	// A stream that fails after the whole profile (a gzip checksum, say) loses nothing.
	r := io.MultiReader(bytes.NewReader(data), errReader{io.ErrUnexpectedEOF})
	set, err := Decode(context.Background(), r, evidence.Position{}, evidence.Unknown, budget.Default())
	if !errors.Is(err, io.ErrUnexpectedEOF) || len(set.Profiles) != 1 || set.Inputs[0].Complete {
		t.Errorf("profile with a broken end: %v, %d profiles", err, len(set.Profiles))
	}
}

type errReader struct{ err error }

func (e errReader) Read([]byte) (int, error) { return 0, e.err }

func TestMalformed(t *testing.T) {
	one := func(edit func(*profile.Profile)) []byte {
		p := synthetic(3, 2, 4, 0)
		edit(p)
		return encode(t, p)
	}
	whole := one(func(*profile.Profile) {})
	for name, tc := range map[string]struct {
		data []byte
		want string
	}{
		"empty":                {nil, "empty"},
		"text":                 {[]byte("hello, world\n"), "protocol buffer"},
		"other protobuf":       {encodeField(99, []byte("hello")), "empty"},
		"no sample types":      {encodeField(fieldString, nil), "no sample types"},
		"missing location":     {one(func(p *profile.Profile) { p.Location = p.Location[2:] }), "location 1, which is not in the file"},
		"missing function":     {one(func(p *profile.Profile) { p.Function = p.Function[2:] }), "function 1, which is not in the file"},
		"location 0":           {encodeField(fieldLocation, encodeNumber(2, 1)), "reserved id 0"},
		"function 0":           {encodeField(fieldFunction, nil), "reserved id 0"},
		"mapping 0":            {encodeField(fieldMapping, nil), "reserved id 0"},
		"sample of location 0": {slices.Concat(encodeField(fieldSampleType, nil), encodeField(fieldSample, append(encodeNumber(sampleLocation, 0), encodeNumber(sampleValue, 1)...)), encodeField(fieldString, nil)), "location 0, which is not in the file"},
		"twice the same id":    {one(func(p *profile.Profile) { p.Location[1].ID = 1 }), "same id"},
		"twice a function":     {one(func(p *profile.Profile) { p.Function[1].ID = 1 }), "same id"},
		"too many values":      {one(func(p *profile.Profile) { p.Sample[1].Value = []int64{1, 2, 3} }), "number of their values: 2 and 3"},
		"values without types": {one(func(p *profile.Profile) { p.SampleType = p.SampleType[1:] }), "2 values, and it has 1 sample types"},
		"two profiles":         {append(bytes.Clone(whole), whole...), "several profiles"},
		"two of Go's":          {append(take(t, "heap"), take(t, "heap")...), "several profiles"},
		"no string 0":          {encodeField(fieldString, []byte("samples")), "first string is not empty"},
		"no strings":           {encodeField(fieldSampleType, nil), "string table"},
		"index of a label":     {append(bytes.Clone(whole), encodeField(fieldSample, encodeField(sampleLabel, encodeNumber(2, 1<<40)))...), "number of their values"},
		"group":                {[]byte{50<<3&0x7f | 3 | 0x80, 3, 50<<3&0x7f | 4 | 0x80, 3}, "wire type 3"},
		"endless number":       {bytes.Repeat([]byte{0xff}, 30), "protocol buffer"},
		"endless in a sample":  {encodeField(fieldSample, encodeField(sampleLocation, bytes.Repeat([]byte{0xff}, 30))), "protocol buffer"},
		"text in a message":    {encodeField(fieldSample, []byte("hello, world")), "protocol buffer"},
		"sample as a number":   {encodeNumber(fieldSample, 1), "protocol buffer"},
		"time as a message":    {encodeField(fieldTimeNanos, nil), "protocol buffer"},
		"negative goroutine":   {encode(t, counted("goroutine", -5)), "goroutines"},
		"endless goroutines":   {encode(t, counted("goroutine", math.MaxInt64)), "goroutines"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := decodeErr(t, tc.data, budget.Default())
			var input *evidence.InputError
			if !errors.As(err, &input) || input.Hint == "" || !strings.Contains(err.Error(), tc.want) {
				t.Fatalf("error = %v, want an InputError with a hint that says %q", err, tc.want)
			}
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error has several lines: %q", err)
			}
		})
	}
}

func counted(typ string, n int64) *profile.Profile {
	return &profile.Profile{SampleType: []*profile.ValueType{{Type: typ, Unit: "count"}}, Sample: []*profile.Sample{{Value: []int64{n}}}}
}

func TestNotes(t *testing.T) {
	f := &profile.Function{ID: 1, Name: "java/lang/Thread.run", Filename: "Thread.java"}
	loc := &profile.Location{ID: 1 << 40, Line: []profile.Line{{Function: f}}}
	inner := &profile.Location{ID: 7, Line: []profile.Line{{Function: &profile.Function{ID: 2, Name: "inner"}}}}
	bare := &profile.Location{ID: 3, Address: 0x7fff, Mapping: &profile.Mapping{ID: 1, File: "/lib/libc.so.6"}}
	cpu := []*profile.ValueType{{Type: "samples", Unit: "count"}, {Type: "cpu", Unit: "nanoseconds"}}
	delay := []*profile.ValueType{{Type: "contentions", Unit: "count"}, {Type: "delay", Unit: "nanoseconds"}}
	for name, tc := range map[string]struct {
		prof *profile.Profile
		name string
		kind evidence.Kind
		want string
	}{
		"java":          {&profile.Profile{SampleType: cpu, Sample: []*profile.Sample{{Location: []*profile.Location{loc}, Value: []int64{1, 1}}}, Location: []*profile.Location{loc}, Function: []*profile.Function{f}}, "", evidence.CPU, "not a Go profile"},
		"unsymbolised":  {&profile.Profile{SampleType: cpu, Sample: []*profile.Sample{{Location: []*profile.Location{bare}, Value: []int64{1, 1}}}, Location: []*profile.Location{bare}, Mapping: []*profile.Mapping{bare.Mapping}}, "", evidence.CPU, "no names: none of its 1 locations is symbolised"},
		"negative":      {&profile.Profile{SampleType: cpu, Sample: []*profile.Sample{{Value: []int64{-1, -1}}}}, "", evidence.CPU, "negative"},
		"overflow":      {&profile.Profile{SampleType: cpu, Sample: []*profile.Sample{{Value: []int64{1, math.MaxInt64}}, {Value: []int64{1, math.MaxInt64}}}}, "", evidence.CPU, "64 bits"},
		"empty mutex":   {&profile.Profile{SampleType: delay}, "dir/mutex.pb.gz", evidence.Mutex, "empty mutex profile: no contention, or it is off; runtime.SetMutexProfileFraction(100)"},
		"empty block":   {&profile.Profile{SampleType: delay}, "http://h/debug/pprof/block", evidence.Block, "runtime.SetBlockProfileRate"},
		"empty neither": {&profile.Profile{SampleType: delay}, "x.pb.gz", evidence.Mutex, "nothing says which"},
		"empty cpu":     {&profile.Profile{SampleType: cpu}, "", evidence.CPU, "empty CPU profile"},
		"custom":        {counted("widgets", 3), "", evidence.Unknown, "widgets/count"},
		"empty heap":    {&profile.Profile{SampleType: []*profile.ValueType{{Type: "inuse_space", Unit: "bytes"}}}, "", evidence.Heap, "runtime.MemProfileRate is 0"},
		"other unit":    {&profile.Profile{SampleType: []*profile.ValueType{{Type: "delay", Unit: "microseconds"}}}, "", evidence.Unknown, "delay/microseconds"},
		"mixed kinds":   {&profile.Profile{SampleType: []*profile.ValueType{cpu[1], {Type: "alloc_space", Unit: "bytes"}}}, "", evidence.Heap, "of several kinds: taken for a heap profile"},
		"negative time": {&profile.Profile{SampleType: cpu, Period: -1}, "", evidence.CPU, "period or duration is negative"},
		"bad pattern":   {&profile.Profile{SampleType: cpu, DropFrames: "("}, "", evidence.CPU, "drop_frames holds no valid pattern"},
		"long pattern":  {&profile.Profile{SampleType: cpu, DropFrames: strings.Repeat("x", maxString+1)}, "", evidence.CPU, "too long a pattern"},
		"pruned":        {&profile.Profile{SampleType: cpu, DropFrames: "inner", Sample: []*profile.Sample{{Location: []*profile.Location{inner, loc}, Value: []int64{1, 1}}}, Location: []*profile.Location{inner, loc}, Function: []*profile.Function{f, inner.Line[0].Function}}, "", evidence.CPU, "1 samples stand without their innermost frames"},
	} {
		t.Run(name, func(t *testing.T) {
			set := decode(t, encode(t, tc.prof), tc.name, evidence.Unknown)
			if set.Inputs[0].Kind != tc.kind || !hasNote(set, tc.want) {
				t.Errorf("kind %s, notes %q; want %s, %q", set.Inputs[0].Kind, set.Inputs[0].Notes, tc.kind, tc.want)
			}
		})
	}
}

func TestDeclaredSettlesBlockAgainstMutex(t *testing.T) {
	empty := encode(t, &profile.Profile{SampleType: []*profile.ValueType{{Type: "contentions", Unit: "count"}, {Type: "delay", Unit: "nanoseconds"}}})
	for _, kind := range []evidence.Kind{evidence.Block, evidence.Mutex} {
		if got := decode(t, empty, "mutex-or-block", kind).Inputs[0].Kind; got != kind {
			t.Errorf("declared %s, got %s", kind, got)
		}
	}
	// It does not overrule what content can say.
	if got := decode(t, encode(t, counted("threadcreate", 1)), "", evidence.Heap).Inputs[0].Kind; got != evidence.ThreadCreate {
		t.Errorf("a threadcreate profile declared as heap is taken for %s", got)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	set, err := Decode(ctx, bytes.NewReader(take(t, "heap")), evidence.Position{}, evidence.Unknown, budget.Default())
	if !errors.Is(err, context.Canceled) || set.Inputs[0].Complete {
		t.Errorf("error = %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encode(f, synthetic(3, 2, 4, 2)))
	f.Add(encode(f, counted("goroutine", 7)))
	f.Add(take(f, "threadcreate"))
	f.Add(labelBomb(50))
	f.Add([]byte("heap profile: 0: 0 [0: 0] @ heap/1\n"))
	f.Add([]byte{0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01})
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := decodeErr(t, data, budget.Budget{Memory: 32 << 20, Stacks: 100})
		if err == nil && len(set.Profiles)+len(set.Snapshots) != 1 {
			t.Fatal("no error and no evidence")
		}
		for _, p := range set.Profiles {
			checkOrder(t, p)
			for i := range p.Stacks {
				p.Stack(&p.Stacks[i])
			}
		}
	})
}
