// Package leak finds goroutine leaks: goroutines that block at one line for ever while
// more of them keep coming.
//
// # What it finds
//
// One finding per blocking line, named by what the goroutine waits for: a channel send or
// receive, a select, a nil channel or a select without cases, a mutex, a WaitGroup, a
// condition variable, I/O, a sleep. The location is the innermost line of the program's own code
// on the blocking stack, because that is where the fix starts; the go statement is named
// beside it where the capture holds it. Where a stack has no line of the program (the
// connections of net/http's client) the creator stands in for it, or, where a trace shows it, the line
// whose requests had most of the connections dialled.
//
// # Evidence
//
// Strongest first:
//
//   - The runtime's own leak detection: a goroutineleak profile, or "(leaked)" marks in a
//     debug=2 dump. It follows from reachability and is close to free of false alarms, but it is blind
//     to channels that are reachable from a global or another live object, to I/O and
//     sleeps, and to a plain send of a captured variable. An empty one clears nothing.
//   - Waits that no event can end: a nil channel, a select without cases.
//   - Several goroutine dumps with ids (debug=2): which goroutines came, stayed and went.
//   - An execution trace: whether those goroutines moved at all; made minus ended per go
//     statement.
//   - Several snapshots without ids (protobuf, debug=1): counts per stack, nothing more.
//   - One snapshot: many goroutines at one line, which an idle pool shows as well.
//   - Request counts, to state the leak per request.
//
// # How it decides
//
// Goroutines are grouped by wait, functions of the program, and blocking line. Between two dumps with ids
// each group has goroutines that arrived, that stayed and that left. The old are
// those that were in the group one dump earlier too: a goroutine that is merely passing
// through is never old when dumps are seconds apart, so a small share of stuck goroutines
// shows even at a line that thousands pass. A group leaks when
//
//   - goroutines arrived in at least three intervals (in every interval when there are
//     fewer), the last two among them;
//   - at most 5 % as many old ones left as arrived. A goroutine seen running is neither
//     gone nor stuck;
//   - the number of the old rises: Mann-Kendall, one-sided, p < 0.05, and Theil-Sen slope
//     above 0, both over the dumps. Fewer than five dumps give the test no power; then the
//     old must rise at every dump, and the finding is at most possible unless growth is massive
//     and nothing ever leaves;
//   - arrivals do not die down: a late half of at most half the early half is a ramp.
//
// A group at a line that many pass is judged on goroutines that stayed for two intervals
// when those of one interval come and go. Goroutines that move between lines are judged
// by their go statement instead.
//
// Confidence:
//
//   - proven: the runtime's mark, or a wait that no event can end, at several goroutines or with
//     more coming. A lone select{} may be a helper that is meant to stay: possible.
//   - likely: a cohort over five dumps and a trace in which the same goroutines never move. Massive
//     growth of counts over five snapshots, at a wait that idle goroutines do not use.
//   - possible: the cohort alone, a cohort that wakes now and then, growing counts, a trace
//     alone. Requests being served are at most possible, and so are goroutines that grow in step with
//     connections: a ramp of long polls looks the same.
//   - low: many goroutines at one line in the only snapshot.
//
// # Thresholds
//
// The parameters below. None of them is an absolute count of goroutines for a verdict at
// possible or above: totals say nothing, cohorts do.
//
// # False positives
//
// Never reported: goroutine 1, the runtime's goroutines, signal handlers, the test
// harness, listeners, idle server connections. Idle pools have no arrivals. A ramp to a plateau
// dies down. Connections of an HTTP client are as many as were ever in use at once: those that wait for
// a response or are idle count only when they come evenly in all intervals and are twice as many as
// the goroutines that use them. Requests queueing under overload leave in the end; while the window is
// shorter than their wait they look like a leak, which is why they never pass possible.
// Sessions that live longer than the capture (subscriptions, web sockets) and are opened at a steady rate with
// none closed cannot be told from a leak by any snapshot: repeat with a longer window. So is it with a pool other than
// net/http's that grows with every burst of the window.
//
// # Remedy
//
// Give every goroutine a way to end that does not depend on its peer: a buffered result
// channel, a select on ctx.Done(), a close by the sender, a deadline on I/O, a deferred
// Unlock, Done and Stop.
package leak
