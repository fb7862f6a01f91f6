package leak

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"go-debug/analyze/evidence"
)

// A world is a simulated process: goroutines are born, block, may wake now and then, and end. It is
// seen as go-debug capture sees a real one: six dumps six seconds apart and a trace of a second.
type world struct {
	rng   *rand.Rand
	until float64 // seconds; the capture begins at 0, so what was before is negative
	born  []mortal
	sites []simSite
	// restart, if not 0, is when the process dies with all goroutines and starts again.
	restart float64
}

type simSite struct {
	wait  evidence.Wait
	stack evidence.Stack
	wakes float64 // per second and goroutine
}

// A mortal is one simulated goroutine.
type mortal struct {
	site             int
	birth, from, end float64 // blocked from from until end
	id               uint64
}

const (
	simLead   = -20.0
	simWindow = 30.0
	simEvery  = 6.0
	traceFrom = 14.5
)

func newWorld(seed uint64) *world {
	return &world{rng: rand.New(rand.NewPCG(seed, 99)), until: simWindow}
}

func (w *world) site(wait evidence.Wait, wakes float64) int {
	n := len(w.sites)
	w.sites = append(w.sites, simSite{wait, userStack("main.work"+string(rune('A'+n)), 10+n), wakes})
	return n
}

// stream lets goroutines be born at a rate that may change, from a time on, each with a delay until it
// blocks and a time for which it does.
func (w *world) stream(site int, from, most float64, rate func(t float64) float64, delay, stay func() float64) {
	for t := from; ; {
		t += w.rng.ExpFloat64() / most
		if t > w.until {
			return
		}
		if w.rng.Float64() > rate(t)/most {
			continue
		}
		b := t + delay()
		w.born = append(w.born, mortal{site: site, birth: t, from: b, end: b + stay()})
	}
}

func (w *world) pool(site, n int) {
	for i := range n {
		at := simLead - 1 - float64(i)*1e-6
		w.born = append(w.born, mortal{site: site, birth: at, from: at, end: math.Inf(1)})
	}
}

func constant(v float64) func(float64) float64 { return func(float64) float64 { return v } }
func fixed(v float64) func() float64           { return func() float64 { return v } }
func (w *world) exp(mean float64) func() float64 {
	return func() float64 { return w.rng.ExpFloat64() * mean }
}
func (w *world) lognormal(median, sigma float64) func() float64 {
	return func() float64 { return median * math.Exp(sigma*w.rng.NormFloat64()) }
}

// stuck is a stay that never ends for a share of the goroutines.
func (w *world) stuck(share float64, else_ func() float64) func() float64 {
	return func() float64 {
		if w.rng.Float64() < share {
			return math.Inf(1)
		}
		return else_()
	}
}

// capture takes the dumps and the trace.
func (w *world) capture() *evidence.Set {
	if w.restart > 0 {
		w.reborn()
	}
	slices.SortFunc(w.born, func(a, b mortal) int { return cmp.Compare(a.birth, b.birth) })
	next := uint64(100)
	for i := range w.born {
		if i > 0 && w.restart > 0 && w.born[i-1].birth < w.restart && w.born[i].birth >= w.restart {
			next = 100
		}
		w.born[i].id = next
		next++
	}
	set := &evidence.Set{}
	for i := 0; float64(i)*simEvery <= w.until+1e-9; i++ {
		set.Snapshots = append(set.Snapshots, w.dump(i, float64(i)*simEvery))
	}
	set.Trace = w.trace(traceFrom, traceFrom+1)
	return set
}

// reborn ends everybody at the restart and starts those anew who were there from the beginning.
func (w *world) reborn() {
	for i := range w.born {
		g := w.born[i]
		if g.birth < w.restart {
			w.born[i].end = min(g.end, w.restart)
			if g.birth < simLead {
				w.born = append(w.born, mortal{site: g.site, birth: w.restart, from: w.restart, end: math.Inf(1)})
			}
		}
	}
}

func (w *world) dump(seq int, at float64) evidence.Snapshot {
	perSite := make([][]uint64, len(w.sites))
	for _, g := range w.born {
		if g.from <= at && at < g.end {
			perSite[g.site] = append(perSite[g.site], g.id)
		}
	}
	var groups []evidence.Group
	for i, ids := range perSite {
		if len(ids) > 0 {
			groups = append(groups, group(w.sites[i].wait, w.sites[i].stack, ids...))
		}
	}
	d := dump(seq, groups...)
	d.At = epoch.Add(time.Duration(at * float64(time.Second)))
	return d
}

func (w *world) trace(from, to float64) *evidence.Trace {
	t := &evidence.Trace{Stacks: [][]int32{{}}, Windows: []evidence.TraceWindow{{DurationNS: int64((to - from) * 1e9)}}}
	t.Windows[0].At = epoch.Add(time.Duration(from * float64(time.Second)))
	for i, s := range w.sites {
		var frames []int32
		for _, f := range s.stack {
			frames = append(frames, int32(len(t.Frames)))
			t.Frames = append(t.Frames, f)
		}
		id := int32(len(t.Stacks))
		t.Stacks = append(t.Stacks, frames)
		b := evidence.BlockSite{Stack: id, Wait: s.wait}
		made := evidence.CreationSite{Stack: id, Start: id}
		for _, g := range w.born {
			w.traceOne(&g, i, from, to, &b, &made)
		}
		made.Parked = []evidence.Parked{{Stack: id, Count: made.AtEnd}}
		t.Blocks = append(t.Blocks, b)
		t.Sites = append(t.Sites, made)
	}
	return t
}

func (w *world) traceOne(g *mortal, site int, from, to float64, b *evidence.BlockSite, made *evidence.CreationSite) {
	if g.site != site || g.end <= from || g.birth > to {
		return
	}
	young := g.birth > from
	if young {
		made.Created++
	}
	if g.end <= to {
		b.Ended.Add(int64((g.end - max(g.from, from)) * 1e9))
		if young {
			made.Lifetime.Add(1)
		}
		return
	}
	if g.from > to {
		return
	}
	b.Open.Add(int64((to - max(g.from, from)) * 1e9))
	b.OpenIDs = append(b.OpenIDs, g.id)
	if young {
		made.AtEnd++
	}
	awake := w.rng.Float64() >= math.Exp(-w.sites[site].wakes*(to-from))
	if g.from <= from && !awake {
		b.Silent++
	} else {
		b.MovedIDs = append(b.MovedIDs, g.id)
	}
}
