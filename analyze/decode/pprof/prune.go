package pprof

import (
	"regexp"
	"slices"
	"strings"
)

// pruning is what drop_frames does at one location.
type pruning uint8

const (
	keepAll pruning = iota
	// dropBeneath: one of the calls inlined here is dropped, with all that it calls.
	dropBeneath
	// dropWhole: the function itself is dropped, with all that it calls.
	dropWhole
)

// pruner leaves out the frames that a profile itself declares to be of no interest, as
// google/pprof does: an allocator's own, beneath the call of malloc. Go's profiles declare
// none.
type pruner struct {
	m          *message
	drop, keep *regexp.Regexp
	verdicts   map[uint32]bool // by index of the function's name
}

// pruner is nil when there is nothing to prune. A pattern that cannot be used is remarked on.
func (m *message) pruner(p *parsed) *pruner {
	compile := func(what string, index uint32) *regexp.Regexp {
		text, err := m.strings.get(index)
		if err != nil || len(text) == 0 {
			return nil
		}
		if m.strings.isCut(index) {
			p.remarks = append(p.remarks, what+" holds too long a pattern and was not applied")
			return nil
		}
		rx, err := regexp.Compile("^(" + string(text) + ")$")
		if err != nil {
			p.remarks = append(p.remarks, what+" holds no valid pattern and was not applied")
			return nil
		}
		return rx
	}
	drop := compile("drop_frames", m.dropFrames)
	if drop == nil {
		return nil
	}
	return &pruner{m: m, drop: drop, keep: compile("keep_frames", m.keepFrames), verdicts: map[uint32]bool{}}
}

// location is the lines of a location that stay where it is the innermost one left.
func (r *pruner) location(lines []lineRef) ([]lineRef, pruning) {
	for i, l := range slices.Backward(lines) {
		if !r.drops(l.function) {
			continue
		}
		if i == len(lines)-1 {
			return lines, dropWhole
		}
		return lines[i+1:], dropBeneath
	}
	return lines, keepAll
}

func (r *pruner) drops(function uint64) bool {
	place, _ := r.m.functionIDs.find(function)
	index := r.m.functions[place].name
	v, ok := r.verdicts[index]
	if !ok {
		name, _ := r.m.strings.get(index)
		short := simpleName(string(name))
		v = len(name) > 0 && r.drop.MatchString(short) && (r.keep == nil || !r.keep.MatchString(short))
		r.verdicts[index] = v
	}
	return v
}

// prunedFrom is where in a stack's key the frames that stay begin. The search goes from the
// outermost location inwards, and finds nothing before a location that is not dropped: else
// a pattern could drop the whole stack.
func prunedFrom(marks []mark) int {
	user := false
	for i, k := range slices.Backward(marks) {
		switch {
		case k.prune == keepAll:
			user = true
		case !user:
		case k.prune == dropBeneath:
			return k.at
		default:
			return marks[i+1].at
		}
	}
	return 0
}

// simpleName is a C++ function's name without its arguments, which patterns do not name.
func simpleName(name string) string {
	name = strings.TrimPrefix(name, ".") // of the PowerPC ABI
	for at := 0; ; {
		i := strings.IndexByte(name[at:], '(')
		if i < 0 {
			return name
		}
		at += i
		switch {
		case strings.HasPrefix(name[at:], "(anonymous namespace)"):
			at += len("(anonymous namespace)")
		case strings.HasSuffix(name[:at], "operator") && strings.HasPrefix(name[at:], "()"):
			at += len("()")
		default:
			return name[:at]
		}
	}
}
