package trace

import (
	"encoding/binary"
	"math"
	"strings"

	xtrace "golang.org/x/exp/trace"

	"go-debug/analyze/evidence"
)

// stackTable gives ids to distinct stacks; 0 is the empty stack, and stands for those
// beyond the bound.
type stackTable struct {
	maxStacks int
	maxBytes  int64 // of names
	bytes     int64
	dropped   int64

	// seen holds the reader's handles, which are comparable within a generation only.
	seen     map[xtrace.Stack]int32
	byFrames map[string]int32
	stacks   [][]int32
	classes  []stackClass // parallel to stacks
	frameIDs map[evidence.Frame]int32
	frames   []evidence.Frame
}

// maxDepth is the depth at which the runtime cuts stacks in a trace.
const maxDepth = 128

func newStackTable(maxStacks int, maxBytes int64) *stackTable {
	t := &stackTable{maxStacks: maxStacks, maxBytes: maxBytes, byFrames: map[string]int32{}, frameIDs: map[evidence.Frame]int32{}}
	t.add(nil)
	t.forget()
	return t
}

// forget drops the handles of a generation.
func (t *stackTable) forget() { t.seen = map[xtrace.Stack]int32{} }

func (t *stackTable) intern(s xtrace.Stack) int32 {
	if s == xtrace.NoStack {
		return 0
	}
	if id, ok := t.seen[s]; ok {
		return id
	}
	var frames []evidence.Frame
	for f := range s.Frames() {
		frames = append(frames, evidence.Frame{Function: f.Func, File: f.File, Line: int(min(f.Line, math.MaxInt32))})
	}
	id := t.add(trimParking(frames))
	t.seen[s] = id
	return id
}

func (t *stackTable) add(frames []evidence.Frame) int32 {
	key := make([]byte, 0, 4*len(frames))
	ids := make([]int32, 0, len(frames))
	for _, f := range frames {
		id, ok := t.frameIDs[f]
		if !ok {
			size := int64(len(f.Function) + len(f.File))
			if len(t.stacks) > t.maxStacks || t.bytes+size > t.maxBytes {
				t.dropped++
				return 0
			}
			t.bytes += size
			id = int32(len(t.frames))
			// A clone, lest a name keep the reader's table alive.
			f.Function, f.File = strings.Clone(f.Function), strings.Clone(f.File)
			t.frameIDs[f] = id
			t.frames = append(t.frames, f)
		}
		ids = append(ids, id)
		key = binary.LittleEndian.AppendUint32(key, uint32(id))
	}
	if id, ok := t.byFrames[string(key)]; ok {
		return id
	}
	if len(t.stacks) > t.maxStacks {
		t.dropped++
		return 0
	}
	id := int32(len(t.stacks))
	t.byFrames[string(key)] = id
	t.stacks = append(t.stacks, ids)
	t.classes = append(t.classes, classify(frames))
	return id
}

// root is the stack of the function that a goroutine with this stack started in: its
// outermost frame without the line, which is the call's and not the function's. It is
// false when the stack is empty or cut.
func (t *stackTable) root(id int32) (int32, bool) {
	ids := t.stacks[id]
	if len(ids) == 0 || len(ids) >= maxDepth {
		return 0, false
	}
	f := t.frames[ids[len(ids)-1]]
	f.Line = 0
	return t.add([]evidence.Frame{f}), true
}

// parking are the functions between the call that waits and the switch to another
// goroutine. Status events show them, blocking events leave most of them out.
var parking = map[string]bool{
	"runtime.gopark": true, "runtime.goparkunlock": true,
	"runtime.chansend": true, "runtime.chanrecv": true,
	"runtime.semacquire": true, "runtime.semacquire1": true, "runtime.netpollblock": true,
	"sync.(*Mutex).lockSlow": true, "internal/sync.(*Mutex).lockSlow": true, "internal/sync.(*Mutex).Lock": true,
	"sync.runtime_notifyListWait": true,
}

// trimParking cuts the leading frames of the parking machinery.
func trimParking(frames []evidence.Frame) []evidence.Frame {
	for i, f := range frames {
		if !parking[f.Function] && !strings.HasPrefix(f.Function, "sync.runtime_Sem") &&
			!strings.HasPrefix(f.Function, "internal/sync.runtime_Sem") && !strings.HasPrefix(f.Function, "internal/poll.runtime_Sem") {
			return frames[i:]
		}
	}
	return frames
}
