package signature

import (
	"fmt"
	"strconv"
	"strings"

	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

// The depths at which the runtime cuts stacks: CPU profiles ever since (runtime.maxCPUProfStack), all
// others before and from go1.23 (GODEBUG profstackdepth, whose default it is).
const (
	cpuDepth   = 64
	oldDepth   = 32
	otherDepth = 128
)

// hiddenFrames bounds the innermost frames of the runtime that heap profiles leave out after the cut.
const hiddenFrames = 3

// MaxDepth is the number of frames at which the runtime of a Go version ("go1.26.8"; empty means a current
// one) cuts the stacks of a kind of profile.
func MaxDepth(kind evidence.Kind, version string) int {
	switch {
	case kind == evidence.CPU:
		return cpuDepth
	case minor(version) > 0 && minor(version) < 23:
		return oldDepth
	}
	return otherDepth
}

// minor is the 26 of "go1.26.8", 0 when it has none.
func minor(version string) int {
	rest, ok := strings.CutPrefix(version, "go1.")
	if !ok {
		return 0
	}
	digits := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if digits < 0 {
		digits = len(rest)
	}
	n, err := strconv.Atoi(rest[:digits])
	if err != nil {
		return 0
	}
	return n
}

// Truncation is the part of a profile whose stacks reach the depth at which the runtime cuts them: their
// outer ends are missing.
type Truncation struct {
	Cut, Total int64 // of the column's values
	Depth      int
	Stack      evidence.Stack // the truncated one with the largest value
	top        int64
}

// TruncationOf measures a column of a profile. An empty Truncation is that of a column that is not there.
func TruncationOf(p *evidence.Profile, column, depth int) Truncation {
	t := Truncation{Depth: depth}
	if column < 0 || column >= len(p.SampleTypes) {
		return t
	}
	from := depth
	if p.Kind == evidence.Heap || p.Kind == evidence.Allocs {
		from -= hiddenFrames
	}
	for i := range p.Stacks {
		s := &p.Stacks[i]
		v := s.Values[column]
		t.Total += v
		if len(s.Frames) < from {
			continue
		}
		t.Cut += v
		if v > t.top {
			t.top, t.Stack = v, p.Stack(s)
		}
	}
	return t
}

func (t *Truncation) add(o Truncation) {
	t.Cut, t.Total, t.Depth = t.Cut+o.Cut, t.Total+o.Total, o.Depth
	if o.top > t.top {
		t.top, t.Stack = o.top, o.Stack
	}
}

// Share is the part that is truncated, 0 to 1.
func (t Truncation) Share() float64 { return ratio(t.Cut, t.Total) }

// Words say what is missing, of what the column counts: "samples".
func (t Truncation) Words(of string) string {
	return fmt.Sprintf("%s of the %s have stacks cut at %d frames: what called them from further out is not known, and counts for less than it took",
		percentOf(t.Cut, t.Total), of, t.Depth)
}

// Measure is the share as a measure.
func (t Truncation) Measure() stats.Measure {
	return stats.Measure{Name: "truncated_share", Value: t.Share(), Unit: "ratio", N: t.Total,
		Method: fmt.Sprintf("of the values of stacks, those of %d frames", t.Depth)}
}
