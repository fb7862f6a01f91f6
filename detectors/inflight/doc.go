// Package inflight contrasts throughput with concurrency, and finds requests that pile up
// behind a throughput that looks fine.
//
// # What it finds
//
//   - inflight/diverging: requests in flight grow out of proportion to arrivals. Throughput
//     alone hides this: a server that answers 950 requests a second looks the same with 90
//     in flight and with 9,000.
//   - inflight/queueing: goroutines that serve requests pile up at one line, seen in
//     goroutine snapshots or a trace when no metrics can settle it.
//   - inflight/unexplained-goroutines: far more goroutines than throughput, latency and
//     requests in flight explain, and growing.
//
// For each load it also reports requests per second, arrivals, requests in flight, latency,
// the Little gap and a verdict: ok, growing, plateau, leak, recovered, unanswered or
// inconclusive. A steady service is no finding, however slow it is.
//
// # Evidence
//
// Scrapes of a gauge of requests in flight, a counter of requests and a histogram or summary of their
// latency, with times; two give rates, six a verdict, twelve the full test. Goroutine snapshots, a trace or a
// block profile beside them name the line at which the requests wait. Three goroutine snapshots
// or a trace do without metrics, but cannot tell a queue from a rising load: what they show is
// possible, no more.
//
// An execution trace shows the requests themselves, without annotations: those of net/http (HTTP/1.1 with or
// without TLS, HTTP/2), of gRPC, and of whatever function --request-root names as the start of one. The load
// section then has entries with the source trace, for all and by route: throughput, arrivals, in flight and what
// that is made of, latency from arrival to the last byte, and in the measures where the requests wait and what the
// slowest of them did, in order. A route is the program's function that the router called; short handlers leave no
// event and have none. Each nanosecond of a request is in one state, so that what in flight is made of adds up.
//
// Goroutines that a request starts are followed, and those that these start, three deep. The measures say how many a
// request starts and leaves running, and at which go statements. Where a request waits for a group, a channel or a
// condition until one of its own goroutines ends the wait, the wait is divided by what that goroutine did meanwhile:
// "40 waiting for goroutines (36 of them waiting for downstream)", by line in the measures, and in order for the
// slowest requests. Nothing is guessed: waits that others end stay whole, and so do those within one generation of the
// trace (one begins about every second) that a goroutine from an earlier one ends; the measures say how many goroutines
// went over. In flight is said to wait for them only where half of such a wait is divided.
//
// Tasks and regions that the program annotates have entries too ("task order"), the eight with most in flight. Whether they pile up is not
// judged.
//
// Nobody sees a request arrive that the server could read without waiting: it came at some time since the end of the
// one before. Where that is so for more than 30 % of them, as it is where processors saturate, in flight and
// latency are given as the interval between the latest and the earliest they can have come, never as one number. Those that
// were seen to come while all processors were busy may then have come 20 ms earlier: so long Go may not look.
// Requests that begin or end outside of the window are counted as censored. Where CPU samples (50 or more) account for
// less than 60 % of the time that goroutines are said to have run, the host was starved, and the times are called not
// trustworthy.
//
// # How it decides
//
// Arrivals follow from completions: λ = X + ΔL/Δt. A server that comes to answer late tells all who have asked meanwhile the same,
// and the next one at once all that came since: scrapes that repeat what is in flight and what has completed, where ten
// completions and more were due, are taken for one with the next that moves on, and those that come after less than half of the
// usual time with the next. Means are over time, not over scrapes.
//
// For each interval between scrapes D =
// log((L+0.5)/(λ+1)): a ramp, in which load and concurrency rise together, leaves D level.
// Requests diverge when the last third of D is above the first third by all of: a factor
// (min-fold), a t-test with autocorrelation-consistent variance (max-p) and Cliff's δ (min-delta), and
// enough are in flight for it to matter (min-in-flight). Below twice min-bins intervals the factor
// must be short-fold. Below min-bins, or where growth is so steady that it inflates the
// variance, a rise of D at nearly every scrape stands in: Mann-Kendall with the same p, Kendall's
// τ of at least 0.8, and short-fold. Below twice min-bins intervals a third way is open, which arrivals that come
// in bursts do not hide: what is in flight changes from scrape to scrape by more on average than a queue at
// the brink of capacity wanders (t-test, drift-p), and it grows by min-fold more than arrivals do. Such
// findings are possible, unless snapshots agree.
//
// In so short a window what is in flight must also grow by more than the root of the arrivals and completions meanwhile,
// which is how far a queue at the brink of capacity wanders, or completed requests must explain less than half of it.
//
// A backlog that comes at once and stays is diluted by that: a dependency that from one second to the next takes half a
// second longer adds no more than a queue may in minutes. So in a short window a fourth way is open: a span in which completions fell
// further behind the usual arrivals (those of the first third) than such a queue does in that time, whichever span it is
// (jump-p), while no more arrived than usual. The backlog must not fall below half of what was added from there on, for a quarter of the window: a
// stall that is made up for is none. Such findings are possible, unless snapshots agree.
//
// Throughput must be flat meanwhile: its last third at most a quarter above its first, or at most half above it with
// requests that stay twice as long (L/X), or at most three times it with requests that stay longer by twice that factor, or, in the second half of the window, in flight still rising after throughput stopped to. Filling up after a start is neither.
// Where nothing completes at all, at least 20 requests must have completed before, in a tenth of the window on average:
// else it may be a start, and the load is inconclusive. Idle intervals
// count for nothing. Intervals in which a counter fell (a restart) have no rate.
//
// The verdict of what diverges: leak when completed requests explain less than a tenth of
// the concurrency (Little gap of 0.9 and more), growing when the last third still rises, else plateau.
//
// Little's law, L = X·W, says how many requests throughput and mean latency explain. Goroutines
// beyond twice that (a connection may have two) and beyond what is in flight are unexplained. Requests that come
// on top bring as many goroutines as each had before, up to ten: those that call others have more. They are reported
// when they grow: by half of the smallest count seen, at least min-unexplained, rising over the
// scrapes. A pool that stays is no finding, however large. Where three goroutine snapshots show which lines grow,
// the leak detector judges them, and this one says so in the load section.
//
// A goroutine serves a request when its stack holds net/http's connection loop, an HTTP/2
// handler, a gRPC handler or a timeout handler, and a frame of the program inside it. The line
// named is the innermost one of the program's own; frames of dependencies are passed over.
//
// # What a trace decides, and the cause
//
// The requests of a trace are judged like scrapes, in 12 intervals, but arrivals are seen and what is in flight is known
// throughout. A trace is short: in flight must grow by one and a half times the root of the arrivals and completions meanwhile. Where
// requests take more than a quarter of the trace it decides only if arrivals and throughput stay level: else requests
// that are there may be of a load that is over. Ten requests and more that came in the trace and are at its end there for four times as long
// as 99 % of the others took are a leak, if what is in flight grew by most of their number, however much there was
// before: that finding is possible, for streams that connect look alike. Findings of a trace that lies beside scrapes enough for a
// verdict are left to these, and it says why.
//
// Where half of what was added and more is of routes that are asked for more than before, and have no more in flight for that, or that
// began in the window and have levelled off, nothing diverges: one that takes seconds shows in flight and hardly in
// all arrivals. It does if the rest is more than the others may make a queue wander, if a route that is asked for as before has
// a queue of its own by that measure, or if ten requests of the others do not end: demand explains no backlog but its own. Where a route
// that began goes on to grow and few of its requests were over, or none was, the trace is too short: streams that connect
// and requests that hang look alike as long as none ends. Requests that do not
// end but go on to do something look like streams that have connected: a leak of them is possible, no more.
//
// In the other direction, where what is in flight grew by less than all requests together may make a queue wander, those of the route
// that accounts for most of it decide: the others do not pass through its queue.
//
// Else routes are not judged by themselves. Where all of them diverge, a route that
// accounts for half of what was added has the same verdict and says by how much it grew; that of others is inconclusive.
// What its requests do is said of each route, and shown without -v where that is mostly something else than what all do.
//
// The cause is the state and line whose part of what is in flight grew most from the first to the last third:
//
//	downstream  another service, a database, any socket that the handler reads
//	pool        connections of database/sql, net/http and the like; whatever other requests give back (channels and
//	            conditions that requests end for each other, or goroutines of theirs that do the same, deadlines
//	            aside); goroutines that serve requests and were there before them
//	limiter     a limit of the rate (x/time/rate, go.uber.org/ratelimit): the program holds requests back itself
//	mutex       locks of sync
//	cpu         running, or waiting for a processor; or a lock that for half of the window belongs to goroutines that were
//	            woken to own it and wait for a processor, a millisecond and more on average (wake-ups at the lock times the
//	            mean scheduler latency of requests): from then on sync.Mutex hands itself over at each Unlock
//	            (starvationThresholdNs) and stands still until its next owner runs
//	gc          the same, while the collector marks for 30 % of the time and more, and takes 15 % of the time in which
//	            goroutines run; it is entitled to a quarter while it marks
//	stuck       waits that nothing ends: half of those open have lasted four times as long as 99 % of those at the line that ended
//	abandoned   every fourth request had lost its client before its handler returned, whatever it waited for: retries. A
//	            stream of HTTP/2 or gRPC that the client resets leaves no event, so only connections that are closed show
//
// Other states stand for themselves. Where nearly all waits at the line are ended by goroutines that requests made for themselves, what
// these do is the cause: a handler that waits for goroutines that wait for a database waits for the database.
//
// Scrapes alone name a cause only by what they say of processors, in the second half of the window: cpu where nine tenths of GOMAXPROCS are in
// use, gc where the collector takes a quarter of the processor time. Metrics seldom state that; then it is estimated from
// collections and heap at a nanosecond a byte, which few processors mark faster, and a heap without pointers belies.
//
// # Load tests, capacity and what queues
//
// Outputs of load generators that list single requests (vegeta, k6, ghz, hey) give exact latencies with intervals, and the
// load as the clients saw it. Requests are grouped by how many were in flight when each arrived; "supports 64 concurrent at
// P99 < 50 ms" holds for all groups up to 64, each of at least 299 requests, by the upper bound of its P99 (binomial, 95 %).
// A summary states percentiles of the whole test and has no course of time: nothing is judged by it. Generators
// that wait for replies leave out the requests that would have met a stall (coordinated omission), and are said to.
//
// Queued is L·(1 − W0/W), where W0 is the mean latency in the bins with the fewest requests in flight: it is
// given only where concurrency varied twofold and hardly any met there. The knee is that of Kneedle, the universal
// scalability law is fitted only where it misses by less than 5 %.
//
// # Simulated queues
//
// How often queues of 200 services a second whose truth is known are called diverging, in 100 windows of scrapes one
// second apart, or 100 traces ("go run ./scripts/queues" prints it, a test holds it). M/G/∞ has as many servers as requests and lognormal
// service times. The overloads begin with the window, at 60 % before. Mann-Kendall on L, which tests for any rise, would
// reject nearly every ramp. A leak of 1 % adds two requests a second to about six: in 13 scrapes it hides in their variation.
//
//	queue                          window  diverging
//	stable, so these are false alarms:
//	M/M/1 at 50 %              60 scrapes        0 %
//	M/M/1 at 80 %              60 scrapes        0 %
//	M/M/1 at 90 %              60 scrapes        0 %
//	M/M/1 at 95 %              60 scrapes        0 %
//	M/M/8 at 80 %              60 scrapes        0 %
//	M/M/8 at 95 %              60 scrapes        0 %
//	M/M/1 at 80 %              13 scrapes        0 %
//	M/M/1 at 90 %              13 scrapes        0 %
//	M/M/1 at 95 %              11 scrapes        2 %
//	M/M/8 at 90 %              11 scrapes        0 %
//	M/G/∞, deviation 1 ×       60 scrapes        0 %
//	M/G/∞, deviation 3 ×       60 scrapes        0 %
//	M/G/∞, deviation 3 ×       13 scrapes        0 %
//	ramp from 10 to 70 %       60 scrapes        0 %
//	ramp from 60 to 85 %       60 scrapes        0 %
//	ramp from 50 to 75 %       13 scrapes        0 %
//	half a wave, 10 to 90 %    13 scrapes        0 %
//	burst of 130 %, 5 s        60 scrapes        0 %
//	M/M/1 at 80 %               5 s trace        0 %
//	M/M/1 at 95 %               5 s trace        2 %
//	M/M/1 at 95 %              15 s trace        0 %
//	M/M/8 at 95 %               5 s trace        2 %
//	M/G/∞, deviation 1 ×        5 s trace        0 %
//	M/G/∞, deviation 3 ×        5 s trace        0 %
//	M/G/∞, deviation 3 ×        1 s trace        0 %
//	ramp from 10 to 70 %       10 s trace        0 %
//	ramp from 60 to 85 %       10 s trace        0 %
//	half a wave, 10 to 90 %     5 s trace        0 %
//	not stable, so this is power:
//	overload of 2 %            60 scrapes       79 %
//	overload of 2 %            240 scrapes      100 %
//	overload of 5 %            60 scrapes       99 %
//	overload of 20 %           30 scrapes      100 %
//	overload of 20 %           11 scrapes      100 %
//	overload that begins       30 scrapes      100 %
//	1 % of requests leak       60 scrapes       73 %
//	1 % of requests leak       13 scrapes        0 %
//	overload of 5 %            10 s trace       42 %
//	overload of 20 %           10 s trace      100 %
//	overload of 20 %            5 s trace       99 %
//	overload that begins       10 s trace      100 %
//	5 % of requests leak       10 s trace      100 %
//
// # The share of select
//
// A share of goroutines in selectgo above 35 % is no sign of a queue: on its own it gave three false alarms and three misses
// in nine scenarios. The selectwait detector has it as an option that is off by default (its parameters say how), and
// this detector reports where the goroutines of requests gather instead.
//
// # Thresholds
//
// See the parameters; each has its reason. Percentiles of classic histograms are given as
// the bucket that holds them: the value is the upper bound, the interval the bounds.
//
// # False positives
//
// Long-lived requests (streams, long polls) that connect during the window look like requests that never end.
// Scrapes of all routes together show that more is in flight and not that a slow route is asked for more: a trace of the same time tells.
// Connections that clients keep for later grow with what they once had in flight at a time, and scrapes alone take them for
// goroutines that nothing explains. With two goroutine snapshots those that were added (the server reads the next request, and
// neither shakes hands nor speaks HTTP/2) are taken off the growth; where what is left is no finding, they are said to be left open, for without an
// IdleTimeout they pile up as clients come. Retries by clients look like load. Snapshots alone cannot see that load rises. Requests counted in
// metrics but in flight elsewhere (a gauge of another server in the process) break Little's law: see
// the roles of the load.
//
// # Remedy
//
// Bound what waits: a deadline for the dependency, a limit on concurrency that sheds load, more
// capacity behind the line that is named. Adding goroutines or clients lengthens the queue.
package inflight
