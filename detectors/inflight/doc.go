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
// # How it decides
//
// Arrivals follow from completions: λ = X + ΔL/Δt. For each interval between scrapes D =
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
// Throughput must be flat meanwhile: its last third at most a quarter above its first, or at most half above it with
// requests that stay twice as long (L/X), or, in the second half of the window, in flight still rising after throughput stopped to. Filling up after a start is neither.
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
// # Thresholds
//
// See the parameters; each has its reason. Percentiles of classic histograms are given as
// the bucket that holds them: the value is the upper bound, the interval the bounds.
//
// # False positives
//
// Long-lived requests (streams, long polls) that connect during the window look like requests that never end.
// Retries by clients look like load. Snapshots alone cannot see that load rises. Requests counted in
// metrics but in flight elsewhere (a gauge of another server in the process) break Little's law: see
// the roles of the load.
//
// # Remedy
//
// Bound what waits: a deadline for the dependency, a limit on concurrency that sheds load, more
// capacity behind the line that is named. Adding goroutines or clients lengthens the queue.
package inflight
