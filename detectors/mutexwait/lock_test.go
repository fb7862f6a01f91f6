package mutexwait

import (
	"strings"
	"testing"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/detectors/detectortest"
)

func TestFunctionsExist(t *testing.T) { detectortest.Signatures(t, signatures...) }

// traced is a second of a trace that a test fills in.
type traced struct{ evidence.Trace }

func newTrace() *traced {
	return &traced{evidence.Trace{Stacks: [][]int32{{}}, Windows: []evidence.TraceWindow{{DurationNS: second}}}}
}

func (t *traced) id(s evidence.Stack) int32 {
	var ids []int32
	for _, f := range s {
		ids = append(ids, int32(len(t.Frames)))
		t.Frames = append(t.Frames, f)
	}
	t.Stacks = append(t.Stacks, ids)
	return int32(len(t.Stacks) - 1)
}

// waits are n waits of one length each at a stack.
func (t *traced) waits(wait evidence.Wait, s evidence.Stack, n, ns int64) *traced {
	b := evidence.BlockSite{Stack: t.id(s), Wait: wait}
	b.Ended.AddN(ns, n)
	t.Blocks = append(t.Blocks, b)
	return t
}

// wakes are n wake-ups, of goroutines that had waited for so long each.
func (t *traced) wakes(waker, woken evidence.Stack, n, ns int64) *traced {
	t.Wakes = append(t.Wakes, evidence.WakeEdge{Waker: t.id(waker), Woken: t.id(woken), Wait: evidence.WaitOf(woken), Count: n, DelayNS: n * ns})
	return t
}

var (
	lockGetSlow = stack("sync.(*Mutex).Lock@46", "main.(*store).get@41", "main.handle@10")
	unlockGet   = stack("sync.(*Mutex).Unlock@65", "main.(*store).get@48", "main.handle@10")
	napInPut    = stack("time.Sleep@300", "main.query@90", "main.(*store).put@25", "main.handle@9")
	napBefore   = stack("time.Sleep@300", "main.query@90", "main.(*store).put@19", "main.handle@9")
	runlock     = stack("sync.(*RWMutex).RUnlock@122", "main.(*table).export@95", "main.handle@12")
	rlockExport = stack("sync.(*RWMutex).RLock@74", "main.(*table).export@90", "main.handle@12")
)

// TestLocksOfOneType: a trace tells two locks of one type apart, or shows that they are one.
func TestLocksOfOneType(t *testing.T) {
	both := func(tr *traced) *evidence.Set {
		set := profiles(profile(evidence.Mutex, 10*time.Second, sample{unlockPut, 4000, 50 * second}, sample{unlockGet, 4000, 40 * second}))
		if tr != nil {
			set.Trace = &tr.Trace
		}
		return set
	}
	const ms = int64(time.Millisecond)
	for name, tt := range map[string]struct {
		set  *evidence.Set
		want int
	}{
		"no trace":                        {both(nil), 1},
		"no wake-up goes across":          {both(newTrace().wakes(unlockPut, lockPut, 40, ms).wakes(unlockGet, lockGetSlow, 40, ms)), 2},
		"one goes across":                 {both(newTrace().wakes(unlockPut, lockPut, 40, ms).wakes(unlockGet, lockGetSlow, 40, ms).wakes(unlockPut, lockGetSlow, 1, ms)), 1},
		"too few to tell":                 {both(newTrace().wakes(unlockPut, lockPut, 40, ms).wakes(unlockGet, lockGetSlow, 5, ms)), 1},
		"a function that the trace lacks": {both(newTrace().wakes(unlockPut, lockPut, 40, ms)), 1},
	} {
		found, _ := detect(t, tt.set)
		if len(found) != tt.want {
			t.Errorf("%s: %d findings, want %d", name, len(found), tt.want)
		}
		prints := map[string]bool{}
		for _, f := range found {
			prints[f.Fingerprint] = true
		}
		if len(prints) != len(found) {
			t.Errorf("%s: %d fingerprints for %d locks", name, len(prints), len(found))
		}
	}
}

// TestOneLockHasOneFingerprint whatever its degree is, and whichever evidence shows it.
func TestOneLockHasOneFingerprint(t *testing.T) {
	window := 10 * time.Second
	crowded := []evidence.Snapshot{snapshot(0, sleepers(40, dumpPut)), snapshot(1, sleepers(40, dumpPut))}
	want, rules := "", map[string]bool{}
	for name, set := range map[string]*evidence.Set{
		"contended":           profiles(profile(evidence.Mutex, window, sample{unlockPut, 4000, 50 * second})),
		"convoy":              profiles(profile(evidence.Mutex, window, sample{unlockPut, 4000, 150 * second})),
		"waiters":             profiles(profile(evidence.Block, window, sample{lockGet, 4000, 50 * second})),
		"both sides":          profiles(profile(evidence.Mutex, window, sample{unlockPut, 4000, 50 * second}), profile(evidence.Block, window, sample{lockGet, 4000, 60 * second})),
		"another holder":      profiles(profile(evidence.Mutex, window, sample{unlockGet, 4000, 50 * second}, sample{unlockPut, 4000, 20 * second})),
		"snapshots":           {Snapshots: crowded},
		"trace":               {Trace: &newTrace().waits(evidence.WaitMutex, lockPut, 50, second/10).wakes(unlockPut, lockPut, 50, second/10).Trace},
		"a fight for the CPU": profiles(cpuProfile(sample{dumpPut, 200, 0}, sample{stack("main.work@1"), 300, 0})),
	} {
		found, _ := detect(t, set)
		if len(found) != 1 {
			t.Fatalf("%s: %d findings", name, len(found))
		}
		if want == "" {
			want = found[0].Fingerprint
		}
		if rules[found[0].Rule] = true; found[0].Fingerprint != want {
			t.Errorf("%s: fingerprint %s of %s at %s, want %s", name, found[0].Fingerprint, found[0].Rule, found[0].Location.Function, want)
		}
	}
	if !rules[ruleContended] || !rules[ruleConvoy] {
		t.Errorf("rules %v: the test means to cross from one to the other", rules)
	}
}

// TestFourMeasures: a lock that all evidence shows is one finding that says what each of them measured.
func TestFourMeasures(t *testing.T) {
	tr := newTrace().waits(evidence.WaitMutex, lockPut, 100, second/20).wakes(unlockPut, lockPut, 100, second/20).waits(evidence.WaitSleep, napInPut, 100, second/125)
	set := profiles(profile(evidence.Mutex, 10*time.Second, sample{unlockPut, 4000, 50 * second}), profile(evidence.Block, 10*time.Second, sample{lockPut, 4000, 48 * second}),
		cpuProfile(sample{dumpPut, 20, 0}, sample{stack("main.work@1"), 480, 0}))
	set.Trace = &tr.Trace
	set.Snapshots = []evidence.Snapshot{snapshot(0, sleepers(5, dumpPut), sleepers(1, napInPut)), snapshot(1, sleepers(4, dumpPut))}
	at, n, more := epoch, 0.0, 1000.0
	set.Loads = []evidence.Load{{Kind: evidence.Metrics, Route: "all", Points: []evidence.LoadPoint{{At: at, Requests: &n}, {At: at.Add(10 * time.Second), Requests: &more}}}}
	found, _ := detect(t, set)
	if len(found) != 1 {
		t.Fatalf("findings %+v", found)
	}
	f := found[0]
	for name, want := range map[string]float64{"held_delay_rate": 5, "waited_delay_rate": 4.8, "traced_delay_rate": 5, "traced_wait": 5e7, "delay_per_request": 5e7,
		"asleep_max": 5, "holders_asleep": 0.8, "snapshots_with_holder_asleep": 1, "cpu_share": 0.04} {
		if got, ok := measure(f, name); !ok || got < 0.99*want || got > 1.01*want {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
	}
	const message = "goroutines wait 5 s per second for a mutex held by main.(*store).put from line 21 to 30, " +
		"with it asleep in time.Sleep at main.go:90 (80 % of the time): 50 ms per request; a wait takes "
	if !strings.HasPrefix(f.Message, message) || f.Confidence != analyze.Proven || len(f.Stacks) != 3 {
		t.Errorf("%s with %d stacks: %q", f.Confidence, len(f.Stacks), f.Message)
	}
}

func TestWhatIsOutsideOfTheSectionIsNotTheHolders(t *testing.T) {
	tr := newTrace().waits(evidence.WaitMutex, lockPut, 100, second/20).wakes(unlockPut, lockPut, 100, second/20).waits(evidence.WaitSleep, napBefore, 100, second/125)
	found, _ := detect(t, &evidence.Set{Trace: &tr.Trace})
	if len(found) != 1 || strings.Contains(found[0].Message, "asleep") {
		t.Errorf("findings %+v", found)
	}
}

// TestSlowReader: readers wait for a writer who waits for a reader.
func TestSlowReader(t *testing.T) {
	window := 10 * time.Second
	waiters := profile(evidence.Block, window, sample{lockRead, 4000, 60 * second}, sample{lockWrite, 100, 3 * second}, sample{rlockExport, 50, second})
	for name, tt := range map[string]struct {
		writerNS int64
		want     string
		message  string
	}{
		"the writer waits for longer than readers do": {3 * second, "main.(*table).export", "for a slow reader, and the writer behind it, of an RWMutex held by main.(*table).export"},
		"the writer waits for a moment":               {second / 10, "main.(*table).write", "for the writer of an RWMutex held by main.(*table).write"},
	} {
		found, _ := detect(t, profiles(waiters, profile(evidence.Mutex, window, sample{unlockWrite, 4000, 60 * second}, sample{runlock, 100, tt.writerNS})))
		if len(found) != 1 || found[0].Rule != ruleStarved || found[0].Location.Function != tt.want || !strings.Contains(found[0].Message, tt.message) {
			t.Errorf("%s: %+v", name, found)
		}
	}
}

// TestMixedKinds: a block profile that goes by the name of a mutex profile, and the other way round, say the
// same: it is in the stacks.
func TestMixedKinds(t *testing.T) {
	window := 10 * time.Second
	held, waited := sample{unlockPut, 4000, 50 * second}, sample{lockPut, 4000, 50 * second}
	right, _ := detect(t, profiles(profile(evidence.Mutex, window, held), profile(evidence.Block, window, waited)))
	wrong, _ := detect(t, profiles(profile(evidence.Mutex, window, waited), profile(evidence.Block, window, held)))
	if len(right) != 1 || len(wrong) != 1 || right[0].Location != wrong[0].Location || right[0].Fingerprint != wrong[0].Fingerprint {
		t.Errorf("right %+v, wrong %+v", right, wrong)
	}
}

func TestNegativeDelaysHaveNoRate(t *testing.T) {
	found, out := detect(t, profiles(profile(evidence.Mutex, 0, sample{unlockPut, -4000, -50 * second}, sample{unlockLog, 4000, 70 * second})))
	if len(found) != 0 || len(out.Unchecked) != 1 || !strings.Contains(out.Unchecked[0].What, "difference of two") {
		t.Errorf("findings %+v, outcome %+v", found, out)
	}
}

// TestOnlyTheUnlockIsKnown: nobody waits at the Lock of the section, so where it begins is not known. What its
// function waits for before it unlocks is the place; a line after that, or another function, is not.
func TestOnlyTheUnlockIsKnown(t *testing.T) {
	after := stack("time.Sleep@300", "main.(*store).put@33", "main.handle@9")
	for name, tt := range map[string]struct {
		nap  evidence.Stack
		line int
		says bool
	}{"before": {napInPut, 25, true}, "after": {after, 30, false}, "elsewhere": {stack("time.Sleep@300", "main.other@5"), 30, false},
		"with the lock given back": {stack("sync.runtime_notifyListWait@606", "sync.(*Cond).Wait@71", "main.(*store).put@25", "main.handle@9"), 30, false}} {
		tr := newTrace().waits(evidence.WaitSleep, tt.nap, 100, second/125)
		set := profiles(profile(evidence.Mutex, 10*time.Second, sample{unlockPut, 4000, 50 * second}))
		set.Trace = &tr.Trace
		found, _ := detect(t, set)
		if len(found) != 1 || found[0].Location.Line != tt.line || strings.Contains(found[0].Message, "up to line 30, which is asleep in time.Sleep") != tt.says {
			t.Errorf("%s: %+v", name, found)
		}
	}
}

// TestLoggersSectionIsTheLoggers: what the writer of a logger waits for is found inside of the logger's function.
func TestLoggersSectionIsTheLoggers(t *testing.T) {
	lockLog := stack("sync.(*Mutex).Lock@46", "log.(*Logger).output@236", "log.Printf@5", "main.handle@12")
	writing := stack("os.(*File).Write@200", "main.(*sink).Write@66", "log.(*Logger).output@238", "log.Printf@5", "main.audit@15")
	tr := newTrace().waits(evidence.WaitMutex, lockLog, 100, second/20).wakes(unlockLog, lockLog, 100, second/20).waits(evidence.WaitIO, writing, 100, second/200)
	found, _ := detect(t, &evidence.Set{Trace: &tr.Trace})
	if len(found) != 1 || found[0].Rule != ruleLog || found[0].Location.Function != "main.handle" ||
		!strings.Contains(found[0].Message, "with it asleep in os.(*File).Write at main.go:66 (50 % of the time)") {
		t.Errorf("findings %+v", found)
	}
}

// TestProfilesOfOtherLanguages are no answer, and say why.
func TestProfilesOfOtherLanguages(t *testing.T) {
	p := cpuProfile(sample{evidence.Stack{{Function: "java.lang.Thread.run", File: "Thread.java", Line: 1}}, 900, 0})
	found, out := detect(t, profiles(p))
	if len(found) != 0 || out.State != analyze.Inconclusive || out.Why != "the CPU profile is not of a Go program" {
		t.Errorf("findings %+v, outcome %+v", found, out)
	}
}

func TestIdleProgramsHaveNoFight(t *testing.T) {
	p := cpuProfile(sample{dumpPut, 200, 0}, sample{stack("main.work@1"), 300, 0})
	p.DurationNS = 60 * second
	if found, _ := detect(t, profiles(p)); len(found) != 0 {
		t.Errorf("findings %+v", found)
	}
}

// TestBriefLocks: waits for a lock that is hardly worked under are not its section's fault, and no finding.
func TestBriefLocks(t *testing.T) {
	inPut := stack("crypto/sha256.Sum256@3", "main.(*store).put@25", "main.handle@9")
	elsewhere := stack("main.render@60", "main.handle@9")
	base := func(in, out int64) *evidence.Set {
		tr := newTrace().waits(evidence.WaitMutex, lockPut, 500, 20e6).wakes(unlockPut, lockPut, 500, 20e6)
		tr.Sched.RunningNS = 2 * second
		set := profiles(cpuProfile(sample{stack: inPut, n: in}, sample{stack: elsewhere, n: out}))
		set.Trace = &tr.Trace
		return set
	}
	asleep := base(10, 790)
	tr := &traced{*asleep.Trace}
	asleep.Trace = &tr.waits(evidence.WaitSleep, napInPut, 10, 60e6).Trace
	for name, tt := range map[string]struct {
		set   *evidence.Set
		found bool
	}{
		"hardly worked under":       {base(10, 790), false},
		"worked under":              {base(400, 400), true},
		"asleep under it":           {asleep, true},
		"too few samples to tell":   {base(1, 100), true},
		"no CPU profile":            {&evidence.Set{Trace: base(0, 0).Trace}, true},
		"no trace":                  {profiles(profile(evidence.Mutex, 10*time.Second, sample{unlockPut, 4000, 50 * second}), cpuProfile(sample{stack: elsewhere, n: 800})), true},
		"where it begins is hidden": {unseen(base(10, 790)), true},
	} {
		found, out := detect(t, tt.set)
		if (len(found) == 1) != tt.found {
			t.Errorf("%s: %d findings", name, len(found))
		}
		said := len(out.Unchecked) > 0 && strings.Contains(out.Unchecked[len(out.Unchecked)-1].What, "the lock at main.go:21 costs anything")
		if said == tt.found {
			t.Errorf("%s: not checked: %+v", name, out.Unchecked)
		}
	}
}

// TestBriefLocksThatAreFindings: the trace that shows a lock hardly worked under has to have the waits itself, and they have to end.
func TestBriefLocksThatAreFindings(t *testing.T) {
	elsewhere := stack("main.render@60", "main.handle@9")
	base := func(n, ns int64) (*traced, *evidence.Set) {
		tr := newTrace().waits(evidence.WaitMutex, lockPut, n, ns).wakes(unlockPut, lockPut, n, ns)
		tr.Sched.RunningNS = 2 * second
		set := profiles(cpuProfile(sample{stack: elsewhere, n: 800}))
		set.Trace = &tr.Trace
		return tr, set
	}
	profiled := func(n, ns, delayNS int64) *evidence.Set {
		_, set := base(n, ns)
		set.Profiles = append(set.Profiles, profile(evidence.Mutex, 30*time.Second, sample{unlockPut, 4000, delayNS}))
		return set
	}
	open := func(n, ns, open, openNS int64) *evidence.Set {
		tr, set := base(n, ns)
		tr.Blocks[0].Open.AddN(openNS, open)
		return set
	}
	_, old := base(500, 20e6)
	old.Snapshots = []evidence.Snapshot{snapshot(0, sleepers(3, dumpPut))}
	old.Snapshots[0].Groups[0].MaxMinutes = 4
	for name, tt := range map[string]struct {
		set   *evidence.Set
		found bool
	}{
		"the profile has no more than the trace":      {profiled(500, 20e6, 150*second), false},
		"the trace has few of the waits":              {profiled(100, 1e6, 150*second), true},
		"the trace has some of the waits":             {profiled(100, 12e6, 150*second), true},
		"who queues at the end":                       {open(500, 20e6, 15, 10e6), false},
		"many hang, beside others who get the lock":   {open(500, 20e6, 12, second/2), true},
		"a few hang, and nobody else waits for long":  {open(500, 2e6, 4, second), true},
		"one has waited since long before the trace":  {old, true},
		"thirty hang, beside others who get the lock": {open(500, 20e6, 30, second), true},
	} {
		if found, out := detect(t, tt.set); (len(found) == 1) != tt.found {
			t.Errorf("%s: %d findings, not checked: %+v", name, len(found), out.Unchecked)
		}
	}
}

// unseen is the set without its waiters, so that the line at which the lock is taken is not known.
func unseen(set *evidence.Set) *evidence.Set {
	set.Trace.Blocks, set.Trace.Wakes = nil, nil
	set.Profiles = append(set.Profiles, profile(evidence.Mutex, 10*time.Second, sample{unlockPut, 4000, 50 * second}))
	return set
}
