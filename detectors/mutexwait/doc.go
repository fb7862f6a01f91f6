// Package mutexwait finds locks that goroutines queue for, and names who holds them.
//
// # What it finds
//
// One finding is one lock. Its place is the critical section that makes others wait: the
// Lock call in the function that holds it, else the line that unlocks, else, where only
// waiters are known, the line at which they wait. A lock inside the standard library (log.Logger,
// say) is placed at the line of the program that takes it most.
//
//   - mutexwait/contended-mutex: goroutines wait for the lock a second per second or more,
//     or burn CPU fighting for it.
//   - mutexwait/convoy: so many that ten or more are asleep at the lock at once.
//   - mutexwait/rwmutex-writer-starves-readers: readers of an RWMutex wait for writers.
//   - mutexwait/rwmutex-bounce: readers never wait, but the reader count that they all
//     write travels between the CPUs' caches.
//   - mutexwait/runtime-lock: the locks inside the runtime itself are contended.
//
// # Evidence
//
// The mutex profile has the stacks that unlocked, with the time that others had waited:
// the holders. The block profile has the stacks that waited; waits in channels, select and
// WaitGroups are left out. Traces have both sides and every single wait, with those that
// never end. Goroutine snapshots say how many are asleep at a lock at one moment. CPU
// profiles show the cost of spinning and of moving cache lines.
//
// Profiles do not identify locks. Stacks are taken to concern one lock when they take the same
// sort of lock in methods of one type, or in one function; a wake-up in a trace
// joins the unlocking side to the waiting one whatever their names.
//
// # How it decides
//
// By the delay per second, in seconds: waits added up, over the time in which they
// ended. It is the number of goroutines asleep at the lock on average (Little's law with the wait as
// residence time), so 1 is one goroutine waiting all the time.
//
// Mutex and block profiles are totals since the process began and do not say how long that
// is, unless they were taken over a time (?seconds=N), as go-debug capture does. Of two or
// more totals the first is subtracted from the last. With a single one there is no rate:
// a lock is then reported, with little confidence, only for its share of all delay, its total
// and its mean delay per contention, and the finding says so.
//
// A lock with ten or more goroutines asleep in at least half of the snapshots is a convoy even
// where profiles show nothing, because they count a wait when it ends: locks that
// are never released are in snapshots and traces alone.
//
// No sample of lock delay and no trace is no answer: either nothing contended, or the
// program never called runtime.SetMutexProfileFraction.
//
// # Thresholds
//
// Measured on two cores: a healthy server has 0.1 s/s at its worst lock; one lock held by 64
// goroutines in turn 51 s/s, a writer among readers 34 s/s, a log lock 14 s/s. Runtime locks
// have 0.01 s/s in healthy programs and 0.22 in ones that make them work hard. CPU
// in lockSlow is under 2 % in healthy servers and 43 % in a fight of 64 goroutines; in RLock and
// RUnlock under 2 % and 78 %; in the runtime's own locks 6 % and, with many senders on one
// channel, 39 % (those inside select are left to detector selectwait). A goroutine asleep at a lock is a rare sight in a snapshot of a
// healthy server; ten at one lock were never seen.
//
// # False positives
//
// Two locks of one type, taken in its methods, count as one. Work that is meant to be done one at
// a time behind a lock (a single-flight load, a rate limiter that sleeps while holding it)
// looks like contention, and is. Delay counts every waiter, so a batch of a thousand goroutines
// that start together and take one lock each shows a high rate while it lasts. A profile of everything
// (fraction 1) adds contention of its own inside the runtime.
//
// # Remedy
//
// Move slow work (I/O, encoding, logging, sleeping) out from under the lock; split the lock
// by key; replace read-mostly state by an atomic pointer to an immutable copy.
package mutexwait
