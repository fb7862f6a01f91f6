package leak

import (
	"slices"
	"strings"
	"testing"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

func TestRuleByWait(t *testing.T) {
	for wait, rule := range map[evidence.Wait]string{
		evidence.WaitChanSend: ruleChanSend, evidence.WaitChanRecv: ruleChanReceive, evidence.WaitSelect: ruleSelect,
		evidence.WaitMutex: ruleMutex, evidence.WaitRWMutex: ruleMutex, evidence.WaitWaitGroup: ruleWaitGroup,
		evidence.WaitCond: ruleCond, evidence.WaitIO: ruleIO, evidence.WaitSleep: ruleSleep,
		evidence.WaitSyscall: ruleIO, evidence.WaitSemaphore: ruleOther, evidence.WaitOther: ruleOther,
	} {
		t.Run(string(wait), func(t *testing.T) {
			set := snapshots(growingDumps(6, 30, wait, userStack("main.work", 7))...)
			res := expect(t, set, rule+":7 possible")
			if f := res.Findings[0]; f.CreatedBy != creator || f.Severity != analyze.High || f.Fingerprint == "" {
				t.Errorf("creator %v, severity %v, fingerprint %q", f.CreatedBy, f.Severity, f.Fingerprint)
			}
		})
	}
}

func TestMeasures(t *testing.T) {
	set := snapshots(growingDumps(6, 30, evidence.WaitChanSend, userStack("main.work", 7))...)
	n := func(v float64) *float64 { return &v }
	set.Loads = []evidence.Load{{Source: "metrics", Kind: evidence.Metrics, Route: "all", Points: []evidence.LoadPoint{
		{At: epoch, Requests: n(100)}, {At: epoch.Add(25e9), Requests: n(400)}}}}
	res := expect(t, set, "leak/chan-send:7 possible")
	want := map[string]float64{"goroutines": 180, "growth": 6, "per_request": 0.5, "old": 150, "arrived": 150, "exited": 0}
	for _, m := range res.Findings[0].Measures {
		if v, ok := want[m.Name]; ok {
			if m.Value != v {
				t.Errorf("%s = %v, want %v", m.Name, m.Value, v)
			}
			delete(want, m.Name)
		}
		if m.Unit == "" || m.Method == "" || m.N == 0 {
			t.Errorf("%s lacks unit, method or n: %+v", m.Name, m)
		}
	}
	if len(want) > 0 {
		t.Errorf("measures missing: %v", want)
	}
}

func TestRuntimeMarks(t *testing.T) {
	mainStack := evidence.Stack{{Function: "runtime.gopark"}, {Function: "runtime.chanrecv"}, {Function: "runtime.chanrecv1"},
		{Function: "main.main", Line: 5}, {Function: "runtime.main"}}
	profile := counted(0, number(evidence.WaitChanSend, slices.Concat(parked, userStack("main.work", 7)), 40),
		number(evidence.WaitChanRecv, mainStack, 1))
	profile.Kind = evidence.GoroutineLeak

	marked := group(evidence.WaitMutex, userStack("main.lock", 9), ids(5, 25)...)
	marked.Leaked = 12
	unmarked := group(evidence.WaitChanRecv, userStack("main.idle", 30), ids(30, 60)...)
	mainGroup := group(evidence.WaitSelect, userStack("main.main", 3), 1)
	mainGroup.CreatedBy, mainGroup.Leaked = evidence.Frame{}, 1
	whole := dump(1, marked, unmarked, mainGroup)
	wholeLeak := whole
	wholeLeak.Kind = evidence.GoroutineLeak

	// A profile keeps 128 frames, which may lack the one that tells goroutine 1; a dump has its id.
	deep := counted(0, number(evidence.WaitChanRecv, slices.Concat(parked, slices.Repeat(userStack("main.visit", 8), profileDepth)), 1))
	deep.Kind = evidence.GoroutineLeak
	first := group(evidence.WaitSelect, userStack("main.visit", 8), 1)
	first.CreatedBy, first.Leaked = evidence.Frame{}, 1
	called := dump(0, first)

	helper := counted(0, number(evidence.WaitNoCases, slices.Concat(evidence.Stack{{Function: "runtime.gopark"}, {Function: "runtime.block"}}, userStack("main.park", 4)), 1))
	helper.Kind = evidence.GoroutineLeak

	for name, tc := range map[string]struct {
		set  *evidence.Set
		want string
	}{
		"profile":               {snapshots(profile), "leak/chan-send:7 proven"},
		"goroutine 1, deep":     {snapshots(deep), ""},
		"goroutine 1, by id":    {snapshots(called), ""},
		"marks in a dump":       {snapshots(whole), "leak/mutex:9 proven"},
		"leak dump lists all":   {snapshots(wholeLeak), "leak/mutex:9 proven"},
		"a lone select{}":       {snapshots(helper), "leak/nil-chan:4 proven"},
		"an empty leak profile": {snapshots(evidence.Snapshot{Kind: evidence.GoroutineLeak, Complete: true}), ""},
	} {
		t.Run(name, func(t *testing.T) { expect(t, tc.set, tc.want) })
	}
}

func TestOneFindingForOneLeak(t *testing.T) {
	stack := userStack("main.work", 7)
	set := snapshots(growingDumps(6, 30, evidence.WaitChanSend, stack)...)
	profile := counted(9, number(evidence.WaitChanSend, slices.Concat(parked, stack, evidence.Stack{{Function: "main.start.gowrap1", Line: 10}}), 200))
	profile.Kind = evidence.GoroutineLeak
	set.Snapshots = append(set.Snapshots, profile)
	set.Trace = traceOf(evidence.WaitChanSend, slices.Concat(parked[1:], stack), ids(100, 280), 180)
	res := expect(t, set, "leak/chan-send:7 proven")
	if res.Findings[0].CreatedBy != creator {
		t.Errorf("creator of the dump is lost: %v", res.Findings[0].CreatedBy)
	}
}

func TestTwoLinesOfOneFunctionAreTwoFindings(t *testing.T) {
	var set evidence.Set
	for i := range 6 {
		n := uint64(i+1) * 20
		set.Snapshots = append(set.Snapshots, dump(i,
			group(evidence.WaitChanSend, userStack("main.work", 7), ids(100, 100+n)...),
			group(evidence.WaitChanSend, userStack("main.work", 8), ids(1000, 1000+n)...)))
	}
	expect(t, &set, "leak/chan-send:7 possible; leak/chan-send:8 possible")
}

func TestEndlessWaits(t *testing.T) {
	nilChan := func(n uint64) evidence.Group {
		return group(evidence.WaitNilChan, userStack("main.work", 7), ids(10, 10+n)...)
	}
	empty := func(n uint64) evidence.Group {
		return group(evidence.WaitNoCases, userStack("main.park", 4), ids(10, 10+n)...)
	}
	mainGroup := group(evidence.WaitNoCases, userStack("main.main", 3), 1)
	mainGroup.CreatedBy = evidence.Frame{}
	for name, tc := range map[string]struct {
		set  *evidence.Set
		want string
	}{
		"nil channel":                 {snapshots(dump(0, nilChan(3))), "leak/nil-chan:7 proven"},
		"one nil channel":             {snapshots(dump(0, nilChan(1))), "leak/nil-chan:7 proven"},
		"one select{}":                {snapshots(dump(0, empty(1))), "leak/nil-chan:4 proven"},
		"many select{}":               {snapshots(dump(0, empty(30))), "leak/nil-chan:4 proven"},
		"listeners parked on purpose": {snapshots(dump(0, empty(3)), dump(1, empty(3))), "leak/nil-chan:4 possible"},
		"twice as many at start-up":   {snapshots(dump(0, empty(6)), dump(1, empty(12))), "leak/nil-chan:4 possible"},
		"select{} keep coming":        {snapshots(growingDumps(6, 5, evidence.WaitNoCases, userStack("main.park", 4))...), "leak/nil-chan:4 proven"},
		"goroutine 1":                 {snapshots(dump(0, mainGroup)), ""},
	} {
		t.Run(name, func(t *testing.T) { expect(t, tc.set, tc.want) })
	}
}

func TestTraceRaisesAndRefrains(t *testing.T) {
	stack := userStack("main.work", 7)
	for name, tc := range map[string]struct {
		wait  evidence.Wait
		open  []uint64
		moved []uint64
		want  string
	}{
		"silent":                  {evidence.WaitSelect, ids(100, 280), nil, "leak/select:7 likely"},
		"silent, newborn ones":    {evidence.WaitSelect, ids(100, 300), ids(280, 300), "leak/select:7 likely"},
		"one who came meanwhile":  {evidence.WaitSelect, ids(100, 280), ids(279, 280), "leak/select:7 likely"},
		"one in fifty comes back": {evidence.WaitSelect, ids(100, 280), ids(100, 103), "leak/select:7 likely"},
		"some awake":              {evidence.WaitSelect, ids(100, 300), ids(120, 135), "leak/select:7 possible"},
		"awake":                   {evidence.WaitSelect, ids(100, 280), ids(100, 260), "leak/select:7 possible"},
		"gone from the site":      {evidence.WaitSelect, ids(100, 120), nil, "leak/select:7 possible"},
		"io is quiet anyway":      {evidence.WaitIO, ids(100, 280), nil, "leak/io:7 possible"},
	} {
		t.Run(name, func(t *testing.T) {
			set := snapshots(growingDumps(6, 30, tc.wait, stack)...)
			set.Trace = traceOf(tc.wait, stack, tc.open, len(tc.open))
			stir(set.Trace, tc.moved)
			expect(t, set, tc.want)
		})
	}
}

// Goroutines that work for a while before they block were made before the trace and come within it: as many
// as the cohort has are awake, and none of them is of it.
func TestTraceOfSlowWorkers(t *testing.T) {
	stack := userStack("main.work", 7)
	set := snapshots(growingDumps(6, 100, evidence.WaitChanSend, stack)...)
	set.Trace = traceOf(evidence.WaitChanSend, stack, ids(100, 420), 300)
	set.Trace.Windows[0].At = set.Snapshots[2].At.Add(1e9)
	expect(t, set, "leak/chan-send:7 likely")
	stir(set.Trace, ids(200, 320)) // who else woke?
	expect(t, set, "leak/chan-send:7 possible")
}

// Goroutines that came after the trace say nothing about it.
func TestTraceInTheMiddle(t *testing.T) {
	stack := userStack("main.work", 7)
	set := snapshots(growingDumps(6, 30, evidence.WaitSelect, stack)...)
	set.Trace = traceOf(evidence.WaitSelect, stack, ids(100, 200), 90) // 10 came during the trace
	set.Trace.Windows[0].At = set.Snapshots[2].At.Add(1e9)
	expect(t, set, "leak/select:7 likely")
	stir(set.Trace, ids(100, 160))
	expect(t, set, "leak/select:7 possible")
}

// The table of the documentation.
func TestConfidence(t *testing.T) {
	stack := userStack("main.work", 7)
	cohort := func(n, per int) *evidence.Set {
		return snapshots(growingDumps(n, per, evidence.WaitChanSend, stack)...)
	}
	with := func(set *evidence.Set, change func(*evidence.Set)) *evidence.Set { change(set); return set }
	silent := func(set *evidence.Set) {
		n := set.Snapshots[len(set.Snapshots)-1].Total
		set.Trace = traceOf(evidence.WaitChanSend, stack, ids(100, 100+uint64(n)), n)
	}
	awake := func(set *evidence.Set) {
		silent(set)
		stir(set.Trace, set.Trace.Blocks[0].OpenIDs[:set.Trace.Blocks[0].Open.Count/2])
	}
	code := func(c evidence.CodeSite) func(*evidence.Set) {
		c.Function, c.File, c.Line = "main.work", "/src/app/main.go", 7
		return func(set *evidence.Set) { set.Code = []evidence.CodeSite{c} }
	}
	certain := code(evidence.CodeSite{Pattern: evidence.PatternTimeout, Certain: true})
	running := func(set *evidence.Set) { // some of them in one dump, some in another
		for i := 1; i < 5; i++ {
			s := &set.Snapshots[i]
			at := s.Groups[0].IDs[:5]
			s.Groups[0].IDs, s.Groups[0].Count = s.Groups[0].IDs[5:], s.Groups[0].Count-5
			g := group(evidence.WaitNone, stack, at...)
			g.State = "running"
			s.Groups = append(s.Groups, g)
		}
	}
	timed := code(evidence.CodeSite{Timed: "the case at main.go:9"})
	keyed := code(evidence.CodeSite{Pattern: evidence.PatternTickerOrphan, Keyed: "r.caches"})
	ticker := code(evidence.CodeSite{Pattern: evidence.PatternTickerOrphan, Certain: true})
	for name, tc := range map[string]struct {
		set  *evidence.Set
		want string
	}{
		"a cohort and silence":                 {with(cohort(6, 30), silent), "likely"},
		"a cohort and source":                  {with(cohort(6, 30), certain), "likely"},
		"silence that time ends by the source": {with(with(cohort(6, 30), silent), timed), "low"},
		"a cohort that was seen to run":        {with(with(cohort(6, 30), silent), running), "possible"},
		"silence, of one for each key":         {with(with(cohort(6, 30), silent), keyed), "possible"},
		"a cohort that ticks, and source":      {with(with(cohort(6, 30), awake), ticker), "likely"},
		"a cohort that wakes, against source":  {with(with(cohort(6, 30), awake), certain), "possible"},
		"few that wake":                        {with(cohort(6, 1), awake), "low"},
		"a cohort that wakes":                  {with(cohort(6, 30), awake), "possible"},
		"a cohort alone":                       {cohort(6, 30), "possible"},
		"a massive cohort alone":               {cohort(6, 4000), "possible"},
		"a cohort and a pattern not certain":   {with(cohort(6, 30), code(evidence.CodeSite{Pattern: evidence.PatternTimeout})), "possible"},
		"source for another creator":           {with(cohort(6, 30), code(evidence.CodeSite{Pattern: evidence.PatternTimeout, Certain: true, Creator: "main.other"})), "possible"},
		"few dumps and silence":                {with(cohort(4, 30), silent), "possible"},
		"few dumps and source":                 {with(cohort(4, 30), certain), "possible"},
		"a slow leak":                          {with(cohort(6, 3), silent), "likely"},
		"too slow to tell from a ramp":         {with(cohort(6, 1), silent), "possible"},
	} {
		t.Run(name, func(t *testing.T) { expect(t, tc.set, "leak/chan-send:7 "+tc.want) })
	}
	expect(t, with(snapshots(dump(0, group(evidence.WaitChanSend, stack, ids(10, 60)...))), certain), "")
}

// Sleeps, system calls and waits for peers are long where all is well: that they last proves nothing.
func TestSilenceOfLongWaitsIsNoEvidence(t *testing.T) {
	for _, wait := range []evidence.Wait{evidence.WaitIO, evidence.WaitSleep, evidence.WaitSyscall} {
		stack := userStack("main.work", 7)
		set := snapshots(growingDumps(6, 30, wait, stack)...)
		set.Trace = traceOf(wait, stack, ids(100, 280), 180)
		if sure := surest(analyzeSet(t, set)); sure != analyze.Possible {
			t.Errorf("%s: %s, want possible", wait, sure)
		}
	}
}

// comingAs has dumps between which as many goroutines come to a line as stated, and stay.
func comingAs(births ...int) *evidence.Set {
	stack := userStack("main.work", 7)
	n := 10
	set := snapshots(dump(0, group(evidence.WaitChanSend, stack, ids(100, 110)...)))
	for i, b := range births {
		n += b
		set.Snapshots = append(set.Snapshots, dump(i+1, group(evidence.WaitChanSend, stack, ids(100, 100+uint64(n))...)))
	}
	set.Trace = traceOf(evidence.WaitChanSend, stack, ids(100, 100+uint64(n)), n)
	return set
}

// Growth that is not significant is none, and one that dies down is not likely.
func TestCourseOfBirths(t *testing.T) {
	for name, tc := range map[string]struct {
		births []int
		want   string
	}{
		"steady":                    {[]int{30, 30, 30, 30, 30}, "leak/chan-send:7 likely"},
		"fewer and fewer, not half": {[]int{90, 80, 70, 60, 50}, "leak/chan-send:7 possible"},
		"fewer by chance":           {[]int{9, 8, 7, 6, 6}, "leak/chan-send:7 likely"},
		"not in all of four":        {[]int{30, 0, 30, 30}, ""},
	} {
		t.Run(name, func(t *testing.T) { expect(t, comingAs(tc.births...), tc.want) })
	}
}

func TestFewDumpsAreSaidToBeFew(t *testing.T) {
	for n, want := range map[int]string{2: "possible", 3: "possible", 4: "possible"} {
		set := snapshots(growingDumps(n, 40, evidence.WaitChanSend, userStack("main.work", 7))...)
		set.Trace = traceOf(evidence.WaitChanSend, userStack("main.work", 7), ids(100, 900), 800)
		res := expect(t, set, "leak/chan-send:7 "+want)
		if u := res.Outcomes[0].Unchecked; len(u) != 1 || !strings.Contains(u[0].What, "power") {
			t.Errorf("%d dumps: unchecked %v", n, u)
		}
	}
}

// A few stuck goroutines at a line that hundreds pass between dumps.
func TestSlowLeakAmongPassers(t *testing.T) {
	var set evidence.Set
	next := uint64(100)
	var stuck []uint64
	for i := range 6 {
		passing := ids(next, next+60)
		next += 3000
		for range 9 {
			stuck = append(stuck, next)
			next += 7
		}
		set.Snapshots = append(set.Snapshots, dump(i, group(evidence.WaitChanSend, userStack("main.work", 7), slices.Concat(passing, stuck)...)))
	}
	expect(t, &set, "leak/chan-send:7 possible")
}

// Goroutines that alternate between two waits leak by their go statement.
func TestMovingGoroutines(t *testing.T) {
	var set evidence.Set
	for i := range 6 {
		var a, b []uint64
		for id := uint64(100); id < 100+uint64(i+1)*20; id++ {
			if (id+uint64(i))%3 == 0 {
				b = append(b, id)
			} else {
				a = append(a, id)
			}
		}
		set.Snapshots = append(set.Snapshots, dump(i,
			group(evidence.WaitSleep, userStack("main.poll", 20, "main.loop"), a...),
			group(evidence.WaitIO, userStack("main.fetch", 31, "main.loop"), b...)))
	}
	expect(t, &set, "leak/sleep:20 possible")

	// They are no leak when they have ended with the load.
	end := settled(8)
	end.At = epoch.Add(time.Minute)
	expect(t, snapshots(append(slices.Clone(set.Snapshots), end)...), "")
}

func TestLocationWithoutUserFrame(t *testing.T) {
	read := evidence.Stack{{Function: "net/http.(*persistConn).readLoop", File: "net/http/transport.go", Line: 2325}}
	write := evidence.Stack{{Function: "net/http.(*persistConn).writeLoop", File: "net/http/transport.go", Line: 2600}}
	var set evidence.Set
	for i := range 6 {
		n := uint64(i+1) * 20
		r, w := group(evidence.WaitSelect, read, ids(100, 100+n)...), group(evidence.WaitSelect, write, ids(1000, 1000+n)...)
		r.CreatedBy = evidence.Frame{Function: "net/http.(*Transport).dialConn", File: "net/http/transport.go", Line: 1874}
		w.CreatedBy = evidence.Frame{Function: "net/http.(*Transport).dialConn", File: "net/http/transport.go", Line: 1875}
		set.Snapshots = append(set.Snapshots, dump(i, r, w))
	}
	expect(t, &set, "leak/select:1874 possible")
}

func TestCountsWithoutIDs(t *testing.T) {
	series := func(wait evidence.Wait, counts ...int) *evidence.Set {
		var set evidence.Set
		for i, n := range counts {
			set.Snapshots = append(set.Snapshots, counted(i, number(wait, slices.Concat(parked, userStack("main.work", 7)), n)))
		}
		return &set
	}
	for name, tc := range map[string]struct {
		set  *evidence.Set
		want string
	}{
		"massive":     {series(evidence.WaitChanSend, 100, 500, 900, 1300, 1700), "leak/chan-send:7 possible"},
		"monotone":    {series(evidence.WaitChanSend, 100, 130, 160, 190, 220), "leak/chan-send:7 possible"},
		"three":       {series(evidence.WaitChanSend, 100, 130, 160), "leak/chan-send:7 possible"},
		"two":         {series(evidence.WaitChanSend, 100, 400), "leak/chan-send:7 low"},
		"plateau":     {series(evidence.WaitChanSend, 0, 400, 700, 720, 725), "leak/chan-send:7 low"},
		"a wave":      {series(evidence.WaitChanSend, 100, 300, 500, 300, 100), ""},
		"flat":        {series(evidence.WaitChanSend, 12000, 12000, 12000, 12000, 12000), ""},
		"small noise": {series(evidence.WaitChanSend, 10, 11, 12, 13, 14), ""},
	} {
		t.Run(name, func(t *testing.T) { expect(t, tc.set, tc.want) })
	}
}

// Another capture of the same kind shows no more: of a program with so many goroutines it takes no full dumps.
func TestDumpsOfManyHaveToBeAskedFor(t *testing.T) {
	for n, want := range map[int]string{1000: tryCapture, 25_000: tryForced} {
		var set evidence.Set
		for i := range 6 {
			set.Snapshots = append(set.Snapshots, counted(i, number(evidence.WaitSelect, userStack("main.work", 7), n)))
			set.Snapshots[i].Total = n
		}
		if u := analyzeSet(t, &set).Outcomes[0].Unchecked; len(u) != 1 || u[0].Try != want {
			t.Errorf("%d goroutines without ids: %+v, want %q", n, u, want)
		}
	}
}

func TestTraceAlone(t *testing.T) {
	stack := slices.Concat(parked[1:], userStack("main.work", 7))
	set := func(created, ended int64, series []int64) *evidence.Set {
		tr := traceOf(evidence.WaitChanSend, stack, ids(1, 80), 0)
		tr.Sites = []evidence.CreationSite{{Stack: 1, Created: created, Ended: ended, AtEnd: created - ended,
			Parked: []evidence.Parked{{Stack: 1, Count: created - ended}}}}
		tr.Windows[0].Series.Created = series
		return &evidence.Set{Trace: tr}
	}
	for name, tc := range map[string]struct {
		set  *evidence.Set
		want string
	}{
		"made and never ended": {set(80, 1, []int64{20, 20, 20, 20}), "leak/chan-send:7 possible"},
		"ended as made":        {set(80, 78, []int64{20, 20, 20, 20}), ""},
		"a pool starts":        {set(12000, 0, []int64{12000, 0, 0, 0}), ""},
	} {
		t.Run(name, func(t *testing.T) { expect(t, tc.set, tc.want) })
	}
}

// Half of those who pass are still there one dump later, so that only longer stays tell.
func TestSlowLeakAmongLongPasses(t *testing.T) {
	var set evidence.Set
	var stuck, before []uint64
	for i := range 7 {
		next := uint64(i+1) * 10_000
		fresh := ids(next, next+60)
		stuck = append(stuck, ids(next+500, next+520)...)
		set.Snapshots = append(set.Snapshots, dump(i, group(evidence.WaitChanSend, userStack("main.work", 7), slices.Concat(before, fresh, stuck)...)))
		before = fresh[:30]
	}
	expect(t, &set, "leak/chan-send:7 possible")
}

// A leaked poller is seen running now and then; that is no exit.
func TestLeakedPollersThatRun(t *testing.T) {
	var set evidence.Set
	for i := range 6 {
		var asleep, awake []uint64
		for id := uint64(100); id < 100+uint64(i+1)*30; id++ {
			if (id*31+uint64(i)*17)%8 == 0 {
				awake = append(awake, id)
			} else {
				asleep = append(asleep, id)
			}
		}
		set.Snapshots = append(set.Snapshots, dump(i, group(evidence.WaitSleep, userStack("main.poll", 7), asleep...),
			group(evidence.WaitNone, userStack("main.check", 9, "main.poll"), awake...)))
	}
	res := expect(t, &set, "leak/sleep:7 possible")
	if m := res.Findings[0].Message; !strings.Contains(m, "wake") {
		t.Errorf("message does not say that they wake: %q", m)
	}
	for _, h := range follow(set.SnapshotsOf(evidence.Goroutine), placeByLine) {
		for i, tl := range h.tallies {
			if tl.left[0] != 0 {
				t.Errorf("%d left %s at dump %d, want 0", tl.left[0], h.key, i)
			}
		}
	}
}
