package inflight

import "go-debug/analyze/stats"

// begunShare is the share of a route's arrivals in the last quarter of the window that came in the first, below which it is
// said to have begun in the window.
const begunShare = 0.1

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
		events := float64(r.Completed + r.Open - r.OpenEarlier + r.ended())
		if last-first >= tracedWander*wanderOf(events) {
			concurrency, _, _, _ := t.series()
			t.diverges = true
			t.verdict = t.name(concurrency)
			return
		}
	}
}

// allowForRoutes takes back a divergence where most of what was added is of routes that are asked for more than before, in
// proportion: requests that take longer than others need no longer for that. All arrivals together do not show it where
// the others are many.
func (t *tracedLoad) allowForRoutes() {
	if !t.diverges || len(t.routes) < 2 || t.cause != nil && t.cause.name == causeStuck {
		return
	}
	var explained, unsettled float64
	name := ""
	for _, r := range t.routes {
		first, last := r.thirds()
		if last <= first {
			continue
		}
		switch r.demand(first, last, t.verdict == verdictPlateau) {
		case demandRisen:
			explained += last - first
		case demandBegun:
			unsettled += last - first
			name = r.name
		}
	}
	switch grown := t.grown(); {
	case explained >= routeShare*grown:
		t.diverges, t.cause, t.verdict = false, nil, verdictOK
	case explained+unsettled >= routeShare*grown:
		t.diverges, t.cause, t.tested, t.verdict = false, nil, false, verdictInconclusive
		t.why, t.try = "requests of "+name+" began in the window, and are not yet as many as they take: "+duration(t.flow.window)+" is too short to tell whether they pile up", tryTrace
	}
}

// demand is whether arrivals explain what a route has in flight.
type demand int

const (
	demandLevel demand = iota
	demandRisen        // as much more as there are in flight, or it began and has levelled off
	demandBegun        // it began in the window, and goes on to grow; hardly any of its requests were over
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
	case begun && level, !begun && rise >= modestRise && last+0.5 <= modestRise*rise*(first+0.5):
		return demandRisen
	case begun && f.Completed < f.Open && stats.Residence(last, float64(f.Completed)/f.seconds) > f.seconds/leastResidences:
		return demandBegun
	}
	return demandLevel
}
