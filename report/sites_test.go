package report

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

func stackOf(functions ...string) evidence.Stack {
	var s evidence.Stack
	for i, f := range functions {
		file := "/src/app/main.go"
		if !strings.HasPrefix(f, "main.") {
			file = "/usr/local/go/src/" + strings.SplitN(f, ".", 2)[0] + "/x.go"
		}
		s = append(s, evidence.Frame{Function: f, File: file, Line: 10 + i})
	}
	return s
}

// One place has one site, whichever format shows it and wherever its lines have moved.
func TestSitesAreTheSameInEveryFormat(t *testing.T) {
	dump, _ := siteOf(evidence.WaitChanSend, stackOf("main.worker.func1", "main.start.gowrap1"))
	moved := stackOf("main.worker.func2")
	moved[0].Line = 99
	for name, other := range map[string]struct {
		wait  evidence.Wait
		stack evidence.Stack
	}{
		"protobuf":             {evidence.WaitNone, stackOf("runtime.gopark", "runtime.chansend", "runtime.chansend1", "main.worker.func1")},
		"debug=1":              {evidence.WaitChan, stackOf("main.worker.func1")},
		"another line, number": {evidence.WaitChanSend, moved},
		"a nil channel":        {evidence.WaitNilChan, moved},
	} {
		if s, ok := siteOf(other.wait, other.stack); !ok || s != dump {
			t.Errorf("%s: %+v, want %+v", name, s, dump)
		}
	}
	for name, other := range map[string]struct {
		wait  evidence.Wait
		stack evidence.Stack
	}{
		"another function": {evidence.WaitChanSend, stackOf("main.other")},
		"another caller":   {evidence.WaitChanSend, stackOf("main.worker.func1", "main.other")},
		"another wait":     {evidence.WaitMutex, stackOf("main.worker.func1")},
	} {
		if s, ok := siteOf(other.wait, other.stack); !ok || s.ID == dump.ID {
			t.Errorf("%s: %+v, %v", name, s, ok)
		}
	}
	for name, none := range map[string]evidence.Stack{"running": stackOf("main.f"), "no stack": nil, "the runtime alone": stackOf("runtime.gopark", "runtime.chanrecv")} {
		if s, ok := siteOf(evidence.WaitNone, none); ok {
			t.Errorf("%s has the site %+v", name, s)
		}
	}
	if s, ok := siteOf(evidence.WaitSelect, stackOf("net/http.(*persistConn).writeLoop")); !ok || s.Function != "net/http.(*persistConn).writeLoop" {
		t.Errorf("a connection has the site %+v, %v", s, ok)
	}
}

func TestSitesOfASet(t *testing.T) {
	if newSites(&evidence.Set{}) != nil {
		t.Error("without goroutines there are sites")
	}
	group := func(f string) evidence.Group {
		return evidence.Group{Wait: evidence.WaitSelect, Stack: stackOf(f), Count: 3}
	}
	set := &evidence.Set{Snapshots: []evidence.Snapshot{{Groups: []evidence.Group{group("main.b"), group("main.a"), {Stack: stackOf("main.busy")}}},
		{Groups: []evidence.Group{group("main.b"), group("main.b.func1")}}}}
	var got []string
	for _, s := range newSites(set).Sites {
		got = append(got, s.Function)
	}
	if want := []string{"main.a", "main.b", "main.b.func"}; !slices.Equal(got, want) {
		t.Errorf("sites %v, want %v", got, want)
	}
	set.Snapshots[0].Groups = nil
	for i := range maxSites + 7 {
		set.Snapshots[0].Groups = append(set.Snapshots[0].Groups, group(fmt.Sprintf("main.f%da", i)))
	}
	if l := newSites(set); len(l.Sites) != maxSites || l.Dropped != 9 {
		t.Errorf("%d sites, %d dropped", len(l.Sites), l.Dropped)
	}
}

// atSite is a report of one finding of the detector leak, and of the places where goroutines wait.
func atSite(c analyze.Confidence, function string, waiting ...string) *Report {
	set := &evidence.Set{Inputs: []evidence.Input{input("a", true)}, Snapshots: []evidence.Snapshot{{}}}
	for _, w := range waiting {
		set.Snapshots[0].Groups = append(set.Snapshots[0].Groups, evidence.Group{Wait: evidence.WaitSelect, Stack: stackOf(w), Count: 5})
	}
	res := &analyze.Result{Outcomes: ran("leak", "mutexwait")}
	if function != "" {
		f := faultOf("leak", analyze.High, c)
		f.Wait, f.Stacks, f.Location = evidence.WaitSelect, []evidence.Stack{stackOf(function)}, stackOf(function)[0]
		res.Findings = []analyze.Finding{f}
	}
	return New(set, res, tool)
}

// The gate's column of the table of confidences.
func TestPossibleFailsWhereTheBaselineLacksTheSite(t *testing.T) {
	old := atSite(0, "", "main.pool")
	old.Sites = nil
	proven := GatePolicy()
	proven.MinConfidence = analyze.Proven
	cases := map[string]struct {
		head, base *Report
		policy     Policy
		want       int
		says       string
	}{
		"proven, new":                  {atSite(analyze.Proven, "main.new"), atSite(0, "", "main.pool"), GatePolicy(), 1, "new finding"},
		"likely, new":                  {atSite(analyze.Likely, "main.new"), atSite(0, "", "main.pool"), GatePolicy(), 1, "new finding"},
		"likely, site known":           {atSite(analyze.Likely, "main.pool"), atSite(0, "", "main.pool"), GatePolicy(), 1, "new finding"},
		"possible, site known":         {atSite(analyze.Possible, "main.pool"), atSite(0, "", "main.pool"), GatePolicy(), 0, "warning: new finding leak/x at main.go:10 (high, possible) is not sure enough"},
		"possible, site new":           {atSite(analyze.Possible, "main.new"), atSite(0, "", "main.pool"), GatePolicy(), 1, "the baseline has nobody waiting there"},
		"possible, no sites listed":    {atSite(analyze.Possible, "main.pool"), old, GatePolicy(), 1, "does not list where goroutines block"},
		"possible, no baseline":        {atSite(analyze.Possible, "main.new"), nil, GatePolicy(), 0, "warning: finding"},
		"possible, only proven counts": {atSite(analyze.Possible, "main.new"), atSite(0, "", "main.pool"), proven, 0, ""},
		"low, site new":                {atSite(analyze.Weak, "main.new"), atSite(0, "", "main.pool"), GatePolicy(), 0, ""},
	}
	for name, c := range cases {
		var base *Baseline
		if c.base != nil {
			base = &Baseline{Name: "base.json", Report: c.base}
		}
		code := c.head.ApplyGate(Trial{Baseline: base, Growth: DefaultGrowth(), Policy: c.policy})
		var said []string
		for _, r := range c.head.Gate.Reasons {
			said = append(said, r.Text)
		}
		text := strings.Join(append(said, c.head.Gate.Notes...), "\n")
		if code != c.want || !strings.Contains(text, c.says) {
			t.Errorf("%s: exit %d, %q, want %d, %q", name, code, text, c.want, c.says)
		}
	}
}

func TestForeignBaseline(t *testing.T) {
	at := func(functions ...string) *Report { return atSite(0, "", functions...) }
	cases := map[string]struct {
		base, head *Report
		want       int
	}{
		"the same":                        {at("main.a", "main.b", "main.c"), at("main.a", "main.b", "main.c"), ExitOK},
		"one place in common":             {at("main.a", "main.b", "main.c"), at("main.c", "main.d", "main.e"), ExitOK},
		"none":                            {at("main.a", "main.b", "main.c"), at("main.x", "main.y", "main.z"), ExitInconclusive},
		"main.main alone":                 {at("main.main", "main.a", "main.b", "main.c"), at("main.main", "main.x", "main.y", "main.z"), ExitInconclusive},
		"modules":                         {at("x.org/a.F", "x.org/a.G", "x.org/b.H"), at("y.org/a.F", "y.org/a.G", "y.org/b.H"), ExitInconclusive},
		"few, and none in common":         {at("main.a", "main.b"), at("main.x", "main.y", "main.z"), ExitInconclusive},
		"too few to tell":                 {at("main.a", "main.b"), at("main.x", "main.y"), ExitOK},
		"one is too few to tell":          {at("main.a"), at("main.x", "main.y", "main.z", "main.u"), ExitOK},
		"the library's are everybody's":   {at("net/http.F", "net/rpc.F", "main.b"), at("net/http.G", "main.x", "main.y", "main.z"), ExitOK},
		"a baseline that lists none":      {runOf(), at("main.x", "main.y", "main.z"), ExitOK},
		"a capture that shows no waiting": {at("main.a", "main.b", "main.c"), runOf(), ExitOK},
	}
	for name, c := range cases {
		code := c.head.ApplyGate(Trial{Baseline: &Baseline{Name: "b.json", Report: c.base}, Growth: DefaultGrowth(), Policy: GatePolicy()})
		if code != c.want {
			t.Errorf("%s: exit %d, want %d: %+v", name, code, c.want, c.head.Gate.Reasons)
		}
	}
}

// Workers wait for work in the function in which they wait to hand in its result: growth of the one is new where
// only the other was seen.
func TestDirectionsAreSitesOfTheirOwn(t *testing.T) {
	stack := stackOf("main.worker")
	for name, tc := range map[string]struct {
		before []evidence.Wait
		now    evidence.Wait
		lacks  bool
	}{
		"the same":             {[]evidence.Wait{evidence.WaitChanSend}, evidence.WaitChanSend, false},
		"the other":            {[]evidence.Wait{evidence.WaitChanRecv, evidence.WaitChanRecv}, evidence.WaitChanSend, true},
		"both were there":      {[]evidence.Wait{evidence.WaitChanRecv, evidence.WaitChanSend}, evidence.WaitChanSend, false},
		"one did not tell":     {[]evidence.Wait{evidence.WaitChanRecv, evidence.WaitChan}, evidence.WaitChanSend, false},
		"one never tells":      {[]evidence.Wait{evidence.WaitChan, evidence.WaitChanRecv, evidence.WaitChanRecv}, evidence.WaitChanSend, false},
		"the finding does not": {[]evidence.Wait{evidence.WaitChanRecv}, evidence.WaitChan, false},
	} {
		var snap evidence.Snapshot
		for _, w := range tc.before {
			snap.Groups = append(snap.Groups, evidence.Group{Wait: w, Stack: stack, Count: 1})
		}
		r := &Report{Sites: newSites(&evidence.Set{Snapshots: []evidence.Snapshot{snap}})}
		line := 10
		f := &Finding{Wait: tc.now, StackFrames: [][]Frame{{{Function: "main.worker", Path: "/src/app/main.go", Line: &line}}}}
		if got := r.lacksSite(f); got != tc.lacks {
			t.Errorf("%s: lacks the site %v, want %v; sites %+v", name, got, tc.lacks, r.Sites.Sites)
		}
	}
}
