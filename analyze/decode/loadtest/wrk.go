package loadtest

import (
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go-debug/analyze/evidence"
)

var wrkHead = regexp.MustCompile(`\ARunning \S+ test @ \S+\r?\n\s+[0-9]+ threads and [0-9]+ connections`)

func isWrk(head []byte) bool { return wrkHead.Match(head) }

var (
	wrkConnections = regexp.MustCompile(`^\s+[0-9]+ threads and ([0-9]+) connections`)
	wrkLatency     = regexp.MustCompile(`^\s+Latency\s+(\S+)\s+\S+\s+(\S+)`)
	wrkPercentile  = regexp.MustCompile(`^\s*([0-9.]+)%\s+([0-9.]+(us|ms|s|m|h))\s*$`)
	wrkTotal       = regexp.MustCompile(`^\s*([0-9]+) requests in ([0-9.]+(us|ms|s|m|h)),`)
	wrkErrors      = regexp.MustCompile(`^\s+Socket errors: connect ([0-9]+), read ([0-9]+), write ([0-9]+), timeout ([0-9]+)`)
	wrkStatus      = regexp.MustCompile(`^\s+Non-2xx or 3xx responses: ([0-9]+)`)
)

// wrkSummary reads the text of wrk and of wrk2. The latter sends at a rate, counts latency from when a request
// was due, and prints what "HdrHistogram" corrected; percentiles are there with --latency only.
func wrkSummary(d *decoder) error {
	s := &evidence.StatedLoad{Errors: ptr(0)}
	name, loop, workers := "wrk", evidence.ClosedLoop, 0
	err := d.lines(func(raw []byte) error {
		line := string(raw)
		if strings.Contains(line, "Thread calibration:") || strings.Contains(line, "(HdrHistogram - Recorded Latency)") {
			name, loop = "wrk2", evidence.OpenLoop
		}
		if m := wrkConnections.FindStringSubmatch(line); m != nil {
			workers, _ = strconv.Atoi(m[1])
		}
		return wrkLine(s, line)
	})
	if err != nil {
		return err
	}
	if s.DurationS == 0 {
		return fmt.Errorf("no line \"N requests in T\": %w", io.ErrUnexpectedEOF)
	}
	d.generator(name, loop, workers)
	if len(s.Quantiles) == 0 {
		d.note("%s printed no percentiles: it does with --latency", name)
	}
	return d.state(s)
}

func wrkLine(s *evidence.StatedLoad, line string) (err error) {
	switch {
	case wrkLatency.MatchString(line) && s.MeanLatencyS == nil:
		m := wrkLatency.FindStringSubmatch(line)
		if s.MeanLatencyS, err = wrkTime(m[1]); err == nil {
			s.MaxLatencyS, err = wrkTime(m[2])
		}
	case wrkPercentile.MatchString(line):
		m := wrkPercentile.FindStringSubmatch(line)
		q, _ := strconv.ParseFloat(m[1], 64)
		var v *float64
		if v, err = wrkTime(m[2]); err == nil {
			s.Quantiles = append(s.Quantiles, evidence.Quantile{Q: q / 100, Seconds: *v})
		}
	case wrkTotal.MatchString(line):
		m := wrkTotal.FindStringSubmatch(line)
		s.Requests, _ = strconv.ParseFloat(m[1], 64)
		var v *float64
		if v, err = wrkTime(m[2]); err == nil {
			s.DurationS = *v
		}
	case wrkErrors.MatchString(line):
		for _, n := range wrkErrors.FindStringSubmatch(line)[1:] {
			v, _ := strconv.ParseFloat(n, 64)
			*s.Errors += v
		}
	case wrkStatus.MatchString(line):
		v, _ := strconv.ParseFloat(wrkStatus.FindStringSubmatch(line)[1], 64)
		*s.Errors += v
	}
	return err
}

// wrkTime reads "1.03ms". wrk writes minutes with a fraction, as Go reads them.
func wrkTime(text string) (*float64, error) {
	took, err := time.ParseDuration(text)
	if err != nil {
		return nil, err
	}
	return ptr(took.Seconds()), nil
}
