package inflight

import "go-debug/analyze/stats"

// begunShare is the share of a route's arrivals in the last quarter of the window that came in the first, below which it is
// said to have begun in the window.
const begunShare = 0.1

// longTrace is the length of a trace, in seconds, that tryTrace does not outdo.
const longTrace = 9

// lookAtRoutes makes a divergence of what all requests together may wander by chance, where the route that accounts for it has
// so few of them that its own queue may not: the others only pass by.
func (t *tracedLoad) lookAtRoutes() {
	if !t.wanders || len(t.routes) < 2 {
		return
	}
	for _, r := range t.routes {
		first, last := r.thirds()
		if len(r.Arrived) == 0 || last-first < routeShare*t.grown() || r.demand(first, last, false) != demandLevel {
			continue
		}
		if last-first >= tracedWander*wanderOf(r.events()) {
			concurrency, _, _, _ := t.series()
			t.diverges = true
			t.verdict = t.name(concurrency)
			return
		}
	}
}

// routeGrowth is what was added in flight by whether arrivals explain it.
type routeGrowth struct {
	risen    float64  // of routes that are asked for more, in proportion
	begun    float64  // of routes that began in the window, and of which it is too early to tell
	latest   *traffic // the one of these that most was added to
	others   float64  // arrivals and completions of all other routes
	ownQueue bool     // a route that is asked for as before has a queue of its own
	// stay is how many requests of all other routes do not end, and gained by how many more they end the window than they began it.
	stay, gained int64
}

func (t *tracedLoad) routeGrowth() routeGrowth {
	g := routeGrowth{others: t.all.events(), stay: t.all.unending(), gained: t.all.gained()}
	most := 0.0
	for _, r := range t.routes {
		first, last := r.thirds()
		grown := last - first
		if grown <= 0 {
			continue
		}
		switch r.demand(first, last, t.verdict == verdictPlateau) {
		case demandLevel:
			g.ownQueue = g.ownQueue || grown >= tracedWander*wanderOf(r.events())
			continue
		case demandRisen:
			g.risen += grown
		case demandBegun:
			g.begun += grown
			if grown > most {
				most, g.latest = grown, r
			}
		}
		g.others -= r.events()
		g.stay -= r.Ages.CountAbove(t.all.stays())
		g.gained -= r.gained()
	}
	return g
}

// wander is how far the other routes together may go by chance, a request at least.
func (g *routeGrowth) wander() float64 { return max(tracedWander*wanderOf(g.others), 1) }

// allowForRoutes takes back a divergence where most of what was added is of routes that are asked for more than before, in
// proportion: requests that take longer than others need no longer for that. All arrivals together do not show it where
// the others are many. It stands where what such routes leave unexplained is a queue too, or where enough requests of others do not end.
func (t *tracedLoad) allowForRoutes() {
	if !t.diverges || len(t.routes) < 2 || t.cause != nil && t.cause.name == causeStuck {
		return
	}
	g, grown := t.routeGrowth(), t.grown()
	switch explained := g.risen + g.begun; {
	case explained < routeShare*grown, g.ownQueue, grown-explained > g.wander(),
		g.stay >= leastUnending && float64(g.gained) >= explainedHalf*float64(g.stay):
		return
	case g.risen >= routeShare*grown && grown-g.risen <= g.wander():
		t.verdict = verdictOK
	default:
		t.tested, t.verdict = false, verdictInconclusive
		t.why, t.try = t.tooEarly(g.latest)
	}
	t.diverges, t.cause, t.unending = false, nil, 0
}

// tooEarly says of which route the window is too short to tell whether its requests pile up, and what tells.
func (t *tracedLoad) tooEarly(r *traffic) (why, try string) {
	try = tryTrace
	if t.flow.window >= longTrace {
		try = tryLonger
	}
	why = "requests of " + r.name + " began in the window, and "
	if r.Completed == 0 {
		return why + "none was over at its end: streams that have connected and requests that hang look alike in " + duration(t.flow.window), try
	}
	return why + "are not yet as many as they take: " + duration(t.flow.window) + " is too short to tell whether they pile up", try
}

// gained is by how many more requests are in flight at the end of the window than at its beginning.
func (f *traffic) gained() int64 { return f.Open - f.OpenEarlier - f.Earlier }

// events are the arrivals and completions of the window.
func (f *traffic) events() float64 {
	return float64(f.Completed + f.Open - f.OpenEarlier + f.ended())
}

// demand is whether arrivals explain what a route has in flight.
type demand int

const (
	demandLevel demand = iota
	demandRisen        // as much more as there are in flight, or it began and has levelled off
	demandBegun        // it began in the window, and goes on to grow; none or hardly any of its requests were over
)

func (f *traffic) demand(first, last float64, level bool) demand {
	n := len(f.Arrived)
	if n < 4 {
		return demandLevel
	}
	sum := func(from, to int) (total float64) {
		for _, v := range f.Arrived[from:to] {
			total += float64(v)
		}
		return total
	}
	early, late := sum(0, n/3), sum(n-n/3, n)
	rise := (late + 1) / (early + 1)
	switch begun := sum(0, n/4) < begunShare*sum(n-n/4, n); {
	case begun && level && f.Completed > 0, !begun && rise >= modestRise && last+0.5 <= modestRise*rise*(first+0.5):
		return demandRisen
	case begun && f.Completed < f.Open && (f.Completed == 0 || stats.Residence(last, float64(f.Completed)/f.seconds) > f.seconds/leastResidences):
		return demandBegun
	}
	return demandLevel
}
