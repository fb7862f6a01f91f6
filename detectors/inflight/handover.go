package inflight

import "slices"

const (
	// handedShare of the window a lock must be on its way to goroutines that have got it and do not run yet for
	// processors to be what its waiters wait for.
	handedShare = 0.5
	// leastHandNS is how long that takes on average: a sync.Mutex whose waiter has waited for 1 ms
	// (starvationThresholdNs in sync/mutex.go) belongs to the woken one from the wake-up on, and stands still until it runs.
	leastHandNS = 1e6
)

// handedOver reports a lock that goroutines own which wait for a processor: each Unlock hands it to the next in
// line, which has to queue for a processor first. The longer that queue, the longer that of the lock; the code that the
// lock guards is not what it is made of. Whether one that is woken at the lock gets a processor sooner than
// others the trace does not say: the mean of all that serve requests stands in.
func (f *traffic) handedOver(s *tracedSite) bool {
	var handed, runs, latency int64
	for _, e := range f.trace.Wakes {
		if slices.Contains(s.stacks, e.Woken) {
			handed += e.Count
		}
	}
	for i := range f.trace.Sites {
		if by := &f.trace.Sites[i]; isRequestRoot(root(f.trace.StackOf(by.Start))) {
			runs += by.Latency.Count
			latency += by.Latency.Sum
		}
	}
	if runs == 0 || latency < leastHandNS*runs {
		return false
	}
	return float64(handed)*float64(latency)/float64(runs) >= handedShare*f.seconds*1e9
}
