package netwait

import (
	"fmt"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
	"go-debug/analyze/stats"
)

// pools is how many pools of database/sql there are, by their goroutines.
type pools struct {
	counts []int // a snapshot
	leaked int   // that the runtime proved to be unreachable
	made   int64 // in the trace
	ended  int64
	stack  evidence.Stack
}

func (r *reading) pools() pools {
	var out pools
	count := func(s *evidence.Snapshot) (n, leaked int) {
		for i := range s.Groups {
			if g := &s.Groups[i]; g.Stack.Contains(sqlOpener) {
				n, leaked, out.stack = n+g.Count, leaked+g.Leaked, g.Stack
			}
		}
		return n, leaked
	}
	for _, s := range r.snapshots {
		n, leaked := count(s)
		out.counts, out.leaked = append(out.counts, n), max(out.leaked, leaked)
	}
	for _, s := range r.set.SnapshotsOf(evidence.GoroutineLeak) {
		n, _ := count(s)
		out.leaked = max(out.leaked, n)
	}
	if t := r.set.Trace; t != nil {
		for i := range t.Sites {
			if s := &t.Sites[i]; t.StackOf(s.Start).Contains(sqlOpener) {
				out.made, out.ended = out.made+s.Created, out.ended+s.Ended
			}
		}
	}
	return out
}

// minMore is by how many pools their number has to grow: as for any other goroutines, fewer are single ones.
const minMore = 4

// judge says how sure it is that pools are opened and not closed; 0 for not at all. n is how many.
func (o *pools) judge(p *analyze.Pass) (sure analyze.Confidence, n int) {
	k := len(o.counts)
	if k > 0 {
		n = o.counts[k-1]
	}
	grown := k > 1 && n >= o.counts[0]+minMore && !falls(o.counts) && 2*steps(o.counts) >= k-1
	switch {
	case o.leaked >= minMore:
		return analyze.Proven, max(n, o.leaked)
	case grown && float64(n) >= p.Param("min-pools") && k > 2 && 4*steps(o.counts) >= 3*(k-1):
		return analyze.Likely, n
	case grown && float64(n) >= p.Param("min-pools"):
		return analyze.Possible, n
	case k == 1 && float64(n) >= p.Param("min-pools-alone"), k == 0 && o.made >= minMore && o.ended == 0:
		return analyze.Possible, max(n, int(o.made))
	}
	return 0, n
}

// reportOpen reports pools of database/sql that become more. It returns the number of findings.
func reportOpen(r *reading) int {
	o := r.pools()
	sure, n := o.judge(r.pass)
	if sure == 0 {
		return 0
	}
	at, made := r.openLine()
	f := analyze.Finding{
		Rule: ruleOpen, Location: at, Confidence: sure, Stacks: []evidence.Stack{o.stack}, Cost: float64(n), Next: "go-debug explain " + ruleOpen,
		Message:  fmt.Sprintf("%d pools of database/sql are open", n),
		Identity: []string{evidence.NormalFunction(at.Function)},
		Measures: []stats.Measure{{Name: "pools", Value: float64(n), Unit: "count", N: int64(len(o.counts)), Method: "goroutines in " + sqlOpener + ", last snapshot"}},
	}
	if made != nil {
		f.Stacks = []evidence.Stack{made}
	}
	if s := r.seconds(); s > 0 && n > o.counts[0] {
		rate := float64(n-o.counts[0]) / s
		f.Message += fmt.Sprintf(", %.3g more a second", rate)
		if r.requestsS > 0 {
			f.Message += fmt.Sprintf(", %.2g for each request", rate/r.requestsS)
		}
		f.Measures = append(f.Measures, stats.Measure{Name: "pools_growth", Value: rate, Unit: "per_s", N: int64(len(o.counts)), Method: "last less first snapshot, over the time between"}.Over(s))
	}
	if o.leaked > 0 {
		f.Message += fmt.Sprintf("; %d are unreachable", o.leaked)
	}
	r.pass.Report(f)
	return 1
}

func falls(counts []int) bool {
	for i := 1; i < len(counts); i++ {
		if counts[i] < counts[i-1] {
			return true
		}
	}
	return false
}

// steps counts by how many snapshots a number rose.
func steps(counts []int) int {
	n := 0
	for i := 1; i < len(counts); i++ {
		if counts[i] > counts[i-1] {
			n++
		}
	}
	return n
}

// seconds is the time between the first and the last snapshot, 0 when it is not known.
func (r *reading) seconds() float64 {
	n := len(r.snapshots)
	if n < 2 || r.snapshots[0].At.IsZero() || r.snapshots[n-1].At.IsZero() {
		return 0
	}
	return r.snapshots[n-1].At.Sub(r.snapshots[0].At).Seconds()
}

// openLine is the program's line that opens most pools: by the go statements of a trace, else by what allocs
// and heap profiles say is allocated in sql.Open.
func (r *reading) openLine() (evidence.Frame, evidence.Stack) {
	lines := map[evidence.Frame]*queueLine{}
	q := &queue{lines: lines}
	if t := r.set.Trace; t != nil {
		for i := range t.Sites {
			s := &t.Sites[i]
			if t.StackOf(s.Start).Contains(sqlOpener) {
				q.add(t.StackOf(s.Stack), float64(s.Created))
			}
		}
	}
	if at, l := topLine(lines); l != nil {
		return at, l.stack
	}
	for _, kind := range []evidence.Kind{evidence.Allocs, evidence.Heap} {
		shares := signature.Beneath(r.set.ProfilesOf(kind), "alloc_objects", []signature.Call{opening})
		if len(shares[0].Sites) > 0 {
			return shares[0].Sites[0].Location, shares[0].Sites[0].Stack
		}
	}
	return evidence.Frame{}, nil
}

// opening is a line that opens a pool.
var opening = signature.Call{Functions: []string{sqlOpen, sqlOpenDB}, Caller: true}
