package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// metered is a service with 200 requests a second that take 30 ms each, six in flight. Each scrape finds it 200 ms further, as its
// metrics say by their timestamps: when the scrape was due and what answered it late make no difference. Half of its latencies
// are in a native histogram.
type metered struct {
	start   time.Time
	scrapes atomic.Int64
}

func (m *metered) families() []*dto.MetricFamily {
	scrape := m.scrapes.Add(1)
	done, at := float64(40*scrape), m.start.Add(time.Duration(scrape)*200*time.Millisecond).UnixMilli()
	gauge, counter, histogram := dto.MetricType_GAUGE, dto.MetricType_COUNTER, dto.MetricType_HISTOGRAM
	name := func(s string) *string { return &s }
	value := func(v float64) *float64 { return &v }
	n, six, goroutines := uint64(done), 6.0, 40.0
	schema, zero := int32(3), 1e-128
	// At schema 3 the bucket −40 is (0.0287, 0.03125].
	offset, length, sum := int32(-40), uint32(1), done*0.03
	native := &dto.Histogram{SampleCount: &n, SampleSum: &sum, Schema: &schema, ZeroThreshold: &zero, ZeroCount: new(uint64),
		PositiveSpan: []*dto.BucketSpan{{Offset: &offset, Length: &length}}, PositiveDelta: []int64{int64(n)}}
	return []*dto.MetricFamily{
		{Name: name("go_goroutines"), Type: &gauge, Metric: []*dto.Metric{{Gauge: &dto.Gauge{Value: &goroutines}, TimestampMs: &at}}},
		{Name: name("shop_active"), Type: &gauge, Metric: []*dto.Metric{{Gauge: &dto.Gauge{Value: &six}, TimestampMs: &at}}},
		{Name: name("http_requests_total"), Type: &counter, Metric: []*dto.Metric{{Counter: &dto.Counter{Value: value(done)}, TimestampMs: &at}}},
		{Name: name("http_request_duration_seconds"), Type: &histogram, Metric: []*dto.Metric{{Histogram: native, TimestampMs: &at}}},
	}
}

func (m *metered) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	format := expfmt.NegotiateAccept(r.Header, expfmt.DefaultAcceptedFormats()...)
	w.Header().Set("Content-Type", string(format))
	enc := expfmt.NewEncoder(w, format)
	for _, f := range m.families() {
		if err := enc.Encode(f); err != nil {
			return
		}
	}
}

// loadReport is what the test reads of a report.
type loadReport struct {
	Inputs []struct{ Format, Error string }
	Load   []loadEntry
}

type loadEntry struct {
	Route, Verdict string
	QPS            *float64
	Goroutines     *float64
	LittlesGap     *float64                `json:"littles_gap"`
	InFlight       struct{ Mean *float64 } `json:"in_flight"`
	Latency        *struct {
		P99       *float64
		Intervals map[string][2]float64
	} `json:"latency_ns"`
	Series *struct{ QPS []*float64 }
}

// TestPrometheusServer has a real Prometheus server scrape a service and reads it back by --prometheus. scripts/test
// installs the server where it can.
func TestPrometheusServer(t *testing.T) {
	bin, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("SKIPPED: no prometheus in PATH (apt-get install prometheus)")
	}
	service := &metered{start: time.Now().Add(-time.Minute)} // no scrape lies in the future, for which nobody asks
	srv := httptest.NewServer(service)
	defer srv.Close()
	server := startPrometheus(t, bin, strings.TrimPrefix(srv.URL, "http://"))
	waitFor(t, "scrapes", func() bool { return service.scrapes.Load() >= 16 })

	var l loadEntry
	// Prometheus may not have stored the last scrape yet.
	waitFor(t, "samples", func() bool {
		r := analyzeJSON(t, "--prometheus", server, "--query-window", "5m", "--prometheus-match", `job="shop"`, "--metric", "in_flight=shop_active")
		if len(r.Inputs) != 1 || r.Inputs[0].Format != "prometheus-json" || r.Inputs[0].Error != "" {
			t.Fatalf("inputs %+v", r.Inputs)
		}
		for _, l = range r.Load {
			if l.Route == "all" && l.QPS != nil && l.Series != nil && len(l.Series.QPS) >= 14 {
				return true
			}
		}
		return false
	})
	if math.Abs(*l.QPS/200-1) > 1e-6 || l.InFlight.Mean == nil || math.Abs(*l.InFlight.Mean-6) > 1e-9 || *l.Goroutines != 40 {
		t.Errorf("%v QPS, %v in flight, %v goroutines", *l.QPS, *l.InFlight.Mean, *l.Goroutines)
	}
	if l.Verdict != "ok" || math.Abs(*l.LittlesGap) > 0.03 {
		t.Errorf("verdict %s, Little gap %v", l.Verdict, *l.LittlesGap)
	}
	// The native histogram's bucket is 9 % wide, and holds the 30 ms.
	if l.Latency == nil || l.Latency.P99 == nil {
		t.Fatalf("no latency: %+v", l)
	}
	if in := l.Latency.Intervals["p99"]; in[0] > 30e6 || in[1] < 30e6 || in[1]/in[0] > 1.1 {
		t.Errorf("P99 in %v", in)
	}
	if file := os.Getenv("KEEP_ANSWER"); file != "" {
		keepAnswer(t, server, file)
	}
}

// keepAnswer stores what the server says, for the tests of the decoder.
func keepAnswer(t *testing.T, server, file string) {
	resp, err := http.Get(server + `/api/v1/query?query={job="shop"}[5m]`)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o644); err != nil {
		t.Fatal(err)
	}
}

func analyzeJSON(t *testing.T, args ...string) *loadReport {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(toolPath(t), append([]string{"analyze", "-f", "json", "--only", "inflight"}, args...)...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%v\n%s", err, &stderr)
	}
	var r loadReport
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	return &r
}

// toolPath is this test binary under the tool's own name, by which it runs as the tool.
func toolPath(t *testing.T) string {
	t.Helper()
	link := filepath.Join(t.TempDir(), "go-debug")
	if err := os.Symlink(os.Args[0], link); err != nil {
		t.Fatal(err)
	}
	return link
}

func startPrometheus(t *testing.T, bin, target string) (url string) {
	t.Helper()
	dir := t.TempDir()
	config := fmt.Sprintf("global:\n  scrape_interval: 200ms\n  scrape_timeout: 200ms\nscrape_configs:\n  - job_name: shop\n    static_configs:\n      - targets: [%q]\n", target)
	if err := os.WriteFile(filepath.Join(dir, "prometheus.yml"), []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	var log bytes.Buffer
	cmd := exec.Command(bin, "--config.file="+filepath.Join(dir, "prometheus.yml"), "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address="+address, "--enable-feature=native-histograms")
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("prometheus: %s", &log)
		}
	})
	url = "http://" + address
	waitFor(t, "the server", func() bool {
		resp, err := http.Get(url + "/-/ready")
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusOK
	})
	return url
}

// waitFor waits for what must come, however busy the machine is.
func waitFor(t *testing.T, what string, ready func() bool) {
	t.Helper()
	for range 600 {
		if ready() {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
	t.Fatalf("no %s within two minutes", what)
}
