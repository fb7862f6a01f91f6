package leak

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

// After a restart ids begin anew. What is there shows by ids that belong to others.
func TestRestart(t *testing.T) {
	stack := userStack("main.work", 7)
	other := evidence.Frame{Function: "main.elsewhere", File: "/src/app/main.go", Line: 90}
	set := &evidence.Set{}
	for i := range 9 {
		n := uint64(i%2+1) * 400 // before the restart the group shrinks and grows
		if i >= 3 {
			n = uint64(i-2) * 30
		}
		leaking := group(evidence.WaitChanSend, stack, ids(100, 100+n)...)
		if i < 3 {
			leaking.CreatedBy = other
		}
		set.Snapshots = append(set.Snapshots, dump(i, leaking))
	}
	res := expect(t, set, "leak/chan-send:7 possible")
	if u := res.Outcomes[0].Unchecked; len(u) != 1 || !strings.Contains(u[0].What, "restart") {
		t.Errorf("unchecked %v", u)
	}
	if m := res.Findings[0].Measures; m[0].N != 6 {
		t.Errorf("%v snapshots, want the 6 after the restart", m[0].N)
	}
}

// Two programs have each their own ids, and their captures take turns.
func TestTwoPrograms(t *testing.T) {
	set := &evidence.Set{}
	for _, target := range []string{"http://a", "http://b"} {
		for i := range 6 {
			n := uint64(60)
			if target == "http://b" {
				n = uint64(i+1) * 20
			}
			d := dump(2*i+len(target)%2, group(evidence.WaitChanSend, userStack("main.work", 7), ids(100, 100+n)...))
			d.Source = target + d.Source
			set.Snapshots = append(set.Snapshots, d)
			set.Inputs = append(set.Inputs, evidence.Input{Position: d.Position, Kind: evidence.Goroutine, Target: target})
		}
	}
	res := expect(t, evidence.Merge(set, &evidence.Set{}), "leak/chan-send:7 possible")
	if v := res.Findings[0].Measures[0].Value; v != 120 {
		t.Errorf("%v goroutines, want the 120 of the program that leaks", v)
	}
}

func TestDeadlock(t *testing.T) {
	note := "the program crashed: fatal error: all goroutines are asleep - deadlock!"
	mainGroup := group(evidence.WaitWaitGroup, userStack("main.main", 30), 1)
	mainGroup.CreatedBy = evidence.Frame{}
	worker := group(evidence.WaitMutex, userStack("main.worker", 12), 7, 8)
	crash := func(groups ...evidence.Group) *evidence.Set {
		d := dump(0, groups...)
		d.Format = "crash"
		set := snapshots(d)
		set.Inputs = []evidence.Input{{Position: d.Position, Kind: evidence.Goroutine, Notes: []string{note}}}
		return set
	}
	res := expect(t, crash(mainGroup, worker), "leak/deadlock:30 proven")
	f := res.Findings[0]
	if f.Noun != "deadlock" || f.Measures[0].Value != 3 || len(f.Stacks) != 2 || !strings.Contains(f.Message, "2 goroutines in Lock at main.go:12") {
		t.Errorf("%+v", f)
	}
	if o := res.Outcomes[0]; o.State != analyze.Ran || len(o.Unchecked) > 0 {
		t.Errorf("%+v", o)
	}
	expect(t, crash(mainGroup, group(evidence.WaitNilChan, userStack("main.worker", 12), 7)), "leak/deadlock:30 proven")
	quiet := crash(mainGroup, worker)
	quiet.Inputs[0].Notes = []string{"the program crashed: fatal error: concurrent map writes"}
	expect(t, quiet, "")
	other := crash(mainGroup, worker)
	other.Inputs[0].Source = "another.log"
	expect(t, other, "")
}

// With requests counted, births are judged by them: a load that ends early is no ramp.
func TestBirthsFollowRequests(t *testing.T) {
	stack := userStack("main.work", 7)
	total := []uint64{100, 300, 500, 700, 760, 800}
	set := repeat(6, func(i int) []evidence.Group {
		return one(group(evidence.WaitChanSend, stack, ids(100, 100+total[i])...))
	})
	expect(t, set, "leak/chan-send:7 low")
	load := evidence.Load{Source: "metrics", Kind: evidence.Metrics, Route: "all"}
	flat := 20.0
	for i := range 6 {
		requests := 10 * float64(total[i])
		load.Points = append(load.Points, evidence.LoadPoint{At: epoch.Add(time.Duration(i) * 5 * time.Second), Seq: i, Requests: &requests, InFlight: &flat})
	}
	set.Loads = []evidence.Load{load}
	f := expect(t, set, "leak/chan-send:7 possible").Findings[0]
	for _, m := range f.Measures {
		if m.Name == "per_request" && (math.Abs(m.Value-0.1) > 1e-9 || m.N != 7000 || m.Interval == nil || m.Interval[0] > 0.1 || m.Interval[1] < 0.1 || len(m.Warnings) > 0) {
			t.Errorf("%+v", m)
		}
	}
	if !strings.Contains(f.Message, "0.1 a request") {
		t.Errorf("message %q", f.Message)
	}
	for i := range load.Points { // they rise with the requests in flight
		inFlight := float64(total[i])
		load.Points[i].InFlight = &inFlight
	}
	set.Trace = traceOf(evidence.WaitChanSend, stack, ids(100, 900), 800)
	f = expect(t, set, "leak/chan-send:7 possible").Findings[0]
	if !strings.Contains(f.Message, "in flight") {
		t.Errorf("message %q", f.Message)
	}
}

// The ids of the dumps show how many goroutines the whole program starts: traffic that ends.
func TestBirthsFollowTraffic(t *testing.T) {
	stack := userStack("main.work", 7)
	total := []uint64{0, 100, 200, 300, 330, 360}
	set := repeat(6, func(i int) []evidence.Group {
		return []evidence.Group{
			group(evidence.WaitChanSend, stack, ids(100, 100+total[i]+1)...),
			group(evidence.WaitSelect, userStack("main.serve", 9, connServe), 10_000+total[i]*10),
		}
	})
	expect(t, set, "leak/chan-send:7 possible")
}

func TestCostIsThatOfTheStacks(t *testing.T) {
	for depth, want := range map[int]float64{1: 2048, 20: 2048, 24: 4096, 200: 16384} {
		if got := stackBytes(make(evidence.Stack, depth)); got != want {
			t.Errorf("%d frames: %v bytes, want %v", depth, got, want)
		}
	}
	set := snapshots(growingDumps(6, 100, evidence.WaitChanSend, userStack("main.work", 7))...) // 20 a second
	costs := func(set *evidence.Set, want float64) {
		t.Helper()
		for _, m := range expect(t, set, "leak/chan-send:7 possible").Findings[0].Measures {
			if m.Name == "time_to_1gb" && (math.Abs(m.Value-want) > 1 || m.Unit != "s" || len(m.Warnings) != 1) {
				t.Errorf("%+v, want %v s", m, want)
			}
		}
	}
	costs(set, 24_414)
	for i := range set.Snapshots { // one for each four waits for them
		wait := group(evidence.WaitWaitGroup, userStack("main.start", 30), ids(9000, 9000+uint64(25*(i+1)))...)
		set.Snapshots[i].Groups = append(set.Snapshots[i].Groups, wait)
	}
	costs(set, 24_414/1.25)
}

// A leak at the bottom of a recursion is one, however deep, and keeps its name.
func TestRecursionIsOneSite(t *testing.T) {
	deep := func(n int) evidence.Stack {
		s := userStack("main.walk", 36)
		for range n {
			s = append(s, evidence.Frame{Function: "main.walk", File: "/src/app/main.go", Line: 39})
		}
		return s
	}
	var prints []string
	for _, depth := range []int{3, 9} {
		set := repeat(6, func(i int) []evidence.Group {
			var out []evidence.Group
			for d := range depth {
				from := uint64(1000 * (d + 1))
				out = append(out, group(evidence.WaitChanSend, deep(d), ids(from, from+uint64(i+1))...))
			}
			return out
		})
		f := expect(t, set, "leak/chan-send:36 possible").Findings[0]
		if f.Measures[0].Value != float64(6*depth) {
			t.Errorf("%v goroutines", f.Measures[0].Value)
		}
		prints = append(prints, f.Fingerprint)
	}
	if prints[0] != prints[1] {
		t.Errorf("fingerprints %v", prints)
	}
}

// Of two pools that run the same code one leaks.
func TestCreatorsAreToldApart(t *testing.T) {
	stack := userStack("main.(*pool).work", 7)
	var busy uint64 = 5000
	set := repeat(6, func(i int) []evidence.Group {
		healthy := startedBy(group(evidence.WaitChanRecv, stack, ids(busy, busy+200)...), "main.healthy", 40)
		busy += 150 // most of its goroutines are new each time
		return []evidence.Group{healthy, startedBy(group(evidence.WaitChanRecv, stack, ids(100, 110+uint64(i)*5)...), "main.leaky", 50)}
	})
	f := expect(t, set, "leak/chan-receive:7 possible").Findings[0]
	if f.CreatedBy.Line != 50 {
		t.Errorf("created by %+v", f.CreatedBy)
	}
}

// A rate that comes down and stays is no ramp: the leak goes on.
func TestBirthsThatLevelOff(t *testing.T) {
	for name, tc := range map[string]struct {
		births []int
		ramp   bool
	}{
		"levels off": {[]int{600, 300, 100, 150, 130}, false},
		"fades":      {[]int{600, 400, 270, 180, 120}, true},
		"too few":    {[]int{60, 30, 10, 15, 13}, true},
		"steady":     {[]int{100, 110, 95, 105, 90}, false},
		"ends":       {[]int{600, 300, 100, 50, 0}, true},
	} {
		half, beyondChance := slowsDown(tc.births, []float64{1, 1, 1, 1, 1})
		if half != tc.ramp || beyondChance != (name != "steady") {
			t.Errorf("%s: ramp %v, declines %v", name, half, beyondChance)
		}
	}
}

// An interval without requests is none in which nothing leaked.
func TestIntervalsWithoutRequests(t *testing.T) {
	for _, tc := range []struct {
		births   []int
		requests []float64
		want     bool
	}{
		{[]int{6, 8, 14, 0, 5}, []float64{20, 21, 40, 0, 19}, true},
		{[]int{6, 8, 14, 0, 5}, nil, false},
		{[]int{6, 8, 14, 0, 5}, []float64{20, 21, 40, 20, 19}, false},
		{[]int{6, 0, 0, 0, 5}, []float64{20, 0, 0, 0, 19}, true},
		{[]int{0, 0, 0}, []float64{0, 0, 0}, false},
	} {
		if got := keepsComing(tc.births, tc.requests); got != tc.want {
			t.Errorf("births %v of requests %v: %v", tc.births, tc.requests, got)
		}
	}
}

// TestDumpWithoutTime: profiles say when they were taken and dumps in text do not; whatever their files are called, growth
// stays growth.
func TestDumpWithoutTime(t *testing.T) {
	stack := userStack("main.work", 7)
	for _, place := range []int{0, 2, 3} { // by name
		last := dump(9, group(evidence.WaitChanRecv, stack, ids(100, 1200)...))
		last.At = time.Time{}
		series := []evidence.Snapshot{
			counted(1, number(evidence.WaitChanRecv, stack, 110)), counted(2, number(evidence.WaitChanRecv, stack, 500)), counted(3, number(evidence.WaitChanRecv, stack, 1090)),
		}
		set := &evidence.Set{Snapshots: slices.Insert(series, place, last)}
		for i := range set.Snapshots {
			set.Snapshots[i].Seq = i
		}
		if res := analyzeSet(t, set); len(res.Findings) != 1 {
			t.Errorf("the dump is number %d: %d findings", place, len(res.Findings))
		}
	}
}

// Snapshots of another life are left out by the order in which they stand, which names do not say where times are missing.
func TestRestartAmongDumpsWithoutTime(t *testing.T) {
	stack := userStack("main.work", 7)
	of := func(by string, n uint64) evidence.Snapshot {
		d := dump(0, startedBy(group(evidence.WaitChanRecv, stack, ids(100, 100+n)...), by, 40))
		d.At = time.Time{}
		return d
	}
	set := snapshots(of("main.after", 300), of("main.before", 100),
		counted(2, number(evidence.WaitChanRecv, stack, 100)), counted(3, number(evidence.WaitChanRecv, stack, 300)))
	set.Snapshots[1].Seq = 1
	l := livesOf(set, nil)[0]
	if len(l.dumps) != 1 || l.dumps[0].Total != 300 || l.restarted != 1 {
		t.Fatalf("%d dumps, %d left out", len(l.dumps), l.restarted)
	}
	if len(l.snapshots) != 1 || l.snapshots[0] != l.dumps[0] {
		t.Errorf("%d snapshots, want the dump after the restart alone", len(l.snapshots))
	}
}
