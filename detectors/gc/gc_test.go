package gc

import (
	"math"
	"slices"
	"strings"
	"testing"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
	"go-debug/detectors/detectortest"
)

func TestFunctionsExist(t *testing.T) { detectortest.Signatures(t, signatures...) }

func TestFindings(t *testing.T) {
	heavy := []row{{marking, 500}, {assists, 60}, {work, 440}}
	for name, tc := range map[string]struct {
		set  *evidence.Set
		want string
	}{
		"collecting takes half": {set(nil, cpu(heavy...)), "cpu@main.decode likely"},
		"the largest allocation is named": {set(nil, cpu(heavy...), allocs(row{stack("runtime.mallocgc", "main.parse"), 900}, row{mallocs, 100})),
			"cpu@main.parse likely"},
		"a third of the CPU":         {set(nil, cpu(row{marking, 350}, row{mallocs, 50}, row{work, 600})), "cpu@main.decode possible"},
		"mostly on idle Ps":          {set(nil, cpu(row{idleMark, 600}, row{mallocs, 50}, row{work, 350})), "cpu@main.decode likely"},
		"an old profile":             {set(nil, cpu(row{oldMark, 600}, row{mallocs, 50}, row{work, 350})), "cpu@main.decode likely"},
		"on a crowded host":          {set(nil, cpu(row{marking, 500}, row{mallocs, 50}, row{work, 300}, row{preempted, 150})), "cpu@main.decode possible"},
		"back to back":               {set(newTrace().cycles(30, 0.9, 100, 110), cpu(heavy...)), "back-to-back@main.decode likely"},
		"back to back, trace alone":  {set(newTrace().cycles(30, 0.9, 100, 110).assist(3, 1e5)), "back-to-back@main.decode possible"},
		"marking, in a trace alone":  {set(newTrace().cycles(8, 0.4, 100, 120).marking(5e8).assist(3, 1e5)), "cpu@main.decode possible"},
		"forced":                     {set(newTrace().cycles(30, 0.9, 100, 103).forced(29), cpu(heavy...)), "forced@main.tidy likely"},
		"forced, by the samples":     {set(nil, cpu(row{marking, 300}, row{collecting, 60}, row{work, 640})), "forced@main.tidy possible"},
		"assists":                    {set(nil, cpu(row{assists, 120}, row{marking, 80}, row{work, 800})), "assist@main.decode possible"},
		"assists that a trace shows": {set(newTrace().cycles(6, 0.3, 100, 200).assist(60, 3e6), cpu(row{assists, 120}, row{work, 880})), "assist@main.decode likely"},
		"assists in a trace alone":   {set(newTrace().cycles(6, 0.3, 100, 200).assist(60, 3e6)), "assist@main.decode possible"},
		"sweeping is most of it":     {set(nil, cpu(row{sweeps, 300}, row{marking, 100}, row{work, 600})), "sweep@main.decode likely"},
		"barriers are most of it":    {set(nil, cpu(row{barriers, 300}, row{marking, 100}, row{work, 600})), "write-barriers@main.link likely"},
		"marking is most of it":      {set(nil, cpu(row{sweeps, 150}, row{marking, 250}, row{work, 600})), "cpu@main.decode possible"},
		"sweeping":                   {set(nil, cpu(row{sweeps, 200}, row{work, 800})), "sweep@main.decode possible"},
		"write barriers":             {set(nil, cpu(row{barriers, 180}, row{work, 820})), "write-barriers@main.link possible"},
		"allocating":                 {set(nil, cpu(row{mallocs, 700}, row{work, 300})), "alloc@main.decode likely"},
		"allocating, go1.27":         {set(nil, cpu(row{mallocs127, 700}, row{work, 300})), "alloc@main.decode likely"},
		"finalizers":                 {set(nil, cpu(row{closing, 300}, row{finalizing, 200}, row{work, 500})), "finalizers@main.open likely"},
		"finalizers, go1.20":         {set(nil, cpu(row{closing120, 300}, row{work, 700})), "finalizers@main.(*file).close likely"},
		"finalizers that are swept":  {set(nil, cpu(row{finalizing, 500}, row{marking, 400}, row{work, 100})), "finalizers@main.open likely"},
		"both are much":              {set(nil, cpu(row{finalizing, 120}, row{marking, 600}, row{mallocs, 30}, row{work, 250})), "cpu@main.decode likely; finalizers@main.open possible"},
		"long pauses": {set(newTrace().pauses("GC mark termination", 40, 1e5, 8, 12e6), cpu(row{hashing, 400}, row{work, 600})),
			"pause@main.sum likely"},
		"a heap that is too small": {set(newTrace().cycles(9, 0.1, 3e6, 4e6).pauses("GC mark termination", 40, 1e5, 8, 12e6), cpu(row{copying, 400}, row{work, 600})),
			"stretched-pause@ likely"},
		"a heap that is large": {set(newTrace().cycles(9, 0.1, 3e8, 4e8).pauses("GC mark termination", 40, 1e5, 8, 12e6), cpu(row{copying, 400}, row{work, 600})),
			"pause@main.merge likely"},
		"pieces that are too small": {set(newTrace().cycles(9, 0.1, 3e8, 4e8).pauses("GC mark termination", 40, 1e5, 8, 12e6), cpu(row{copying, 400}, row{work, 600}), allocs(row{copying, 1000})),
			"stretched-pause@ likely"},
		"pieces that are small, of several sizes": {set(large(), cpu(row{copying, 400}, row{work, 600}), mixed(allocs(row{copying, 10_000}))),
			"stretched-pause@ likely"},
		"giants among many": {set(large(), cpu(row{copying, 400}, row{work, 600}), mixed(allocs(row{copying, 5_000_000}))), "pause@main.merge likely"},
		"giants at another stack of the line": {set(large(), cpu(row{copying, 400}, row{work, 600}), giants(allocs(row{copying, 1_000_000}, row{append(copying[:3:3], work...), 10}))),
			"pause@main.merge likely"},
		"giants that are searched":         {set(large(), cpu(row{searching, 400}, row{work, 600}), allocs(row{searching, 1000})), "pause@main.find likely"},
		"giants that are hashed to little": {set(large(), cpu(row{hashing, 400}, row{work, 600}), allocs(row{hashing, 1000})), "pause@main.sum likely"},
		"long pauses, a crowded host":      {set(newTrace().pauses("GC mark termination", 40, 1e5, 8, 12e6), cpu(row{hashing, 400}, row{preempted, 200}, row{work, 400})), "stretched-pause@ possible"},
		"long pauses, no line":             {set(newTrace().pauses("GC sweep termination", 40, 1e5, 8, 12e6), cpu(row{work, 1000})), "stretched-pause@ likely"},
		"long pauses, few samples":         {set(newTrace().pauses("GC sweep termination", 40, 1e5, 8, 12e6), cpu(row{work, 100})), "stretched-pause@ possible"},
		"long pauses, no CPU":              {set(newTrace().pauses("GC sweep termination", 40, 1e5, 8, 12e6)), "pause@ possible"},
		"statistics all day":               {set(newTrace().pauses("read mem stats", 1000, 1e5, 0, 0), cpu(row{memstats, 3})), "stop-the-world@main.watch likely"},
		"statistics, by samples":           {set(nil, cpu(row{memstats, 200}, row{work, 800})), "stop-the-world@main.watch possible"},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, fs := detect(t, tc.set)
			if got != tc.want {
				t.Fatalf("findings %q, want %q", got, tc.want)
			}
			for _, f := range fs {
				if len(f.Measures) == 0 {
					t.Error("no measures")
				}
				for _, m := range f.Measures {
					if m.Unit == "" || m.Method == "" || m.N == 0 {
						t.Errorf("measure %s lacks unit, method or n: %+v", m.Name, m)
					}
				}
			}
		})
	}
}

func TestAssistsNameTheRequestsTheyHit(t *testing.T) {
	inRequest := append(slices.Clone(assists), stack("net/http.(*conn).serve")...)
	tr := newTrace().cycles(6, 0.3, 100, 200).assist(40, 3e6).assistAt(inRequest, 20, 5e6).task(40e6, 10e6)
	_, _, fs := detect(t, set(tr))
	if len(fs) != 1 || !strings.Contains(fs[0].Message, "; 20 of 60 hit requests, for 5") {
		t.Fatalf("findings %+v", fs)
	}
	got := map[string]float64{}
	for _, m := range fs[0].Measures {
		got[m.Name] = m.Value
	}
	if v := got["assist_in_requests"]; v < 4.8e6 || v > 5.2e6 || got["slowest_assist_share"] != 0.25 {
		t.Errorf("measures %v", got)
	}
}

func TestHealthyYieldsNothing(t *testing.T) {
	for name, s := range map[string]*evidence.Set{
		"a JSON server":                {Profiles: []*evidence.Profile{cpu(row{marking, 120}, row{assists, 10}, row{sweeps, 30}, row{mallocs, 150}, row{work, 690})}},
		"a type checker":               {Profiles: []*evidence.Profile{cpu(row{marking, 110}, row{idleMark, 70}, row{mallocs, 200}, row{barriers, 50}, row{work, 570})}},
		"nearly idle, with a big heap": {Profiles: []*evidence.Profile{profile(evidence.CPU, []string{"samples", "cpu"}, []int64{1, 1e7}, 60, []row{{idleMark, 400}, {work, 100}})}},
		"too few samples":              {Profiles: []*evidence.Profile{cpu(row{marking, 150}, row{work, 40})}},
		"a benchmark's clock":          {Profiles: []*evidence.Profile{cpu(row{benchmark, 400}, row{work, 600})}},
		"a harness that collects":      {Profiles: []*evidence.Profile{cpu(row{marking, 150}, row{stack("runtime.GC", "testing.(*B).runN"), 50}, row{work, 800})}},
		"a harness in a trace":         set(newTrace().cycles(30, 0.9, 100, 103).forcedBy(29, "testing.(*B).runN").marking(6e8), cpu(row{marking, 600}, row{work, 400})),
		"a benchmark's clock, traced":  set(newTrace().goroutine("testing.(*B).launch").pauses("read mem stats", 1000, 1e5, 0, 0)),
		"assists that stood still":     set(newTrace().cycles(6, 0.3, 100, 200).assist(90, 1e5).assist(10, 90e6)),
		"a heap that fills":            set(growingTrace(), cpu(row{marking, 240}, row{work, 760})),
		"a few collections":            set(newTrace().cycles(3, 0.9, 100, 190), cpu(row{marking, 200}, row{work, 800})),
		"a sweeper that yields":        {Profiles: []*evidence.Profile{cpu(row{sweeper, 200}, row{work, 800})}},
		"healthy pauses":               set(newTrace().pauses("GC mark termination", 100, 1e5, 0, 0).pauses("GC sweep termination", 100, 2e5, 0, 0)),
		"one pause, the kernel's":      set(newTrace().pauses("GC mark termination", 10, 1e5, 1, 50e6)),
		"whoever looks":                set(newTrace().pauses("start trace", 0, 0, 5, 50e6).pauses("goroutine profile", 0, 0, 50, 50e6).pauses("all goroutines stack trace", 0, 0, 50, 50e6)),
		"a scrape":                     set(newTrace().pauses("read mem stats", 1, 1e5, 0, 0)),
		"little marking":               set(newTrace().cycles(8, 0.4, 100, 120).marking(3e8)),
		"short assists":                set(newTrace().cycles(6, 0.3, 100, 200).assist(1000, 1e5)),
		"assists that took no CPU":     set(newTrace().cycles(6, 0.3, 100, 200).assist(60, 3e6), cpu(row{assists, 42}, row{work, 958})),
		"assists of a quiet program":   set(quiet(newTrace().cycles(6, 0.1, 100, 200).assist(40, 2e6))),
	} {
		t.Run(name, func(t *testing.T) {
			if got, _, fs := detect(t, s); got != "" {
				t.Errorf("findings %q, want none: %s", got, fs[0].Message)
			}
		})
	}
}

func growingTrace() *traced {
	t := newTrace().cycles(8, 0.8, 100, 110)
	for i := range t.Windows[0].Series.HeapBytes {
		t.Windows[0].Series.HeapBytes[i] += int64(2 * i)
	}
	return t
}

// quiet is a trace in which little runs.
func quiet(t *traced) *traced {
	t.Sched.RunningNS = 5e7
	return t
}

// TestOneCauseIsOneFinding holds that the parts of the collector's cost are measures of one finding.
func TestOneCauseIsOneFinding(t *testing.T) {
	_, _, fs := detect(t, set(newTrace().cycles(10, 0.5, 100, 120).assist(100, 2e6),
		cpu(row{marking, 400}, row{assists, 150}, row{sweeps, 150}, row{mallocs, 250}, row{work, 50}), allocs(row{mallocs, 1000})))
	if len(fs) != 1 || fs[0].Rule != ruleCPU {
		t.Fatalf("findings %v", fs)
	}
	for _, name := range []string{"gc_cpu_share", "gc_idle_share", "assist_share", "sweep_share", "alloc_share", "collections", "mark_time_share", "heap_growth",
		"assist", "alloc_bytes_share", "allocated"} {
		if !slices.ContainsFunc(fs[0].Measures, func(m stats.Measure) bool { return m.Name == name }) {
			t.Errorf("no measure %s", name)
		}
	}
	for _, words := range []string{"70 % of the CPU (0.7 cores)", "20 % between collections", "100 % of the bytes"} {
		if !strings.Contains(fs[0].Message, words) {
			t.Errorf("message %q does not say %q", fs[0].Message, words)
		}
	}
}

// TestLimitsAreNamed holds that what metrics say of GOMEMLIMIT and GOGC is said, and what they do not is asked for.
func TestLimitsAreNamed(t *testing.T) {
	for name, tt := range map[string]struct {
		settings *evidence.Settings
		want     string
		asked    bool
	}{
		"unknown":  {nil, "", true},
		"a limit":  {&evidence.Settings{MemoryLimit: 64e6, GOGC: 100}, "GOMEMLIMIT is 64 MB, of which the heap takes up to 63 MB", false},
		"no limit": {&evidence.Settings{MemoryLimit: math.MaxInt64, GOGC: 5}, "there is no GOMEMLIMIT, and GOGC is 5", false},
	} {
		s := set(newTrace().cycles(60, 0.9, 60e6, 63e6).marking(8e8), cpu(row{marking, 700}, row{work, 300}))
		s.Inputs = []evidence.Input{{Settings: tt.settings}}
		_, out, fs := detect(t, s)
		if len(fs) != 1 || fs[0].Rule != ruleBackToBack || !strings.Contains(fs[0].Message, tt.want) {
			t.Errorf("%s: %+v", name, fs)
		}
		asked := slices.ContainsFunc(out.Unchecked, func(u analyze.Unchecked) bool { return strings.Contains(u.What, "go_gc_gomemlimit_bytes") })
		if asked != tt.asked {
			t.Errorf("%s: not checked: %v", name, out.Unchecked)
		}
	}
}

// TestMoreCostIsNoLess holds that a finding does not go away as its cost grows.
func TestMoreCostIsNoLess(t *testing.T) {
	for name, at := range map[string]evidence.Stack{"marking": marking, "assists": assists, "allocating": mallocs, "finalizers": finalizing, "sweeping": sweeps} {
		reported := false
		for n := int64(0); n <= 1000; n += 20 {
			got, _, _ := detect(t, set(nil, cpu(row{at, n}, row{work, 1000 - n})))
			if reported && got == "" {
				t.Errorf("%s: found at less than %d of 1000 samples, not there", name, n)
			}
			reported = got != ""
		}
		if !reported {
			t.Errorf("%s: all of the CPU is no finding", name)
		}
	}
}

func TestWhatCannotBeTold(t *testing.T) {
	few := cpu(row{marking, 60}, row{work, 60})
	java := profile(evidence.CPU, []string{"samples", "cpu"}, []int64{1, 1e7}, 10, []row{{evidence.Stack{{Function: "java.util.HashMap.get", File: "HashMap.java"}}, 1000}})
	for name, tc := range map[string]struct {
		set   *evidence.Set
		state analyze.State
		why   string
		open  int
	}{
		"where, not what it costs":    {set(nil, allocs(row{mallocs, 100})), analyze.Inconclusive, "not what collecting it costs", 0},
		"too few samples":             {set(nil, few), analyze.Inconclusive, "too few samples", 0},
		"the difference of two":       {set(nil, cpu(row{marking, 900}, row{mallocs, -20}, row{work, 100})), analyze.Inconclusive, "difference of two", 0},
		"another language":            {set(nil, java), analyze.Inconclusive, "not of a Go program", 0},
		"nothing to read":             {&evidence.Set{}, analyze.Skipped, "needs", 0},
		"few, but a trace":            {set(newTrace(), few), analyze.Ran, "", 1},
		"a trace alone":               {set(newTrace()), analyze.Ran, "", 1},
		"a profile alone":             {set(nil, cpu(row{work, 1000})), analyze.Ran, "", 1},
		"an idle program":             {set(newTrace(), cpu(row{work, 20})), analyze.Ran, "", 0},
		"idle, and nothing to sample": {set(newTrace(), cpu()), analyze.Ran, "", 0},
	} {
		t.Run(name, func(t *testing.T) {
			got, out, _ := detect(t, tc.set)
			if got != "" || out.State != tc.state || !strings.Contains(out.Why, tc.why) || len(out.Unchecked) != tc.open {
				t.Errorf("findings %q, state %s, why %q, open %v", got, out.State, out.Why, out.Unchecked)
			}
			if out.State == analyze.Inconclusive && !strings.HasPrefix(out.Try, "go-debug ") {
				t.Errorf("no command to try: %q", out.Try)
			}
		})
	}
}
