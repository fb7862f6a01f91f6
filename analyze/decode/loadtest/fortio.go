package loadtest

import (
	"bytes"
	"math"
	"regexp"
	"strconv"
	"strings"

	"go-debug/analyze/evidence"
)

func isFortioJSON(head []byte) bool {
	return bytes.Contains(head, []byte(`"RunType"`)) && bytes.Contains(head, []byte(`"RequestedQPS"`))
}

// fortioJSON reads "fortio load -json FILE". The histogram's buckets are those that hold something; with
// -qps 0 it sends as fast as replies come, else it keeps a pace that a slow reply delays.
func fortioJSON(d *decoder) error {
	var v struct {
		RequestedQPS      string
		ActualDuration    float64 // ns
		NumThreads        int
		RetCodes          map[string]float64
		DurationHistogram struct {
			Count, Sum, Avg, Max float64
			Data                 []struct{ Start, End, Percent, Count float64 }
			Percentiles          []struct{ Percentile, Value float64 }
		}
	}
	if err := d.object(&v); err != nil {
		return err
	}
	d.generator("fortio", evidence.ClosedLoop, v.NumThreads)
	h := v.DurationHistogram
	s := &evidence.StatedLoad{DurationS: v.ActualDuration / 1e9, Requests: h.Count, Errors: ptr(0), MeanLatencyS: &h.Avg, MaxLatencyS: &h.Max}
	for code, n := range v.RetCodes {
		if !fortioSuccess(code) {
			*s.Errors += n
		}
	}
	for _, p := range h.Percentiles {
		s.Quantiles = append(s.Quantiles, evidence.Quantile{Q: p.Percentile / 100, Seconds: p.Value})
	}
	var seen float64
	for _, b := range h.Data {
		if n := len(s.Buckets); n == 0 && b.Start > 0 || n > 0 && s.Buckets[n-1].LE < b.Start {
			s.Buckets = append(s.Buckets, evidence.LatencyBucket{LE: b.Start, Count: seen})
		}
		seen += b.Count
		s.Buckets = append(s.Buckets, evidence.LatencyBucket{LE: b.End, Count: seen})
	}
	if seen > 0 {
		s.Buckets = append(s.Buckets, evidence.LatencyBucket{LE: math.MaxFloat64, Count: seen})
	}
	return d.state(s)
}

// fortioSuccess reports HTTP's codes below 400 and gRPC's health status.
func fortioSuccess(code string) bool {
	n, err := strconv.Atoi(code)
	return code == "OK" || code == "SERVING" || err == nil && n >= 200 && n < 400
}

var fortioHead = regexp.MustCompile(`(?m)^(Fortio [0-9].* running at|Starting at [0-9.]+ qps with|Aggregated Function Time : count)`)

// isFortioText looks for fixed words first: every input is asked, and the expression alone took a fifth of the
// time of a gate on forty bundles.
func isFortioText(head []byte) bool {
	for _, words := range []string{"Fortio ", "Starting at ", "Aggregated Function Time : count"} {
		if bytes.Contains(head, []byte(words)) {
			return fortioHead.Match(head)
		}
	}
	return false
}

var (
	fortioEnded   = regexp.MustCompile(`Ended after ([0-9.a-zµ]+) : ([0-9]+) calls`)
	fortioThreads = regexp.MustCompile(`(?:with |starting )([0-9]+) (?:thread|connection)`)
	fortioTimes   = regexp.MustCompile(`^Aggregated Function Time : count ([0-9]+) avg ([0-9.e+-]+) .* max ([0-9.e+-]+) sum`)
	fortioTarget  = regexp.MustCompile(`^# target ([0-9.]+)% ([0-9.e+-]+)`)
	fortioCode    = regexp.MustCompile(`^Code +(-?[0-9]+|[A-Z_]+) : ([0-9]+) `)
)

// fortioText reads what "fortio load" prints.
func fortioText(d *decoder) error {
	s := &evidence.StatedLoad{Errors: ptr(0)}
	workers, inTimes := 0, false
	err := d.lines(func(raw []byte) error {
		line := string(raw)
		if m := fortioThreads.FindStringSubmatch(line); m != nil && workers == 0 {
			workers, _ = strconv.Atoi(m[1])
		}
		if m := fortioEnded.FindStringSubmatch(line); m != nil {
			took, err := wrkTime(m[1])
			if err != nil {
				return err
			}
			s.DurationS = *took
			s.Requests, _ = strconv.ParseFloat(m[2], 64)
		}
		if strings.Contains(line, " : count ") {
			inTimes = false // of errors, connections and sizes there are such lists too
		}
		if m := fortioTimes.FindStringSubmatch(line); m != nil {
			inTimes = true
			avg, _ := strconv.ParseFloat(m[2], 64)
			most, _ := strconv.ParseFloat(m[3], 64)
			s.MeanLatencyS, s.MaxLatencyS = &avg, &most
		}
		if m := fortioTarget.FindStringSubmatch(line); m != nil && inTimes {
			q, _ := strconv.ParseFloat(m[1], 64)
			v, _ := strconv.ParseFloat(m[2], 64)
			s.Quantiles = append(s.Quantiles, evidence.Quantile{Q: q / 100, Seconds: v})
		}
		if m := fortioCode.FindStringSubmatch(line); m != nil && !fortioSuccess(m[1]) {
			n, _ := strconv.ParseFloat(m[2], 64)
			*s.Errors += n
		}
		return nil
	})
	if err != nil {
		return err
	}
	d.generator("fortio", evidence.ClosedLoop, workers)
	return d.state(s)
}
