package pprof

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/google/pprof/profile"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

// TextFormat is the name of debug=1 texts in reports.
const TextFormat = "debug1"

// headSize is how much of an input is looked at to tell texts from profile.proto. A line of a
// text must fit: it holds the addresses of at most 1024 frames.
const headSize = 32 << 10

// textKind is a kind of profile in text, by how it begins.
type textKind struct {
	head string
	kind evidence.Kind
	// columns are the sample types; none where google/pprof reads the text.
	columns []evidence.ValueType
}

var (
	heapColumns = []evidence.ValueType{{Type: "alloc_objects", Unit: "count"}, {Type: "alloc_space", Unit: "bytes"},
		{Type: "inuse_objects", Unit: "count"}, {Type: "inuse_space", Unit: "bytes"}}
	delayColumns  = []evidence.ValueType{{Type: "contentions", Unit: "count"}, {Type: "delay", Unit: "nanoseconds"}}
	threadColumns = []evidence.ValueType{{Type: "threadcreate", Unit: "count"}}
)

// textKinds are the texts of Go's runtime at debug=1, and those of gperftools and Java. The
// goroutine profile's is a dump and read as one.
var textKinds = []textKind{
	{"heap profile: ", evidence.Heap, heapColumns},
	{"--- mutex:", evidence.Mutex, delayColumns},
	{"--- contention:", evidence.Block, delayColumns},
	{"threadcreate profile: total", evidence.ThreadCreate, threadColumns},
	{"--- contentionz", evidence.Block, nil},
	{"--- heapz", evidence.Heap, nil},
	{oldCPU, evidence.CPU, nil},
}

// oldCPU begins the CPU profiles of gperftools and of go1.8 and older: five words, of which
// these are the first two. They are no text but addresses in binary.
const oldCPU = "\x00\x00\x00\x00\x00\x00\x00\x00\x03\x00\x00\x00\x00\x00\x00\x00"

func textOf(head []byte) *textKind {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), " \t\r\n")
	for i := range textKinds {
		t := &textKinds[i]
		if !bytes.HasPrefix(head, []byte(t.head)) {
			continue
		}
		line, _, _ := bytes.Cut(head, []byte("\n"))
		if t.kind == evidence.Heap && !bytes.Contains(line, []byte("] @ heap/")) {
			return &textKind{head: t.head, kind: t.kind} // of gperftools
		}
		return t
	}
	return nil
}

// LegacyText reports whether an input begins like the debug=1 text of a runtime profile
// that is not of goroutines, or like another profile that is no profile.proto.
func LegacyText(head []byte) (evidence.Kind, bool) {
	if t := textOf(head); t != nil {
		return t.kind, true
	}
	return evidence.Unknown, false
}

// text reads the debug=1 text of a profile: a line per record, and its frames below, which
// hold names, files and lines.
type text struct {
	kind   *textKind
	mem    memory
	p      *parsed
	frames *frameTable
	stacks *stackTable

	rate   int64   // bytes per sample of a heap profile
	cycles float64 // per second
	listed int64   // objects or threads of the records
	total  int64   // the same by the header, -1 when it does not say

	open   bool // a record is being read
	values []int64
	key    []byte
}

func decodeText(ctx context.Context, r *bufio.Reader, kind *textKind, in evidence.Input, declared evidence.Kind, b budget.Budget) (*evidence.Set, error) {
	in.Kind = kind.kind
	if kind.head != oldCPU {
		in.Format = TextFormat
	}
	if kind.columns == nil {
		return decodeForeign(ctx, r, in, kind.kind, b)
	}
	l := &losses{}
	t := &text{kind: kind, mem: memory{limit: b.Memory}, frames: newFrameTable(0, 0), total: -1,
		p:      &parsed{fromText: true, sampleTypes: kind.columns, defaultCol: len(kind.columns) - 1, totals: make([]int64, len(kind.columns)), losses: l},
		stacks: newStackTable(len(kind.columns), b.Stacks, int(b.Memory/32), false, l)}
	err := t.read(ctx, r)
	var wrong invalid
	var over *budget.Error
	if errors.As(err, &wrong) || errors.As(err, &over) || stopped(err) {
		return only(in), explain(err)
	}
	if err == nil && t.total >= 0 && t.listed != t.total {
		err = fmt.Errorf("it lists %d of %d: %w", t.listed, t.total, io.ErrUnexpectedEOF)
	}
	p := t.p
	p.functions, p.goSource, p.cut = len(t.frames.frames), true, t.frames.cut
	p.stacks, p.frames = t.frames.sorted(t.stacks, p.defaultCol, l.whole())
	if declared != evidence.Allocs || kind.kind != evidence.Heap {
		declared = kind.kind
	}
	return deliver(p, in, declared, b, err)
}

// read takes the text to its end. What an error cuts off leaves the records before it.
func (t *text) read(ctx context.Context, r *bufio.Reader) error {
	for n := 1; ; n++ {
		line, err := r.ReadSlice('\n')
		if err == bufio.ErrBufferFull {
			return invalidf("line %d is longer than %d bytes", n, r.Size())
		}
		if err == nil || err == io.EOF {
			if n == 1 {
				line = bytes.TrimPrefix(line, []byte("\ufeff"))
			}
			if wrong := t.line(bytes.TrimRight(line, "\r\n")); wrong != nil {
				return fmt.Errorf("line %d: %w", n, wrong)
			}
		}
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			t.flush()
			if err == io.EOF {
				return nil
			}
			return err
		}
	}
}

// line reads one line: a header, a record, a frame of the record above, or a remark.
func (t *text) line(line []byte) error {
	if bytes.HasPrefix(line, []byte("#\t0x")) {
		return t.frame(string(line))
	}
	s := strings.TrimSpace(string(line))
	if s == "" || s[0] == '#' {
		return nil
	}
	t.flush()
	switch {
	case strings.HasPrefix(s, "heap profile:"):
		return t.heapHeader(s)
	case strings.HasPrefix(s, "threadcreate profile: total "):
		n, err := strconv.ParseInt(strings.TrimPrefix(s, "threadcreate profile: total "), 10, 64)
		if err != nil {
			return invalid("the header has no total")
		}
		t.total = n
		return nil
	case strings.HasPrefix(s, "---"):
		return nil
	}
	if name, value, ok := strings.Cut(s, "="); ok && !strings.Contains(name, "@") {
		return t.attribute(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	return t.record(s)
}

func (t *text) heapHeader(s string) error {
	var objects, size, rate int64
	if _, err := fmt.Sscanf(s, "heap profile: %d: %d [%d: %d] @ heap/%d", &objects, &size, &t.total, new(int64), &rate); err != nil {
		return invalid("the header is not that of a heap profile")
	}
	t.rate = rate / 2 // Go prints twice the rate, for the sake of old readers
	t.p.period, t.p.periodType = t.rate, evidence.ValueType{Type: "space", Unit: "bytes"}
	return nil
}

func (t *text) attribute(name, value string) error {
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		return invalidf("%s has no number", name)
	}
	switch name {
	case "cycles/second":
		t.cycles = float64(n)
	case "sampling period":
		if n > 1 {
			t.p.remarks = append(t.p.remarks, fmt.Sprintf("counts and delays are scaled, as go1.22 and later print them; before they are a sample of 1 in %d", n))
		}
	}
	return nil
}

// record begins a record: its values, in the columns' order, and the addresses of its stack.
func (t *text) record(s string) error {
	counts, _, ok := strings.Cut(s, "@")
	if !ok {
		return invalidf("this is no record of %d numbers and a stack", len(t.kind.columns))
	}
	var n []int64
	for _, f := range strings.FieldsFunc(counts, func(r rune) bool { return strings.ContainsRune(" :[]", r) }) {
		v, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return invalid("a record holds what is no number")
		}
		n = append(n, v)
	}
	switch columns := len(t.kind.columns); {
	case len(n) != columns:
		return invalidf("this is no record of %d numbers and a stack", columns)
	case columns == len(heapColumns):
		t.listed += n[2]
		inuse, inuseBytes := scaleHeap(n[0], n[1], t.rate)
		alloc, allocBytes := scaleHeap(n[2], n[3], t.rate)
		t.values = append(t.values[:0], alloc, allocBytes, inuse, inuseBytes)
	case columns == len(delayColumns):
		delay := n[0]
		if t.cycles > 0 {
			delay = int64(float64(delay) / (t.cycles / 1e9))
		}
		t.values = append(t.values[:0], n[1], delay)
	default:
		t.listed += n[0]
		t.values = append(t.values[:0], n[0])
	}
	t.open, t.key = true, t.key[:0]
	return nil
}

// scaleHeap undoes the sampling of allocations, as the runtime does for profile.proto.
func scaleHeap(count, size, rate int64) (int64, int64) {
	if count == 0 || size == 0 {
		return 0, 0
	}
	if rate <= 1 {
		return count, size
	}
	scale := 1 / (1 - math.Exp(-float64(size)/float64(count)/float64(rate)))
	return int64(float64(count) * scale), int64(float64(size) * scale)
}

// frame reads a frame of the open record: "#", the address, "function+0x12" and "file:34".
func (t *text) frame(line string) error {
	if !t.open {
		return nil
	}
	cells := strings.FieldsFunc(line, func(r rune) bool { return r == '\t' })
	f := evidence.Frame{}
	if len(cells) >= 4 {
		f.Function, f.File = cells[2], cells[3]
		if i := strings.LastIndex(f.Function, "+0x"); i >= 0 {
			f.Function = f.Function[:i]
		}
		if i := strings.LastIndexByte(f.File, ':'); i >= 0 {
			f.Line, _ = strconv.Atoi(f.File[i+1:])
			f.File = f.File[:i]
		}
	}
	held := t.frames.held
	t.push(f)
	return t.mem.charge(t.frames.held - held)
}

func (t *text) push(f evidence.Frame) {
	if f.Function == "" {
		f = evidence.Frame{Function: "[unknown]"}
		t.p.nameless++
	}
	t.p.locations++
	id := t.frames.frame(t.frames.name([]byte(f.Function)), t.frames.name([]byte(f.File)), int64(f.Line))
	t.key = appendID(t.key, uint64(id))
}

// flush ends the open record.
func (t *text) flush() {
	if !t.open {
		return
	}
	t.open = false
	if len(t.key) == 0 && t.kind.kind != evidence.ThreadCreate {
		t.push(evidence.Frame{})
	}
	t.p.records++
	t.p.losses.sum(t.p.totals, t.values)
	t.stacks.add(t.key, t.values, 1, nil)
}

// decodeForeign reads a text that google/pprof knows, by way of profile.proto.
func decodeForeign(ctx context.Context, r io.Reader, in evidence.Input, declared evidence.Kind, b budget.Budget) (*evidence.Set, error) {
	// google/pprof takes some ten times the size of a text to read it.
	limit := min(b.Bytes, b.Memory/16)
	data, err := io.ReadAll(io.LimitReader(r, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = budget.OverMemory("memory for a profile in text", b.Memory)
	}
	if err != nil {
		return only(in), explain(err)
	}
	prof, err := profile.ParseData(data)
	if err != nil {
		return only(in), explain(invalid(err.Error()))
	}
	var proto bytes.Buffer
	if err := prof.WriteUncompressed(&proto); err != nil {
		return only(in), explain(err)
	}
	set, err := Decode(ctx, &proto, in.Position, declared, b)
	set.Inputs[0].Format = in.Format
	return set, err
}
