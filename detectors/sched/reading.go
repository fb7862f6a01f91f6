package sched

import (
	"cmp"
	"slices"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
)

// reading is what the evidence says of scheduling.
type reading struct {
	pass      *analyze.Pass
	cpu       *signature.Profile
	taken     bool    // there is a CPU profile, maybe an empty one
	doubted   bool    // its shares are to be distrusted
	unusable  string  // why it says nothing of Go's functions; empty where it may
	tells     bool    // shares of the scheduler can be judged
	requestsS float64 // requests per second, 0 when unknown
	traced    *trace  // nil without a trace
}

// trace is what the execution traces say of scheduling.
type trace struct {
	*evidence.Trace
	windowS     float64
	procs       int     // GOMAXPROCS, or the Ps seen
	utilisation float64 // share of the Ps' time in which goroutines ran
	// busy is the utilisation while goroutines were waiting for a P, each moment counted as often as
	// goroutines waited, and queue how many they were on average. 0 when unknown.
	busy, queue float64
	saturated   float64 // share of the time with all Ps running and goroutines waiting for one
	switches    int64
	lines       []signature.Site // those of the program with most switches, which are their Samples
}

func read(p *analyze.Pass) *reading {
	set := p.Evidence
	r := &reading{pass: p, cpu: signature.Read(set), taken: set.Has(evidence.CPU, 1), requestsS: signature.RequestRate(set)}
	r.doubted = r.cpu.Doubted()
	switch doubts := r.cpu.Doubts(); {
	case r.taken && !slices.ContainsFunc(set.ProfilesOf(evidence.CPU), signature.IsGo):
		r.unusable = "the CPU profile is not of a Go program"
	case slices.ContainsFunc(doubts, func(d signature.Doubt) bool { return d.Kind == signature.Difference }):
		r.unusable = "the CPU profile is the difference of two, and has no shares"
	}
	if r.unusable != "" {
		r.cpu = signature.Read(&evidence.Set{})
	}
	r.tells = r.cpu.Enough() && r.cpu.Cores() >= p.Param("min-cores")
	if t := set.Trace; t != nil && t.DurationNS() > 0 {
		r.traced = readTrace(t)
	}
	return r
}

// saturation is the utilisation of a bin of a trace from which all Ps count as busy.
const saturation = 0.95

func readTrace(t *evidence.Trace) *trace {
	out := &trace{Trace: t, windowS: float64(t.DurationNS()) / 1e9}
	var capacity, waiting, whileBusy, covered, saturated float64
	for i := range t.Windows {
		w := &t.Windows[i]
		procs := cmp.Or(w.MaxProcs, w.Procs)
		out.procs = max(out.procs, procs)
		capacity += float64(procs) * float64(w.DurationNS)
		for bin := range w.Series.RunnableNS {
			// The last bin may be shorter than its width says.
			if last := bin == len(w.Series.RunnableNS)-1; !last {
				ns := float64(w.Series.RunnableNS[bin])
				waiting += ns
				whileBusy += ns * w.Series.Utilisation(bin, procs)
				covered += float64(w.Series.BinNS)
				if w.Series.Utilisation(bin, procs) >= saturation && w.Series.QueueLength(bin) >= 1 {
					saturated += float64(w.Series.BinNS)
				}
			}
		}
	}
	if capacity > 0 {
		out.utilisation = float64(t.Sched.RunningNS) / capacity
	}
	if covered > 0 {
		out.queue = waiting / covered
		out.saturated = saturated / covered
	}
	if waiting > 0 {
		out.busy = whileBusy / waiting
	}
	out.countSwitches()
	return out
}

// meanRunNS is how long a goroutine runs before it is switched, on average.
func (t *trace) meanRunNS() float64 { return float64(t.Sched.RunningNS) / float64(max(t.switches, 1)) }

// share measures a signature; nothing where the profile does not tell.
func (r *reading) share(sig signature.Signature) signature.Share {
	if !r.tells {
		return signature.Share{}
	}
	return r.cpu.Of(sig)
}

// above reports whether a share is above a threshold for sure.
func (r *reading) above(s signature.Share, param string) bool {
	return s.Above(r.pass.Param(param), signature.Scheduler)
}

// lowered is a confidence less one where the profile's shares are to be distrusted.
func (r *reading) lowered(c analyze.Confidence) analyze.Confidence {
	if r.doubted && c > analyze.Weak {
		return c - 1
	}
	return c
}

// countSwitches counts waits that ended and goroutines that were made, in all and by line of the program. What
// the runtime's own goroutines do is left out, and so are goroutines that yield or are interrupted: the
// runtime yields in loops of its own as it sweeps.
func (t *trace) countSwitches() {
	lines := map[evidence.Frame]*signature.Site{}
	add := func(id int32, n int64) {
		stack := t.StackOf(id)
		t.switches += n
		if at, ok := signature.Own(stack); ok && n > 0 {
			addSite(lines, at, stack, n)
		}
	}
	for i := range t.Blocks {
		b := &t.Blocks[i]
		if b.Wait != evidence.WaitSystem && b.Wait != evidence.WaitGC {
			add(b.Stack, b.Ended.Count+b.Unseen.Count)
		}
	}
	for i := range t.Sites {
		add(t.Sites[i].Stack, t.Sites[i].Created)
	}
	t.lines = sorted(lines)
}

// timerWakes counts the wake-ups by timers at each line of the program, most first. The runtime shows
// what a timer wakes as woken by no goroutine.
func (t *trace) timerWakes() []signature.Site {
	lines := map[evidence.Frame]*signature.Site{}
	for i := range t.Wakes {
		w := &t.Wakes[i]
		switch w.Wait {
		case evidence.WaitSleep, evidence.WaitChanRecv, evidence.WaitSelect:
		default:
			continue
		}
		stack := t.StackOf(w.Woken)
		at, ok := signature.Own(stack)
		if !ok || len(t.StackOf(w.Waker)) > 0 {
			continue
		}
		addSite(lines, at, stack, w.Count)
	}
	return sorted(lines)
}

func addSite(lines map[evidence.Frame]*signature.Site, at evidence.Frame, stack evidence.Stack, n int64) {
	if lines[at] == nil {
		lines[at] = &signature.Site{Location: at, Stack: stack}
	}
	lines[at].Samples += n
}

func sorted(lines map[evidence.Frame]*signature.Site) []signature.Site {
	out := make([]signature.Site, 0, len(lines))
	for _, s := range lines {
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b signature.Site) int {
		return cmp.Or(cmp.Compare(b.Samples, a.Samples), cmp.Compare(a.Location.Function, b.Location.Function),
			cmp.Compare(a.Location.File, b.Location.File), cmp.Compare(a.Location.Line, b.Location.Line))
	})
	return out
}

// sampledThroughout reports whether CPU profiles cover all windows of the traces, so that the samples in the
// traces are of all their time. Unknown times are no cover.
func sampledThroughout(set *evidence.Set) bool {
	profiles := set.ProfilesOf(evidence.CPU)
	covers := func(w *evidence.TraceWindow) bool {
		return slices.ContainsFunc(profiles, func(p *evidence.Profile) bool {
			end := p.At.Add(time.Duration(p.DurationNS))
			return !p.At.IsZero() && !w.At.IsZero() && !p.At.After(w.At) && !end.Before(w.At.Add(time.Duration(w.DurationNS)))
		})
	}
	for i := range set.Trace.Windows {
		if !covers(&set.Trace.Windows[i]) {
			return false
		}
	}
	return len(set.Trace.Windows) > 0
}
