// Package sched finds what scheduling costs: programs that switch goroutines more than they work, spin, wake
// up for nothing, queue for the CPU, are denied CPU by the kernel, or pile up threads.
//
// # What it finds
//
//   - sched/churn: goroutines run for a few microseconds at a time, and switching between them takes a large
//     share of the CPU: a channel or a goroutine per item.
//   - sched/gosched: loops that call runtime.Gosched until something is ready.
//   - sched/request-delay: requests wait for a P while goroutines that serve none keep all of them busy.
//   - sched/run-queue: goroutines wait for a P in a program whose own work needs more CPU than there is: a
//     batch, or a service at its limit.
//   - sched/spinning: Ps fall idle between pieces of work, and looking for the next one takes a large share.
//   - sched/idle-wakeups: an otherwise idle program wakes up hundreds of times a second for timers.
//   - sched/throttled: the kernel gives the program less CPU than its goroutines use: a CPU quota below
//     GOMAXPROCS, or other load on the machine.
//   - sched/threads: far more threads than Ps: blocking system calls or calls into C.
//
// # Evidence
//
// CPU profiles say what share scheduling takes; execution traces have every switch, with how long each
// goroutine was runnable before it ran; the threadcreate profile counts threads.
//
// # How it decides
//
// Who calls runtime.Gosched in a loop is never idle, so that a tenth of a core is enough for that.
//
// Shares of the scheduler are large in idle programs and worth nothing there: all others count only where the
// program uses at least half a core, from 200 samples, when the lower end of their 95 % interval is above
// the threshold. The interval is that of a binomial share (Wilson), made wider by √3, for samples come in
// runs, and twice that for the scheduler's functions, which depend on what else the machine does.
//
// A service that waits for its network and its clients parks and wakes threads all the time: the search for
// work (findRunnable) takes 20 to 40 % of its CPU at half a core, and less the busier it is. Churn is told
// from that by what the search is not: the share of scheduling outside of findRunnable, and in a trace the
// mean time that a goroutine runs before it waits or makes another. Where a trace shows longer runs, it is no churn.
// The line named is the one at which goroutines are switched or made most often in the trace, else the one
// with most samples in operations that switch.
//
// Latency is from runnable to running, as a trace has it. A quantile is above a threshold when so many
// waits are longer that their share's interval is. It is a queue for the CPU only if, while goroutines
// waited, the Ps were running others for 90 % of the time; the line named is the busiest of those goroutines'.
// Much of what requests wait no trace shows: while all Ps are busy the network is polled every 10 ms only,
// and whoever waits for it is not even runnable. So a program that serves requests is reported, as possible,
// when goroutines that serve none keep all Ps busy, with others queueing, for a quarter of the time.
// Requests for profiles, by whoever takes the capture, are none: where net/http serves at most eight connections, handlers of
// net/http/pprof and no others, what it serves is the capture's. What other servers (gRPC, fasthttp, net/rpc) serve beside it counts.
//
// A program is throttled where a trace and a CPU profile of the same time disagree: goroutines were running for
// far longer than CPU time was used, so their threads stood still. Which of the two reasons it is, neither
// says. Where detector profilequality doubts the shares, confidence falls by one.
//
// # Thresholds
//
// JSON and HTTP servers spend 5 to 8 % of their CPU in the scheduler, at low load up to 40, but 2 to 5 %
// outside of findRunnable; programs that do little but switch spend 28 to 77 %, and 14 to 30 outside.
// A goroutine of a server runs for 8 to 17 µs at a time, of a ping-pong over channels for 0.7, of a
// goroutine per item for 2. Waits for a P are below 0.3 ms at p99 in servers with CPU to spare; goroutines
// that never wait are interrupted after 10 ms, so that whoever waits that long stood behind one.
//
// # False positives
//
// The collector's sweeper yields while all Ps are busy: where samples show it, and no line of the program that
// calls runtime.Gosched, who yields is said to be open. Benchmarks of channels and locks do nothing but switch, and are reported. A batch keeps all Ps busy and its
// goroutines waiting by design: a remark, no more. Traces cost time at each switch, and so make churn
// look somewhat cheaper per switch than it is. Threads that wait for pages from a disk stand still like throttled
// ones. The number of threads says nothing of why: system calls that
// block on files are normal in programs that read many.
//
// # Remedy
//
// Hand over batches instead of items; bound the workers by GOMAXPROCS; wait on a channel or a condition
// instead of polling; give requests their share by bounding what runs beside them; set GOMAXPROCS to the quota
// (go1.25 and later do).
package sched
