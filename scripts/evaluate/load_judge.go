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
func (s *scenario) judge(ctx context.Context, debug, file string, over period, visits []visit, j *loadJudgement) error {
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
		qps, flight := truthOf(visits, over, l.Source == "trace")
		j.QPSError = *l.QPS/qps - 1
		switch f := l.InFlight; {
		case f.Mean != nil:
			j.FlightErr = *f.Mean/flight - 1
		case f.Lower != nil && f.Upper != nil:
			j.FlightErr = min(max(flight, *f.Lower), *f.Upper)/flight - 1
		}
	}
	j.Alarm = j.Alarm || j.Verdict == "unanswered"
	j.Right = j.Alarm == s.diverges && slices.Contains(s.verdicts, j.Verdict)
	j.RightWhy = j.Right && j.Cause == s.cause
	return nil
}
