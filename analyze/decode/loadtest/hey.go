package loadtest

import (
	"bytes"
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

const heyHeader = "response-time,DNS+dialup,DNS,Request-write,Response-delay,Response-read,status-code,offset"

func isHeyCSV(head []byte) bool { return bytes.HasPrefix(head, []byte(heyHeader)) }

// heyCSV reads the time that each request took and its begin, in seconds from that of the test. hey lists
// replies only: requests that failed without one are missing.
func heyCSV(d *decoder) error {
	d.generator("hey", evidence.ClosedLoop, 0)
	base := d.pos.At // the test's begin is in no column
	if base.Before(time.Unix(0, 0)) {
		base = time.Unix(0, 0)
	}
	d.note("hey's CSV lists replies: requests that failed without one are not in it")
	return d.csv(1, func(f []string) error {
		if len(f) < 8 {
			return fmt.Errorf("%d fields, want 8: %w", len(f), io.ErrUnexpectedEOF)
		}
		took, err1 := strconv.ParseFloat(f[0], 64)
		code, err2 := strconv.Atoi(f[6])
		offset, err3 := strconv.ParseFloat(f[7], 64)
		if err := errors.Join(err1, err2, err3); err != nil {
			return err
		}
		const day = 24 * 3600
		if !(took >= 0 && took < 100*day && offset >= 0 && offset < 100*day) {
			return errors.New("a time that is none")
		}
		d.request(base.Add(seconds(offset)), seconds(took), code >= 400)
		return nil
	})
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

var heyTotal = regexp.MustCompile(`\A\s*Summary:\s+Total:\s+[0-9.]+ secs`)

func isHeySummary(head []byte) bool { return heyTotal.Match(head) }

var (
	heyField   = regexp.MustCompile(`^  (Total|Slowest|Average|Requests/sec):\s+([0-9.]+)`)
	heyPercent = regexp.MustCompile(`^  ([0-9]+)%+ in ([0-9.]+) secs`)
	heyStatus  = regexp.MustCompile(`^  \[([0-9]+)\]\s+([0-9]+)`)
)

// heySummary reads the text that hey prints. Its requests per second count errors too; the status codes and the
// list of errors say how many of each.
func heySummary(d *decoder) error {
	d.generator("hey", evidence.ClosedLoop, 0)
	s := &evidence.StatedLoad{Errors: ptr(0)}
	inErrors := false
	rate := 0.0
	err := d.lines(func(raw []byte) error {
		line := string(raw)
		if !strings.HasPrefix(line, " ") && line != "" {
			inErrors = strings.HasPrefix(line, "Error distribution")
		}
		switch m := heyField.FindStringSubmatch(line); {
		case m != nil:
			v, err := strconv.ParseFloat(m[2], 64)
			switch m[1] {
			case "Total":
				s.DurationS = v
			case "Requests/sec":
				rate = v
			case "Slowest":
				s.MaxLatencyS = &v
			case "Average":
				s.MeanLatencyS = &v
			}
			return err
		}
		if m := heyPercent.FindStringSubmatch(line); m != nil {
			q, _ := strconv.ParseFloat(m[1], 64)
			v, err := strconv.ParseFloat(m[2], 64)
			s.Quantiles = append(s.Quantiles, evidence.Quantile{Q: q / 100, Seconds: v})
			return err
		}
		if m := heyStatus.FindStringSubmatch(line); m != nil {
			code, count := m[1], m[2]
			if inErrors {
				code, count = "999", m[1]
			}
			n, err := strconv.ParseFloat(count, 64)
			s.Requests += n
			if code >= "400" {
				*s.Errors += n
			}
			return err
		}
		return nil
	})
	if err != nil {
		return err
	}
	// The counts come last, and must add up to the rate.
	if math.Abs(s.Requests-rate*s.DurationS) > 1+0.01*s.Requests {
		return fmt.Errorf("%.0f requests are listed, and %.0f were made: %w", s.Requests, rate*s.DurationS, io.ErrUnexpectedEOF)
	}
	return d.state(s)
}
