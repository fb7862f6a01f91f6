package evidence

import (
	"cmp"
	"slices"
)

// FanOut is the goroutines that requests of one route start, and what those did that requests then waited for. A
// goroutine belongs to a request that is made by the one which serves it, or by one that belongs to it. All counts are
// of requests that arrived and ended in the window, times of all.
type FanOut struct {
	Requests int64         `json:"requests"` // that started any
	Starts   []FanOutStart `json:"starts"`
	// Crossed are those of Starts that went on into another generation of the trace, which does not know whose they are: of
	// what they did, and of the waits that they ended, only a part is known, and of what they started nothing.
	Crossed int64 `json:"crossed,omitempty"`
	// Deeper are goroutines that no number here knows more of: the fourth in a row that start each other.
	Deeper int64 `json:"deeper,omitempty"`
	// Awaited are the waits that goroutines of the request's own ended, which are part of States. Only waits for
	// goroutines are in it: see AwaitsGoroutines.
	Awaited []Awaited `json:"awaited,omitempty"`
}

// FanOutStart is the goroutines that one go statement starts for requests.
type FanOutStart struct {
	Stack   int32 `json:"stack"` // the go statement
	Start   int32 `json:"start"` // stack of the start function
	Started int64 `json:"started"`
	// Left were still there 10 ms after their requests were over: what ends with a request has until then.
	Left int64 `json:"left"`
}

// Awaited is the waits in one state at one stack that goroutines of the request's own ended.
type Awaited struct {
	State string `json:"state"`
	Stack int32  `json:"stack"`
	Count int64  `json:"count"`
	NS    int64  `json:"ns"` // of all, which is the sum of For
	// For is what the goroutine did meanwhile that ended each.
	For []AwaitedState `json:"for"`
}

// AwaitedState is the time that goroutines spent in one state at one stack while requests waited for them.
type AwaitedState struct {
	State string `json:"state"`
	Stack int32  `json:"stack"`
	NS    int64  `json:"ns"`
}

// RequestChild is a goroutine that ended a wait of the request which started it.
type RequestChild struct {
	Stack int32 `json:"stack"` // the go statement
	NS    int64 `json:"ns"`    // of the wait
	// Line is what it did during the wait, in order, or in sum.
	Line []RequestSegment `json:"line"`
	Sums bool             `json:"sums,omitempty"`
}

// AwaitsGoroutines reports the states in which a request may wait for goroutines of its own. A lock is waited for
// whoever has it, and what stacks show to be a pool or another service is known by that.
func AwaitsGoroutines(state string) bool {
	switch Wait(state) {
	case WaitWaitGroup, WaitChanSend, WaitChanRecv, WaitChan, WaitSelect, WaitCond, WaitSemaphore:
		return true
	}
	return false
}

// CompareAwaitedStates orders by state and stack.
func CompareAwaitedStates(a, b AwaitedState) int {
	return cmp.Or(cmp.Compare(a.State, b.State), cmp.Compare(a.Stack, b.Stack))
}

// Counts are how many goroutines requests started, and how many of these were left running.
func (f *FanOut) Counts() (started, left int64) {
	for _, s := range f.Starts {
		started += s.Started
		left += s.Left
	}
	return started, left
}

// Add adds another one, whose stacks are given by id. Stacks may be the same then that were not before.
func (f *FanOut) Add(o *FanOut, id func(int32) int32) {
	f.Requests += o.Requests
	f.Crossed += o.Crossed
	f.Deeper += o.Deeper
	starts := indexed(&f.Starts, func(s *FanOutStart) siteKey { return siteKey{s.Stack, s.Start} })
	for _, s := range o.Starts {
		have := starts.at(FanOutStart{Stack: id(s.Stack), Start: id(s.Start)})
		have.Started += s.Started
		have.Left += s.Left
	}
	awaited := indexed(&f.Awaited, func(a *Awaited) stateKey { return stateKey{a.State, a.Stack} })
	for i := range o.Awaited {
		a := &o.Awaited[i]
		awaited.at(Awaited{State: a.State, Stack: id(a.Stack)}).add(a, id)
	}
}

func (a *Awaited) add(o *Awaited, id func(int32) int32) {
	a.Count += o.Count
	a.NS += o.NS
	states := indexed(&a.For, func(s *AwaitedState) stateKey { return stateKey{s.State, s.Stack} })
	for _, s := range o.For {
		states.at(AwaitedState{State: s.State, Stack: id(s.Stack)}).NS += s.NS
	}
}

// index finds the elements of a list by what identifies them.
type index[K comparable, T any] struct {
	list  *[]T
	keyOf func(*T) K
	place map[K]int
}

func indexed[K comparable, T any](list *[]T, keyOf func(*T) K) index[K, T] {
	x := index[K, T]{list, keyOf, make(map[K]int, len(*list))}
	for i := range *list {
		x.place[keyOf(&(*list)[i])] = i
	}
	return x
}

// at is the element that is identified as another one is, which is appended if there is none. It is valid until the next.
func (x index[K, T]) at(like T) *T {
	k := x.keyOf(&like)
	i, ok := x.place[k]
	if !ok {
		i = len(*x.list)
		x.place[k] = i
		*x.list = append(*x.list, like)
	}
	return &(*x.list)[i]
}

// order sorts all lists.
func (f *FanOut) order() {
	slices.SortFunc(f.Starts, func(a, b FanOutStart) int {
		return cmp.Or(cmp.Compare(a.Stack, b.Stack), cmp.Compare(a.Start, b.Start))
	})
	slices.SortFunc(f.Awaited, func(a, b Awaited) int {
		return cmp.Or(cmp.Compare(a.State, b.State), cmp.Compare(a.Stack, b.Stack))
	})
	for i := range f.Awaited {
		slices.SortFunc(f.Awaited[i].For, CompareAwaitedStates)
	}
}
