package pprof

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	rpprof "runtime/pprof"
	"strings"
	"testing"

	"github.com/google/pprof/profile"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

// message encodes one length-delimited field.
func message(number uint64, body []byte) []byte {
	out := binary.AppendUvarint(nil, number<<3|wireBytes)
	return append(binary.AppendUvarint(out, uint64(len(body))), body...)
}

// labelBomb is a profile of one sample with n empty labels of two bytes each.
func labelBomb(n int) []byte {
	return append(message(fieldSampleType, nil), message(fieldSample, bytes.Repeat(message(sampleLabel, nil), n))...)
}

// spreadBomb is a profile of n samples with a few empty labels each.
func spreadBomb(n int) []byte {
	sample := message(fieldSample, bytes.Repeat(message(sampleLabel, nil), 8))
	return append(message(fieldSampleType, nil), bytes.Repeat(sample, n)...)
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

func TestOverBudget(t *testing.T) {
	tests := []struct {
		name string
		data []byte
		b    budget.Budget
		want string
	}{
		{"labels on one sample", labelBomb(maxSampleLabels + 1), budget.Default(), "labels on one sample"},
		{"empty samples", bytes.Repeat(message(fieldSample, nil), 500_000), budget.Budget{Memory: 8 << 20}, "memory for the messages"},
		{"empty locations", bytes.Repeat(message(fieldLocation, nil), 200_000), budget.Budget{Memory: 8 << 20}, "memory for the messages"},
		{"empty lines", message(fieldLocation, bytes.Repeat(message(locationLine, nil), 200_000)), budget.Budget{Memory: 8 << 20}, "memory for the messages"},
		{"empty strings", bytes.Repeat(message(fieldString, nil), 500_000), budget.Budget{Memory: 8 << 20}, "memory for the messages"},
		{"one huge string", message(fieldString, make([]byte, 9<<20)), budget.Budget{Memory: 8 << 20}, "memory for the messages"},
		{"packed values", message(fieldSample, message(sampleValue, make([]byte, 2<<20))), budget.Budget{Memory: 8 << 20}, "memory for the messages"},
		{"comments", message(13, make([]byte, 2<<20)), budget.Budget{Memory: 8 << 20}, "memory for the messages"},
		{"a claimed length", binary.AppendUvarint([]byte{fieldString<<3 | wireBytes}, math.MaxUint64), budget.Default(), "memory for the messages"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			_, err := decodeErr(t, tc.data, tc.b)
			var over *budget.Error
			if !errors.As(err, &over) || !strings.Contains(over.What, tc.want) {
				t.Fatalf("error = %v, want a budget error on %s", err, tc.want)
			}
			var hint *evidence.InputError
			if !errors.As(err, &hint) || hint.Hint == "" {
				t.Errorf("no hint on %v", err)
			}
		})
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
		if got > 512<<20 {
			t.Errorf("%s: %d MiB allocated, want at most 512", name, got>>20)
		}
	}
}

// TestEstimate holds the scan's costs against what parsing allocates and keeps.
func TestEstimate(t *testing.T) {
	for _, tc := range []struct{ samples, depth, functions, labels int }{
		{50_000, 2, 100, 0}, {5_000, 100, 5000, 0}, {10, 10, 100_000, 0}, {20_000, 10, 1000, 3},
	} {
		t.Run(fmt.Sprint(tc), func(t *testing.T) {
			data := encode(t, synthetic(tc.samples, tc.depth, tc.functions, tc.labels))
			s := newScan(budget.DefaultMemory)
			if err := s.read(newReader(data)); err != nil {
				t.Fatal(err)
			}
			var live, before runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			p, err := profile.ParseUncompressed(s.body)
			if err != nil {
				t.Fatal(err)
			}
			runtime.GC()
			runtime.ReadMemStats(&live)
			if err := p.CheckValid(); err != nil {
				t.Fatal(err)
			}
			held := int64(live.HeapAlloc) - int64(before.HeapAlloc)
			ratio := float64(s.cost) / float64(held)
			t.Logf("estimate %d, held after parsing %d, ratio %.2f", s.cost, held, ratio)
			if ratio < 1 || ratio > 5 {
				t.Errorf("estimate %d is %.2f times the %d bytes held", s.cost, ratio, held)
			}
			runtime.KeepAlive(p)
		})
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

func TestStacksBeyondTheBound(t *testing.T) {
	data := encode(t, synthetic(1000, 3, 5000, 0))
	set, err := decodeErr(t, data, budget.Budget{Stacks: 10})
	if err != nil {
		t.Fatal(err)
	}
	p := set.Profiles[0]
	kept := int64(0)
	for _, s := range p.Stacks {
		kept += s.Values[1]
	}
	if len(p.Stacks) != 10 || p.Stacks[0].Values[1] != 999 || p.Stacks[9].Values[1] != 990 {
		t.Errorf("%d stacks, want the 10 heaviest", len(p.Stacks))
	}
	if kept+p.Dropped[1] != p.Totals[1] || p.Totals[1] != 999*1000/2 {
		t.Errorf("kept %d + dropped %d is not the total %d", kept, p.Dropped[1], p.Totals[1])
	}
	if !hasNote(set, "990 samples") {
		t.Errorf("notes = %q, want the number of dropped samples", set.Inputs[0].Notes)
	}
	if len(p.Frames) > 30 {
		t.Errorf("%d frames for 10 stacks of 3", len(p.Frames))
	}
}

func hasNote(set *evidence.Set, text string) bool {
	return strings.Contains(strings.Join(set.Inputs[0].Notes, "\n"), text)
}

// TestLegacyTextHasNoSymbols is why debug=1 texts are refused: when it fails, google/pprof
// has learnt to read the function names in them.
func TestLegacyTextHasNoSymbols(t *testing.T) {
	var text bytes.Buffer
	if err := rpprof.Lookup("heap").WriteTo(&text, 1); err != nil {
		t.Fatal(err)
	}
	p, err := profile.ParseData(text.Bytes())
	if err == nil && len(p.Function) > 0 {
		t.Errorf("profile.Parse finds %d functions in a heap profile's text", len(p.Function))
	}
	if _, err := decodeErr(t, text.Bytes(), budget.Default()); !errors.Is(err, errLegacy) {
		t.Errorf("error = %v", err)
	}
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
		"empty":              {nil, "empty"},
		"text":               {[]byte("hello, world\n"), "protocol buffer"},
		"other protobuf":     {message(99, []byte("hello")), "empty"},
		"no sample types":    {message(fieldString, nil), "no sample types"},
		"missing location":   {one(func(p *profile.Profile) { p.Location = p.Location[2:] }), "nil location"},
		"twice the same id":  {one(func(p *profile.Profile) { p.Location[1].ID = 1 }), "same id"},
		"too many values":    {one(func(p *profile.Profile) { p.Sample[0].Value = []int64{1, 2, 3} }), "mismatch"},
		"two profiles":       {append(bytes.Clone(whole), whole...), "several profiles"},
		"heap text":          {[]byte("heap profile: 1: 2 [3: 4] @ heap/1048576\n1: 2 [3: 4] @ 0x1\n"), "old text format"},
		"mutex text":         {[]byte("--- mutex:\ncycles/second=1\nsampling period=1\n"), "old text format"},
		"negative goroutine": {encode(t, counted("goroutine", -5)), "goroutines"},
		"endless goroutines": {encode(t, counted("goroutine", math.MaxInt64)), "goroutines"},
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
		"unsymbolised":  {&profile.Profile{SampleType: cpu, Sample: []*profile.Sample{{Location: []*profile.Location{bare}, Value: []int64{1, 1}}}, Location: []*profile.Location{bare}, Mapping: []*profile.Mapping{bare.Mapping}}, "", evidence.CPU, "1 of 1 locations"},
		"negative":      {&profile.Profile{SampleType: cpu, Sample: []*profile.Sample{{Value: []int64{-1, -1}}}}, "", evidence.CPU, "negative"},
		"overflow":      {&profile.Profile{SampleType: cpu, Sample: []*profile.Sample{{Value: []int64{1, math.MaxInt64}}, {Value: []int64{1, math.MaxInt64}}}}, "", evidence.CPU, "64 bits"},
		"empty mutex":   {&profile.Profile{SampleType: delay}, "dir/mutex.pb.gz", evidence.Mutex, "empty mutex profile: no contention, or runtime.SetMutexProfileFraction was never called"},
		"empty block":   {&profile.Profile{SampleType: delay}, "http://h/debug/pprof/block", evidence.Block, "runtime.SetBlockProfileRate"},
		"empty neither": {&profile.Profile{SampleType: delay}, "x.pb.gz", evidence.Mutex, "nothing says which"},
		"empty cpu":     {&profile.Profile{SampleType: cpu}, "", evidence.CPU, "empty CPU profile"},
		"custom":        {counted("widgets", 3), "", evidence.Unknown, "widgets/count"},
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

func TestHugeNamesAreCut(t *testing.T) {
	p := synthetic(1, 1, 1, 0)
	p.Function[0].Name = strings.Repeat("f", 1<<20)
	set := decode(t, encode(t, p), "", evidence.Unknown)
	if n := len(set.Profiles[0].Frames[0].Function); n > maxName || !hasNote(set, "were cut") {
		t.Errorf("name of %d bytes, notes %q", n, set.Inputs[0].Notes)
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

func newReader(data []byte) *bufio.Reader {
	return bufio.NewReaderSize(bytes.NewReader(data), readChunk)
}
