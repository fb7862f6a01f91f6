// Package selectwait finds selects that cost something: herds that one event wakes, loops
// that poll, CPU time spent in selecting, and senders held up by their receivers.
//
// # What it finds
//
// Most goroutines of a healthy server wait in a select, and nearly all of its block time is
// theirs. That is no fault: a parked goroutine costs memory alone. This detector looks for
// the selects that hurt, and names the line of the select statement (the innermost line of the program's
// own code):
//
//   - selectwait/herd: many goroutines parked at one select, which one event wakes all at
//     once, again and again (a channel closed and replaced as a broadcast).
//   - selectwait/busy-poll: a select with a default, run in a loop.
//   - selectwait/select-cpu: a notable share of the CPU inside select itself.
//   - selectwait/backpressure: goroutines that wait to send because receivers are too slow.
//
// # Evidence
//
// Goroutine snapshots say where goroutines are parked; CPU profiles what selecting costs;
// execution traces who woke whom; block profiles how long senders waited.
//
// # How it decides
//
// CPU shares are of all samples of the CPU profiles, cumulative: runtime.selectgo for selects that
// may wait, runtime.selectnbrecv and selectnbsend for those with one case and a default. A share
// counts when the lower end of its 95 % Wilson interval is above the threshold, there are at least 200
// samples, and the process used enough CPU for shares to matter.
//
// A herd needs a crowd parked at one select and its cost: in a trace, wake-ups of the crowd by code
// that is no channel send (the runtime shows a close under the line that closes), at least as
// many as the crowd is large, while the crowd is there again at the end; or in a CPU profile, the share
// spent in selectgo at that very line plus the share of runtime.closechan. Either is possible; both,
// or a CPU share above that of selectwait/select-cpu, make it likely. A crowd without cost
// evidence is not reported; what was not checked is said.
//
// Back-pressure is the delay of blocked channel sends per second of the block profile's
// window, the number of senders that wait at any time on average. The runtime counts a
// wait when it ends, so senders that never get through are not here but in detector leak.
//
// # Thresholds
//
// A healthy JSON server spends 4 to 6 % of its CPU in selectgo, programs built around
// a shared select 85 %, polling loops 99 %. Blocked sends were 0 s per second in healthy
// servers and 3 to 4 in ones with a full queue; a lone producer that keeps its queue full has 1.
//
// # False positives
//
// A hot loop that checks ctx.Done() between steps of work is reported as polling when the check
// itself costs that much. A semaphore made of a channel shows as back-pressure: it is, by
// design, and worth a look only when it costs latency. Idle workers, streams, one select
// per connection: no cost, no finding.
//
// # Remedy
//
// Wake only whom the event concerns (a channel or a queue per subscriber, a bounded pool);
// wait in a select without default; receive in batches; bound the work that is let in.
package selectwait
