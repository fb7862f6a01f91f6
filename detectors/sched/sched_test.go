package sched

import (
	"strings"
	"testing"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/detectors/detectortest"
)

func TestFunctionsExist(t *testing.T) { detectortest.Signatures(t, signatures...) }

func TestFindings(t *testing.T) {
	pingPong := []row{{searching, 100}, {switching, 400}, {receiving, 100}, {work, 400}}
	for name, tc := range map[string]struct {
		set  *evidence.Set
		want string
	}{
		"ping-pong":                   {set(nil, cpu(pingPong...)), "churn@main.consume possible"},
		"nothing but switches":        {set(nil, cpu(row{searching, 100}, row{switching, 800}, row{receiving, 100})), "churn@main.consume likely"},
		"short runs in a trace":       {set(newTrace().runs(400_000, 900), cpu(pingPong...)), "churn@main.consume likely"},
		"less CPU, but short runs":    {set(newTrace().runs(400_000, 900), cpu(row{searching, 250}, row{switching, 80}, row{work, 670})), "churn@main.consume likely"},
		"short runs, no profile":      {set(newTrace().runs(800_000, 900)), "churn@main.consume possible"},
		"on a crowded host":           {set(nil, cpu(row{searching, 100}, row{switching, 600}, row{receiving, 100}, row{preempted, 200})), "churn@main.consume possible"},
		"Gosched":                     {set(nil, cpu(row{yielding, 600}, row{gosched, 2}, row{work, 398})), "gosched@main.spin likely"},
		"Gosched, seen in a snapshot": {withSnapshot(set(nil, cpu(row{yielding, 600}, row{work, 400})), gosched), "gosched@main.spin likely"},
		"Gosched, seen in a trace":    {set(newTrace().goroutines("main.spin", 3e8, 500_000, 200), cpu(row{yielding, 600}, row{work, 400})), "gosched@main.spin likely"},
		"Gosched, nobody saw where":   {set(nil, cpu(row{yielding, 600}, row{work, 400})), "gosched@ possible"},
		"Gosched, on a crowded host":  {set(nil, profile(evidence.CPU, []string{"samples", "cpu"}, []int64{1, 1e7}, 20, []row{{yielding, 400}, {gosched, 2}, {work, 198}})), "gosched@main.spin likely"},
		"Ps that look for work":       {set(nil, cpu(row{searching, 600}, row{work, 400})), "spinning@ possible"},
		"a polling agent":             {set(newTrace().timers(8000), cpu(row{searching, 40}, row{work, 10})), "idle-wakeups@main.poll likely"},
		"a polling agent, collected":  {set(newTrace().timers(8000).goroutines("runtime.gcBgMarkWorker", 1e6, 20_000, 1000), cpu(row{searching, 40}, row{work, 10})), "idle-wakeups@main.poll likely"},
		"requests behind a batch": {set(newTrace().busy(0.5, 4).goroutines("net/http.(*conn).serve", 5e7, 500, 20e6).goroutines("main.(*gallery).preview", 12e8, 200, 40e6),
			cpu(row{crunching, 900}, row{work, 100})), "request-delay@main.blur likely"},
		"requests that nobody notices": {set(newTrace().busy(0.4, 4).goroutines("net/http.(*conn).serve", 5e7, 500, 1000).goroutines("main.(*gallery).preview", 12e8, 200, 40e6)),
			"request-delay@main.(*gallery).preview possible"},
		"requests use the CPU themselves": {set(newTrace().busy(0.9, 4).goroutines("net/http.(*conn).serve", 18e8, 500, 40e6), cpu(row{work, 1000})), "run-queue@main.render likely"},
		"a batch":                         {set(newTrace().busy(1, 20).goroutines("main.(*gallery).preview", 2e9, 300, 80e6)), "run-queue@main.(*gallery).preview likely"},
		"goroutines that requests leave behind": {set(newTrace().busy(1, 2).goroutines("net/http.(*conn).serve", 1e7, 500, 20e6).child("main.part", "net/http.(*conn).serve", 1.9e9, false)),
			"request-delay@main.handle likely"},
		"a quota": {set(newTrace().goroutines("main.(*gallery).preview", 8e9, 10, 1000).sampled(200), covering(cpu(row{crunching, 2000}))),
			"throttled@ likely"},
		"threads":                 {withSnapshots(set(newTrace(), threads(90)), blocked(80)), "threads@main.write likely"},
		"threads, nobody saw why": {set(newTrace(), threads(900)), "threads@ possible"},
	} {
		t.Run(name, func(t *testing.T) {
			got, _, fs := detect(t, tc.set)
			if got != tc.want {
				t.Fatalf("findings %q, want %q", got, tc.want)
			}
			for _, m := range fs[0].Measures {
				if m.Unit == "" || m.Method == "" || m.N == 0 {
					t.Errorf("measure %s lacks unit, method or n: %+v", m.Name, m)
				}
			}
		})
	}
}

// TestQuotaIsNamed holds that what metrics say of the container's quota is said, and what they do not is asked for.
func TestQuotaIsNamed(t *testing.T) {
	for name, tt := range map[string]struct {
		settings *evidence.Settings
		want     string
		asked    bool
	}{
		"unknown":     {nil, "a CPU quota below GOMAXPROCS, or other load", true},
		"a small one": {&evidence.Settings{CPUQuota: 150_000, CPUPeriod: 100_000}, "the container's CPU quota is 1.5, below GOMAXPROCS", false},
		"a large one": {&evidence.Settings{CPUQuota: 400_000, CPUPeriod: 100_000}, "other load, for the container's CPU quota is 4", false},
	} {
		s := set(newTrace().goroutines("main.(*gallery).preview", 8e9, 10, 1000).sampled(200), covering(cpu(row{crunching, 2000})))
		s.Inputs = []evidence.Input{{Settings: tt.settings}}
		_, out, fs := detect(t, s)
		if len(fs) != 1 || !strings.HasSuffix(fs[0].Message, tt.want) || (len(out.Unchecked) == 1) != tt.asked {
			t.Errorf("%s: %+v, not checked %v", name, fs, out.Unchecked)
		}
	}
}

func withSnapshots(s *evidence.Set, snaps ...evidence.Snapshot) *evidence.Set {
	s.Snapshots = append(s.Snapshots, snaps...)
	return s
}

// withSnapshot adds a snapshot of one running goroutine.
func withSnapshot(s *evidence.Set, at evidence.Stack) *evidence.Set {
	return withSnapshots(s, evidence.Snapshot{Kind: evidence.Goroutine, Total: 1, Groups: []evidence.Group{{Stack: at, Count: 1}}})
}

// covering places a profile around the trace of newTrace.
func covering(p *evidence.Profile) *evidence.Profile {
	p.At = start
	return p
}

func TestHealthyYieldsNothing(t *testing.T) {
	for name, s := range map[string]*evidence.Set{
		"a JSON server":                               set(nil, cpu(row{searching, 60}, row{switching, 20}, row{work, 920})),
		"an idle program":                             set(nil, profile(evidence.CPU, []string{"samples", "cpu"}, []int64{1, 1e7}, 60, []row{{searching, 600}, {switching, 100}, {work, 100}})),
		"a gateway at half a core":                    set(newTrace().runs(36000, 9000), cpu(row{searching, 230}, row{polling, 110}, row{switching, 30}, row{work, 330})),
		"too few samples":                             set(nil, cpu(row{switching, 190})),
		"a trace that shows long runs":                set(newTrace().runs(36000, 20000), cpu(row{searching, 50}, row{switching, 450}, row{receiving, 100}, row{work, 400})),
		"interrupted all the time":                    set(nil, cpu(row{preempting, 150}, row{work, 850})),
		"the sweeper, which yields":                   set(nil, cpu(row{yielding, 200}, row{stack("runtime.sweepone", "runtime.bgsweep"), 20}, row{work, 780})),
		"a ticker of 10 ms":                           set(newTrace().timers(100), cpu(row{searching, 10})),
		"timers that start work":                      set(newTrace().timers(1000).runs(10000, 9000), cpu(row{searching, 60}, row{work, 30})),
		"timers of a busy program":                    set(newTrace().timers(8000).goroutines("main.render", 9e8, 100, 1000), cpu(row{work, 900})),
		"busy, and nobody waits":                      set(newTrace().busy(1, 0).goroutines("main.render", 2e9, 100, 1000)),
		"waits with CPU to spare":                     set(newTrace().busy(0, 0).goroutines("net/http.(*conn).serve", 1e8, 500, 20e6)),
		"requests beside little":                      set(newTrace().busy(0.1, 2).goroutines("net/http.(*conn).serve", 5e7, 500, 1000).goroutines("main.(*gallery).preview", 2e8, 20, 1e6)),
		"requests that wait for goroutines of theirs": set(newTrace().busy(1, 2).goroutines("net/http.(*conn).serve", 1e7, 500, 1e6).child("main.part", "net/http.(*conn).serve", 1.9e9, true)),
		"little of an idle program":                   set(nil, profile(evidence.CPU, []string{"samples", "cpu"}, []int64{1, 1e7}, 60, []row{{yielding, 300}, {gosched, 2}, {work, 200}})),
		"few threads":                                 withSnapshots(set(newTrace(), threads(40)), blocked(30)),
		"threads of a past burst":                     set(newTrace(), threads(90)),
		"a large machine":                             withSnapshots(set(nil, threads(280)), blocked(40)),
		"a trace of another time":                     set(newTrace().goroutines("main.render", 8e9, 10, 1000).sampled(200), cpu(row{work, 2000})),
		"all CPU that it asks for":                    set(newTrace().goroutines("main.render", 8e9, 10, 1000).sampled(700), covering(cpu(row{work, 2000}))),
	} {
		t.Run(name, func(t *testing.T) {
			if got, _, fs := detect(t, s); got != "" {
				t.Errorf("findings %q, want none: %s", got, fs[0].Message)
			}
		})
	}
}

// TestMoreSwitchingIsNoLess holds that churn does not go away as it grows.
func TestMoreSwitchingIsNoLess(t *testing.T) {
	reported := false
	for n := int64(0); n <= 1000; n += 20 {
		got, _, _ := detect(t, set(nil, cpu(row{switching, n}, row{work, 1000 - n})))
		if reported && got == "" {
			t.Errorf("found at less than %d of 1000 samples, not there", n)
		}
		reported = got != ""
	}
	if !reported {
		t.Error("a program that does nothing but switch is no finding")
	}
}

func TestWhatCannotBeTold(t *testing.T) {
	few := cpu(row{switching, 60}, row{work, 60})
	java := profile(evidence.CPU, []string{"samples", "cpu"}, []int64{1, 1e7}, 10, []row{{evidence.Stack{{Function: "java.util.HashMap.get", File: "HashMap.java"}}, 1000}})
	for name, tc := range map[string]struct {
		set   *evidence.Set
		state analyze.State
		why   string
		open  int
	}{
		"threads alone":         {set(nil, threads(8)), analyze.Inconclusive, "does not show what scheduling costs", 0},
		"too few samples":       {set(nil, profile(evidence.CPU, []string{"samples", "cpu"}, []int64{1, 1e7}, 1, []row{{switching, 60}, {work, 60}})), analyze.Inconclusive, "too few samples", 0},
		"another language":      {set(nil, java), analyze.Inconclusive, "not of a Go program", 0},
		"the difference of two": {set(nil, cpu(row{switching, 900}, row{work, -20})), analyze.Inconclusive, "difference of two", 0},
		"nothing to read":       {&evidence.Set{}, analyze.Skipped, "needs", 0},
		"few, of long":          {set(newTrace(), few), analyze.Ran, "", 0}, // 0.12 cores
		"a trace alone":         {set(newTrace()), analyze.Ran, "", 1},
		"a profile alone":       {set(nil, cpu(row{work, 1000})), analyze.Ran, "", 1},
		"an idle program":       {set(newTrace(), cpu()), analyze.Ran, "", 0},
		"denied its CPU":        {set(newTrace().goroutines("main.render", 18e8, 10, 1000), cpu(row{work, 300})), analyze.Ran, "", 1},
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

// TestRequestsOfTheCapture: whoever takes profiles is served by the program, too, and nobody's client.
func TestRequestsOfTheCapture(t *testing.T) {
	for name, tt := range map[string]struct {
		handler string
		conns   int64
		want    string
	}{
		"profiles alone":         {"net/http/pprof.Trace", 1, "run-queue@main.(*gallery).preview likely"},
		"profiles among others":  {"net/http/pprof.Trace", 40, "request-delay@main.(*gallery).preview likely"},
		"a handler of its own":   {"main.(*app).ServeHTTP", 1, "request-delay@main.(*gallery).preview likely"},
		"one that reads ahead":   {"net/http/pprof.Trace", 8, "run-queue@main.(*gallery).preview likely"},
		"nothing is known of it": {"main.show", 1, "request-delay@main.(*gallery).preview likely"},
	} {
		tr := newTrace().busy(0.5, 4).goroutines("net/http.(*conn).serve", 5e7, 500, 20e6).goroutines("main.(*gallery).preview", 12e8, 200, 40e6)
		tr.Sites[0].AtStart = tt.conns
		tr.goroutines("net/http.(*connReader).backgroundRead", 1e5, 3, 1000)
		tr.Sites[len(tr.Sites)-1].Created = 3
		tr.id(stack("net/http.(*response).Write", tt.handler, "net/http.(*conn).serve"))
		if got, _, _ := detect(t, set(tr)); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}

// TestRequestsBesideTheCapture: other servers call no ServeHTTP, and what they serve is their clients'; a goroutine that the
// capture's handlers wait for is nobody's.
func TestRequestsBesideTheCapture(t *testing.T) {
	const alone = "run-queue@main.(*gallery).preview likely"
	for start, want := range map[string]string{
		"github.com/valyala/fasthttp.(*workerPool).workerFunc": "request-delay@main.(*gallery).preview likely",
		"google.golang.org/grpc.(*Server).serverWorker":        "request-delay@main.(*gallery).preview likely",
		"net/rpc.(*service).call":                              "request-delay@main.(*gallery).preview likely",
		"net/http/internal/http2.(*serverConn).runHandler":     alone,
		"main.poll": alone,
	} {
		tr := newTrace().busy(0.5, 4).goroutines("net/http.(*conn).serve", 5e7, 500, 20e6).goroutines("main.(*gallery).preview", 12e8, 200, 40e6)
		tr.Sites[0].AtStart = 1
		tr.child("runtime/pprof.profileWriter", "net/http.(*conn).serve", 1e6, true)
		tr.goroutines(start, 5e7, 500, 20e6)
		tr.Sites[len(tr.Sites)-1].AtStart = 6
		tr.id(stack("net/http.(*response).Write", "net/http/pprof.Trace", "net/http.(*conn).serve"))
		if got, _, _ := detect(t, set(tr)); got != want {
			t.Errorf("%s: %q, want %q", start, got, want)
		}
	}
}
