package netwait

import (
	"fmt"
	"math"
	"slices"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
	"go-debug/analyze/stats"
)

// The functions of database/sql that decide.
const (
	sqlConn   = "database/sql.(*DB).conn"
	sqlOpener = "database/sql.(*DB).connectionOpener"
	sqlOpen   = "database/sql.Open"
	sqlOpenDB = "database/sql.OpenDB"
)

// awaitsConnection reports a goroutine that waits for another to give a connection back. One that makes
// a connection itself stands deeper, in the driver.
func awaitsConnection(stack evidence.Stack, wait evidence.Wait) bool {
	if wait != evidence.WaitSelect && wait != evidence.WaitNone {
		return false
	}
	for _, f := range stack {
		if pkg := f.Package(); pkg != "" && pkg != "runtime" {
			return f.Function == sqlConn
		}
	}
	return false
}

// hasConnection reports a goroutine that has a connection of a pool, or makes one: it is in a driver, beneath
// database/sql, or reads rows.
func hasConnection(stack evidence.Stack) bool {
	i := slices.IndexFunc(stack, func(f evidence.Frame) bool { return f.Package() == "database/sql" })
	return i > 0 && stack[i].Function != sqlConn && stack[i].Function != sqlOpener
}

// queue is the goroutines that wait for connections, by line and in all.
type queue struct {
	lines   map[evidence.Frame]*queueLine
	waiting []int // a snapshot
	busy    []int
	served  bool // waiters of one snapshot have gone by the next
	ended   evidence.Histogram
	open    int64
	spentNS float64 // of waiting within the traces
	traced  float64 // s
}

type queueLine struct {
	count float64
	stack evidence.Stack
}

func (q *queue) add(stack evidence.Stack, n float64) {
	at, ok := signature.Own(stack)
	if !ok {
		return
	}
	if q.lines[at] == nil {
		q.lines[at] = &queueLine{stack: stack}
	}
	q.lines[at].count += n
}

func (r *reading) queue() *queue {
	q := &queue{lines: map[evidence.Frame]*queueLine{}}
	before := map[uint64]bool{}
	for _, s := range r.snapshots {
		waiting, busy, now := 0, 0, map[uint64]bool{}
		for i := range s.Groups {
			g := &s.Groups[i]
			switch {
			case awaitsConnection(g.Stack, g.Wait):
				waiting += g.Count
				q.add(g.Stack, float64(g.Count))
				for _, id := range g.IDs {
					now[id] = true
				}
			case hasConnection(g.Stack):
				busy += g.Count
			}
		}
		for id := range before {
			q.served = q.served || !now[id]
		}
		before = now
		q.waiting, q.busy = append(q.waiting, waiting), append(q.busy, busy)
	}
	if t := r.set.Trace; t != nil {
		q.traced = float64(t.DurationNS()) / 1e9
		for i := range t.Blocks {
			b := &t.Blocks[i]
			if stack := t.StackOf(b.Stack); b.Wait == evidence.WaitSelect && awaitsConnection(stack, b.Wait) {
				q.ended.Merge(&b.Ended)
				q.open += b.Open.Count
				spent := float64(b.Ended.Sum) + float64(b.Unseen.Sum) + float64(b.Open.Sum)
				q.spentNS += spent
				q.add(stack, spent/1e9)
			}
		}
	}
	return q
}

// mean is the goroutines that wait, on average over the trace, which sees all the time, else over the snapshots.
func (q *queue) mean() float64 {
	if q.traced > 0 && q.spentNS > 0 {
		return q.spentNS / 1e9 / q.traced
	}
	return mean(q.waiting)
}

// once reports a queue that the trace met and the snapshots did not: a burst.
func (q *queue) once(least float64) bool {
	return len(q.waiting) > 2 && mean(q.waiting) < least/2
}

// grows reports a queue that lengthens through the snapshots: requests pile up, and detector inflight says so.
func (q *queue) grows() bool {
	n := len(q.waiting)
	return n > 2 && !falls(q.waiting) && steps(q.waiting) >= n-2 && q.waiting[n-1] >= 2*max(q.waiting[0], 1)
}

func mean(counts []int) float64 {
	sum := 0
	for _, n := range counts {
		sum += n
	}
	return float64(sum) / math.Max(float64(len(counts)), 1)
}

// reportPool reports pools of connections for which queries wait. It returns the number of findings.
func reportPool(r *reading) int {
	q := r.queue()
	few := len(r.snapshots) < 2 && q.traced == 0
	enough := q.mean() >= r.pass.Param("min-waiters") && q.mean() >= r.pass.Param("min-starved")*mean(q.busy)
	if few {
		enough = q.mean() >= r.pass.Param("min-waiters-alone")
	}
	at, line := topLine(q.lines)
	if !enough || line == nil || q.grows() && q.served || q.once(r.pass.Param("min-waiters")) {
		return 0
	}
	f := analyze.Finding{
		Rule: rulePool, Location: at, Confidence: analyze.Possible, Stacks: []evidence.Stack{line.stack}, Wait: evidence.WaitSelect,
		Cost: q.mean(), Next: "go-debug explain " + rulePool,
		Message: fmt.Sprintf("%s goroutines wait for a connection of the pool", meanText(q.mean())),
	}
	if busy := mean(q.busy); busy > 0 {
		f.Message += fmt.Sprintf(" on average, while %s have one", meanText(busy))
	}
	lasting := slices.Min(append([]int{math.MaxInt}, q.waiting...))
	switch {
	case q.ended.Count > 0:
		f.Message += fmt.Sprintf("; they wait %s (P50), %s (P99)", duration(q.ended.Quantile(.5)), duration(q.ended.Quantile(.99)))
		f.Confidence = analyze.Likely
	case !few && !q.served && lasting > 0 && len(r.snapshots) > 2:
		f.Message += "; none of them got one: connections are not given back (Rows, Tx or Conn not closed)"
		f.Confidence = analyze.Likely
	case q.served && len(r.snapshots) > 2:
		f.Confidence = analyze.Likely
	}
	f.Measures = q.measures()
	r.pass.Report(f)
	return 1
}

func (q *queue) measures() []stats.Measure {
	m := stats.Measure{Name: "waiting_goroutines", Value: q.mean(), Unit: "count", N: int64(len(q.waiting)), Method: "mean over the trace, else over the goroutine snapshots; max is of a snapshot"}
	if len(q.waiting) > 0 {
		m.Max = stats.Float(float64(slices.Max(q.waiting)))
	}
	out := []stats.Measure{m}
	if q.ended.Count > 0 {
		w := stats.FromHistogram("connection_wait", "ns", &q.ended, 0.95).Over(q.traced)
		if q.open > 0 {
			w = w.Warn(fmt.Sprintf("%d waits were still open at the end of the trace and are not in it", q.open))
		}
		out = append(out, w)
	}
	if len(q.busy) > 0 {
		out = append(out, stats.Measure{Name: "busy_connections", Value: mean(q.busy), Unit: "count", N: int64(len(q.busy)), Max: stats.Float(float64(slices.Max(q.busy))),
			Method: "goroutines in calls of a driver, mean over the snapshots: a lower bound of the connections in use"})
	}
	return out
}

func topLine(lines map[evidence.Frame]*queueLine) (evidence.Frame, *queueLine) {
	var at evidence.Frame
	var best *queueLine
	for f, l := range lines {
		if best == nil || l.count > best.count || l.count == best.count && (f.Function < at.Function || f.Function == at.Function && f.Line < at.Line) {
			at, best = f, l
		}
	}
	return at, best
}
