package loadtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"time"

	"go-debug/analyze/evidence"
)

var ghzHead = regexp.MustCompile(`\A\s*\{\s*("name":\s*"[^"]*",\s*)?"(date|endReason)":`)

func isGhzJSON(head []byte) bool {
	return ghzHead.Match(head) && bytes.Contains(head, []byte(`"fastest"`)) && bytes.Contains(head, []byte(`"rps"`))
}

// ghzReport is what is read of "ghz -O json"; details are taken one by one.
type ghzReport struct {
	count     float64
	total     float64 // ns
	average   float64
	slowest   float64
	latencies []ghzLatency
	errors    map[string]float64
	options   ghzOptions
	details   int // calls listed one by one
}

type ghzOptions struct {
	Concurrency int     `json:"concurrency"`
	RPS         float64 `json:"rps"`
	Async       bool    `json:"async"`
	Schedule    string  `json:"load-schedule"`
}

type ghzLatency struct {
	Percentage float64 `json:"percentage"`
	Latency    float64 `json:"latency"`
}

type ghzDetail struct {
	Timestamp time.Time     `json:"timestamp"`
	Latency   time.Duration `json:"latency"`
	Error     string        `json:"error"`
	Status    string        `json:"status"`
}

// ghzJSON streams the report, whose details list every call; without them its summary is taken. ghz waits for
// replies unless it was told to be asynchronous: with --rps it sends no faster than that.
func ghzJSON(d *decoder) error {
	var r ghzReport
	err := d.members(func(key string, dec *json.Decoder) error { return r.member(d, key, dec) })
	loop := evidence.ClosedLoop
	if r.options.Async {
		loop = evidence.OpenLoop
	}
	d.generator("ghz", loop, r.options.Concurrency)
	if err != nil || r.details > 0 {
		return err
	}
	s := &evidence.StatedLoad{DurationS: r.total / 1e9, Requests: r.count, MeanLatencyS: ptr(r.average / 1e9), MaxLatencyS: ptr(r.slowest / 1e9), Errors: ptr(0)}
	for _, n := range r.errors {
		*s.Errors += n
	}
	for _, l := range r.latencies {
		s.Quantiles = append(s.Quantiles, evidence.Quantile{Q: l.Percentage / 100, Seconds: l.Latency / 1e9})
	}
	return d.state(s)
}

func (r *ghzReport) member(d *decoder, key string, dec *json.Decoder) error {
	switch key {
	case "count":
		return dec.Decode(&r.count)
	case "total":
		return dec.Decode(&r.total)
	case "average":
		return dec.Decode(&r.average)
	case "slowest":
		return dec.Decode(&r.slowest)
	case "latencyDistribution":
		return dec.Decode(&r.latencies)
	case "errorDistribution":
		return dec.Decode(&r.errors)
	case "options":
		return dec.Decode(&r.options)
	case "details":
		return d.elements(dec, func() error {
			var v ghzDetail
			if err := dec.Decode(&v); err != nil {
				return err
			}
			if y := v.Timestamp.Year(); y < 1970 || y > 2200 || v.Latency < 0 {
				return errors.New("a call without a time, or with a negative latency")
			}
			r.details++
			// ghz stamps a call when it ends.
			d.request(v.Timestamp.Add(-v.Latency), v.Latency, v.Error != "" || v.Status != "OK")
			return nil
		})
	}
	return skip(dec)
}

// members calls f with the name of each member of the object that is the input, at its value.
func (d *decoder) members(f func(key string, dec *json.Decoder) error) error {
	dec := json.NewDecoder(d.r)
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return errors.Join(errors.New("no JSON object"), cut(err))
	}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return cut(err)
		}
		key, _ := t.(string)
		if err := f(key, dec); err != nil {
			return fmt.Errorf("%s: %w", key, cut(err))
		}
	}
	_, err := dec.Token()
	return cut(err)
}

// elements calls f at each element of an array. null is an empty one.
func (d *decoder) elements(dec *json.Decoder, f func() error) error {
	t, err := dec.Token()
	if err != nil || t == nil {
		return err
	}
	if t != json.Delim('[') {
		return errors.New("no array")
	}
	for n := 0; dec.More(); n++ {
		if n%1024 == 0 && d.ctx.Err() != nil {
			return d.ctx.Err()
		}
		if err := f(); err != nil {
			return err
		}
	}
	_, err = dec.Token()
	return err
}

// skip passes a value over without building it.
func skip(dec *json.Decoder) error {
	depth := 0
	for {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		switch t {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

// cut names the end of an input within a value.
func cut(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
