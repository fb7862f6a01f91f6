package report

import (
	"slices"
	"strings"
	"testing"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

// dumpOf is a debug=2 dump, five seconds after the one before.
func dumpOf(seq int, groups ...evidence.Group) evidence.Snapshot {
	d := evidence.Snapshot{Kind: evidence.Goroutine, Complete: true, HasIDs: true, Groups: groups}
	d.Source, d.Seq, d.At = "goroutine.txt", seq, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC).Add(time.Duration(seq)*5*time.Second)
	return d
}

func at(function string, ids ...uint64) evidence.Group {
	slices.Sort(ids)
	return evidence.Group{Wait: evidence.WaitSelect, Stack: stackOf(function), Count: len(ids), IDs: ids}
}

func TestStays(t *testing.T) {
	first := dumpOf(0, at("main.pool", 10, 11, 12), at("main.busy", 13))
	between := dumpOf(1, at("main.pool", 10, 11, 12, 20), at("main.late", 21))
	last := dumpOf(2, at("main.pool", 10, 11, 12, 13, 20, 30), at("main.late", 21, 31))
	cut := last
	cut.Complete = false
	settled := dumpOf(3, at("main.pool", 10))
	settled.Phase = evidence.Settled
	bounded := dumpOf(2, at("main.pool", 10, 20), at("main.late", 21))
	bounded.Groups[0].IDsDropped = 7
	again := dumpOf(2, at("main.pool", 4, 5))
	other := last
	other.Source = "other.txt"
	const none = -1
	cases := map[string]struct {
		dumps      []evidence.Snapshot
		pool, late int
	}{
		"who came in between and stays":        {[]evidence.Snapshot{first, between, last}, 1, 1},
		"a dump after the load is another one": {[]evidence.Snapshot{first, between, last, settled}, 1, 1},
		"one that was cut is left out":         {[]evidence.Snapshot{first, between, cut, last}, 1, 1},
		"two dumps":                            {[]evidence.Snapshot{first, last}, none, none},
		"ids were not kept":                    {[]evidence.Snapshot{first, between, bounded}, none, 1},
		"a restart":                            {[]evidence.Snapshot{first, between, again}, none, none},
		"of two programs":                      {[]evidence.Snapshot{first, between, other}, none, none},
	}
	for name, c := range cases {
		set := &evidence.Set{Snapshots: c.dumps, Inputs: []evidence.Input{
			{Position: evidence.Position{Source: "goroutine.txt"}, Target: "http://a"}, {Position: evidence.Position{Source: "other.txt"}, Target: "http://b"}}}
		l := newSites(set)
		for function, want := range map[string]int{"main.pool": c.pool, "main.late": c.late} {
			i := slices.IndexFunc(l.Sites, func(s Site) bool { return s.Function == function })
			got := none
			if s := l.Sites[i].Survivors; s != nil {
				got = *s
			}
			if got != want {
				t.Errorf("%s: %d stay in %s, want %d", name, got, function, want)
			}
		}
		if known := l.WindowS != nil; known != (c.late != none) || known && *l.WindowS != 10 {
			t.Errorf("%s: over %v s", name, l.WindowS)
		}
	}
}

// staying is a report of three dumps in which so many goroutines have come to a site and stayed.
func staying(confidence analyze.Confidence, n int) *Report {
	var ids []uint64
	for i := range n {
		ids = append(ids, uint64(100+i))
	}
	set := &evidence.Set{Inputs: []evidence.Input{input("a", true)}, Snapshots: []evidence.Snapshot{
		dumpOf(0, at("main.pass", 10)), dumpOf(1, at("main.pass", ids...)), dumpOf(2, at("main.pass", ids...))}}
	res := &analyze.Result{Outcomes: ran("leak")}
	if confidence > 0 {
		f := faultOf("leak", analyze.High, confidence)
		f.Wait, f.Stacks, f.Location = evidence.WaitSelect, []evidence.Stack{stackOf("main.pass")}, stackOf("main.pass")[0]
		res.Findings = []analyze.Finding{f}
	}
	return New(set, res, tool)
}

func TestPossibleFailsWhereMoreStay(t *testing.T) {
	untold := staying(0, 2)
	for i := range untold.Sites.Sites {
		untold.Sites.Sites[i].Survivors = nil
	}
	cases := map[string]struct {
		head, base *Report
		want       int
		says       string
	}{
		"far more":                 {staying(analyze.Possible, 40), staying(0, 2), 1, "40 survivors, 2 in the baseline: above the upper 95 % bound"},
		"as many":                  {staying(analyze.Possible, 40), staying(0, 38), 0, "warning"},
		"a few more":               {staying(analyze.Possible, 5), staying(0, 2), 0, "warning"},
		"far more, of low":         {staying(analyze.Weak, 40), staying(0, 2), 0, ""},
		"a baseline without count": {staying(analyze.Possible, 40), untold, 0, "warning"},
	}
	for name, c := range cases {
		code := c.head.ApplyGate(Trial{Baseline: &Baseline{Name: "base.json", Report: c.base}, Growth: DefaultGrowth(), Policy: GatePolicy()})
		var said []string
		for _, r := range c.head.Gate.Reasons {
			said = append(said, r.Text)
		}
		if text := strings.Join(append(said, c.head.Gate.Notes...), "\n"); code != c.want || !strings.Contains(text, c.says) {
			t.Errorf("%s: exit %d, %q, want %d, %q", name, code, text, c.want, c.says)
		}
	}
}
