package trace

import "math"

// The types of timed events on the wire.
const (
	evProcsChange         = 9
	evProcStart           = 10
	evProcStop            = 11
	evProcSteal           = 12
	evProcStatus          = 13
	evGoCreate            = 14
	evGoCreateSyscall     = 15
	evGoStart             = 16
	evGoDestroy           = 17
	evGoDestroySyscall    = 18
	evGoStop              = 19
	evGoBlock             = 20
	evGoUnblock           = 21
	evGoSyscallBegin      = 22
	evGoSyscallEnd        = 23
	evGoSyscallEndBlocked = 24
	evGoStatus            = 25
	evSTWBegin            = 26
	evSTWEnd              = 27
	evGCActive            = 28
	evGCBegin             = 29
	evGCEnd               = 30
	evGCSweepActive       = 31
	evGCSweepBegin        = 32
	evGCSweepEnd          = 33
	evGCMarkAssistActive  = 34
	evGCMarkAssistBegin   = 35
	evGCMarkAssistEnd     = 36
	evHeapAlloc           = 37
	evHeapGoal            = 38
	evGoLabel             = 39
	evUserTaskBegin       = 40
	evUserTaskEnd         = 41
	evUserRegionBegin     = 42
	evUserRegionEnd       = 43
	evUserLog             = 44
	evGoSwitch            = 45
	evGoSwitchDestroy     = 46
	evGoCreateBlocked     = 47
	evGoStatusStack       = 48
	evFirstExperimental   = 128
	evLastExperimental    = 136

	maxArgs = 5 // of a timed event, after the time
)

// argCount is the number of varints of each event after its time; 0xff for what is no event
// of a thread.
var argCount = func() (n [256]uint8) {
	for i := range n {
		n[i] = 0xff
	}
	for i, c := range []uint8{
		evProcsChange: 2, evProcStart: 2, evProcStop: 0, evProcSteal: 3, evProcStatus: 2,
		evGoCreate: 3, evGoCreateSyscall: 1, evGoStart: 2, evGoDestroy: 0, evGoDestroySyscall: 0,
		evGoStop: 2, evGoBlock: 2, evGoUnblock: 3, evGoSyscallBegin: 2, evGoSyscallEnd: 0,
		evGoSyscallEndBlocked: 0, evGoStatus: 3, evSTWBegin: 2, evSTWEnd: 0, evGCActive: 1,
		evGCBegin: 2, evGCEnd: 1, evGCSweepActive: 1, evGCSweepBegin: 1, evGCSweepEnd: 2,
		evGCMarkAssistActive: 1, evGCMarkAssistBegin: 1, evGCMarkAssistEnd: 0, evHeapAlloc: 1,
		evHeapGoal: 1, evGoLabel: 1, evUserTaskBegin: 4, evUserTaskEnd: 2, evUserRegionBegin: 3,
		evUserRegionEnd: 3, evUserLog: 4, evGoSwitch: 2, evGoSwitchDestroy: 2, evGoCreateBlocked: 3,
		evGoStatusStack: 4,
	} {
		if i >= evProcsChange {
			n[i] = c
		}
	}
	// Experimental events concern nothing that is counted here.
	for i, c := range []uint8{3, 3, 1, 2, 2, 1, 2, 2, 1} {
		n[evFirstExperimental+i] = c
	}
	return n
}()

// goStatus is a goroutine's state in the wire format's numbers.
type goStatus uint8

const (
	goNone     goStatus = iota // not seen, or gone
	goRunnable goStatus = iota
	goRunning
	goSyscall
	goWaiting
)

type procStatus uint8

const (
	procNone procStatus = iota
	procRunning
	procIdle
	procSyscall
	procAbandoned // in a system call of which the thread is not known any more
)

// g is a goroutine within one generation. What most events touch stands first, in one cache line
// of 64 bytes; all of it takes two. Ids of stacks and strings are the generation's.
type g struct {
	seq    uint64
	since  int64 // when it entered its state
	runNS  int64
	stack  uint32 // where it blocked or made its system call
	reason uint32
	status goStatus
	marks  goMarks
	// carried is true for one that was there before the generation, assumed when the state that the
	// generation found it in had to be.
	carried, created, gone, assumed bool
	starts                          uint8   // of a carried goroutine: its starts so far, up to ownSite
	slot                            uint32  // of a carried goroutine: its place in tally.carried
	parked                          *thread // threads that wait for a change of this goroutine
	site                            *siteTally

	id        uint64
	headTime  int64
	headTo    goStatus
	headStart goStatus // the state that the generation found it in
	assist    rangeState
	stw       rangeState
	headWaker uint32
	headStack uint32 // the stack, where its status shows one
	firstSeen uint32 // the first stack that shows where a carried goroutine started

	at             int64 // when it was made
	creation, root uint32
	assistSince    int64
	rare           *gRare
}

// goMarks are what sets a goroutine apart from most others, for which little has to be done.
type goMarks uint8

const (
	// headUnmet is set as long as the first change of state of a carried goroutine has not been met:
	// what it was doing began earlier.
	headUnmet goMarks = 1 << iota
	// unsure is set when its state had to be assumed, so that the time in it does not count.
	unsure
	// annotated is set while regions or tasks of it are open.
	annotated
	// watching is set for one that watches a connection: when it was woken last counts.
	watching
)

// gRare is what few goroutines have.
type gRare struct {
	stwSince    int64
	stwKind     uint32
	assistStack uint32
	regions     []regionMark
	tasks       []openTask // begun on the goroutine
	tracked     *tracked   // of a goroutine that serves requests
	child       *child     // of a goroutine that a request made
}

func (x *g) more() *gRare {
	if x.rare == nil {
		x.rare = &gRare{}
	}
	return x.rare
}

// open are the regions that have begun and not ended.
func (x *g) open() []regionMark {
	if x.rare == nil {
		return nil
	}
	return x.rare.regions
}

// rangeState is a range of time bound to a goroutine or proc within a generation.
type rangeState uint8

const (
	rangeClosed  rangeState = iota
	rangeOpen               // begun in this generation
	rangeCarried            // begun before
)

// regionMark is a region that has begun; name is the generation's.
type regionMark struct {
	name, task uint64
	since      int64
	parts      *parts
}

// openTask is a task that has begun, and what the goroutine that began it does meanwhile.
type openTask struct {
	id    uint64
	parts *parts
}

// thread is an M: a stream of events, and what it runs.
type thread struct {
	id      uint64
	batches []batch
	data    []byte // of the batch at hand
	pos     int
	end     int
	cut     bool // the input ends within the batch at hand
	ts      int64

	g *g
	p *proc
	// idled is true while it has run no goroutine since it got its proc: it had nothing to do.
	idled bool

	next   *thread  // in a list of parked or runnable threads
	before **thread // what points to a parked one
	state  threadState
	gcSeq  uint64 // what a thread parked on the collector waits for
	gcAt   int64  // and when it did that
}

type threadState uint8

const (
	runnable threadState = iota
	waiting              // on the list of what it waits for
	unbound              // needs a goroutine that another thread's event binds; on no list
	starved              // has no more events, unless another batch comes
)

// proc is a P.
type proc struct {
	id     uint64
	status procStatus
	seq    uint64
	thread *thread // that holds it

	sweep      rangeState
	sweepSince int64

	parked *thread
}

// pageSize is the number of goroutines in a page: ids are handed out in order, so
// goroutines that live at the same time share pages.
const pageSize = 128

// page holds goroutines whose ids differ in the low bits only.
type page struct {
	gs    [pageSize]g
	key   uint64
	place int // in gTable.used
	done  int // of those, made and ended within the generation: nothing more is asked of them
}

// gTable finds goroutines by id without a map per event.
type gTable struct {
	pages map[uint64]*page
	// recent caches pages by the low bits of their key.
	recent [256]recentPage
	free   []*page
	used   []*page
}

// recentPage has the key of its page at hand. Where there is none, no id leads to the key.
type recentPage struct {
	key uint64
	*page
}

const noPage = math.MaxUint64

func (t *gTable) reset() {
	for len(t.used) > 0 {
		t.release(t.used[len(t.used)-1])
	}
	if t.pages == nil {
		t.pages = map[uint64]*page{}
		for i := range t.recent {
			t.recent[i].key = noPage
		}
	}
}

// release frees a page.
func (t *gTable) release(p *page) {
	last := t.used[len(t.used)-1]
	t.used[p.place], last.place = last, p.place
	t.used = t.used[:len(t.used)-1]
	delete(t.pages, p.key)
	if slot := p.key % uint64(len(t.recent)); t.recent[slot].page == p {
		t.recent[slot] = recentPage{key: noPage}
	}
	*p = page{}
	t.free = append(t.free, p)
}

// get returns the place of a goroutine, which may hold none yet.
func (t *gTable) get(id uint64) *g { return &t.page(id / pageSize).gs[id%pageSize] }

func (t *gTable) page(key uint64) *page {
	if e := &t.recent[key%uint64(len(t.recent))]; e.key == key {
		return e.page
	}
	return t.find(key)
}

//go:noinline
func (t *gTable) find(key uint64) *page {
	p, ok := t.pages[key]
	if !ok {
		if n := len(t.free); n > 0 {
			p, t.free = t.free[n-1], t.free[:n-1]
		} else {
			p = new(page)
		}
		p.key, p.place = key, len(t.used)
		t.used = append(t.used, p)
		t.pages[key] = p
	}
	t.recent[key%uint64(len(t.recent))] = recentPage{key, p}
	return p
}

// finished counts a goroutine of which nothing more is to come, and frees its page with the last:
// a program may make millions in one generation.
func (t *gTable) finished(id uint64) {
	p := t.page(id / pageSize)
	if p.done++; p.done == pageSize {
		t.release(p)
	}
}
