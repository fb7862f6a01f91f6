package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"os"
	"strings"
	"testing"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

var update = flag.Bool("update", false, "write the golden files")

var tool = Tool{Name: "go-debug", Version: "v0.1.0", Go: "go1.26.0"}

func input(name string, complete bool) evidence.Input {
	in := evidence.Input{Position: evidence.Position{Source: name}, Kind: evidence.Goroutine, Format: "debug2", Bytes: 100, Complete: complete}
	if complete {
		in.SHA256 = "ab12"
	} else {
		in.Error = "cut in the middle of a goroutine"
	}
	return in
}

func faultOf(noun string, s analyze.Severity, c analyze.Confidence) analyze.Finding {
	return analyze.Finding{Rule: noun + "/x", Noun: noun, Severity: s, Confidence: c, Message: "m", Fingerprint: noun,
		Location: evidence.Frame{Function: "main.f", File: "/src/main.go", Line: 7}}
}

func ran(names ...string) []analyze.Outcome {
	var out []analyze.Outcome
	for _, n := range names {
		out = append(out, analyze.Outcome{Detector: n, State: analyze.Ran})
	}
	return out
}

func encode(t *testing.T, r *Report) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := Write(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// full is a report in which every field of the contract is set.
func full() *Report {
	f := stats.Float
	in := input("goroutine.txt", true)
	in.At, in.Go, in.Notes, in.Hint = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), "go1.26.8", []string{"a note"}, "a hint"
	in.Target = "http://app:6060"
	leak := faultOf("leak", analyze.High, analyze.Likely)
	leak.CreatedBy = evidence.Frame{Function: "main.g", File: "/src/main.go", Line: 5}
	leak.Wait = evidence.WaitChanSend
	leak.Stacks = []evidence.Stack{{leak.Location, leak.CreatedBy}}
	leak.Measures = []stats.Measure{stats.Measure{Name: "goroutines", Value: 1243, Unit: "count", N: 1660, P50: f(1), P90: f(2), P95: f(3),
		P99: f(4), Max: f(5), Interval: &[2]float64{1200, 1290}, Method: "theil-sen", Warnings: []string{"few"}}.Over(30)}
	leak.Remedy, leak.Next = "buffer it", "go-debug explain leak/x"
	return New(&evidence.Set{Inputs: []evidence.Input{in}}, &analyze.Result{
		Findings: []analyze.Finding{leak},
		Outcomes: []analyze.Outcome{{Detector: "leak", State: analyze.Ran, Reads: []evidence.Kind{evidence.Goroutine}, Evidence: []evidence.Kind{evidence.Goroutine},
			Unchecked: []analyze.Unchecked{{What: "growth", Try: "go-debug capture"}}}},
		Load: []analyze.LoadReport{{Source: "trace", Route: "all", WindowS: 10, Requests: f(9500), Censored: f(2), ArrivalsPerS: f(951), QPS: f(950),
			InFlight: analyze.LoadInFlight{Mean: f(91), Max: f(130), Lower: f(90), Upper: f(92)},
			Latency:  &analyze.LoadLatency{P50: f(1), P90: f(2), P95: f(3), P99: f(4), Max: f(5), N: 9500, Method: "exact"},
			States:   map[string]float64{"running": 0.1, "chan": 0.9}, LittlesGap: f(0.1), Goroutines: f(12400), Verdict: "growing", Cause: "downstream",
			Sentence: "950 QPS at 91 in flight",
			Series: &analyze.LoadSeries{BinS: 1, ArrivalsPerS: []*float64{f(1), nil}, QPS: []*float64{f(1), nil}, InFlight: []*float64{f(1), nil},
				Goroutines: []*float64{f(1), nil}}}},
	}, tool)
}

// contract is the JSON contract: every one of these paths is in a report. A path that is
// taken away breaks dashboards and gates.
var contract = strings.Fields(`
	schema target tool.name tool.version tool.go verdict.status verdict.summary
	inputs.0.name inputs.0.kind inputs.0.format inputs.0.bytes inputs.0.sha256 inputs.0.go inputs.0.captured_at
	inputs.0.complete inputs.0.lost_bytes inputs.0.lost_s inputs.0.error inputs.0.hint inputs.0.notes.0
	load.0.source load.0.route load.0.window_s load.0.requests load.0.censored load.0.arrivals_per_s load.0.qps
	load.0.in_flight.mean load.0.in_flight.max load.0.in_flight.lower load.0.in_flight.upper
	load.0.latency_ns.p50 load.0.latency_ns.p90 load.0.latency_ns.p95 load.0.latency_ns.p99 load.0.latency_ns.max
	load.0.latency_ns.n load.0.latency_ns.method load.0.states.running load.0.states.chan load.0.littles_gap load.0.goroutines
	load.0.verdict load.0.cause load.0.series.bin_s load.0.series.arrivals_per_s.0 load.0.series.qps.0 load.0.series.in_flight.0
	detectors.0.name detectors.0.state detectors.0.why detectors.0.try detectors.0.unchecked.0.what detectors.0.unchecked.0.try detectors.0.reads.0 detectors.0.evidence.0
	findings.0.rule findings.0.severity findings.0.confidence findings.0.message findings.0.fingerprint
	findings.0.location.function findings.0.location.file findings.0.location.line findings.0.location.path
	findings.0.created_by.function findings.0.created_by.file findings.0.created_by.line
	findings.0.measures.0.name findings.0.measures.0.value findings.0.measures.0.unit findings.0.measures.0.n
	findings.0.measures.0.p50 findings.0.measures.0.p99 findings.0.measures.0.interval.1 findings.0.measures.0.method
	findings.0.measures.0.warnings.0 findings.0.stacks.0.1 findings.0.stack_frames.0.1.line findings.0.wait
	findings.0.remedy findings.0.next`)

func lookup(doc any, path string) (any, bool) {
	for _, key := range strings.Split(path, ".") {
		switch v := doc.(type) {
		case map[string]any:
			next, ok := v[key]
			if !ok {
				return nil, false
			}
			doc = next
		case []any:
			i := int(key[0] - '0')
			if i >= len(v) {
				return nil, false
			}
			doc = v[i]
		default:
			return nil, false
		}
	}
	return doc, true
}

func TestContract(t *testing.T) {
	var doc any
	if err := json.Unmarshal(encode(t, full()), &doc); err != nil {
		t.Fatal(err)
	}
	for _, path := range contract {
		if v, ok := lookup(doc, path); !ok || v == nil {
			t.Errorf("%s is missing or null", path)
		}
	}
	for path, want := range map[string]any{
		"schema": "go-debug/report/v1", "findings.0.location.file": "main.go", "findings.0.location.path": "/src/main.go",
		"findings.0.location.line": 7.0, "findings.0.severity": "high", "findings.0.confidence": "likely",
		"inputs.0.captured_at": "2026-01-02T03:04:05Z", "gate": nil,
	} {
		if got, _ := lookup(doc, path); got != want {
			t.Errorf("%s = %v, want %v", path, got, want)
		}
	}
}

func TestUnknownIsNull(t *testing.T) {
	r := New(&evidence.Set{Inputs: []evidence.Input{{Position: evidence.Position{Source: "gone"}, Error: "no such file"}}},
		&analyze.Result{
			Findings: []analyze.Finding{{Rule: "leak/x", Severity: analyze.Low, Confidence: analyze.Weak,
				Measures: []stats.Measure{{Name: "share", Value: math.NaN(), Interval: &[2]float64{0, math.Inf(1)}}}}},
			Outcomes: ran("leak"),
			Load:     []analyze.LoadReport{{Source: "metrics", Route: "all", States: map[string]float64{"chan": math.NaN(), "run": 1}}},
		}, tool)
	var doc any
	if err := json.Unmarshal(encode(t, r), &doc); err != nil {
		t.Fatal(err)
	}
	for _, path := range strings.Fields(`inputs.0.bytes inputs.0.sha256 inputs.0.go inputs.0.captured_at inputs.0.format inputs.0.lost_bytes inputs.0.lost_s
		findings.0.location findings.0.created_by findings.0.measures.0.value findings.0.measures.0.n findings.0.measures.0.window_s
		findings.0.measures.0.interval load.0.window_s load.0.qps load.0.latency_ns load.0.series load.0.in_flight.mean load.0.cause gate`) {
		if v, ok := lookup(doc, path); !ok || v != nil {
			t.Errorf("%s = %v (present: %v), want null", path, v, ok)
		}
	}
	for _, path := range strings.Fields("inputs.0.notes findings.0.measures.0.warnings findings.0.stacks findings.0.stack_frames load.0.measures detectors.0.unchecked") {
		if v, ok := lookup(doc, path); !ok || v == nil {
			t.Errorf("%s = %v, want []", path, v)
		}
	}
	if _, ok := lookup(doc, "load.0.states.chan"); ok {
		t.Error("a share that is not a number was written")
	}
}

func TestInputsInCaptureOrder(t *testing.T) {
	var ins []evidence.Input
	for i, name := range []string{"c", "a", "b"} {
		in := input(name, true)
		in.Seq = 2 - i
		ins = append(ins, in)
	}
	r := New(&evidence.Set{Inputs: ins}, &analyze.Result{}, tool)
	if r.Inputs[0].Name != "b" || r.Inputs[2].Name != "c" {
		t.Errorf("order %s, %s, %s", r.Inputs[0].Name, r.Inputs[1].Name, r.Inputs[2].Name)
	}
}

func TestSchema(t *testing.T) {
	got, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("testdata/schema.json", got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile("testdata/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("the schema changed (go test ./report -update writes testdata/schema.json): within v1 fields may only be added")
	}
	var doc any
	if err := json.Unmarshal(got, &doc); err != nil {
		t.Fatal(err)
	}
	undescribed(t, "", doc.(map[string]any))
}

// undescribed reports the properties without a description.
func undescribed(t *testing.T, path string, schema map[string]any) {
	properties, _ := schema["properties"].(map[string]any)
	for name, p := range properties {
		p := p.(map[string]any)
		if p["description"] == nil {
			t.Errorf("%s.%s has no description", path, name)
		}
		undescribed(t, path+"."+name, p)
		if items, ok := p["items"].(map[string]any); ok {
			undescribed(t, path+"."+name+"[]", items)
		}
	}
	if properties != nil && schema["additionalProperties"] != nil {
		t.Errorf("%s is closed to new fields", path)
	}
}

// What is missing of an input is written in bytes and in seconds, each where it is known.
func TestLossOfInputs(t *testing.T) {
	seconds := 2.5
	set := &evidence.Set{Inputs: []evidence.Input{
		{Position: evidence.Position{Source: "whole", Seq: 0}, Complete: true},
		{Position: evidence.Position{Source: "cut", Seq: 1}, Error: "cut", LostBytes: 7, LostSeconds: &seconds},
		{Position: evidence.Position{Source: "unknown", Seq: 2}, Error: "cut"},
	}}
	var doc any
	if err := json.Unmarshal(encode(t, New(set, &analyze.Result{}, tool)), &doc); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]any{
		"inputs.0.lost_bytes": 0.0, "inputs.0.lost_s": 0.0, "inputs.1.lost_bytes": 7.0, "inputs.1.lost_s": 2.5,
		"inputs.2.lost_bytes": nil, "inputs.2.lost_s": nil,
	} {
		if got, ok := lookup(doc, path); !ok || got != want {
			t.Errorf("%s = %v, want %v", path, got, want)
		}
	}
}
