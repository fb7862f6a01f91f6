// Package leak finds goroutine leaks: goroutines that block at one line for ever while
// more of them keep coming.
//
// # What it finds
//
// One finding per cause. Its place is the innermost line of the program's own code on the
// blocked stack, because that is where the fix starts. Where a library blocks on the program's behalf, it is
// the program's go statement; where the library starts the goroutines as well (connections of net/http's
// client, rows of database/sql) it is the line that a trace shows them started for, else the line that most
// calls of the library come from. Of an iterator that nobody stops it is the line that pulls from it, where a trace
// shows that. The rule says what
// they wait for: a channel send or receive, a select, a nil channel or a select without cases, a mutex, a
// WaitGroup, a condition variable, I/O, a sleep. A program that the runtime stopped because every goroutine
// waited is a finding of its own, leak/deadlock.
//
// A finding states the leak per second and per request, how long until the stacks alone fill a
// gigabyte, where the goroutines are started, one full stack, and what to change. With the program's
// source (--src, else the module at hand) it names the pattern and the culprit line, says why the runtime's leak profile cannot see it
// if it cannot, and shows the lines to change before and after.
//
// Goroutines that come one to one with others and are started by the same function (the reader and
// the writer of a connection, the helpers of one informer) are one finding: the others are named
// in it. So are goroutines that wait for a group whose members leak: in sync.WaitGroup.Wait, or in errgroup's Go for room.
//
// # Evidence
//
//  1. Proof. The runtime's own leak detection: a goroutineleak profile, or "(leaked)" marks in a
//     debug=2 dump. It follows from reachability and is close to free of false alarms once goroutine 1 is
//     left out, but blind to channels that are reachable from a global or another live object, to I/O and
//     sleeps, and to a plain send of a captured variable. An empty one clears nothing. And waits that no
//     event can end: a nil channel, a select without cases.
//  2. Cohorts. Several goroutine dumps with ids (debug=2): which goroutines came, stayed and left. In place
//     of a series, a dump taken when the load had stopped and goroutines have had time to end (go-debug gate
//     --settle), or when the tests were over (go-debug gate -- go test): who came with the load and is still there.
//  3. Silence. An execution trace: whether the goroutines of a cohort, by id, moved at all. Without
//     snapshots, made minus ended per go statement.
//  4. Load. Request counts, from metrics, load tests or a trace: they turn growth into a number per request,
//     tell a leak that slows down with its traffic from a ramp, and growth with the requests in flight from a leak.
//  5. Source. A path on which the goroutine stays blocked, found in the program's code. It is certain where
//     nothing outlives the goroutine that might still end it: a loop over a queue that is kept in a field or a
//     map, or a worker that was started for one, may be meant to serve as long as that is there. So is a
//     goroutine that is started where a key is looked up in a map and not found, and nothing deletes keys: as many
//     are meant as there are keys, and whether those end the source does not say.
//
// Weaker forms: snapshots without ids (protobuf, debug=1) give counts per stack; one snapshot gives
// the number of goroutines at one line and how long they wait.
//
// # How it decides
//
// Goroutines are grouped by wait, functions of the program (each once, without type arguments and numbers of
// closures), creator and blocking line. Between two dumps each group has
// goroutines that arrived, that stayed and that left. The old are those that were in the group one
// dump earlier too: a goroutine that is merely passing through is never old when dumps are seconds
// apart, so a small share of stuck goroutines shows even at a line that thousands pass. The births of
// an interval are those who came in it and are still there at the last dump. A group leaks when
//
//   - there are births in at least three intervals (in every interval when there are fewer), the
//     last two among them; one of these may be without where there are fewer than three births an interval,
//     of which chance leaves an interval out; intervals with hardly any requests, where those are counted, do
//     not count;
//   - at most 5 % as many old ones left as came to stay. A goroutine seen running is neither
//     gone nor stuck;
//   - the number of the old rises: Mann-Kendall, one-sided, p < 0.05, and Theil-Sen slope
//     above 0, both over the dumps. Fewer than five dumps give the test no power; then the
//     old must rise at every dump, and the finding is at most possible;
//   - births do not die down: a late half of at most half the early half is a ramp unless so few are as likely
//     by chance (p < 0.02), or so many that a rate at which they level off shows. Halves are taken per request
//     where requests are counted, per goroutine that the program starts where it starts many others, else
//     per second.
//
// Where some leave, births of the go statement have to go on as well: workers that come back to their queue are
// not born again.
//
// A group at a line that many pass is judged on goroutines that stayed for two intervals
// when those of one interval come and go. Goroutines that no line explains are judged by their go
// statement instead, whatever they do at the moment.
//
// Goroutines that came with a load which has stopped are judged by who of them is left: at least
// as many as min-growth, born in at least three of the intervals and in the last two, and neither fewer and
// fewer of them, as those of a pool that fills up are, nor the latest only, as those that live for a while. A
// group of which a fifth went away with the load is none. After
// tests whoever is left is reported, except what package initialisation or TestMain started.
//
// Confidence, and what it needs:
//
//   - proven: 1. A select without cases is written on purpose: helpers that several dumps show to be
//     always the same ones are possible at most.
//   - likely: 2 and 3, that is five dumps or more and none of the cohort moved in a trace; or 2 and 5, a
//     path that is certain and that no wake-up contradicts; or goroutines that stayed when the load had stopped or outlive their tests. Silence
//     says nothing of I/O, sleeps and system calls, which last in healthy programs too; it is not enough
//     for goroutines that grow in step with requests in flight, that come with a reader of a
//     connection that peers opened, whose births decline beyond chance (p < 0.01), of whom fewer than 10
//     were born in the two halves, which do not tell a leak from a ramp, or of which the source starts one for
//     each new key of a map.
//   - possible: 2 alone, with a trace in which they wake, or without one. Growing counts without
//     ids, however steep: nobody can say who left. Made and never ended within a trace. Requests being
//     served in any wait, but in a select or I/O only when their clients have gone, because a long poll
//     waits there.
//   - low: growth where the source shows that the wait ends by itself before long (a timer, a deadline, a
//     sleep that is not repeated): until the first of them has lived so long it looks like a leak.
//     Many goroutines at one line in the only snapshot. Less of either where the source has a path that is certain:
//     20 goroutines at its line that have waited for minutes in the only snapshot, five that came and five that stayed
//     between the only two dumps, with a fifth as many that left; where counts without ids grow beside the two, those
//     speak. Growth that stopped, unless the
//     goroutines are seen to work; growth of fewer than 10 that are: growing, unproven, to be repeated
//     with a longer window.
//
// # Restarts and several programs
//
// Ids mean something within one process. Captures are told apart by their target; a restart shows
// in an id whose goroutine was started elsewhere before, and the longest run of dumps without one is used, with the
// snapshots that stand among these. Dumps in text do not say when they were taken. Beside profiles that do, each
// stands where the number of goroutines changes least by it; several in one place stand by their largest ids, which rise in
// a process, or by their numbers of goroutines where these are not known. Without such profiles the order is that of the
// files' names.
//
// # Numbers
//
// Growth is the births per second, with an exact interval; of snapshots without ids, the Theil-Sen slope of the
// counts. Survivors are the births of the whole window, for comparisons of one capture with another. Per request the
// births are divided by the completed requests of the same intervals; a dispersion test says whether that is one
// number. Where only a trace counts requests, its rate stands for the window, and the interval is that of both. Where the load began with the capture, rates leave out the intervals before goroutines had time to block.
// The time to a gigabyte takes the least stack that the runtime gives (2 KiB, doubled until 48
// bytes a frame fit): memory that the goroutines keep alive comes on top, so it is the latest.
//
// # Measured
//
// On simulated captures (six dumps in 30 s and a trace of one), found at possible or above and at likely or
// above, of 500 each, by go test ./detectors/leak -run Simulated -runs 500 -v:
//
//	                                          possible  likely
//	0.1 % of 600 births a second stay          98.2 %   89.0 %
//	0.5 % of 600 births a second stay         100.0 %  100.0 %
//	1.5 % of 600 births a second stay         100.0 %   99.6 %
//	5 % of 100 a second stay, the others 2 s   98.4 %   98.4 %
//	5 % of 50 a second stay                    99.4 %   99.2 %
//	one a second stays                         99.0 %   98.8 %
//	one in 2 s stays                           97.0 %   72.4 %
//	one in 5 s stays                           63.8 %    3.6 %
//	3 a second that tick once a second         99.8 %    0.0 %
//	2 a second beside 500 idle ones            99.2 %   99.2 %
//	they block after 2 s of work              100.0 %   98.6 %
//	5 % of a load that swings                  99.4 %   99.4 %
//	20 at a time, every 5 s                   100.0 %  100.0 %
//
// Of 21 kinds of healthy programs (idle and busy pools, ramps to a plateau with time constants of 3 to 15 s, requests
// from 50 ms to 15 s, long tails, bursts, swinging load, growing queues, a restart, a worker for each tenant) two
// yield findings. Requests of a median of 1 s of which some take a minute are possible in 0.6 % of the captures.
// Silent helpers that a customer's first request starts, while seldom ones are still to come, are likely in 74.6 %:
// in a capture nothing but their source tells them from a leak. Of snapshots without ids the same leaks are possible in 66 % of the captures,
// and the healthy programs in 0.7 %, but for the growing queue, which is one in most. What makes a slow leak invisible is the window: births in three
// of five intervals, the last ones among them, take more than one birth in 6 s. Twice the window finds it.
//
// On the services of scripts/evaluate, captured for 10 s at 4 and at 20 requests a second, with the source, built
// with go1.26.8 and go1.27.0: of 216 runs in which goroutines leaked 98.1 % were found at possible or above and 86.1 %
// at likely or above; of 224 findings at possible or above 2 were false (16 workers that a pool brings up one by
// one, all through the capture), of those at likely or above none, in 498 healthy runs. Missed were goroutines that
// come less than once a second, in twos and threes. Two services came later, measured by themselves: iterators that are
// not stopped, likely in 4 of 4 runs; and a healthy one of the kind that only its source tells from a leak, a janitor
// for each customer of a process that is new and has not met them all, possible in 6 of 6. With both, 8 of 234
// findings at possible or above are false.
//
// All of them and a service whose listeners are not closed, run again with go1.26.8 beside other work: of 112 runs in
// which goroutines leaked 99.1 % were found at possible or above and 84.8 % at likely or above; 3 of 118 findings at
// possible or above were false (the janitors), none at likely or above in 258 healthy runs. As a gate against a healthy
// run 99.1 % failed as they should, and none of 172 healthy ones. Missed was a pool that is resized, in the quiet run.
//
// # Thresholds
//
// The parameters below. None of them is an absolute count of goroutines for a verdict at
// possible or above: totals say nothing, cohorts do.
//
// # False positives
//
// Pools of database/sql that are opened and not closed are left to detector netwait, unless they outlive tests.
// Never reported: goroutine 1, the runtime's goroutines, signal handlers, the test
// harness, listeners unless more of them keep coming, idle server connections. Idle pools have no births. A ramp to a plateau
// dies down. Connections of an HTTP client are as many as were ever in use at once: those that wait for
// a response or are idle count only when they come evenly in all intervals and are twice as many as
// the goroutines that use them. Requests queueing under overload leave in the end; while the window is
// shorter than their wait they look like a leak, which is why they never pass possible.
// Of tests: a pool or cache that the first test to need it starts, once for the process, outlives them by
// design. Accept it by its fingerprint, or compare with a baseline.
// Goroutines that live longer than the capture by design (an expiry that sleeps for ten minutes, a subscription) and
// come at a steady rate while none has ended yet cannot be told from a leak by any snapshot: with the source, a
// timer among the waits makes them low; else repeat with a longer window. So is it with helpers for each customer, tenant or key while new ones come: with the
// source, which shows the map, they are possible; else accept them, or compare with a baseline. And with a pool other than net/http's that grows evenly through the whole window:
// at work it is possible, idle it is likely.
//
// # Remedy
//
// Give every goroutine a way to end that does not depend on its peer: a buffered result
// channel, a select on ctx.Done(), a close by the sender, a deadline on I/O, a deferred
// Unlock, Done and Stop.
package leak
