package trace

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"testing"

	xtrace "golang.org/x/exp/trace"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

// TestDurationsAgainstTheOracle: in the order of x/exp/trace, but at the times that stand in the file, every
// duration is exactly the replay's. The times that x/exp/trace gives differ from those by its own
// rule alone, an event that is not later than the one before it is moved to 1 ns behind that, and so its
// durations by no more than the events of each.
func TestDurationsAgainstTheOracle(t *testing.T) {
	for name, run := range map[string]func(t *testing.T){
		"load on 1":  func(t *testing.T) { load(t, 1, newGeneration(t)) },
		"load on 2":  func(t *testing.T) { load(t, 2, newGeneration(t)) },
		"load on 16": func(t *testing.T) { load(t, 16, newGeneration(t)) },
		"stories":    func(t *testing.T) { stories(t, newGeneration(t)) },
	} {
		t.Run(name, func(t *testing.T) {
			data := record(t, func() { run(t) })
			oracle := &recordedOracle{t: t, times: map[eventClass][]int64{}}
			oracle.readTimes(data)
			set, err := decodeWith(t.Context(), bytes.NewReader(data), evidence.Position{Source: "t.trace"}, budget.Budget{}, oracle.read)
			if err != nil {
				t.Fatal(err)
			}
			want, got := set.Trace, decode(t, data).Trace
			if want.Windows[0].DurationNS != got.Windows[0].DurationNS {
				t.Errorf("the window has %d ns, the oracle's %d", got.Windows[0].DurationNS, want.Windows[0].DurationNS)
			}
			compareCounts(t, durationsOf(got), durationsOf(want))
			compareCounts(t, counts(got), counts(want))
			_, moved := both(t, data)
			for i := range got.Blocks {
				g, m := &got.Blocks[i].Ended, &moved.Blocks[i].Ended
				if d := g.Sum - m.Sum; max(d, -d) > oracle.shift {
					t.Errorf("waits of %d ns, the oracle's %d: it has moved all events by %d ns together", g.Sum, m.Sum, oracle.shift)
				}
			}
			t.Logf("%d events, of which x/exp/trace moves %d, by up to %d ns", want.Windows[0].Events, oracle.moved, oracle.furthest)
		})
	}
}

// durationsOf flattens all that has a duration, to the last bucket.
func durationsOf(t *evidence.Trace) map[string]int64 {
	out := map[string]int64{}
	at := func(id int32) string { return fmt.Sprint(t.StackOf(id)) }
	put := func(k string, h *evidence.Histogram) {
		text, _ := json.Marshal(h)
		if h.Count > 0 {
			out[k+" "+string(text)] = h.Sum
		}
	}
	for i := range t.Blocks {
		b := &t.Blocks[i]
		k := fmt.Sprintf("block %s %s ", b.Wait, at(b.Stack))
		put(k+"ended", &b.Ended)
		put(k+"unseen", &b.Unseen)
		put(k+"open", &b.Open)
		for _, e := range b.Exemplars {
			out[fmt.Sprintf("%s of goroutine %d at %d", k, e.Goroutine, e.AtNS)] = e.DurationNS
		}
	}
	for _, w := range t.Wakes {
		out[fmt.Sprintf("wake %s %s %s", w.Wait, at(w.Waker), at(w.Woken))] = w.DelayNS
	}
	for i := range t.Syscalls {
		s := &t.Syscalls[i]
		put("syscall "+at(s.Stack), &s.Duration)
		put("syscall unseen "+at(s.Stack), &s.Unseen)
		put("syscall open "+at(s.Stack), &s.Open)
	}
	for i := range t.Sites {
		s := &t.Sites[i]
		k := fmt.Sprintf("site %s start %s ", at(s.Stack), at(s.Start))
		put(k+"lifetime", &s.Lifetime)
		put(k+"latency", &s.Latency)
		out[k+"running"] = s.RunNS
		for _, p := range s.Parked {
			out[k+"parked "+at(p.Stack)], out[k+"parked longest "+at(p.Stack)] = p.NS, p.MaxNS
		}
	}
	for i := range t.Spans {
		s := &t.Spans[i]
		put(s.Kind+" "+s.Name, &s.Duration)
		put(s.Kind+" open "+s.Name, &s.Open)
	}
	for k, h := range t.GC.STW {
		put("pause "+k, &h)
	}
	for i := range t.GC.AssistSites {
		put("assist "+at(t.GC.AssistSites[i].Stack), &t.GC.AssistSites[i].Duration)
	}
	put("latency", &t.Sched.Latency)
	out["running"], out["mark"], out["sweep"] = t.Sched.RunningNS, t.GC.MarkNS, t.GC.SweepNS
	return out
}

// eventClass is what events of the file and events of x/exp/trace are matched by: of one thread, the
// n-th of a class in the file is the n-th of the class that x/exp/trace returns.
type eventClass struct {
	thread uint64
	kind   xtrace.EventKind
}

// wireKinds are the kinds of event that x/exp/trace makes of those in the file which begin or end a duration.
var wireKinds = map[byte]xtrace.EventKind{
	evGoCreate: xtrace.EventStateTransition, evGoCreateBlocked: xtrace.EventStateTransition, evGoCreateSyscall: xtrace.EventStateTransition,
	evGoStart: xtrace.EventStateTransition, evGoDestroy: xtrace.EventStateTransition, evGoDestroySyscall: xtrace.EventStateTransition,
	evGoStop: xtrace.EventStateTransition, evGoBlock: xtrace.EventStateTransition, evGoUnblock: xtrace.EventStateTransition,
	evGoSyscallBegin: xtrace.EventStateTransition, evGoSyscallEnd: xtrace.EventStateTransition, evGoSyscallEndBlocked: xtrace.EventStateTransition,
	evGoStatus: xtrace.EventStateTransition, evGoStatusStack: xtrace.EventStateTransition,
	evSTWBegin: xtrace.EventRangeBegin, evGCBegin: xtrace.EventRangeBegin, evGCSweepBegin: xtrace.EventRangeBegin, evGCMarkAssistBegin: xtrace.EventRangeBegin,
	evSTWEnd: xtrace.EventRangeEnd, evGCEnd: xtrace.EventRangeEnd, evGCSweepEnd: xtrace.EventRangeEnd, evGCMarkAssistEnd: xtrace.EventRangeEnd,
	evUserTaskBegin: xtrace.EventTaskBegin, evUserTaskEnd: xtrace.EventTaskEnd,
	evUserRegionBegin: xtrace.EventRegionBegin, evUserRegionEnd: xtrace.EventRegionEnd,
}

// recordedOracle feeds a window with the events of x/exp/trace at the times that stand in the file.
type recordedOracle struct {
	t               *testing.T
	start, end      int64 // of the window: its earliest batch, its last event
	times           map[eventClass][]int64
	moved, furthest int64
	shift           int64 // by which all are moved together
}

// readTimes reads the times of the events from the file, in nanoseconds of its clock.
func (o *recordedOracle) readTimes(data []byte) {
	var minor int
	fmt.Sscanf(string(data), "go 1.%d", &minor)
	in := &input{ctx: o.t.Context(), r: bytes.NewReader(data[headerSize:]), limits: budget.Default()}
	r := newGenReader(in, minor, nil, newPool())
	for {
		gen := &generation{}
		var batches []batch
		err := r.next(gen, func(b batch) { batches = append(batches, b) })
		if err == io.EOF {
			return
		}
		if err != nil || gen.cut != nil {
			o.t.Fatal(err, gen.cut)
		}
		if o.start == 0 {
			o.start = int64(float64(gen.minTime) * gen.freq)
		}
		for _, b := range batches {
			o.readBatch(b, gen.freq)
		}
	}
}

func (o *recordedOracle) readBatch(b batch, freq float64) {
	at := int64(float64(b.time) * freq)
	c := cursor{b: b.data[:b.n]}
	for c.more() {
		typ := c.byte()
		at += int64(float64(c.uvarint()) * freq)
		for range argCount[typ] {
			c.uvarint()
		}
		if typ == evGoSwitch || typ == evGoSwitchDestroy {
			o.t.Fatal("the load has a coroutine, whose switch is three events to x/exp/trace")
		}
		if kind, ok := wireKinds[typ]; ok {
			class := eventClass{b.thread, kind}
			o.times[class] = append(o.times[class], at)
		}
	}
	o.end = max(o.end, at)
}

func (o *recordedOracle) read(w *window, _ *input, br *bufio.Reader, _ int) error {
	r, err := xtrace.NewReader(br)
	if err != nil {
		return err
	}
	w.started, w.start = true, xtrace.Time(o.start)
	last := int64(-1)
	for {
		ev, err := r.ReadEvent()
		if err == io.EOF {
			break
		}
		if err != nil {
			return err
		}
		shown := int64(ev.Time())
		recorded := o.recorded(&ev, shown)
		switch {
		case recorded > shown, recorded < shown && shown != last+1:
			o.t.Fatalf("an event of time %d is shown at %d, behind one at %d: the oracle's rule is another", recorded, shown, last)
		case recorded < shown:
			o.moved++
			o.furthest = max(o.furthest, shown-recorded)
			o.shift += shown - recorded
		}
		last = shown
		w.events++
		w.now = recorded - o.start
		if err := w.apply(&ev); err != nil {
			return err
		}
	}
	for class, left := range o.times {
		if len(left) > 0 {
			o.t.Fatalf("%d events of %+v in the file are not among those of x/exp/trace", len(left), class)
		}
	}
	w.now = o.end - o.start
	return nil
}

// recorded is the time of an event as it stands in the file; the one shown, where it begins and ends no duration.
func (o *recordedOracle) recorded(ev *xtrace.Event, shown int64) int64 {
	at, ok := o.find(ev, shown)
	if !ok {
		o.t.Fatalf("more events of thread %d, %v, than in the file", ev.Thread(), ev.Kind())
	}
	return at
}

// find is recorded where the file has an event for it, which is false where it has not.
func (o *recordedOracle) find(ev *xtrace.Event, shown int64) (at int64, ok bool) {
	if ev.Kind() == xtrace.EventStateTransition && ev.StateTransition().Resource.Kind != xtrace.ResourceGoroutine {
		return shown, true
	}
	class := eventClass{uint64(ev.Thread()), ev.Kind()}
	list, ok := o.times[class]
	if !ok {
		return shown, true
	}
	if len(list) == 0 {
		return shown, false
	}
	o.times[class] = list[1:]
	return list[0], true
}
