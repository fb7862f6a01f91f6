// Package mutexwait finds locks that goroutines queue for, and names who holds them.
//
// # What it finds
//
// One finding is one lock, with a measure from each kind of evidence that shows it. Its place is the critical
// section that makes others wait: the Lock call in the function that holds it; where nobody was seen to wait
// there, the defer statement that will unlock; else the line at which that function is asleep before it unlocks; else the line that
// unlocks; else, where only
// waiters are known, the line at which they wait. A lock inside the standard library or another module
// is placed at the line of the program that takes it most.
//
//   - mutexwait/contended-mutex: goroutines wait for the lock a second per second or more,
//     or burn CPU fighting for it.
//   - mutexwait/convoy: so many that ten or more are asleep at the lock at once.
//   - mutexwait/log-lock: the same, where the lock is a logger's.
//   - mutexwait/rwmutex-writer-starves-readers: readers of an RWMutex wait for a writer, or for the slow reader
//     that the writer waits for.
//   - mutexwait/rwmutex-bounce: readers never wait, but the reader count that they all
//     write travels between the CPUs' caches.
//   - mutexwait/runtime-lock: the locks inside the runtime itself are contended.
//
// The first four are degrees of one fault and share a fingerprint, so that a lock which crosses from one to the
// next, or is seen by other evidence, stays the same finding.
//
// # Evidence
//
// The mutex profile has the stacks that unlocked, with the time that others had waited:
// the holders. The block profile has the stacks that waited; waits in channels, select and
// WaitGroups are left out. Traces have both sides and every single wait, with those that
// never end. Goroutine snapshots say how many are asleep at a lock at one moment. CPU
// profiles show the cost of spinning and of moving cache lines.
//
// A section is known from the Lock call, at which others wait, to the line that unlocks. The runtime shows a
// deferred Unlock at the line where the function returns, often its closing brace, which says nothing: the message
// gives the lines that are guarded. Goroutines that snapshots and traces show waiting for something else inside of
// the section have the lock in their hands; what they wait for is named, with the part of the time.
//
// # Which lock it is
//
// Profiles do not identify locks. Functions are taken to use one lock when a wake-up in a trace goes from one to
// the other, or when they take the same sort of lock in methods of one type. The second is a guess, and
// a trace refutes it: ten wake-ups by either of two functions and none across them are two locks. Without a trace two
// locks of one type count as one.
//
// # How it decides
//
// By the delay per second, in seconds: waits added up, over the time in which they
// ended. It is the number of goroutines asleep at the lock on average (Little's law with the wait as
// residence time), so 1 is one goroutine waiting all the time. Where the metrics count requests, it is also
// given per request.
//
// Mutex and block profiles are totals since the process began and do not say how long that
// is, unless they were taken over a time (?seconds=N), as go-debug capture does. Of two or
// more totals the first of the same process is subtracted from the last. With a single one there is no rate:
// a lock is then reported, with little confidence, only for its share of all delay, its total
// and its mean delay per contention, and the finding says so.
//
// A lock with ten or more goroutines asleep in at least half of the snapshots is a convoy even
// where profiles show nothing, because they count a wait when it ends: locks that
// are never released are in snapshots and traces alone.
//
// Readers starve when most of the wait is theirs. A writer that waits for its readers stops new ones, so the cause
// may be a reader. From the moment that a writer asks until it is done readers have to wait, half of that time on
// average: where writers wait for readers as long as readers wait themselves, they wait for longer than they
// hold, and the slow reader's section is the place.
//
// A lock that hardly anybody works under does not limit what it guards. Where a trace and a CPU profile show that with the
// lock in hand goroutines run and sleep for less than a quarter of the time together, the waits have another reason: who comes, comes
// at once, or who has the lock waits for a CPU, as on a crowded host, under a quota, or behind a batch. Independent arrivals at
// such a lock wait 0.08 s/s in all (ρ²/(1−ρ)). It is no finding then, and said as what was not checked. This holds of waits that the
// trace has itself, at a rate that would be a finding and half or more of that in the profiles: a section that sleeps now and then may not be in
// a short trace. And it holds of waits that end. A lock that is never given back has nobody who works under it either: where ten goroutines wait when the trace
// ends for longer than 99 % of the other waits took, where such waits are most of the time, or where a snapshot counts their minutes, it is a finding.
//
// CPU shares count when the lower end of their 95 % interval, widened for how much profiles of one program vary,
// is above the threshold, with 200 samples or more and a process that is not idle.
//
// The runtime counts for its own locks how long threads sleep at them, not how long they spin, so that the CPU profile says
// more. Where they sleep for milliseconds each time, the thread that has the lock does not run: the machine is short of CPU, and
// that is not contention.
//
// Before go1.22 the mutex profile counted, at each Unlock, the wait of one goroutine only: with many waiting it shows
// a fraction of what the block profile and traces show (golang/go#61015). The largest rate counts.
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
// RUnlock under 2 % and 78 %; in the runtime's own locks 6 %, and 46 % where two goroutines reset one timer for each line that they
// read, though they wait for only 0.02 s/s. Those inside channels and selects are left to
// detector selectwait, and the scheduler's to detector sched. A goroutine asleep at a lock is a rare sight in a snapshot of a
// healthy server; ten at one lock were never seen.
//
// # False positives
//
// A lock in each of a thousand objects, taken at one line, counts as one lock. Work that is meant to be done one at
// a time behind a lock (a single-flight load, a rate limiter that sleeps while holding it)
// looks like contention, and is. Delay counts every waiter, so a batch of a thousand goroutines
// that start together and take one lock each shows a high rate while it lasts. A profile of everything
// (fraction 1) adds contention of its own inside the runtime. A function that unlocks, works and locks again may
// be blamed for what it waits for in between.
//
// # Remedy
//
// Move slow work (I/O, encoding, logging, sleeping) out from under the lock; split the lock
// by key; replace read-mostly state by an atomic pointer to an immutable copy.
package mutexwait
