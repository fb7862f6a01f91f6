// Package trace decodes Go execution traces into evidence, in one pass and in memory
// that grows with the program's distinct stacks and live goroutines, not with the events.
//
// Traces of go1.22 to go1.27 (which writes the format of go1.26) are replayed generation by generation by
// code of this package; those of go1.11 to go1.21, which have no generations, are read whole through
// golang.org/x/exp/trace. The same reader is the oracle of the tests for the newer formats.
//
// # Order
//
// A trace is a stream of events for each thread, with sequence numbers on the events that
// concern a goroutine or proc from elsewhere. The replay follows one thread until an event
// has to wait for another thread, parks it on the goroutine or proc that it waits for, and goes
// on with another. That keeps the order of each goroutine, proc and thread, which is all that
// the evidence needs, and costs nothing where threads go their own ways. Each generation
// restates the state of everything alive, so it is replayed by itself, under its own ids, and
// several at the same time; what goes on from one to the next is joined afterwards, in order, so
// that the evidence does not depend on the number of workers.
//
// # Time
//
// The window begins at the earliest batch and ends at the last event. All times are
// nanoseconds since its start, as recorded. (The first bin of the series also holds what happened before
// the batch with the clock, some 0.1 ms at most: a batch is written when it is full, and may come later
// than one that began after it.) x/exp/trace puts all events into one order and
// moves an event that had to wait for another thread to 1 ns behind it, and with it all that
// follow on its thread until the recorded times catch up: on a busy machine some percent of the
// events, in runs of thousands, which makes waits and latencies there too long or nearly
// nothing. Here a duration is the difference of two recorded times; where the clocks of two
// threads contradict the order it counts as 0.
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
// seen. Parked lists where those alive at the end wait (or are in a system call), and for how long they have.
//
// # Collector
//
// MarkNS is the time with the range "GC concurrent mark phase" open. STW keeps the
// ranges "stop-the-world (x)" under x, from begin to end as recorded, and Assist the
// ranges "GC mark assist"; both only when their begin and end were seen. SweepNS sums
// "GC incremental sweep" over procs. MaxHeapBytes is the largest
// "/memory/classes/heap/objects:bytes". Assists are kept per stack at which they began: that code
// allocates while the collector is behind. A pause has no stack, only the goroutine that asked for it.
//
// # Tasks and regions
//
// A region that its goroutine never ended is open, with its age at the goroutine's end
// or at the window's. The slowest carry their parts: what the goroutine did from beginning to end,
// which adds up to the duration. For a task that is the goroutine that began it. The parts are
// unknown where a task ends on another goroutine, where a span crosses generations (about one a second),
// and in traces of go1.21 and older.
//
// # Requests
//
// Requests of a server are rebuilt without annotations. A goroutine that starts in net/http's connection loop
// serves one after the other, and the frame directly below the loop tells where it is:
//
//	bufio.(*Reader).Peek, readRequest   between requests; the end of a wait for the network is an arrival
//	startBackgroundRead                 the handler begins
//	serverHandler.ServeHTTP             in the handler
//	response.finishRequest              the handler has returned; the end of the last write is the end
//	all else                            the request is over
//
// A read that did not wait found the request there: it arrived after the end of the one before on the
// connection and before that read, nobody knows when. It counts from the read, and the earliest time is kept
// beside it. So does a request that came with the one before it; where its handler leaves no event either, that the
// last of a reply is written twice without a wait for room shows that there were two.
//
// The end of a wait for the network is an arrival that was seen at once where a thread woke that had nothing to do. Where all
// processors were busy, Go may look at the network up to 20 ms late: the upper bounds count from then, or from the end of
// the one before. Of a host that does not let the program run that does not hold.
//
// HTTP/2 and gRPC serve each request in a goroutine of its own, which is the request; workers of gRPC take one
// after the other. So does whatever function the user names. Requests for profiles and metrics are left out. The
// route is the outermost function of the program's own behind router and middleware: inside of what hands a request on,
// which is net/http, a dependency's ServeHTTP, and what else of that one's package calls the program. A handler that
// leaves no event has none.
//
// Each nanosecond of a request is in one state, that of its goroutine. Requests that were being served when the
// window began, or are when it ends, are counted and their durations kept apart. The client had gone if net/http's
// watch over the connection was woken by the network for the last time, or woke the handler, before that returned and no
// other request followed. When its goroutine ends says less: it tells the handler before it is done itself.
//
// A goroutine that is made while a request is being served is the request's own if it is made by the goroutine that
// serves it, or by another one of its own, three deep; the fourth in a row is only counted. It is left running if it is
// still there 10 ms after the request was over: what ends with a request is on its way until then. A wait of a request that a goroutine of its own ends is divided by what that one did
// from the beginning of the wait to its end: both are in the order of the two goroutines, so it is no guess. Where that
// one waited meanwhile for a goroutine that it had made itself, what counts is what this one did, and so on. What it did
// before it was made is not known, nor, where it changes state more than some forty times, when it did what in between.
// A wait for a lock, a pool or another service is not divided, whoever ends it.
//
// Generations are replayed at the same time, and none knows whose the goroutines are that it finds there. A wait that goes over
// from one generation to another is divided if the goroutine that ends it came over too: of that one each generation shows
// the first change of state and the last, and what it did in between is not known. A wait within one generation that a
// goroutine from an earlier one ends is not divided, nor are goroutines counted that such a one starts. Those that came over
// are counted (Crossed), and whether they outlive their requests is known.
//
// What the stacks are has to be known when the events come by, and the runtime writes it behind them: files
// are looked ahead in. Of a stream one generation is kept in memory until its tables come, up to a sixteenth
// of the memory budget; beyond that its requests are not rebuilt, and a warning says so.
//
// # Exemplars
//
// Each histogram keeps its three slowest, with the goroutine and when it began, so that a report can
// say where in the trace to look.
//
// # Memory
//
// Events are worked through as they arrive: from a file in the order of the times at which their batches begin,
// from a stream as they stand, where half of them wait for batches at the end of their generation. What has
// to wait for a batch that comes later stays in memory: one generation more than there are workers, and four at most. Where the waiting events of one
// generation reach an eighth of the memory budget they are taken out of order instead: what they
// depend on counts nowhere, and a warning says so.
//
// # Completeness
//
// Of a generation that is cut, all that stands before the cut counts, but for the batch at the
// cut: LostBytes are the bytes of that. What an event depends on may stand behind the cut; then
// the event is applied and the time before it counts nowhere (a warning says how often), and neither does
// the time for which a goroutine runs on at the cut, nor what a region was spent with whose goroutine is ahead of it. Names
// of functions and reasons are written last, so they are mostly missing there. Where batches follow
// that nobody can analyse, their heads tell how many seconds are lost. Of a generation
// that contradicts itself, the events before the contradiction count, and all its bytes as lost.
// Traces before go1.26 have no end mark: one cut exactly between two batches, after all
// that its last generation needs, cannot be told from a whole one.
package trace
