package mutexwait

import "go-debug/analyze/signature"

// The signatures name functions of go1.20 to go1.27.
var (
	// Fighting is the path of a mutex that somebody else has. go1.24 moved it.
	sigFighting = signature.Signature{
		Anywhere: []string{"internal/sync.(*Mutex).lockSlow", "internal/sync.(*Mutex).unlockSlow", "sync.(*Mutex).lockSlow", "sync.(*Mutex).unlockSlow"},
		Gone:     []string{"sync.(*Mutex).lockSlow", "sync.(*Mutex).unlockSlow"},
	}
	// Asleep is what it takes to fall asleep at a lock and to wake up.
	sigAsleep = signature.Signature{Anywhere: []string{"runtime.semacquire1", "runtime.semrelease1"}}
	// Counting is what readers of an RWMutex do.
	sigCounting = signature.Signature{Anywhere: []string{"sync.(*RWMutex).RLock", "sync.(*RWMutex).RUnlock"}}
	// The runtime's own locks; the last stands for contention whose place was lost. What channels, selects and
	// the scheduler take of them is told by the detectors of those.
	sigRuntimeLock = signature.Signature{
		Anywhere: []string{"runtime.lock", "runtime.lock2", "runtime.lockWithRank", "runtime.unlock", "runtime.unlock2",
			"runtime.unlockWithRank", "runtime._LostContendedRuntimeLock"},
		Unless: append([]string{"runtime.schedule", "runtime.findRunnable", "runtime.park_m", "runtime.goschedImpl", "runtime.mcall"}, channelOperations...),
	}
)

// channelOperations lock the channel.
var channelOperations = []string{"runtime.chansend", "runtime.chanrecv", "runtime.closechan", "runtime.selectgo"}

// signatures are all of them, for the test that compares them with the toolchain.
var signatures = []signature.Signature{sigFighting, sigAsleep, sigCounting, sigRuntimeLock}
