package leak

import (
	"fmt"
	"math"
	"strconv"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

// report emits the findings and returns how many.
func (s *survey) report() int {
	s.countLast()
	sure := map[string]analyze.Confidence{}
	for key, c := range s.candidates {
		c.trace = s.traces[key]
		sure[key] = s.confidence(c)
	}
	n := 0
	for _, c := range s.sorted() {
		if sure[c.key] == 0 {
			continue
		}
		s.p.Report(s.finding(c, sure[c.key]))
		n++
	}
	return n
}

func (s *survey) finding(c *candidate, sure analyze.Confidence) analyze.Finding {
	f := analyze.Finding{
		Rule:       ruleOf(c.class),
		Confidence: sure,
		Location:   c.location(),
		CreatedBy:  c.creator,
		Wait:       c.class,
		Message:    s.message(c, sure),
		Measures:   s.measures(c),
		Stacks:     []evidence.Stack{withoutWrappers(c.stack)},
		Cost:       float64(c.goroutines()),
		Next:       "go-debug explain " + ruleOf(c.class),
	}
	if f.Location.Std() && c.stack.Contains(readLoop) {
		if by, ok := dialler(s.p.Evidence.Trace); ok {
			f.Location = by
			f.Message += "; most new connections are for requests made here"
		}
	}
	switch {
	case sure == analyze.Weak, c.created != nil && sure == analyze.Possible:
		f.Next = tryCapture
	case sure == analyze.Possible:
		f.Next = tryLonger
	}
	return f
}

// goroutines is the headline number: those blocked in the last snapshot, or as many as the
// runtime or a trace counted.
func (c *candidate) goroutines() int {
	n := max(c.leaked, c.forever)
	if n > 0 && !c.grows() {
		return n
	}
	if c.count == 0 && c.created != nil {
		return int(c.created.parked)
	}
	return max(n, c.count)
}

func (s *survey) message(c *candidate, sure analyze.Confidence) string {
	n, doing := c.goroutines(), waitingIn(c)
	who := fmt.Sprintf("%d goroutines", n)
	if n == 1 {
		who = "1 goroutine"
	}
	switch {
	case c.leaked > 0 && sure == analyze.Proven:
		return who + " blocked for ever in " + doing + ": nothing that still runs can reach what they wait for"
	case c.forever > 0 && sure == analyze.Proven:
		return who + " blocked for ever in " + doing + ": no event can end that wait"
	case c.forever > 0 || c.class == evidence.WaitNoCases:
		return who + " blocked for ever in " + doing + "; a helper that is meant to stay does no harm"
	case c.cohort != nil && c.cohort.verdict == growing:
		return who + " in " + doing + " and more keep coming: " + c.cohort.sentence() + s.doubt(c, sure)
	case c.growth != nil:
		return fmt.Sprintf("goroutines in %s grow from %d to %d over %d snapshots%s", doing,
			c.growth.counts.first(), c.growth.counts.last(), len(c.growth.counts), s.doubt(c, sure))
	case c.created != nil:
		return fmt.Sprintf("%d goroutines started in a trace of %.3g s and %d ended; %d of them wait in %s",
			c.created.created, c.created.windowS, c.created.ended, c.created.parked, doing)
	case c.minutes > 0:
		return fmt.Sprintf("%s in %s, for up to %d min; one snapshot cannot tell a leak from an idle pool", who, doing, c.minutes)
	}
	return who + " in " + doing + "; one snapshot cannot tell a leak from an idle pool"
}

func (c *cohort) sentence() string {
	if c.dumps == 2 {
		return fmt.Sprintf("%d came and %d left between two dumps", c.arrived, c.left)
	}
	return fmt.Sprintf("%d stayed and %d left over %d dumps", c.joined, c.left, c.dumps)
}

// doubt names the harmless reading that keeps a finding from being surer.
func (s *survey) doubt(c *candidate, sure analyze.Confidence) string {
	switch {
	case sure >= analyze.Likely:
		return ""
	case servesRequests(c.stack):
		return "; they are requests, which may yet be answered"
	case c.cohort != nil && (c.moving || c.cohort.awake > 0):
		return "; they wake now and then"
	case c.cohort == nil || c.cohort.dumps < trendDumps:
		return "; too few dumps with goroutine ids for a trend"
	}
	return ""
}

func waitingIn(c *candidate) string {
	switch c.class {
	case evidence.WaitChanSend:
		return "a channel send"
	case evidence.WaitChanRecv:
		return "a channel receive"
	case evidence.WaitSelect:
		if c.stack.Contains(readLoop) {
			return "the read loop of an HTTP connection whose response body is open"
		}
		return "a select"
	case evidence.WaitNilChan:
		return "an operation on a nil channel"
	case evidence.WaitNoCases:
		return "select{}"
	case evidence.WaitMutex, evidence.WaitRWMutex:
		return "Lock"
	case evidence.WaitWaitGroup:
		return "WaitGroup.Wait"
	case evidence.WaitCond:
		return "Cond.Wait"
	case evidence.WaitIO:
		if c.stack.Contains(readLoop) {
			return "the read loop of an HTTP connection that no request uses"
		}
		return "network I/O"
	case evidence.WaitSyscall:
		return "a system call"
	case evidence.WaitSleep:
		return "a sleep"
	}
	return "a wait of unknown kind"
}

func (s *survey) measures(c *candidate) []stats.Measure {
	head := stats.Measure{Name: "goroutines", Value: float64(c.goroutines()), Unit: "count",
		N: int64(max(len(s.snapshots), 1)), Method: "blocked at this line in the last snapshot"}
	if c.leaked > 0 && !c.grows() {
		head.Method, head.N = c.from, int64(c.leaked)
	}
	out := []stats.Measure{head}
	if rate, ok := s.rate(c); ok {
		out = append(out, rate)
		if m, ok := s.perRequest(rate); ok {
			out = append(out, m)
		}
	}
	if co := c.cohort; co != nil && co.verdict == growing {
		out = append(out, s.cohortMeasures(c)...)
	}
	if cr := c.created; cr != nil {
		out = append(out, count("created", int(cr.created), 1, "go statements run in the trace").Over(cr.windowS),
			count("ended", int(cr.ended), 1, "goroutines ended in the trace").Over(cr.windowS))
	}
	if c.minutes > 0 {
		out = append(out, stats.Measure{Name: "longest_wait", Value: float64(c.minutes), Unit: "min", N: int64(c.goroutines()),
			Method: "goroutine dump, counted from the first GC after blocking"})
	}
	return out
}

func (s *survey) cohortMeasures(c *candidate) []stats.Measure {
	co := c.cohort
	n := int64(co.dumps)
	window := 0.0
	if x, timed := times(s.dumps); timed {
		window = x[len(x)-1]
	}
	trend := "followed by goroutine id"
	if !math.IsNaN(co.p) {
		trend += fmt.Sprintf("; %s, one-sided p = %.2g", stats.MannKendallMethod, co.p)
	}
	old := stats.Measure{Name: "old", Unit: "count", N: n, Method: trend}
	if k := len(co.old); k > 0 {
		old.Value = co.old[k-1]
	}
	if co.dumps < trendDumps {
		old = old.Warn("fewer than five dumps: the trend test has no power")
	}
	out := []stats.Measure{
		old.Over(window),
		count("arrived", co.arrived, n, "followed by goroutine id").Over(window),
		count("exited", co.left, n, "old ones that left the line").Over(window),
	}
	if c.trace != nil {
		silent, known := c.trace.silence(co.history.old, s.newest)
		out = append(out, stats.Measure{Name: "silent", Value: silent, Unit: "ratio", N: int64(known),
			Method: "share of the old that never moved in the trace; lower bound"}.
			Over(float64(s.p.Evidence.Trace.DurationNS())/1e9))
	}
	return out
}

func count(name string, v int, n int64, method string) stats.Measure {
	return stats.Measure{Name: name, Value: float64(v), Unit: "count", N: n, Method: method}
}

// rate is the growth per second, or per snapshot where nobody recorded the times.
func (s *survey) rate(c *candidate) (stats.Measure, bool) {
	slope, snaps := stats.Slope{Value: math.NaN()}, s.dumps
	switch {
	case c.cohort != nil && c.cohort.verdict == growing:
		slope = c.cohort.slope
	case c.growth != nil:
		slope, snaps = c.growth.slope, s.snapshots
	}
	if slope.N == 0 || math.IsNaN(slope.Value) {
		return stats.Measure{}, false
	}
	x, timed := times(snaps)
	m := stats.Measure{Name: "growth", Value: slope.Value, Unit: "per_snapshot", N: int64(slope.N), Method: stats.TheilSenMethod}
	if timed {
		m.Unit = "per_s"
		m = m.Over(x[len(x)-1])
	}
	if !math.IsNaN(slope.Lo) && !math.IsNaN(slope.Hi) {
		m.Interval = &[2]float64{slope.Lo, slope.Hi}
	}
	return m, true
}

// perRequest divides the growth by the request rate, where a load source counts requests.
func (s *survey) perRequest(rate stats.Measure) (stats.Measure, bool) {
	if rate.Unit != "per_s" {
		return stats.Measure{}, false
	}
	best, source, n := 0.0, "", 0
	for i := range s.p.Evidence.Loads {
		l := &s.p.Evidence.Loads[i]
		if perS, points := requestRate(l); perS > best {
			best, source, n = perS, l.Source, points
		}
	}
	if best == 0 {
		return stats.Measure{}, false
	}
	m := stats.Measure{Name: "per_request", Value: rate.Value / best, Unit: "ratio", N: int64(n),
		Method: "growth per second over requests per second (" + source + ")"}
	if rate.Interval != nil {
		m.Interval = &[2]float64{rate.Interval[0] / best, rate.Interval[1] / best}
	}
	m.WindowS = rate.WindowS
	return m, true
}

// requestRate is completed requests per second between the first and the last point that
// count them.
func requestRate(l *evidence.Load) (perS float64, points int) {
	var first, last *evidence.LoadPoint
	for i := range l.Points {
		p := &l.Points[i]
		if p.Requests == nil || p.At.IsZero() {
			continue
		}
		if first == nil {
			first = p
		}
		last = p
		points++
	}
	if points < 2 {
		return 0, points
	}
	seconds := last.At.Sub(first.At).Seconds()
	if n := *last.Requests - *first.Requests; n > 0 && seconds > 0 {
		return n / seconds, points
	}
	return 0, points
}

// withoutWrappers drops compiler-made frames that some formats show and others hide,
// unless nothing else of the program is left.
func withoutWrappers(stack evidence.Stack) evidence.Stack {
	var out evidence.Stack
	for _, f := range stack {
		if !isWrapper(f.Function) {
			out = append(out, f)
		}
	}
	if _, ok := out.User(); !ok {
		return stack
	}
	return out
}

// place is a frame's file and line for people.
func place(f evidence.Frame) string {
	if f.Line == 0 {
		return f.ShortFile()
	}
	return f.ShortFile() + ":" + strconv.Itoa(f.Line)
}
