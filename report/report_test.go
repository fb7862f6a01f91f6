package report

import (
	"bytes"
	"encoding/json"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
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

// fill sets every field to something random, hostile strings and numbers included.
func fill(v reflect.Value, rng *rand.Rand) {
	texts := []string{"", "main.f", "\x1b[31m", "a\xffb", "<&>\u2028", "\u202e", "世界 µ", "\"\\", "\U000e0001"}
	switch v.Interface().(type) {
	case analyze.Severity:
		v.Set(reflect.ValueOf(analyze.Severity(1 + rng.IntN(4))))
		return
	case analyze.Confidence:
		v.Set(reflect.ValueOf(analyze.Confidence(1 + rng.IntN(4))))
		return
	case analyze.State:
		v.Set(reflect.ValueOf([]analyze.State{analyze.Ran, analyze.Skipped, analyze.Failed}[rng.IntN(3)]))
		return
	case Status:
		v.Set(reflect.ValueOf([]Status{Fail, Warn, OK, Inconclusive}[rng.IntN(4)]))
		return
	case Class:
		v.Set(reflect.ValueOf(ClassGrown))
		return
	case Basis:
		v.Set(reflect.ValueOf(PerSecond))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(texts[rng.IntN(len(texts))])
	case reflect.Bool:
		v.SetBool(rng.IntN(2) == 0)
	case reflect.Int, reflect.Int64:
		v.SetInt(rng.Int64N(1 << 50))
	case reflect.Float64:
		v.SetFloat([]float64{0, 1.5, -1e300, 1e-300, math.NaN(), math.Inf(-1), rng.Float64()}[rng.IntN(7)])
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), rng)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), rng)
		}
	case reflect.Slice:
		if n := rng.IntN(3); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
		}
		for i := range v.Len() {
			fill(v.Index(i), rng)
		}
	case reflect.Pointer:
		if rng.IntN(4) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), rng)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for _, key := range []string{texts[rng.IntN(len(texts))], "nan"} {
			e := reflect.New(v.Type().Elem()).Elem()
			if fill(e, rng); key == "nan" && e.Kind() == reflect.Float64 {
				e.SetFloat(math.NaN())
			}
			v.SetMapIndex(reflect.ValueOf(key), e)
		}
	}
}

func TestWriteReadWrite(t *testing.T) {
	for seed := range uint64(60) {
		r := &Report{}
		fill(reflect.ValueOf(r).Elem(), rand.New(rand.NewPCG(seed, 1)))
		r.Schema = SchemaName
		first := encode(t, r)
		if !bytes.HasSuffix(first, []byte("}\n")) {
			t.Fatal("no newline at the end")
		}
		back, err := Read(bytes.NewReader(first))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if second := encode(t, back); !bytes.Equal(first, second) {
			t.Fatalf("seed %d: the bytes changed", seed)
		}
		if !reflect.DeepEqual(back, r.canonical()) {
			t.Fatalf("seed %d: the report changed", seed)
		}
	}
}

func TestWriteIsSafeToPrint(t *testing.T) {
	r := full()
	r.Findings[0].Message = "<b> & \x1b[31m \u202e \u0085 \x7f \U000e0001 世"
	out := string(encode(t, r))
	for _, c := range out {
		if c != '\n' && Invisible(c) {
			t.Errorf("%q in the output", c)
		}
	}
	if !strings.Contains(out, `<b> & \u001b[31m \u202e \u0085 \u007f \udb40\udc01 世`) {
		t.Error("angle brackets and letters should stay, controls be escaped")
	}
	back, err := Read(strings.NewReader(out))
	if err != nil || back.Findings[0].Message != r.Findings[0].Message {
		t.Errorf("read back %q, %v", back.Findings[0].Message, err)
	}
}

func TestReadRefuses(t *testing.T) {
	whole := string(encode(t, full()))
	cases := map[string]struct{ doc, want string }{
		"empty":          {" \n", "empty"},
		"no JSON":        {"<html>", "not a JSON report"},
		"cut":            {whole[:len(whole)/2], "not a JSON report"},
		"two reports":    {whole + whole, "not a JSON report"},
		"other JSON":     {`{"a": 1}`, "not a go-debug report"},
		"a list":         {`[]`, "not a go-debug report"},
		"next version":   {strings.Replace(whole, "report/v1", "report/v2", 1), `schema version "v2"`},
		"only a schema":  {`{"schema": "go-debug/report/v1"}`, "report: tool is missing, verdict is missing, inputs is missing, and 3 more"},
		"missing field":  {strings.Replace(whole, `"fingerprint"`, `"print"`, 1), "report: findings[0].fingerprint is missing"},
		"missing deep":   {strings.Replace(whole, `"p99": 4,`, "", 1), "latency_ns.p99 is missing"},
		"wrong type":     {strings.Replace(whole, `"complete": true`, `"complete": "yes"`, 1), "inputs[0].complete is string where boolean is expected"},
		"null list":      {strings.Replace(whole, `"detectors": [`, `"detectors": null, "x": [`, 1), "detectors is null where array is expected"},
		"wrong share":    {strings.Replace(whole, `"running": 0.1`, `"running": "most"`, 1), "states"},
		"wrong severity": {strings.Replace(whole, `"severity": "high"`, `"severity": "awful"`, 1), `findings[0].severity is "awful", none of [high medium low info]`},
		"empty gate":     {strings.Replace(whole, `"gate": null`, `"gate": {}`, 1), "gate.failed is missing"},
	}
	for name, c := range cases {
		r, err := Read(strings.NewReader(c.doc))
		if err == nil || r != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: report %v, error %v, want %q", name, r != nil, err, c.want)
			continue
		}
		var in *evidence.InputError
		if in, _ = err.(*evidence.InputError); in == nil || in.Hint == "" {
			t.Errorf("%s: no hint with %v", name, err)
		}
	}
	if _, err := Read(&endless{}); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("endless input: %v", err)
	}
}

type endless struct{}

func (*endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestReadIgnoresUnknownFields(t *testing.T) {
	doc := strings.Replace(string(encode(t, full())), `"tool": {`, `"future": [1], "tool": {"build": "x", `, 1)
	r, err := Read(strings.NewReader(doc))
	if err != nil || r.Tool != tool {
		t.Errorf("%v, %v", r, err)
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

func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	if err := Write(&b, full()); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`{"schema": "go-debug/report/v1"}`))
	f.Add([]byte("[[[[{}"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		r, err := Read(bytes.NewReader(doc))
		if err != nil {
			return
		}
		first := encode(t, r)
		again, err := Read(bytes.NewReader(first))
		if err != nil || !bytes.Equal(first, encode(t, again)) {
			t.Fatalf("a report that was read does not survive: %v", err)
		}
	})
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
