package inflight

import (
	"encoding/json"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

func at(i, n int) float64 { return float64(i) / float64(n) }

func TestLoads(t *testing.T) {
	const n = 60
	for _, c := range []struct {
		name    string
		n       int
		f       func(i int) second
		rules   []string
		verdict string
	}{
		{"healthy", n, func(int) second { return second{95, 950, 0.1, 300} }, nil, verdictOK},
		{"slow but steady", n, func(int) second { return second{2000, 1000, 2, 4100} }, nil, verdictOK},
		{"idle", n, func(int) second { return second{0, 0, 0, 12} }, nil, verdictOK},
		{"ramp", n, func(i int) second {
			x := 0.1 + 0.9*at(i, n)
			return second{95 * x, 950 * x, 0.1, 60 + 190*x}
		}, nil, verdictOK},
		{"load that begins", n, func(i int) second {
			if i < 20 {
				return second{0, 0, 0, 12}
			}
			return second{500, 100, 5, 1012}
		}, nil, verdictOK},
		{"filling up after a start", 15, func(i int) second {
			if i < 5 {
				return second{100 * float64(i), 0, 0, 12 + 200*float64(i)}
			}
			return second{500, 100, 5, 1012}
		}, nil, verdictOK},
		{"burst and recovery", n, func(i int) second {
			if i > 25 && i < 33 {
				return second{1500, 950, 1.2, 3100}
			}
			return second{95, 950, 0.1, 300}
		}, nil, verdictRecovered},
		{"queue behind a slow dependency", n, func(i int) second {
			l := 100 + 150*float64(i)
			return second{l, 950, l / 950, 60 + 2*l}
		}, []string{ruleDiverging}, verdictGrowing},
		{"the same in thirteen scrapes", 13, func(i int) second {
			l := 230 + 120*float64(i)
			return second{l, 950, l / 950, 60 + 2*l}
		}, []string{ruleDiverging}, verdictGrowing},
		{"ramp into saturation", n, func(i int) second {
			offered := 100 + 20*float64(i)
			if offered <= 600 {
				return second{offered * 0.05, offered, 0.05, 100}
			}
			over := float64(i) - 25
			l := 30 + 10*over*over
			return second{l, 600, l / 600, 60 + 2*l}
		}, []string{ruleDiverging}, verdictGrowing},
		{"saturated at the clients' limit", n, func(i int) second {
			l := min(95+60*float64(i), 1500)
			return second{l, 950, l / 950, 60 + 2*l}
		}, []string{ruleDiverging}, verdictPlateau},
		{"a dependency that came to take longer, in eleven scrapes", 11, func(i int) second {
			switch {
			case i < 4:
				return second{3, 80, 0.03, 60}
			case i == 4:
				return second{60, 23, 0.4, 180}
			}
			return second{60, 80, 0.7, 180}
		}, []string{ruleDiverging}, verdictPlateau},
		{"a stall that is made up for, in eleven scrapes", 11, func(i int) second {
			switch i {
			case 4:
				return second{60, 23, 0.4, 180}
			case 5:
				return second{3, 137, 0.4, 180}
			}
			return second{3, 80, 0.03, 180}
		}, nil, verdictRecovered},
		{"requests that never end", n, func(i int) second {
			return second{5 + 30*float64(i), 500, 0.01, 60 + 60*float64(i)}
		}, []string{ruleDiverging}, verdictLeak},
		{"goroutines that serve nothing", n, func(i int) second {
			return second{95, 950, 0.112, 400 + 200*float64(i)}
		}, []string{ruleUnexplained}, verdictOK},
		{"a large idle pool", n, func(int) second { return second{9, 90, 0.1, 20000} }, nil, verdictOK},
		{"few scrapes", 4, func(i int) second { return second{100 * float64(1+i), 950, 0.1, 300} }, nil, verdictInconclusive},
	} {
		t.Run(c.name, func(t *testing.T) {
			res := analyse(t, &evidence.Set{Loads: []evidence.Load{scraped(c.n, c.f)}})
			if got := rules(res); !slices.Equal(got, c.rules) {
				t.Errorf("rules %v, want %v", got, c.rules)
			}
			if l := res.Load[0]; l.Verdict != c.verdict {
				t.Errorf("verdict %s, want %s: %s", l.Verdict, c.verdict, l.Sentence)
			}
			if _, err := json.Marshal(res); err != nil {
				t.Errorf("no valid JSON: %v", err)
			}
		})
	}
}

// A service that has stopped to answer is not one that begins to.
func TestStandstill(t *testing.T) {
	for name, c := range map[string]struct {
		before, latency float64
		rules           []string
		verdict         string
	}{
		"deadlock":                     {500, 0.004, []string{ruleDiverging}, verdictLeak},
		"a start":                      {0, 0, nil, verdictInconclusive},
		"requests that take long":      {500, 20, nil, verdictInconclusive},
		"too few completed for a norm": {5, 0.004, nil, verdictInconclusive},
	} {
		t.Run(name, func(t *testing.T) {
			l := scraped(11, func(i int) second { return second{60 * float64(i), 0, 0, 12 + 120*float64(i)} })
			for i := range l.Points {
				sum := c.before * c.latency
				l.Points[i].Requests, l.Points[i].LatencyCount, l.Points[i].LatencySumS = &c.before, &c.before, &sum
			}
			res := analyse(t, &evidence.Set{Loads: []evidence.Load{l}})
			if got := rules(res); !slices.Equal(got, c.rules) || res.Load[0].Verdict != c.verdict {
				t.Errorf("rules %v, verdict %s, want %v, %s", got, res.Load[0].Verdict, c.rules, c.verdict)
			}
		})
	}
}

func TestSentence(t *testing.T) {
	l := scraped(60, func(int) second { return second{91, 950, 0.112, 260} })
	res := analyse(t, &evidence.Set{Loads: []evidence.Load{l}})
	r := res.Load[0]
	for _, want := range []string{" QPS at ", " in flight; P99 100–250 ms", " goroutines"} {
		if !strings.Contains(r.Sentence, want) {
			t.Errorf("sentence %q lacks %q", r.Sentence, want)
		}
	}
	if r.Latency == nil || *r.Latency.P95 != 0.25e9 || r.Latency.Method == "" {
		t.Errorf("latency = %+v", r.Latency)
	}
	if r.LittlesGap == nil || *r.LittlesGap > 0.1 || r.WindowS != 59 || math.Abs(*r.ArrivalsPerS-*r.QPS) > 5 {
		t.Errorf("report = %+v", r)
	}
	if s := r.Series; s.BinS != 1 || len(s.QPS) != 59 || len(s.InFlight) != 59 || len(s.Goroutines) != 59 || len(s.ArrivalsPerS) != 59 {
		t.Errorf("series = %+v", s)
	}
}

func TestUnexplainedText(t *testing.T) {
	l := scraped(60, func(i int) second { return second{95, 950, 0.112, 400 + 200*float64(i)} })
	set := &evidence.Set{Loads: []evidence.Load{l}, Snapshots: snapshots(evidence.Stack{{Function: "runtime.chansend1"}, workerFrame}, evidence.WaitChanSend, 12000)}
	res := analyse(t, set)
	if len(res.Findings) != 1 {
		t.Fatalf("rules %v", rules(res))
	}
	f := res.Findings[0]
	for _, want := range []string{"goroutines at ", "QPS would mean 1", " s each; mean latency is 112 ms: throughput explains 10", "not serving requests"} {
		if !strings.Contains(f.Message, want) {
			t.Errorf("message %q lacks %q", f.Message, want)
		}
	}
	if f.Location != workerFrame || f.Severity != analyze.Medium {
		t.Errorf("location %+v", f.Location)
	}
	if !strings.Contains(res.Load[0].Sentence, "are not serving requests, and growing; most are parked at ") {
		t.Errorf("sentence %q", res.Load[0].Sentence)
	}
	// Snapshots over time show which lines grow: that is the leak detector's to judge.
	set.Snapshots = snapshots(evidence.Stack{{Function: "runtime.chansend1"}, workerFrame}, evidence.WaitChanSend, 400, 4000, 8000, 12000)
	if res := analyse(t, set); len(res.Findings) != 0 {
		t.Errorf("reported what the leak detector reports: %v", rules(res))
	}
}

func TestLineOfTheQueue(t *testing.T) {
	l := scraped(30, func(i int) second {
		q := 100 + 150*float64(i)
		return second{q, 950, q / 950, 60 + 2*q}
	})
	library := evidence.Frame{Function: "example.com/client.(*C).Do", File: "example.com/client@v1.2.3/client.go", Line: 9}
	set := &evidence.Set{Loads: []evidence.Load{l}, Snapshots: snapshots(waiting(library), evidence.WaitSelect, 250, 900, 1800, 2700, 3600, 4400)}
	res := analyse(t, set)
	if got := rules(res); !slices.Equal(got, []string{ruleDiverging}) {
		t.Fatalf("rules %v", got)
	}
	f := res.Findings[0]
	if f.Location != priceFrame || f.Wait != evidence.WaitSelect || f.Confidence != analyze.Likely || len(f.Stacks) != 1 {
		t.Errorf("finding %+v", f)
	}
	if !strings.Contains(f.Message, "4,400 of 4,400 request goroutines wait here (select)") {
		t.Errorf("message %q", f.Message)
	}
	if res.Load[0].Cause != "select" {
		t.Errorf("cause %q", res.Load[0].Cause)
	}
}

func traceOf(stack evidence.Stack, ended, open int, each time.Duration) *evidence.Trace {
	tr := &evidence.Trace{Windows: []evidence.TraceWindow{{DurationNS: int64(time.Second), Complete: true}}, Frames: stack, Stacks: [][]int32{{}, nil}}
	for i := range stack {
		tr.Stacks[1] = append(tr.Stacks[1], int32(i))
	}
	b := evidence.BlockSite{Stack: 1, Wait: evidence.WaitSelect}
	b.Ended.AddN(int64(each), int64(ended))
	b.Open.AddN(int64(each)/2, int64(open))
	tr.Blocks = []evidence.BlockSite{b}
	return tr
}

func TestWithoutMetrics(t *testing.T) {
	for _, c := range []struct {
		name  string
		set   *evidence.Set
		rules []string
		state analyze.State
	}{
		{"snapshots that grow", &evidence.Set{Snapshots: snapshots(waiting(), evidence.WaitSelect, 10, 60, 120, 190, 250)}, []string{ruleQueueing}, analyze.Ran},
		{"three snapshots", &evidence.Set{Snapshots: snapshots(waiting(), evidence.WaitSelect, 10, 60, 120)}, []string{ruleQueueing}, analyze.Ran},
		{"snapshots that stay", &evidence.Set{Snapshots: snapshots(waiting(), evidence.WaitSelect, 250, 260, 240, 255, 252)}, nil, analyze.Ran},
		{"a burst", &evidence.Set{Snapshots: snapshots(waiting(), evidence.WaitSelect, 10, 300, 250, 12, 10)}, nil, analyze.Ran},
		{"two snapshots", &evidence.Set{Snapshots: snapshots(waiting(), evidence.WaitSelect, 10, 300)}, nil, analyze.Inconclusive},
		{"one snapshot", &evidence.Set{Snapshots: snapshots(waiting(), evidence.WaitSelect, 300)}, nil, analyze.Inconclusive},
		{"not requests", &evidence.Set{Snapshots: snapshots(evidence.Stack{{Function: "runtime.chansend1"}, workerFrame}, evidence.WaitChanSend, 10, 100, 200, 300, 400)}, nil, analyze.Ran},
		{"a trace that fills", &evidence.Set{Trace: traceOf(waiting(), 100, 200, 300*time.Millisecond)}, []string{ruleQueueing}, analyze.Ran},
		{"a steady trace", &evidence.Set{Trace: traceOf(waiting(), 1000, 100, 100*time.Millisecond)}, nil, analyze.Ran},
		{"nothing", &evidence.Set{}, nil, analyze.Skipped},
	} {
		t.Run(c.name, func(t *testing.T) {
			res := analyse(t, c.set)
			if got := rules(res); !slices.Equal(got, c.rules) {
				t.Errorf("rules %v, want %v", got, c.rules)
			}
			o := res.Outcomes[0]
			if o.State != c.state {
				t.Errorf("state %s (%s), want %s", o.State, o.Why, c.state)
			}
			if c.state == analyze.Ran && len(o.Unchecked) == 0 {
				t.Error("what needs metrics is not said to be unchecked")
			}
			for _, f := range res.Findings {
				if f.Location != priceFrame || f.Confidence > analyze.Possible {
					t.Errorf("%+v", f)
				}
			}
		})
	}
}

// A load that metrics show to be steady or ramping must not be called a queue for its snapshots.
func TestMetricsOverrule(t *testing.T) {
	ramp := scraped(30, func(i int) second {
		x := 0.05 + at(i, 30)
		return second{95 * x, 950 * x, 0.1, 60 + 190*x}
	})
	set := &evidence.Set{Loads: []evidence.Load{ramp}, Snapshots: snapshots(waiting(), evidence.WaitSelect, 5, 30, 60, 80, 95)}
	if res := analyse(t, set); len(res.Findings) != 0 {
		t.Errorf("rules %v", rules(res))
	}
}

func TestCounterReset(t *testing.T) {
	l := scraped(40, func(int) second { return second{95, 950, 0.1, 300} })
	for i := 20; i < 40; i++ { // the process restarts between scrapes 19 and 20
		p := &l.Points[i]
		base := l.Points[19]
		r, d := *p.Requests-*base.Requests, *p.LatencySumS-*base.LatencySumS
		p.Requests, p.LatencyCount, p.LatencySumS = &r, &r, &d
		for k := range p.LatencyBuckets {
			p.LatencyBuckets[k].Count -= base.LatencyBuckets[k].Count
		}
	}
	res := analyse(t, &evidence.Set{Loads: []evidence.Load{l}})
	r := res.Load[0]
	if math.Abs(*r.QPS-950) > 30 || r.Verdict != verdictOK || len(res.Findings) != 0 {
		t.Errorf("qps %v, verdict %s, %v", *r.QPS, r.Verdict, rules(res))
	}
	for i, q := range r.Series.QPS {
		if q != nil && *q < 0 || (i == 19) != (q == nil) {
			t.Errorf("bin %d: %v", i, q)
		}
	}
	if len(r.Measures) == 0 || len(r.Measures[0].Warnings) == 0 {
		t.Error("the restart is not mentioned")
	}
}

func TestUnanswered(t *testing.T) {
	l := scraped(20, func(int) second { return second{95, 950, 0.1, 300} })
	for i := 14; i < 20; i++ {
		l.Points[i] = evidence.LoadPoint{At: l.Points[i].At, Seq: i}
	}
	res := analyse(t, &evidence.Set{Loads: []evidence.Load{l}})
	if r := res.Load[0]; r.Verdict != verdictUnanswered || !strings.Contains(r.Sentence, "6 scrapes of 20 unanswered") {
		t.Errorf("%s: %s", r.Verdict, r.Sentence)
	}
}

func TestTooLittle(t *testing.T) {
	one := scraped(1, func(int) second { return second{95, 950, 0.1, 300} })
	untimed := scraped(2, func(int) second { return second{95, 950, 0.1, 300} })
	for i := range untimed.Points {
		untimed.Points[i].At = time.Time{}
	}
	bare := scraped(20, func(i int) second { return second{0, 0, 0, 300} })
	for i := range bare.Points {
		bare.Points[i] = evidence.LoadPoint{At: bare.Points[i].At, Goroutines: bare.Points[i].Goroutines}
	}
	for name, c := range map[string]struct {
		load evidence.Load
		why  string
	}{
		"one scrape":        {one, "one scrape holds no rate"},
		"two without times": {untimed, "no time"},
		"goroutines only":   {bare, "no gauge of requests in flight"},
	} {
		t.Run(name, func(t *testing.T) {
			res := analyse(t, &evidence.Set{Loads: []evidence.Load{c.load}})
			o := res.Outcomes[0]
			if o.State != analyze.Inconclusive || !strings.Contains(o.Why, c.why) || o.Try == "" {
				t.Errorf("%+v", o)
			}
			if r := res.Load[0]; r.Verdict != verdictInconclusive || r.QPS != nil || len(res.Findings) != 0 {
				t.Errorf("%+v", r)
			}
		})
	}
	if r := analyse(t, &evidence.Set{Loads: []evidence.Load{one}}).Load[0]; r.Latency == nil || !strings.Contains(r.Latency.Method, "since the process started") {
		t.Errorf("latency of one scrape: %+v", r.Latency)
	}
}

func TestRequestFrame(t *testing.T) {
	pq := evidence.Frame{Function: "github.com/lib/pq.(*conn).recv", File: "github.com/lib/pq@v1.10.9/conn.go", Line: 7}
	for name, c := range map[string]struct {
		stack evidence.Stack
		want  evidence.Frame
		ok    bool
	}{
		"own before library": {waiting(pq), priceFrame, true},
		"idle connection":    {evidence.Stack{{Function: "net/http.(*connReader).Read"}, {Function: "net/http.(*conn).readRequest"}, serveFrame}, evidence.Frame{}, false},
		"worker":             {evidence.Stack{{Function: "runtime.chanrecv1"}, workerFrame}, evidence.Frame{}, false},
		"slow client":        {evidence.Stack{{Function: "net/http.(*body).Read"}, handlerFrame, serveFrame}, evidence.Frame{}, false},
		"http2":              {evidence.Stack{{Function: "time.Sleep"}, handlerFrame, {Function: "net/http.(*http2serverConn).runHandler"}}, handlerFrame, true},
		"grpc": {evidence.Stack{{Function: "time.Sleep"}, handlerFrame, {Function: "google.golang.org/grpc.(*Server).processUnaryRPC", File: "google.golang.org/grpc@v1.70.0/server.go"},
			{Function: "google.golang.org/grpc.(*Server).handleStream"}, {Function: "google.golang.org/grpc.(*Server).serveStreams.func2.1"}}, handlerFrame, true},
		"only a library": {evidence.Stack{{Function: "time.Sleep"}, pq, serveFrame}, pq, true},
		"scrape":         {evidence.Stack{handlerFrame, {Function: "github.com/prometheus/client_golang/prometheus/promhttp.HandlerForTransactional.func1", File: "x@v1/y.go"}, serveFrame}, evidence.Frame{}, false},
		"beside serve":   {evidence.Stack{{Function: "time.Sleep"}, serveFrame, handlerFrame}, evidence.Frame{}, false},
	} {
		if got, ok := requestFrame(c.stack); ok != c.ok || ok && got != c.want {
			t.Errorf("%s: %+v %v, want %+v %v", name, got, ok, c.want, c.ok)
		}
	}
}

func TestFormat(t *testing.T) {
	for v, want := range map[float64]string{0: "0", 3: "3", 3.14: "3.1", 9.99: "10", 0.99: "1", 0.01: "<0.1", 950: "950", 12294: "12,294", 1234567: "1,234,567", -1500: "-1,500"} {
		if got := grouped(v); got != want {
			t.Errorf("grouped(%v) = %q, want %q", v, got, want)
		}
	}
	for v, want := range map[float64]string{0.112: "112 ms", 13.05: "13.1 s", 0.0005: "500 µs", 0.0025: "2.5 ms", 0.25: "250 ms", 1: "1 s"} {
		if got := duration(v); got != want {
			t.Errorf("duration(%v) = %q, want %q", v, got, want)
		}
	}
}

func TestDeclared(t *testing.T) {
	for _, r := range Detector.Rules {
		if r.Title == "" || r.Remedy == "" || r.Doc == "" || r.Severity == 0 || !strings.Contains(Detector.Doc, r.ID) {
			t.Errorf("rule %s is not fully described", r.ID)
		}
	}
	for _, p := range Detector.Params {
		if p.Why == "" || p.Unit == "" {
			t.Errorf("parameter %s has no reason or unit", p.Name)
		}
	}
	for _, h := range []string{"# What it finds", "# Evidence", "# How it decides", "# Thresholds", "# False positives", "# Remedy"} {
		if !strings.Contains(Detector.Doc, h) {
			t.Errorf("the doc lacks %q", h)
		}
	}
}
