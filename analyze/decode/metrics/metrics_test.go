package metrics

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"path"
	"strings"
	"testing"
	"time"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

func decode(t *testing.T, text string) (*evidence.Set, error) {
	t.Helper()
	set, err := Decode(context.Background(), strings.NewReader(text), evidence.Position{Source: "m.txt", Seq: 3}, budget.Default())
	if set == nil || len(set.Inputs) != 1 {
		t.Fatalf("want one input, got %+v", set)
	}
	if _, jerr := json.Marshal(set); jerr != nil {
		t.Fatalf("the evidence is no valid JSON: %v", jerr)
	}
	if set.Inputs[0].Complete != (err == nil) {
		t.Errorf("complete = %v with error %v", set.Inputs[0].Complete, err)
	}
	return set, err
}

func mustDecode(t *testing.T, text string) *evidence.Set {
	t.Helper()
	set, err := decode(t, text)
	if err != nil {
		t.Fatal(err)
	}
	return set
}

const classic = `# HELP go_goroutines Number of goroutines that currently exist.
# TYPE go_goroutines gauge
go_goroutines 127
# TYPE go_info gauge
go_info{version="go1.26.1"} 1
# HELP http_request_duration_seconds Latency.
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{handler="/x",le="0.1"} 50
http_request_duration_seconds_bucket{handler="/x",le="0.25"} 90
http_request_duration_seconds_bucket{handler="/x",le="+Inf"} 100
http_request_duration_seconds_sum{handler="/x"} 11.2
http_request_duration_seconds_count{handler="/x"} 100
http_request_duration_seconds_bucket{handler="/y",le="0.1"} 5
http_request_duration_seconds_bucket{handler="/y",le="0.25"} 5
http_request_duration_seconds_bucket{handler="/y",le="+Inf"} 5
http_request_duration_seconds_sum{handler="/y"} 0.1
http_request_duration_seconds_count{handler="/y"} 5
http_request_duration_seconds_bucket{handler="/metrics",le="0.1"} 7
http_request_duration_seconds_bucket{handler="/metrics",le="0.25"} 7
http_request_duration_seconds_bucket{handler="/metrics",le="+Inf"} 7
http_request_duration_seconds_sum{handler="/metrics"} 0.1
http_request_duration_seconds_count{handler="/metrics"} 7
# TYPE http_requests_total counter
http_requests_total{code="200",handler="/x"} 97
http_requests_total{code="503",handler="/x"} 3
http_requests_total{code="200",handler="/y"} 5
# TYPE http_server_requests_in_flight gauge
http_server_requests_in_flight 12
# TYPE promhttp_metric_handler_requests_in_flight gauge
promhttp_metric_handler_requests_in_flight 1
# TYPE promhttp_metric_handler_requests_total counter
promhttp_metric_handler_requests_total{code="200"} 99
# TYPE rest_client_requests_total counter
rest_client_requests_total{code="200"} 12345
`

func TestClassicScrape(t *testing.T) {
	set := mustDecode(t, classic)
	in := set.Inputs[0]
	if in.Go != "go1.26.1" || in.Format != Format || in.Kind != evidence.Metrics {
		t.Errorf("input = %+v", in)
	}
	if len(set.Loads) != 3 {
		t.Fatalf("want all, /x and /y, got %d loads", len(set.Loads))
	}
	all := set.Loads[0]
	if all.Route != "all" || len(all.Points) != 1 {
		t.Fatalf("all = %+v", all)
	}
	p := all.Points[0]
	check := func(what string, got *float64, want float64) {
		t.Helper()
		if got == nil || math.Abs(*got-want) > 1e-9 {
			t.Errorf("%s = %v, want %v", what, got, want)
		}
	}
	check("goroutines", p.Goroutines, 127)
	check("in flight", p.InFlight, 12)
	check("requests", p.Requests, 105)
	check("errors", p.Errors, 3)
	check("latency sum", p.LatencySumS, 11.3)
	check("latency count", p.LatencyCount, 105)
	if len(p.LatencyBuckets) != 3 || p.LatencyBuckets[1].Count != 95 || p.LatencyBuckets[2].LE != math.MaxFloat64 {
		t.Errorf("buckets = %+v", p.LatencyBuckets)
	}
	if !p.At.IsZero() {
		t.Error("a time out of nowhere")
	}
	want := map[string]string{"goroutines": "go_goroutines", "in_flight": "http_server_requests_in_flight",
		"requests": "http_requests_total", "latency": "http_request_duration_seconds"}
	for role, name := range want {
		if all.Roles[role] != name {
			t.Errorf("role %s = %q, want %q", role, all.Roles[role], name)
		}
	}
	if y := set.Loads[2]; y.Route != "/y" || *y.Points[0].Requests != 5 || y.Points[0].Goroutines != nil {
		t.Errorf("/y = %+v", y)
	}
}

func TestConventions(t *testing.T) {
	for _, c := range []struct{ name, base, role string }{
		{"go_goroutines", "go_goroutines", "goroutines"},
		{"http_server_active_requests", "http_server_active_requests", "in_flight"},
		{"http.server.active_requests", "http.server.active_requests", "in_flight"},
		{"shop_http_requests_in_flight", "shop_http_requests_in_flight", "in_flight"},
		{"in_flight_requests", "in_flight_requests", "in_flight"},
		{"apiserver_current_inflight_requests", "apiserver_current_inflight_requests", "in_flight"},
		{"promhttp_metric_handler_requests_in_flight", "", ""},
		{"promhttp_metric_handler_requests_total", "", ""},
		{"http_client_requests_in_flight", "", ""},
		{"jobs_in_flight_total", "", ""},
		{"rest_client_requests_total", "", ""},
		{"http_requests_total", "http_requests_total", "requests"},
		{"shop_requests_total", "shop_requests_total", "requests"},
		{"grpc_server_handled_total", "grpc_server_handled_total", "requests"},
		{"http_request_duration_seconds_bucket", "http_request_duration_seconds", "latency"},
		{"http_server_request_duration_seconds_count", "http_server_request_duration_seconds", "latency"},
		{"http_server_duration_milliseconds_sum", "http_server_duration_milliseconds", "latency"},
		{"grpc_server_handling_seconds_bucket", "grpc_server_handling_seconds", "latency"},
		{"http_request_duration_seconds", "", ""}, // a summary's quantile
		{"go_gc_duration_seconds_sum", "", ""},
		{"process_cpu_seconds_total", "", ""},
	} {
		m := conventions.resolve(c.name)
		got := ""
		if m.rank >= 0 {
			got = roleNames[conventions[m.rank].role]
		}
		if got != c.role || got != "" && m.base != c.base {
			t.Errorf("%s: role %q of %q, want %q of %q", c.name, got, m.base, c.role, c.base)
		}
	}
	for i, c := range conventions {
		if _, err := path.Match(c.pattern, "x"); err != nil || c.why == "" {
			t.Errorf("convention %d is malformed: %+v", i, c)
		}
		if (c.role == roleLatency) != (c.unit > 0) {
			t.Errorf("%s: latencies and only they have a unit", c.pattern)
		}
	}
}

func TestManyScrapes(t *testing.T) {
	var b strings.Builder
	b.WriteString("# taken every second\n")
	for i := range 10 {
		fmt.Fprintf(&b, "# scrape %d.5\n", 1760000000+i)
		if i == 4 {
			continue // unanswered
		}
		if i == 5 {
			b.WriteString("curl: (28) Operation timed out\n")
			continue
		}
		requests := 100 * i
		if i >= 8 {
			requests = i // restarted
		}
		fmt.Fprintf(&b, "# TYPE go_goroutines gauge\ngo_goroutines %d\n# TYPE http_requests_total counter\nhttp_requests_total %d\n", 100+i, requests)
	}
	set := mustDecode(t, b.String())
	points := set.Loads[0].Points
	if len(points) != 10 {
		t.Fatalf("%d points", len(points))
	}
	for i, p := range points {
		if want := time.Unix(1760000000+int64(i), 5e8).UTC(); !p.At.Equal(want) || p.Seq != 3*seqRoom+i {
			t.Errorf("point %d at %v, seq %d", i, p.At, p.Seq)
		}
		if lost := i == 4 || i == 5; lost != (p.Goroutines == nil) {
			t.Errorf("point %d: goroutines %v", i, p.Goroutines)
		}
	}
	notes := strings.Join(set.Inputs[0].Notes, "\n")
	for _, want := range []string{"2 of 10 scrapes hold no samples", "counters fell 1×"} {
		if !strings.Contains(notes, want) {
			t.Errorf("notes %q lack %q", notes, want)
		}
	}
}

const open = `# HELP go_goroutines Goroutines.
# TYPE go_goroutines gauge
go_goroutines 33
# TYPE http_requests counter
# UNIT http_requests requests
http_requests_total{code="200"} 17.0 1760000000.250
http_requests_created{code="200"} 1759990000.1
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.5"} 9 1760000000.250 # {trace_id="a"} 0.4
http_request_duration_seconds_bucket{le="+Inf"} 17 1760000000.250
http_request_duration_seconds_sum 8.5 1760000000.250
http_request_duration_seconds_count 17 1760000000.250
# TYPE build info
build_info{x="y"} 1
# EOF
`

func TestOpenMetrics(t *testing.T) {
	set := mustDecode(t, open)
	if set.Inputs[0].Format != Format {
		t.Errorf("format = %s", set.Inputs[0].Format)
	}
	p := set.Loads[0].Points[0]
	if *p.Requests != 17 || *p.LatencySumS != 8.5 || len(p.LatencyBuckets) != 2 || p.LatencyBuckets[0].Count != 9 {
		t.Errorf("point = %+v", p)
	}
	if want := time.UnixMilli(1760000000250).UTC(); !p.At.Equal(want) {
		t.Errorf("at %v, want %v", p.At, want)
	}
	if _, err := decode(t, strings.TrimSuffix(open, "# EOF\n")); err == nil || !strings.Contains(err.Error(), "EOF") {
		t.Errorf("without its end: %v", err)
	}
}

func TestUnits(t *testing.T) {
	for name, want := range map[string]float64{"http_server_duration_milliseconds": 0.25, "http_request_duration_microseconds": 0.00025, "http_request_duration_seconds": 250} {
		text := fmt.Sprintf("# TYPE %[1]s histogram\n%[1]s_bucket{le=\"250\"} 1\n%[1]s_bucket{le=\"+Inf\"} 1\n%[1]s_sum 250\n%[1]s_count 1\n", name)
		p := mustDecode(t, text).Loads[0].Points[0]
		if math.Abs(*p.LatencySumS-want) > 1e-12 || math.Abs(p.LatencyBuckets[0].LE-want) > 1e-12 {
			t.Errorf("%s: sum %v, bucket %v, want %v", name, *p.LatencySumS, p.LatencyBuckets[0].LE, want)
		}
		if p.Requests == nil || *p.Requests != 1 {
			t.Errorf("%s: requests = %v", name, p.Requests)
		}
	}
}

func TestSummaryAndUntyped(t *testing.T) {
	p := mustDecode(t, "# TYPE http_request_duration_seconds summary\nhttp_request_duration_seconds{quantile=\"0.5\"} 0.1\nhttp_request_duration_seconds_sum 4\nhttp_request_duration_seconds_count 20\n").Loads[0].Points[0]
	if *p.LatencySumS != 4 || *p.LatencyCount != 20 || p.LatencyBuckets != nil {
		t.Errorf("summary: %+v", p)
	}
	p = mustDecode(t, "http_request_duration_seconds_bucket{le=\"1\"} 3\nhttp_request_duration_seconds_bucket{le=\"+Inf\"} 4\nhttp_request_duration_seconds_sum 5\nhttp_request_duration_seconds_count 4\n").Loads[0].Points[0]
	if len(p.LatencyBuckets) != 2 || *p.LatencyCount != 4 {
		t.Errorf("untyped: %+v", p)
	}
}

func TestQuotedNames(t *testing.T) {
	l := mustDecode(t, "# TYPE \"http.server.active_requests\" gauge\n{\"http.server.active_requests\"} 9\n").Loads[0]
	if *l.Points[0].InFlight != 9 || l.Roles["in_flight"] != "http.server.active_requests" {
		t.Errorf("%+v", l)
	}
}

func TestGRPCInFlight(t *testing.T) {
	l := mustDecode(t, "grpc_server_started_total{grpc_method=\"Get\"} 50\ngrpc_server_handled_total{grpc_method=\"Get\",grpc_code=\"OK\"} 38\ngrpc_server_handled_total{grpc_method=\"Get\",grpc_code=\"Internal\"} 2\nrequests_total 3\n").Loads[0]
	p := l.Points[0]
	if *p.InFlight != 10 || *p.Requests != 40 || *p.Errors != 2 {
		t.Errorf("%+v roles %v", p, l.Roles)
	}
}

func TestOneFamily(t *testing.T) {
	// The gRPC server has two roles and HTTP one: requests must not come from HTTP.
	l := mustDecode(t, "grpc_server_handled_total 40\ngrpc_server_handling_seconds_sum 4\ngrpc_server_handling_seconds_count 40\nhttp_requests_total 3\n").Loads[0]
	if l.Roles["requests"] != "grpc_server_handled_total" || l.Roles["latency"] != "grpc_server_handling_seconds" {
		t.Errorf("roles %v", l.Roles)
	}
}

func TestPositionTime(t *testing.T) {
	at := time.Unix(1760000000, 0).UTC()
	set, err := Decode(context.Background(), strings.NewReader(classic), evidence.Position{At: at}, budget.Default())
	if err != nil || !set.Loads[0].Points[0].At.Equal(at) {
		t.Errorf("%v, %v", set.Loads[0].Points[0].At, err)
	}
}

func TestDeterministic(t *testing.T) {
	text := "# scrape 1\n" + classic + "grpc_server_handled_total{grpc_method=\"A\"} 1\ngrpc_server_handled_total{grpc_method=\"B\"} 1\n"
	var first string
	for range 20 {
		b, _ := json.Marshal(mustDecode(t, text))
		if first == "" {
			first = string(b)
		}
		if string(b) != first {
			t.Fatal("two decodings differ")
		}
	}
}

// GOMAXPROCS is what its gauge states last, and nothing where that is no number of processors.
func TestMaxProcs(t *testing.T) {
	for text, want := range map[string]int{
		"go_sched_gomaxprocs_threads 4\n": 4, "go_sched_gomaxprocs_threads NaN\n": 0, "go_sched_gomaxprocs_threads 2.5\n": 0,
		"go_sched_gomaxprocs_threads -1\n": 0, "go_sched_gomaxprocs_threads 1e12\n": 0, "go_processor_limit 8\n": 8, "go_threads 4\n": 0,
	} {
		set := mustDecode(t, "go_goroutines 3\n"+text)
		if got := set.Inputs[0].MaxProcs; got != want {
			t.Errorf("%q: %d, want %d", text, got, want)
		}
		for _, l := range set.Loads {
			if len(l.Roles) > 1 {
				t.Errorf("%q: roles %v", text, l.Roles)
			}
		}
	}
}
