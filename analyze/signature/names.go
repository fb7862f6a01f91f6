package signature

import (
	"slices"
	"sort"
	"strings"

	"go-debug/analyze/evidence"
)

// nameIndex finds the frames of a profile by the function: signatures name a few dozen functions, profiles have
// thousands.
type nameIndex struct {
	frames []evidence.Frame
	// order is the frames by function; nil where they stand in this order already, as those of decoded profiles do.
	order   []int32
	generic []int32 // frames of instantiated functions
}

func indexNames(frames []evidence.Frame) nameIndex {
	x := nameIndex{frames: frames}
	byName := func(a, b evidence.Frame) int { return strings.Compare(a.Function, b.Function) }
	if !slices.IsSortedFunc(frames, byName) {
		x.order = make([]int32, len(frames))
		for i := range x.order {
			x.order[i] = int32(i)
		}
		slices.SortStableFunc(x.order, func(a, b int32) int { return byName(frames[a], frames[b]) })
	}
	for i, f := range frames {
		if strings.IndexByte(f.Function, '[') >= 0 {
			x.generic = append(x.generic, int32(i))
		}
	}
	return x
}

// at is the frame at a place of the order.
func (x *nameIndex) at(i int) int32 {
	if x.order == nil {
		return int32(i)
	}
	return x.order[i]
}

// mark marks the frames that have one of the names, in the sense of matcher. It is nil where none has.
func (x *nameIndex) mark(names []string) []bool {
	var marked []bool
	hit := func(frame int32) {
		if marked == nil {
			marked = make([]bool, len(x.frames))
		}
		marked[frame] = true
	}
	for _, name := range names {
		prefix, open := strings.CutSuffix(name, "*")
		first := sort.Search(len(x.frames), func(i int) bool { return x.frames[x.at(i)].Function >= prefix })
		for i := first; i < len(x.frames); i++ {
			function := x.frames[x.at(i)].Function
			if function != prefix && !(open && strings.HasPrefix(function, prefix)) {
				break
			}
			hit(x.at(i))
		}
	}
	if len(x.generic) > 0 && len(names) > 0 {
		match := matcher(names)
		for _, i := range x.generic {
			if match(x.frames[i]) {
				hit(i)
			}
		}
	}
	return marked
}
