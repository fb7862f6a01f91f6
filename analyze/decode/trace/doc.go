// Package trace decodes Go execution traces into evidence, in one pass and in memory
// that grows with the program's distinct stacks and live goroutines, not with the events.
//
// Read are the formats of go1.22 to go1.26 generation by generation, and those of
// go1.11 to go1.21, which have no generations, whole.
//
// # Time
//
// The window begins at the first event and ends at the last. All times are nanoseconds
// since its start. Events have distinct times: the reader moves an event 1 ns on rather
// than let two coincide, so a sum over n transitions may be n ns too long.
//
// # What is unknown
//
// A goroutine, proc or range that the trace shows without having shown its beginning was
// in the state of its first sighting since the window began: the runtime records the
// state of everything that lived through the start before any change to it. Durations
// that began so are lower bounds and kept apart (Unseen), except in plain sums of time
// within the window (RunNS, RunningNS, MarkNS, SweepNS and the series).
//
// # Waits
//
// A wait begins when a goroutine goes from running to waiting and ends when it becomes
// runnable. The time until it runs again is scheduling latency and no part of the wait;
// preemption, yielding and system calls are no waits. Waits of a whole window (Silent)
// and those open at its end (Open) count too, with their age at the end.
//
// Its site is the stack and the reason. The reason is the runtime's own, refined by the
// stack where the runtime says no more than "sync" or "forever" or, for a goroutine first
// seen waiting, nothing at all; see waitOf. Goroutines of the runtime itself
// (collector, scavenger, trace reader) have WaitSystem whatever they wait on. A wait
// whose goroutine was woken before the trace showed its stack is at stack 0.
//
// The two ways in which traces record a waiting goroutine (as it blocks, or by a status
// event) start their stacks at different depths inside the runtime. Frames of the
// parking machinery are cut so that one line of source is one site.
//
// # Wake-ups
//
// A wake edge leads from the stack of the event that made the goroutine runnable to the
// stack at which it had waited. Timers, the network poller and other wakers without a
// goroutine have no stack, or one inside the runtime: stack 0 means "not code of the
// program". The waker is who ended the wait, which for a mutex is who unlocked it and for
// a channel is the other side or who closed it.
//
// # Scheduling
//
// Latency is from runnable to running, for every time a goroutine became runnable within
// the window: made, woken, preempted, yielding or back from a blocking system call.
//
// # System calls
//
// One range per goroutine from the call until it is running or runnable again. Traces of
// go1.21 and older do not say how long a call took that did not block: those count as 1 ns.
//
// # Creation sites
//
// Goroutines are grouped by the stack of the go statement and the function they start
// in. Of those alive at the start the go statement is unknown (stack 0) and the start
// function is the root of the first stack seen, with line 0; stack 0 again when none was
// seen. Parked lists where those alive at the end wait (or are in a system call).
//
// # Collector
//
// MarkNS is the time with the range "GC concurrent mark phase" open. STW keeps the
// ranges "stop-the-world (x)" under x, from begin to end as recorded, and Assist the
// ranges "GC mark assist"; both only when their begin and end were seen. SweepNS sums
// "GC incremental sweep" over procs. MaxHeapBytes is the largest
// "/memory/classes/heap/objects:bytes".
//
// # Tasks and regions
//
// A region that its goroutine never ended is open, with its age at the goroutine's end
// or at the window's.
//
// # Completeness
//
// LostBytes counts from the end of the last generation that was read to its end; events
// of the generation in which reading stopped are counted as far as they were read.
// Traces before go1.26 have no end mark: one cut exactly between two batches, after all
// that its last generation needs, cannot be told from a whole one.
package trace
