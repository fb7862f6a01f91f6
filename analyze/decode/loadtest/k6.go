package loadtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go-debug/analyze/evidence"
)

func isK6JSON(head []byte) bool {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	return bytes.HasPrefix(line, []byte("{")) && bytes.Contains(line, []byte(`"metric":`)) &&
		(bytes.Contains(line, []byte(`"type":"Metric"`)) || bytes.Contains(line, []byte(`"type":"Point"`)))
}

// k6 durations are those of sending, waiting and receiving; what comes before (blocked, connecting,
// TLS) is none of the server's.
var k6Durations = map[string]bool{"http_req_duration": true, "grpc_req_duration": true}

type k6Line struct {
	Metric string `json:"metric"`
	Type   string `json:"type"`
	Data   struct {
		Time  time.Time `json:"time"`
		Value float64   `json:"value"`
		Tags  struct {
			Expected string `json:"expected_response"`
			Status   string `json:"status"`
		} `json:"tags"`
	} `json:"data"`
}

// failed: k6 says by its own rule what it expected; gRPC has status 0 for success.
func (l *k6Line) failed() bool {
	if l.Data.Tags.Expected != "" {
		return l.Data.Tags.Expected == "false"
	}
	code, err := strconv.Atoi(l.Data.Tags.Status)
	return err == nil && code >= 400 || l.Metric == "grpc_req_duration" && err == nil && code != 0
}

// k6JSON reads "k6 run --out json=FILE". Only executors of arrival rates count iterations that were
// dropped, which tells them when any was; the stream says nothing else of them.
func k6JSON(d *decoder) error {
	loop, workers := evidence.UnknownLoop, 0
	err := d.lines(func(line []byte) error {
		if len(line) == 0 || !bytes.Contains(line, []byte(`"type":"Point"`)) {
			return nil
		}
		if !bytes.Contains(line, []byte(`_req_duration"`)) && !bytes.Contains(line, []byte(`"vus_max"`)) && !bytes.Contains(line, []byte(`"dropped_iterations"`)) {
			return nil
		}
		var l k6Line
		if err := json.Unmarshal(line, &l); err != nil {
			return err
		}
		switch {
		case l.Metric == "dropped_iterations":
			loop = evidence.OpenLoop
		case l.Metric == "vus_max" && l.Data.Value >= 0 && l.Data.Value < 1e9:
			workers = max(workers, int(l.Data.Value))
		case k6Durations[l.Metric]:
			if y := l.Data.Time.Year(); y < 1970 || y > 2200 || !(l.Data.Value >= 0 && l.Data.Value < 1e12) {
				return errors.New("a request without a time, or with a negative duration")
			}
			// The time of a sample is that of its end.
			took := time.Duration(l.Data.Value * float64(time.Millisecond))
			d.request(l.Data.Time.Add(-took), took, l.failed())
		}
		return nil
	})
	d.generator("k6", loop, workers)
	return err
}

var k6SummaryHead = regexp.MustCompile(`\A\s*\{`)

func isK6Summary(head []byte) bool {
	return k6SummaryHead.Match(head) && bytes.Contains(head, []byte(`"metrics"`)) && bytes.Contains(head, []byte(`"http_req`)) &&
		(bytes.Contains(head, []byte(`"p(95)"`)) || bytes.Contains(head, []byte(`"root_group"`)) || bytes.Contains(head, []byte(`"thresholds"`)))
}

// k6Values are the numbers of a metric by their names; handleSummary nests them, --summary-export does not.
type k6Values map[string]float64

func (v *k6Values) UnmarshalJSON(data []byte) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(data, &fields); err != nil {
		return err
	}
	if nested, ok := fields["values"]; ok {
		return v.UnmarshalJSON(nested)
	}
	*v = k6Values{}
	for name, raw := range fields {
		if f, err := strconv.ParseFloat(string(raw), 64); err == nil {
			(*v)[name] = f
		}
	}
	return nil
}

// k6Summary reads "--summary-export FILE" and what handleSummary is given.
func k6Summary(d *decoder) error {
	metrics := map[string]k6Values{}
	err := d.members(func(key string, dec *json.Decoder) error {
		if key == "metrics" {
			return dec.Decode(&metrics)
		}
		return skip(dec)
	})
	if err != nil {
		return err
	}
	times, requests := metrics["http_req_duration"], metrics["http_reqs"]
	if times == nil || requests == nil {
		return fmt.Errorf("no http_req_duration and http_reqs among the metrics: %w", io.ErrUnexpectedEOF)
	}
	s := &evidence.StatedLoad{Requests: requests["count"], MeanLatencyS: ptr(times["avg"] / 1e3), MaxLatencyS: ptr(times["max"] / 1e3)}
	if rate := requests["rate"]; rate > 0 {
		s.DurationS = s.Requests / rate
	}
	if failed, ok := metrics["http_req_failed"]; ok {
		// A rate counts what is true: here the requests that failed.
		share, ok := failed["rate"]
		if !ok {
			share = failed["value"]
		}
		s.Errors = ptr(math.Round(share * s.Requests))
	}
	for name, ms := range times {
		q, err := strconv.ParseFloat(strings.TrimSuffix(strings.TrimPrefix(name, "p("), ")"), 64)
		if name == "med" {
			q, err = 50, nil
		}
		if err == nil {
			s.Quantiles = append(s.Quantiles, evidence.Quantile{Q: q / 100, Seconds: ms / 1e3})
		}
	}
	loop := evidence.UnknownLoop
	if metrics["dropped_iterations"] != nil {
		loop = evidence.OpenLoop
	}
	d.generator("k6", loop, int(metrics["vus_max"]["max"]))
	return d.state(s)
}
