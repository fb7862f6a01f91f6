package metrics

import (
	"maps"
	"slices"
	"strings"

	"go-debug/analyze/evidence"
)

// seqRoom is the room for scrapes between the sequence numbers of two inputs.
const seqRoom = 1_000_000

// roles are the metrics chosen for each role; "" where there is none.
type roles struct {
	goroutines, inFlight, requests, started, latency string
	unit                                             float64
	process                                          map[role]string // of the process and its collector
}

// loads builds the load of all routes, and of each where there are several.
func (h *history) loads(pos evidence.Position, n *notes) []evidence.Load {
	if h.tail != nil && (len(h.records) == 0 || h.records[len(h.records)-1] != h.tail) {
		h.records = append(h.records, h.tail)
	}
	h.prune()
	if h.stride > 1 {
		n.add("the scrapes exceed what is kept: every %dth is", h.stride)
	}
	if h.refused {
		n.add("more than %d metrics look like requests: the rest is left out", maxMetrics)
	}
	if h.scraped {
		n.add("requests to the metrics and pprof endpoints are left out")
	}
	r := h.choose(n)
	unanswered := func(r *record) bool { return !r.answered }
	if len(h.names) == 0 && !slices.ContainsFunc(h.records, unanswered) {
		return nil
	}
	all := h.load(pos, "", r, n)
	noteTimes(all.Points, n)
	noteResets(all.Points, n)
	out := []evidence.Load{all}
	if len(h.routes) < 2 {
		return out
	}
	for _, route := range slices.Sorted(maps.Keys(h.routes)) {
		if l := h.load(pos, route, r, n); len(l.Points) > 0 {
			out = append(out, l)
		}
	}
	if len(h.seen) > 0 {
		n.add("%d routes beyond the first %d count in the sum only", len(h.seen), maxRoutes)
	}
	return out
}

// choose takes the metrics of one family: the one that supplies most roles, in the order of the
// families where several do. What it lacks may come from metrics without a family.
func (h *history) choose(n *notes) roles {
	best := map[family]map[role]string{}
	for _, name := range slices.Sorted(maps.Keys(h.names)) {
		c := h.table[h.names[name]]
		if best[c.family] == nil {
			best[c.family] = map[role]string{}
		}
		if old, ok := best[c.family][c.role]; !ok || h.names[name] < h.names[old] {
			best[c.family][c.role] = name
		}
	}
	chosen := familyGeneric
	for _, f := range []family{familyController, familyGRPC, familyHTTP} {
		if len(best[f]) >= len(best[chosen]) && len(best[f]) > 0 {
			chosen = f
		}
	}
	pick := func(r role) string {
		if name, ok := best[familyGiven][r]; ok {
			return name
		}
		if name, ok := best[chosen][r]; ok {
			return name
		}
		return best[familyGeneric][r]
	}
	out := roles{goroutines: best[familyRuntime][roleGoroutines], requests: pick(roleRequests), latency: pick(roleLatency)}
	out.process = best[familyRuntime]
	if given, ok := best[familyGiven][roleGoroutines]; ok {
		out.goroutines = given
	}
	// What is in flight may be known by a gauge or by what has started.
	if out.started = best[familyGiven][roleStarted]; out.started == "" && best[familyGiven][roleInFlight] == "" {
		out.started = best[chosen][roleStarted]
	}
	if out.started == "" {
		out.inFlight = pick(roleInFlight)
	}
	if out.latency != "" {
		out.unit = h.table[h.names[out.latency]].unit
	}
	h.noteUnused(out, n)
	return out
}

func (h *history) noteUnused(r roles, n *notes) {
	var unused []string
	for _, name := range slices.Sorted(maps.Keys(h.names)) {
		if r.process[h.table[h.names[name]].role] == name {
			continue
		}
		if !slices.Contains([]string{r.goroutines, r.inFlight, r.requests, r.started, r.latency}, name) {
			unused = append(unused, name)
		}
	}
	if len(unused) > 6 {
		unused = append(unused[:6], "…")
	}
	if len(unused) > 0 {
		n.add("not used beside the chosen ones: %s", strings.Join(unused, ", "))
	}
}

// load builds one route's points. A route has no point for a scrape in which it does not appear.
func (h *history) load(pos evidence.Position, route string, r roles, n *notes) evidence.Load {
	l := evidence.Load{Source: "metrics", Kind: evidence.Metrics, Route: route, Roles: map[string]string{}}
	if route == "" {
		l.Route = "all"
	}
	for _, rec := range h.records {
		p := evidence.LoadPoint{At: rec.at, Seq: pos.Seq*seqRoom + rec.index}
		found := h.fill(&p, rec, route, r, l.Roles, n)
		if route == "" {
			fillProcess(&p, rec, r)
		}
		if found || route == "" {
			l.Points = append(l.Points, p)
		}
	}
	return l
}

// fillProcess adds what the process and its collector used.
func fillProcess(p *evidence.LoadPoint, rec *record, r roles) {
	for role, to := range map[role]**float64{roleCPU: &p.CPUSeconds, roleCollector: &p.CollectorSeconds, roleCycles: &p.GCCycles, roleHeapGoal: &p.HeapGoal} {
		if c := rec.cells[cellKey{r.process[role], ""}]; c != nil && c.hasValue {
			v := c.value
			*to = &v
		}
	}
}

func (h *history) fill(p *evidence.LoadPoint, rec *record, route string, r roles, used map[string]string, n *notes) (found bool) {
	value := func(name string, role role) *float64 {
		c := rec.cells[cellKey{name, route}]
		if name == "" || c == nil || !c.hasValue {
			return nil
		}
		found = true
		used[roleNames[role]] = name
		v := c.value
		return &v
	}
	p.Goroutines = value(r.goroutines, roleGoroutines)
	p.InFlight = value(r.inFlight, roleInFlight)
	p.Requests = value(r.requests, roleRequests)
	if c := rec.cells[cellKey{r.requests, route}]; c != nil && c.hasFailed {
		failed := c.failed
		p.Errors = &failed
	}
	if c := rec.cells[cellKey{r.latency, route}]; r.latency != "" && c != nil {
		found = true
		used[roleNames[roleLatency]] = r.latency
		h.fillLatency(p, c, r, used, n)
	}
	if started := value(r.started, roleInFlight); started != nil {
		used[roleNames[roleInFlight]] = r.started + " − " + r.requests
		if p.Requests == nil {
			used[roleNames[roleInFlight]] = r.started + " − " + r.latency + "_count"
			p.Requests = p.LatencyCount
		}
		if p.Requests != nil {
			// The two counters are read one after the other, so a busy server may seem to serve −1.
			v := max(*started-*p.Requests, 0)
			p.InFlight = &v
		} else {
			delete(used, roleNames[roleInFlight])
		}
	}
	return found
}

func (h *history) fillLatency(p *evidence.LoadPoint, c *cell, r roles, used map[string]string, n *notes) {
	if c.native != nil {
		c = c.native.cell()
	}
	if c.hasSum {
		v := c.sum * r.unit
		p.LatencySumS = &v
	}
	if c.hasCount {
		v := c.count
		p.LatencyCount = &v
	}
	var mixed bool
	p.Sparse = c.native != nil
	if p.LatencyBuckets, mixed = c.latencyBuckets(r.unit); mixed {
		n.add("%s: buckets that not all series share, or no +Inf bucket: percentiles may be missing", r.latency)
	}
	if r.requests == "" && p.LatencyCount != nil {
		v := *p.LatencyCount
		p.Requests = &v
		used[roleNames[roleRequests]] = r.latency + "_count"
	}
}

func noteTimes(points []evidence.LoadPoint, n *notes) {
	for i := 1; i < len(points); i++ {
		a, b := points[i-1].At, points[i].At
		switch {
		case a.IsZero() || b.IsZero():
			n.add("scrapes without a time: no rate can be taken")
		case !b.After(a):
			n.add("scrapes out of time order or with one time: no rate is taken between them")
		}
	}
}

// noteResets tells of counters that fell. The points keep them as scraped; whoever takes rates leaves
// the interval out.
func noteResets(points []evidence.LoadPoint, n *notes) {
	falls := 0
	var before *evidence.LoadPoint
	for i := range points {
		p := &points[i]
		if p.Requests == nil && p.LatencyCount == nil {
			continue
		}
		if before != nil && (fell(before.Requests, p.Requests) || fell(before.LatencyCount, p.LatencyCount)) {
			falls++
		}
		before = p
	}
	if falls > 0 {
		n.add("counters fell %d×: the process restarted or series vanished; no rate is taken across", falls)
	}
}

func fell(a, b *float64) bool { return a != nil && b != nil && *b < *a }
