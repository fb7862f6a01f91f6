package metrics

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

func decodeQuery(t *testing.T, text string, roles Roles) (*evidence.Set, error) {
	t.Helper()
	if !IsQuery([]byte(text)) {
		t.Errorf("not recognised: %.60s", text)
	}
	return Decoder{Roles: roles}.DecodeQuery(context.Background(), strings.NewReader(text), evidence.Position{Source: "q.json", Seq: 2}, budget.Default())
}

// testdata/answer.json is what Prometheus 2.42 said of a service with a native histogram that it scraped every 200 ms.
func TestAnswerOfAServer(t *testing.T) {
	text, err := os.ReadFile("testdata/answer.json")
	if err != nil {
		t.Fatal(err)
	}
	set, err := decodeQuery(t, string(text), Roles{"in_flight": "shop_active"})
	if err != nil || len(set.Loads) != 1 || !set.Inputs[0].Complete {
		t.Fatalf("%v, %+v", err, set)
	}
	l := set.Loads[0]
	if len(l.Points) != 17 || l.Origin != "" || l.Roles["in_flight"] != "shop_active" || l.Roles["latency"] != "http_request_duration_seconds" {
		t.Errorf("%d points, roles %v", len(l.Points), l.Roles)
	}
	for i, p := range l.Points {
		if *p.InFlight != 6 || *p.Goroutines != 40 || *p.Requests != *p.LatencyCount || math.Abs(*p.LatencySumS-0.03**p.Requests) > 1e-6 || !p.Sparse {
			t.Errorf("point %d: %+v", i, p)
		}
		if b := p.LatencyBuckets; len(b) != 3 || b[0].Count != 0 || b[1].LE != 0.03125 || b[1].Count != *p.Requests || b[2].LE != math.MaxFloat64 {
			t.Errorf("buckets %v", b)
		}
		if i > 0 && (p.Seq <= l.Points[i-1].Seq || !p.At.After(l.Points[i-1].At)) {
			t.Errorf("point %d at %v after %v", i, p.At, l.Points[i-1].At)
		}
	}
}

func TestQueries(t *testing.T) {
	matrix := func(series ...string) string {
		return `{"status":"success","data":{"resultType":"matrix","result":[` + strings.Join(series, ",") + `]}}`
	}
	one := func(name, labels string, values ...string) string {
		return fmt.Sprintf(`{"metric":{"__name__":%q%s},"values":[%s]}`, name, labels, strings.Join(values, ","))
	}
	const a, b = `,"job":"shop","instance":"a:1"`, `,"job":"shop","instance":"b:1"`
	t.Run("targets are loads of their own", func(t *testing.T) {
		set, err := decodeQuery(t, matrix(one("http_requests_total", a, `[100,"5"]`, `[115,"9"]`), one("http_requests_total", b, `[101,"50"]`)), nil)
		if err != nil || len(set.Loads) != 2 || set.Loads[0].Origin != "shop a:1" || *set.Loads[1].Points[0].Requests != 50 {
			t.Errorf("%v, %+v", err, set.Loads)
		}
	})
	t.Run("failed scrapes", func(t *testing.T) {
		set, err := decodeQuery(t, matrix(one("up", a, `[100,"1"]`, `[115,"0"]`, `[130,"1"]`), one("go_goroutines", a, `[100,"5"]`, `[130,"7"]`)), nil)
		if err != nil || len(set.Loads) != 1 || len(set.Loads[0].Points) != 3 || set.Loads[0].Points[1].Goroutines != nil {
			t.Errorf("%v, %+v", err, set.Loads)
		}
	})
	t.Run("series of one role add up, and codes tell failures", func(t *testing.T) {
		set, err := decodeQuery(t, matrix(one("http_requests_total", a+`,"code":"200"`, `[100,"5"]`), one("http_requests_total", a+`,"code":"503"`, `[100,"2"]`)), nil)
		if p := set.Loads[0].Points[0]; err != nil || *p.Requests != 7 || *p.Errors != 2 {
			t.Errorf("%v, %+v", err, p)
		}
	})
	t.Run("an instant vector", func(t *testing.T) {
		set, err := decodeQuery(t, `{"status":"success","data":{"resultType":"vector","result":[{"metric":{"__name__":"go_goroutines"},"value":[100.5,"5"]}]}}`, nil)
		if p := set.Loads[0].Points[0]; err != nil || *p.Goroutines != 5 || !p.At.Equal(time.UnixMilli(100500)) {
			t.Errorf("%v, %+v", err, p)
		}
	})
	t.Run("nothing of use", func(t *testing.T) {
		set, err := decodeQuery(t, matrix(one("promhttp_metric_handler_requests_total", a, `[100,"5"]`)), nil)
		if err != nil || len(set.Loads) != 0 || len(set.Inputs[0].Notes) == 0 {
			t.Errorf("%v, %+v", err, set)
		}
	})
	for name, text := range map[string]string{
		"error of the server": `{"status":"error","errorType":"bad_data","error":"parse error"}`,
		"cut":                 matrix(one("go_goroutines", a, `[100,"5"]`))[:150],
		"no number":           matrix(one("go_goroutines", a, `[100,"x"]`)),
		"no time":             matrix(one("go_goroutines", a, `["y","1"]`)),
	} {
		set, err := decodeQuery(t, text, nil)
		var input *evidence.InputError
		if !errors.As(err, &input) || input.Hint == "" || set.Inputs[0].Complete {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The selector reaches every metric that has a role, and names that OpenTelemetry writes with dots.
func TestSelector(t *testing.T) {
	d := Decoder{Roles: Roles{"requests": "shop.orders"}}
	s := d.Selector(`job="shop"`, 90*time.Second)
	if !strings.HasSuffix(s, `,job="shop"}[90s]`) {
		t.Errorf("selector %s", s)
	}
	_, pattern, _ := strings.Cut(s, `__name__=~"`)
	pattern, _, _ = strings.Cut(pattern, `"`)
	re := regexp.MustCompile("^(?:" + strings.ReplaceAll(pattern, `\\`, `\`) + ")$") // Prometheus anchors
	for name, want := range map[string]bool{
		"up": true, "go_goroutines": true, "http.server.active_requests": true, "shop.orders": true, "shop_orders": false,
		"http_request_duration_seconds": true, "http_request_duration_seconds_bucket": true, "shop_http_requests_total": true,
		"http_server_requests_in_flight": true, "node_memory_bytes": false, "go_gc_duration_seconds": false,
	} {
		if re.MatchString(name) != want {
			t.Errorf("%s: %v, want %v", name, !want, want)
		}
	}
}

func TestRoles(t *testing.T) {
	text := "http_requests_total 5\norders_done 7\norders_busy 3\ncheckout_ms_bucket{le=\"50\"} 4\ncheckout_ms_bucket{le=\"+Inf\"} 7\ncheckout_ms_sum 210\ncheckout_ms_count 7\n"
	d := Decoder{Roles: Roles{"requests": "orders_done", "in_flight": "orders_busy", "latency": "checkout_ms"}}
	set, err := d.Decode(context.Background(), strings.NewReader(text), evidence.Position{}, budget.Default())
	if err != nil {
		t.Fatal(err)
	}
	p := set.Loads[0].Points[0]
	if *p.Requests != 7 || *p.InFlight != 3 || *p.LatencySumS != 0.21 || p.LatencyBuckets[0].LE != 0.05 {
		t.Errorf("%+v", p)
	}
	if set.Loads[0].Roles["requests"] != "orders_done" {
		t.Errorf("roles %v", set.Loads[0].Roles)
	}
	for _, bad := range []Roles{{"speed": "x"}, {"requests": ""}} {
		if bad.Check() == nil {
			t.Errorf("%v is allowed", bad)
		}
	}
}

// A bucket that ends before it begins, or holds less than nothing, is no bucket; nothing is told of a
// histogram without it.
func TestBucketsThatAreNone(t *testing.T) {
	for _, histogram := range []string{
		`"count":"3","sum":"1","buckets":[[0,"0.5","0.1","3"]]`, `"count":"3","sum":"1","buckets":[[0,"0.1","0.5","-3"]]`,
		`"count":"3","sum":"1","buckets":[[0,"0.1","0.5","Inf"]]`, `"count":"NaN","sum":"1","buckets":[[0,"0.1","0.5","3"]]`,
		`"count":"3","sum":"Inf","buckets":[[0,"0.1","0.5","3"]]`,
	} {
		answer := `{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"__name__":"http_request_duration_seconds"},"histograms":[[1760000000,{` + histogram + `}]]}]}}`
		set, err := Decoder{}.DecodeQuery(context.Background(), strings.NewReader(answer), evidence.Position{}, budget.Default())
		if err != nil || len(set.Loads) != 1 {
			t.Fatalf("%s: %v", histogram, err)
		}
		checkLoads(t, set)
		if b := set.Loads[0].Points[0].LatencyBuckets; len(b) > 0 || !strings.Contains(fmt.Sprint(set.Inputs[0].Notes), "percentiles may be missing") {
			t.Errorf("%s: buckets %v, notes %q", histogram, b, set.Inputs[0].Notes)
		}
	}
}

// protoScrape is a scrape with a gauge and a native histogram.
func protoScrape(t testing.TB) []byte {
	t.Helper()
	name, gauge, hist := "go_goroutines", dto.MetricType_GAUGE, dto.MetricType_HISTOGRAM
	latency, schema, zero := "http_request_duration_seconds", int32(0), 0.0
	n, sum, goroutines := uint64(10), 12.0, 8.0
	offset, gap, two, one := int32(0), int32(1), uint32(2), uint32(1)
	families := []*dto.MetricFamily{
		{Name: &name, Type: &gauge, Metric: []*dto.Metric{{Gauge: &dto.Gauge{Value: &goroutines}}}},
		{Name: &latency, Type: &hist, Metric: []*dto.Metric{{Histogram: &dto.Histogram{SampleCount: &n, SampleSum: &sum, Schema: &schema,
			ZeroThreshold: &zero, ZeroCount: new(uint64),
			// (0.5, 1]: 3; (1, 2]: 5; (2, 4]: none; (4, 8]: 2
			PositiveSpan:  []*dto.BucketSpan{{Offset: &offset, Length: &two}, {Offset: &gap, Length: &one}},
			PositiveDelta: []int64{3, 2, -3}}}}},
	}
	var b bytes.Buffer
	enc := expfmt.NewEncoder(&b, expfmt.NewFormat(expfmt.TypeProtoDelim))
	for _, f := range families {
		if err := enc.Encode(f); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

// protobuf is the one scrape format with native histograms.
func TestProto(t *testing.T) {
	scrape := protoScrape(t)
	if !IsProto(scrape) || IsProto([]byte("go_goroutines 8\n")) {
		t.Error("not told from text")
	}
	at := time.Unix(1760000000, 0).UTC()
	set, err := Decoder{}.DecodeProto(context.Background(), bytes.NewReader(scrape), evidence.Position{At: at}, budget.Default())
	if err != nil || len(set.Loads) != 1 {
		t.Fatalf("%v, %+v", err, set)
	}
	p := set.Loads[0].Points[0]
	want := []evidence.LatencyBucket{{LE: 0.5}, {LE: 1, Count: 3}, {LE: 2, Count: 8}, {LE: 4, Count: 8}, {LE: 8, Count: 10}, {LE: math.MaxFloat64, Count: 10}}
	if fmt.Sprint(p.LatencyBuckets) != fmt.Sprint(want) || !p.Sparse || *p.Goroutines != 8 || *p.Requests != 10 || !p.At.Equal(at) {
		t.Errorf("%+v", p)
	}
	for _, n := range []int{1, 20, len(scrape) - 1} {
		if _, err := (Decoder{}).DecodeProto(context.Background(), bytes.NewReader(scrape[:n]), evidence.Position{}, budget.Default()); err == nil {
			t.Errorf("cut after %d of %d bytes, and not refused", n, len(scrape))
		}
	}
}

// checkLoads holds for whatever was decoded: bounds of buckets ascend, and all can be written as JSON.
func checkLoads(t *testing.T, set *evidence.Set) {
	t.Helper()
	if _, err := json.Marshal(set); err != nil {
		t.Fatal(err)
	}
	for _, l := range set.Loads {
		for _, p := range l.Points {
			for i, b := range p.LatencyBuckets {
				if math.IsInf(b.LE, 0) || math.IsNaN(b.Count) || i > 0 && b.LE < p.LatencyBuckets[i-1].LE {
					t.Fatalf("bad buckets %+v", p.LatencyBuckets)
				}
			}
		}
	}
}

func FuzzDecodeQuery(f *testing.F) {
	text, err := os.ReadFile("testdata/answer.json")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"status":"success","data":{"result":[{"metric":{"__name__":"up"},"value":[1,"0"]}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		IsQuery(data)
		set, _ := Decoder{}.DecodeQuery(context.Background(), bytes.NewReader(data), evidence.Position{}, budget.Default())
		checkLoads(t, set)
	})
}

func FuzzDecodeProto(f *testing.F) {
	f.Add(protoScrape(f))
	f.Add([]byte("\x05\x0a\x02up\x18\x01"))
	f.Add([]byte("\xff\xff\xff\x07\x0a\x02up\x18"))
	f.Fuzz(func(t *testing.T, data []byte) {
		IsProto(data)
		set, _ := Decoder{}.DecodeProto(context.Background(), bytes.NewReader(data), evidence.Position{}, budget.Default())
		checkLoads(t, set)
	})
}
