package evidence

import "strings"

// Wait is why a goroutine is not running: one name for what goroutine dumps, profiles
// and traces each spell differently.
type Wait string

// The wait reasons.
const (
	WaitNone      Wait = ""          // running, runnable or not known
	WaitChanSend  Wait = "chan-send" // sending on a channel
	WaitChanRecv  Wait = "chan-receive"
	WaitChan      Wait = "chan" // one of the two: debug=1 dumps show no more
	WaitSelect    Wait = "select"
	WaitNilChan   Wait = "nil-chan"     // send to or receive from a nil channel: for ever
	WaitNoCases   Wait = "select-empty" // select{}: for ever
	WaitMutex     Wait = "mutex"
	WaitRWMutex   Wait = "rwmutex"
	WaitCond      Wait = "cond"
	WaitWaitGroup Wait = "waitgroup"
	WaitSemaphore Wait = "semaphore" // before go1.20 all of sync looks like this
	WaitSleep     Wait = "sleep"
	WaitCoroutine Wait = "coroutine" // between two values of iter.Pull
	WaitIO        Wait = "io"        // network poller
	WaitSyscall   Wait = "syscall"
	WaitGC        Wait = "gc"     // assist, sweep, stop the world
	WaitSystem    Wait = "system" // the runtime's own goroutines
	WaitOther     Wait = "other"
)

// waitReasons maps the runtime's wait reasons (runtime/runtime2.go, go1.18 to go1.27)
// as goroutine dumps and execution traces print them.
var waitReasons = map[string]Wait{
	"running": WaitNone, "runnable": WaitNone, "idle": WaitNone, "copystack": WaitNone,
	"preempted": WaitNone, "dead": WaitNone, "waiting": WaitOther, "leaked": WaitOther,
	"panicwait": WaitOther, "synctest.Run": WaitOther, "synctest.Wait": WaitOther,

	"chan send":               WaitChanSend,
	"chan receive":            WaitChanRecv,
	"chan send (nil chan)":    WaitNilChan,
	"chan receive (nil chan)": WaitNilChan,
	"select":                  WaitSelect,
	"select (no cases)":       WaitNoCases,

	"sync.Mutex.Lock":     WaitMutex,
	"sync.RWMutex.Lock":   WaitRWMutex,
	"sync.RWMutex.RLock":  WaitRWMutex,
	"sync.Cond.Wait":      WaitCond,
	"sync.(*Cond).Wait":   WaitCond, // trace spelling
	"sync.WaitGroup.Wait": WaitWaitGroup,
	"semacquire":          WaitSemaphore,
	"sync":                WaitSemaphore, // trace spelling; the stack says more

	"sleep":     WaitSleep,
	"coroutine": WaitCoroutine,
	"IO wait":   WaitIO,
	"network":   WaitIO, // trace spelling
	"syscall":   WaitSyscall,

	"GC assist marking": WaitGC, "GC assist wait": WaitGC, "GC mark assist wait for work": WaitGC,
	"garbage collection": WaitGC, "garbage collection scan": WaitGC, "wait for GC cycle": WaitGC,
	"wait until GC ends": WaitGC, "GC mark termination": WaitGC, "GC weak to strong wait": WaitGC,
	"stopping the world": WaitGC, "flushing proc caches": WaitGC,

	"GC sweep wait": WaitSystem, "GC background sweeper wait": WaitSystem, "GC scavenge wait": WaitSystem,
	"GC worker (idle)": WaitSystem, "GC worker (active)": WaitSystem, "force gc (idle)": WaitSystem,
	"GOMAXPROCS updater (idle)": WaitSystem, "finalizer wait": WaitSystem, "cleanup wait": WaitSystem,
	"trace reader (blocked)": WaitSystem, "trace goroutine status": WaitSystem, "trace proc status": WaitSystem,
	"page trace flush": WaitSystem, "system goroutine wait": WaitSystem, "timer goroutine (idle)": WaitSystem,
	"debug call": WaitSystem, "wait for debug call": WaitSystem, "dumping heap": WaitSystem,
	"waiting for cgo callback": WaitSystem, // a thread of C that no Go code uses at the moment
}

// waitMarks stand behind a wait reason in goroutine dumps and are no part of it: found by
// the leak profile, being scanned by the collector, and blocked on nothing outside of a
// test's bubble (go1.25, before that go1.24's experiment).
var waitMarks = []string{" (leaked)", " (scan)", " (durable)", " (synctest)"}

// TrimWait takes the marks off a wait reason: "chan receive (nil chan) (leaked)" becomes
// "chan receive (nil chan)".
func TrimWait(reason string) string {
	for trimmed := true; trimmed; {
		trimmed = false
		for _, mark := range waitMarks {
			if rest, ok := strings.CutSuffix(reason, mark); ok {
				reason, trimmed = rest, true
			}
		}
	}
	return reason
}

// ParseWait maps a wait reason as the runtime prints it. Unknown reasons are WaitOther.
func ParseWait(reason string) Wait {
	if w, ok := waitReasons[TrimWait(reason)]; ok {
		return w
	}
	return WaitOther
}

// leafWaits maps the functions in which a goroutine parks, for captures that hold stacks
// but no states (protobuf and debug=1). The names of go1.18 to go1.27; both homes of the
// mutex (sync and internal/sync) are listed.
var leafWaits = map[string]Wait{
	"runtime.chansend":                        WaitChanSend,
	"runtime.chansend1":                       WaitChanSend,
	"runtime.chanrecv":                        WaitChanRecv,
	"runtime.chanrecv1":                       WaitChanRecv,
	"runtime.chanrecv2":                       WaitChanRecv,
	"runtime.selectgo":                        WaitSelect,
	"runtime.block":                           WaitNoCases,
	"runtime.coroswitch":                      WaitCoroutine,
	"reflect.chansend0":                       WaitChanSend,
	"reflect.chanrecv":                        WaitChanRecv,
	"reflect.rselect":                         WaitSelect,
	"sync.runtime_SemacquireMutex":            WaitMutex,
	"internal/sync.runtime_SemacquireMutex":   WaitMutex,
	"sync.runtime_SemacquireRWMutex":          WaitRWMutex,
	"sync.runtime_SemacquireRWMutexR":         WaitRWMutex,
	"sync.runtime_notifyListWait":             WaitCond,
	"sync.runtime_SemacquireWaitGroup":        WaitWaitGroup,
	"sync.(*Mutex).Lock":                      WaitMutex,
	"sync.(*RWMutex).Lock":                    WaitRWMutex,
	"sync.(*RWMutex).RLock":                   WaitRWMutex,
	"sync.(*WaitGroup).Wait":                  WaitWaitGroup,
	"sync.(*Cond).Wait":                       WaitCond,
	"sync.runtime_Semacquire":                 WaitSemaphore,
	"time.Sleep":                              WaitSleep,
	"internal/poll.runtime_pollWait":          WaitIO,
	"internal/poll.runtime_Semacquire":        WaitSemaphore,
	"os/signal.signal_recv":                   WaitSystem,
	"runtime.cgocall":                         WaitSyscall,
	"runtime/internal/syscall.Syscall6":       WaitSyscall,
	"syscall.Syscall":                         WaitSyscall,
	"syscall.Syscall6":                        WaitSyscall,
	"syscall.RawSyscall6":                     WaitSyscall,
	"syscall.syscall":                         WaitSyscall, // macOS, Solaris
	"syscall.syscall6":                        WaitSyscall,
	"syscall.SyscallN":                        WaitSyscall, // Windows
	"syscall.syscalln":                        WaitSyscall,
	"internal/runtime/syscall.Syscall6":       WaitSyscall,
	"internal/runtime/syscall/linux.Syscall6": WaitSyscall,
}

// parking are the functions of the runtime that put a goroutine to sleep.
var parking = map[string]bool{
	"runtime.gopark": true, "runtime.goparkunlock": true, "runtime.park_m": true, "runtime.mcall": true, "runtime.semacquire": true,
	"runtime.semacquire1": true, "runtime.netpollblock": true, "runtime.notetsleepg": true, "runtime.notetsleep": true,
}

// runs reports frames, farther in than an operation that may wait, in which a goroutine does not: it takes the
// channel's lock, say, or is interrupted there.
func runs(inner Stack) bool {
	for _, f := range inner {
		if parking[f.Function] {
			return false
		}
	}
	return len(inner) > 0 && inner[0].Package() == "runtime"
}

// WaitOf infers the wait reason from a stack; it is WaitNone for one that runs. It looks at the runtime and standard
// library frames above the first user frame. A WaitGroup parked in a semaphore waits for the
// group, an RWMutex in its Mutex for the RWMutex; a Cond that takes its lock again, though,
// waits for the lock.
func WaitOf(s Stack) Wait {
	found := WaitNone
	for i, f := range s {
		w, ok := leafWaits[f.Function]
		if ok {
			switch {
			case found == WaitNone && w != WaitSyscall && runs(s[:i]):
				return WaitNone
			case found == WaitNone:
				found = w
			case found == WaitSemaphore && w != WaitSyscall, found == WaitMutex && w == WaitRWMutex:
				found = w // sync.(*RWMutex).Lock calls sync.(*Mutex).Lock, and so on
			}
		}
		if !f.Std() || i > 8 {
			break
		}
	}
	return found
}
