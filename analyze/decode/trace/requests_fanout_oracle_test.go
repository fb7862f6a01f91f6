package trace

import (
	"bytes"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"

	xtrace "golang.org/x/exp/trace"

	"go-debug/analyze/evidence"
)

// fanOracle reads off a trace whose middleware marks requests which goroutines these start, and what the goroutines did
// that ended their waits. It takes the events in the order of x/exp/trace, at the times in the file.
type fanOracle struct {
	gs       map[xtrace.GoID]*fanGoroutine
	requests []*fanRequest
}

type fanRequest struct {
	goroutine uint64
	begun     int64
	lives     []*fanLife
	deeper    []int64          // made by goroutines that are as deep as is followed
	waited    map[string]int64 // by what the goroutine did that ended the wait
}

type fanLife struct{ born, ended int64 }

type fanGoroutine struct {
	id      xtrace.GoID
	request *fanRequest // that it serves
	of      *fanRequest // that it belongs to
	crossed bool        // into a generation that did not make it
	changed bool        // its state, within this generation
	life    *fanLife
	above   []xtrace.GoID // who made it, and so on
	spells  []fanSpell
	reason  string // of the wait
	stack   string
	since   int64
	seen    bool // since was in this generation
}

type fanSpell struct {
	from, to int64
	state    string
	by       *fanGoroutine // who ended it, if that was one of its own
}

func readFanOut(t *testing.T, data []byte) (o *fanOracle, exact bool) {
	t.Helper()
	r, err := xtrace.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	file := &recordedOracle{t: t, times: map[eventClass][]int64{}}
	file.readTimes(data)
	o, exact = &fanOracle{gs: map[xtrace.GoID]*fanGoroutine{}}, true
	for {
		ev, err := r.ReadEvent()
		if err == io.EOF {
			return o, exact
		}
		if err != nil {
			t.Fatal(err)
		}
		at, ok := file.find(&ev, int64(ev.Time()))
		exact = exact && ok
		o.event(&ev, at-file.start)
	}
}

func (o *fanOracle) of(id xtrace.GoID) *fanGoroutine {
	if o.gs[id] == nil {
		o.gs[id] = &fanGoroutine{id: id}
	}
	return o.gs[id]
}

func (o *fanOracle) event(ev *xtrace.Event, at int64) {
	switch ev.Kind() {
	case xtrace.EventSync: // of what goes on each generation shows the first change of state, and the last
		for _, g := range o.gs {
			g.crossed, g.changed, g.seen = true, false, false
		}
	case xtrace.EventRegionBegin:
		if g := o.of(ev.Goroutine()); ev.Region().Type == requestRegion {
			g.request = &fanRequest{goroutine: uint64(g.id), begun: at, waited: map[string]int64{}}
			o.requests = append(o.requests, g.request)
		}
	case xtrace.EventRegionEnd:
		if ev.Region().Type == requestRegion {
			o.of(ev.Goroutine()).request = nil
		}
	case xtrace.EventStateTransition:
		st := ev.StateTransition()
		if st.Resource.Kind != xtrace.ResourceGoroutine {
			return
		}
		from, to := st.Goroutine()
		if from != to && from != xtrace.GoUndetermined {
			o.transition(ev, &st, from, to, at)
		}
	}
}

func (o *fanOracle) transition(ev *xtrace.Event, st *xtrace.StateTransition, from, to xtrace.GoState, at int64) {
	id := st.Resource.Goroutine()
	var by *fanGoroutine
	if ev.Goroutine() != xtrace.NoGoroutine && ev.Goroutine() != id {
		by = o.of(ev.Goroutine())
	}
	if from == xtrace.GoNotExist {
		o.gs[id] = &fanGoroutine{id: id}
		if !startsInRuntime(st.Stack) {
			o.made(o.gs[id], by, at)
		}
	}
	g := o.of(id)
	if from != xtrace.GoNotExist {
		o.left(g, by, from, at)
	}
	g.since, g.seen, g.reason, g.stack = max(at, g.since), true, st.Reason, framesOf(st.Stack)
	if to == xtrace.GoNotExist {
		if g.life != nil {
			g.life.ended = at
		}
		delete(o.gs, id)
	}
}

// startsInRuntime reports the stack of a goroutine that is there for all the program, such as the workers of the collector.
func startsInRuntime(start xtrace.Stack) bool {
	functions := strings.Fields(framesOf(start))
	if len(functions) == 0 {
		return false
	}
	first := functions[len(functions)-1]
	return strings.HasPrefix(first, "runtime.") && first != "runtime.corostart"
}

func (o *fanOracle) made(g, by *fanGoroutine, at int64) {
	switch {
	case by == nil:
		return
	case by.request != nil:
		g.of = by.request
	case by.of != nil && !by.crossed:
		g.of, g.above = by.of, append([]xtrace.GoID{by.id}, by.above...)
	default:
		return
	}
	if len(g.above) >= maxFanDepth {
		g.of.deeper = append(g.of.deeper, at)
		g.of = nil
		return
	}
	g.life = &fanLife{born: at}
	g.of.lives = append(g.of.lives, g.life)
}

// left takes the end of a state.
func (o *fanOracle) left(g, by *fanGoroutine, from xtrace.GoState, at int64) {
	s := fanSpell{from: g.since, to: max(at, g.since), state: from.String()}
	if from == xtrace.GoWaiting || from == xtrace.GoSyscall {
		s.state += " " + g.stack
	}
	if by != nil && by.of != nil && from == xtrace.GoWaiting {
		if by.of == g.of && slices.Contains(by.above, g.id) && !g.crossed && !by.crossed {
			s.by = by
		}
		if by.of == g.request && awaitsGroup(g.reason, g.stack) && by.crossed == !g.seen {
			by.during(s.from, s.to, g.request.waited)
		}
	}
	if g.crossed && g.changed {
		s.state = ""
	}
	g.changed = true
	if g.of != nil {
		g.spells = append(g.spells, s)
	}
}

func awaitsGroup(reason, stack string) bool {
	return strings.HasPrefix(reason, "chan ") || reason == "select" || reason == "sync.(*Cond).Wait" ||
		reason == "sync" && strings.Contains(stack, "sync.(*WaitGroup).Wait\n")
}

// during sums up what a goroutine did between two moments. It is running now.
func (g *fanGoroutine) during(from, to int64, out map[string]int64) {
	add := func(state string, lo, hi int64) {
		if d := min(hi, to) - max(lo, from); d > 0 {
			out[state] += d
		}
	}
	add("", from, g.life.born)
	at := max(g.life.born, from)
	for _, s := range g.spells {
		if lo, hi := max(s.from, from), min(s.to, to); s.by != nil && hi > lo {
			s.by.during(lo, hi, out)
		} else {
			add(s.state, s.from, s.to)
		}
		at = s.to
	}
	add(xtrace.GoRunning.String(), at, to)
}

// compareFanOut demands that the goroutines of requests, and what was waited for them, are those of the oracle.
func compareFanOut(t *testing.T, data []byte, tr *evidence.Trace, w *window) {
	t.Helper()
	o, exact := readFanOut(t, data)
	ends, open := map[uint64][]requestRecord{}, map[uint64][]requestRecord{}
	w.requests.tally.records.each(func(r requestRecord) {
		if r.open || r.earlier {
			open[r.goroutine] = append(open[r.goroutine], r)
		} else {
			ends[r.goroutine] = append(ends[r.goroutine], r)
		}
	})
	var started, left, starters, deeper int64
	waited := map[string]int64{}
	for _, q := range o.requests {
		for state, ns := range q.waited {
			waited[state] += ns
		}
		at := slices.IndexFunc(ends[q.goroutine], func(r requestRecord) bool { return r.from <= q.begun && q.begun <= r.to })
		if at < 0 {
			continue
		}
		to := ends[q.goroutine][at].to
		n := int64(0)
		for _, l := range q.lives {
			if l.born <= to {
				n++
				if l.ended > to+onItsWay || l.ended == 0 && w.now > to+onItsWay {
					left++
				}
			}
		}
		for _, born := range q.deeper {
			if born <= to {
				deeper++
			}
		}
		started += n
		starters += min(n, 1)
	}
	var got struct{ started, left, starters, deeper int64 }
	have, namer := map[string]int64{}, stateNamer{w: w, q: w.requests, names: map[uint64]string{}}
	for _, r := range tr.Requests {
		if r.FanOut == nil {
			continue
		}
		got.starters += r.FanOut.Requests
		got.deeper += r.FanOut.Deeper
		for _, s := range r.FanOut.Starts {
			got.started += s.Started
			got.left += s.Left
		}
	}
	for _, r := range w.requests.tally.routes {
		for i, key := range r.awaited.keys {
			if s := spellOf(key); evidence.AwaitsGoroutines(namer.state(&s)) {
				oracleStates(&namer, *r.awaited.at(i), have)
			}
		}
	}
	if got.starters != starters {
		t.Errorf("%d requests started goroutines, the oracle has %d", got.starters, starters)
	}
	if !exact {
		t.Log("the oracle has no exact times for this trace: no more is compared")
		return
	}
	if got.started != started || got.left != left || got.deeper != deeper {
		t.Errorf("%+v, the oracle has %d goroutines of %d requests, %d left running, %d deeper", got, started, starters, left, deeper)
	}
	want := map[string]int64{}
	for state, ns := range waited {
		kind, stack, _ := strings.Cut(state, " ")
		if kind == xtrace.GoWaiting.String() || kind == xtrace.GoSyscall.String() {
			kind += " " + ownFunction(strings.Split(stack, "\n"))
		}
		want[kind] += ns
	}
	if !maps.Equal(have, want) {
		t.Errorf("requests waited for their goroutines, which meanwhile were\n%v, the oracle's\n%v", have, want)
	}
	t.Logf("%d goroutines of %d requests, %d left running; waited for them: %v", started, starters, left, have)
}

// oracleStates adds what goroutines did in the oracle's terms, with the innermost function of this package.
func oracleStates(n *stateNamer, v *awaitTally, out map[string]int64) {
	add := func(state string, ns int64) {
		if ns > 0 {
			out[state] += ns
		}
	}
	add("", v.own[goNone])
	add(xtrace.GoRunning.String(), v.own[goRunning]+v.own[goAssist])
	add(xtrace.GoRunnable.String(), v.own[goRunnable])
	for i, key := range v.states.keys {
		s := spellOf(key)
		var functions []string
		for _, f := range n.stack(int32(s.stack)) {
			functions = append(functions, f.Function)
		}
		add(state[s.status].String()+" "+ownFunction(functions), *v.states.at(i))
	}
}

func ownFunction(functions []string) string {
	for _, f := range functions {
		if strings.HasPrefix(f, "go-debug/") {
			return f
		}
	}
	return ""
}
