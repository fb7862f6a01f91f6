// Package selectwait finds channels and selects that cost something: herds that one event wakes, loops
// that poll, CPU time spent in channel operations, and senders held up by their receivers.
//
// # What it finds
//
// Most goroutines of a healthy server wait in a select, and nearly all of its block time is
// theirs. That is no fault: a parked goroutine costs memory alone. This detector looks for
// the selects and channels that hurt, and names the line (the innermost of the program's own code):
//
//   - selectwait/herd: many goroutines parked at one select, which one event wakes all at
//     once, again and again (a channel closed and replaced as a broadcast).
//   - selectwait/busy-poll: a select that never waits, run in a loop: it has a default.
//   - selectwait/select-cpu: a notable share of the CPU inside select itself.
//   - selectwait/channel-cpu: a notable share of the CPU in plain sends and receives, or threads that wait for
//     the locks inside channels.
//   - selectwait/fan-in: goroutines wait to send because one goroutine receives for all of them.
//   - selectwait/backpressure: goroutines that wait to send because receivers are too slow, and it is not one
//     alone, or not known who they are.
//   - selectwait/parked: a share of all goroutines waits in one select. Off by default: see Thresholds.
//
// Goroutines that pile up at a line are detector leak's: it judges growth of every site, selects among them.
// Findings here say how the number of those parked changed, for one who asks what they see.
//
// # Evidence
//
// CPU profiles say what selecting and sending costs; execution traces who woke whom, and every wait; block profiles
// how long senders waited; goroutine snapshots where goroutines are parked, and how many receive; mutex profiles
// how long threads waited for the runtime's locks inside channels.
//
// # How it decides
//
// CPU shares are of all samples of the CPU profiles, cumulative: runtime.selectgo for selects,
// runtime.selectnbrecv and selectnbsend for those with one case and a default, runtime.chansend and chanrecv for plain
// operations. A share counts when the lower end of its 95 % interval, widened for how much profiles of one program
// vary, is above the threshold, there are at least 200 samples, and the process used enough CPU for
// shares to matter. Plain operations count only where they take more than the scheduler does: else the
// switches that they cause are the cost, and detector sched says so.
//
// A select of several cases polls when nobody is ever seen to wait in it, by trace and snapshots; without a
// trace, when none of 200 samples in it is on the way to sleep. One that moves elements (in 0.3 % of its samples) sends
// or receives, and does not poll. The polling selects of one function are one loop, and one finding.
//
// A herd needs a crowd parked at one select and its cost: in a trace, wake-ups of the crowd by code
// that is no channel send (the runtime shows a close under the line that closes), at least as
// many as the crowd is large, while the crowd is there again at the end; or in a CPU profile, the share
// spent in selectgo at that very line plus the share of runtime.closechan. Either is possible; both,
// or a CPU share above that of selectwait/select-cpu, make it likely. A crowd without cost
// evidence is not reported; what was not checked is said.
//
// Back-pressure is the delay of blocked channel sends per second of the block profile's window or of the trace, the
// number of senders that wait at any time on average. A select waits to send where plain receives end nine in ten of its waits in
// the trace, and its goroutines serve requests or come and go: producers that stand there all the time hand in what is taken, and nobody
// waits for them. Without a trace it is not told from one that waits for input. Totals since the program began are subtracted, the first
// from the last. A trace says which line receives; snapshots, how many goroutines are in that function. One of them alone
// is a fan-in; both share a fingerprint. What the receivers do instead is named: what they are asleep in, or the CPU that they use. Where
// one function sends and receives farther down, the channel is a semaphore: those who wait want a place of it, and what its holders are asleep in is named. The
// runtime counts a wait when it ends, so senders that never get through are not here but in detector leak.
//
// # Thresholds
//
// A healthy JSON server spends 4 to 6 % of its CPU in selectgo, programs built around
// a shared select 85 %, polling loops 99 %. Plain channel operations take 4 to 5 % there, and 68 to 96 % where items
// are handed over one by one. Blocked sends were 0 s per second in healthy
// servers and 3 to 4 in ones with a full queue; a lone producer that keeps its queue full has 1.
//
// The share of goroutines in a select says nothing by itself: 97 % of a healthy server's block time is idle selects
// and receives, and a service with a connection per client has all its goroutines there. min-parked-share is 0 for
// that reason; who knows that a service has no such crowd may set it.
//
// # False positives
//
// A hot loop that checks ctx.Done() between steps of work is reported as polling when the check
// itself costs that much. A select on a channel that is closed looks like one with a default. A semaphore
// made of a channel shows as back-pressure: it is, by
// design, and worth a look only when it costs latency. Two who pass a token to and fro look like one. Idle workers, streams, one select
// per connection: no cost, no finding.
//
// # Remedy
//
// Wake only whom the event concerns (a channel or a queue per subscriber, a bounded pool);
// wait in a select without default; send and receive in batches; add receivers, and bound the work that is let in.
package selectwait
