package main

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// loadReport is what is read of a report.
type loadReport struct {
	Inputs []struct {
		ProgramAt *time.Time `json:"program_at"`
	}
	Load []struct {
		Source, Route, Verdict, Sentence string
		Cause                            *string
		WindowS                          float64 `json:"window_s"`
		QPS                              *float64
		InFlight                         struct{ Mean, Lower, Upper *float64 } `json:"in_flight"`
	}
	Findings []struct{ Rule, Message string }
}

// judge asks go-debug about a file.
func (s *scenario) judge(ctx context.Context, debug, file string, over period, run loadRun, j *loadJudgement) error {
	out, code, err := tool{debug}.run(ctx, "", "analyze", "-f", "json", "--only", "inflight", file)
	if err != nil && code != exitInconclusive {
		return err
	}
	var r loadReport
	if err := json.Unmarshal(out, &r); err != nil {
		return err
	}
	for _, f := range r.Findings {
		if strings.HasPrefix(f.Rule, "inflight/") {
			j.Alarm, j.Finding = true, f.Rule+" "+f.Message
		}
	}
	for _, l := range r.Load {
		if l.Route != "all" || l.QPS == nil {
			continue
		}
		j.Verdict, j.Sentence = l.Verdict, l.Sentence
		if l.Cause != nil {
			j.Cause = *l.Cause
		}
		if l.Source == "trace" { // it begins and ends when its server has the time to
			if len(r.Inputs) == 1 && r.Inputs[0].ProgramAt != nil {
				over.From = *r.Inputs[0].ProgramAt
			}
			over.To = over.From.Add(time.Duration(l.WindowS * 1e9))
		}
		qps, least := truthOf(run.Visits, over, l.Source == "trace")
		replies, most := truthOf(run.Sent, over, true)
		// A saturated server is done with requests long before it has written their replies. Scrapes count what it is done with.
		j.QPSError = *l.QPS/qps - 1
		if l.Source == "trace" {
			scraped, _ := truthOf(run.Visits, over, false)
			j.QPSError = apart(*l.QPS, *l.QPS, qps, replies+qps-scraped)
		}
		switch f := l.InFlight; {
		case f.Mean != nil:
			j.FlightErr = apart(*f.Mean, *f.Mean, least, most)
		case f.Lower != nil && f.Upper != nil:
			j.FlightErr = apart(*f.Lower, *f.Upper, least, most)
		}
	}
	j.Alarm = j.Alarm || j.Verdict == "unanswered"
	j.Right = j.Alarm == s.diverges && slices.Contains(s.verdicts, j.Verdict)
	j.RightWhy = j.Right && j.Cause == s.cause
	return nil
}

// apart is how far an interval is from that of the truth, as a share of the nearer end of the truth; 0 where they meet. A
// client that gave up sees less than the server does.
func apart(lower, upper, least, most float64) float64 {
	least, most = min(least, most), max(least, most)
	switch {
	case upper < least:
		return upper/least - 1
	case lower > most:
		return lower/most - 1
	}
	return 0
}
