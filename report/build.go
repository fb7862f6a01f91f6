package report

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/score"
	"go-debug/analyze/stats"
)

// New makes the report of a run. It copies what it needs of the set and the result.
func New(set *evidence.Set, res *analyze.Result, tool Tool) *Report {
	r := &Report{Schema: SchemaName, Tool: tool, Target: targetOf(set.Inputs)}
	for _, in := range inOrder(set.Inputs) {
		r.Inputs = append(r.Inputs, newInput(in))
	}
	for _, l := range res.Load {
		r.Load = append(r.Load, newLoad(l))
	}
	for _, o := range res.Outcomes {
		d := Detector{Name: o.Detector, State: o.State, Why: o.Why, Try: o.Try, Reads: o.Reads, Evidence: o.Evidence, Supporting: o.Supporting}
		for _, u := range o.Unchecked {
			d.Unchecked = append(d.Unchecked, Unchecked(u))
		}
		r.Detectors = append(r.Detectors, d)
	}
	for _, f := range res.Findings {
		r.Findings = append(r.Findings, newFinding(f))
	}
	for _, rule := range res.Rules {
		r.Rules = append(r.Rules, Rule{ID: rule.ID, Title: rule.Title, Severity: rule.Severity, Remedy: rule.Remedy, Help: rule.Doc})
	}
	r.Scores = newScores(score.Of(set, res.Load))
	r.Program, r.Distributions = newProgram(set), newDistributions(score.Distributions(set))
	r.Sites = newSites(set)
	r.aim()
	r.Verdict = judge(r)
	return r.canonical()
}

func inOrder(inputs []evidence.Input) []evidence.Input {
	out := slices.Clone(inputs)
	slices.SortStableFunc(out, func(a, b evidence.Input) int {
		return cmp.Or(cmp.Compare(a.Seq, b.Seq), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Kind, b.Kind))
	})
	return out
}

func newInput(in evidence.Input) Input {
	out := Input{
		Name: in.Source, Kind: cmp.Or(in.Kind, evidence.Unknown), Format: Text(in.Format),
		SHA256: Text(in.SHA256), Go: Text(in.Go), Phase: Text(in.Phase), Empty: in.Empty, Complete: in.Complete,
		Error: in.Error, Hint: in.Hint, Notes: in.Notes,
	}
	if !in.At.IsZero() {
		out.CapturedAt = Text(in.At.UTC().Format(time.RFC3339Nano))
	}
	if !in.ProgramAt.IsZero() {
		out.ProgramAt = Text(in.ProgramAt.UTC().Format(time.RFC3339Nano))
	}
	// An empty file has a hash; an input that was never opened has neither size nor hash.
	if in.Bytes > 0 || in.SHA256 != "" {
		out.Bytes = &in.Bytes
	}
	if in.Complete || in.LostBytes > 0 {
		out.LostBytes = &in.LostBytes
	}
	if out.LostS = in.LostSeconds; in.Complete && out.LostS == nil {
		out.LostS = new(float64)
	}
	return out
}

func newFinding(f analyze.Finding) Finding {
	out := Finding{
		Rule: f.Rule, Noun: cmp.Or(f.Noun, detectorOf(f.Rule)), Severity: f.Severity, Confidence: f.Confidence,
		Message: f.Message, Fingerprint: f.Fingerprint, Wait: f.Wait,
		Location: newFrame(f.Location), CreatedBy: newFrame(f.CreatedBy),
		Measures: newMeasures(f.Measures), Code: newCode(f.Code), Remedy: f.Remedy, Next: f.Next, FoldedInto: f.FoldedInto,
	}
	for _, s := range f.Stacks {
		frames := make([]Frame, len(s))
		for i, fr := range s {
			frames[i] = frameOf(fr)
		}
		out.Stacks = append(out.Stacks, s.Functions())
		out.StackFrames = append(out.StackFrames, frames)
	}
	return out
}

func newFrame(f evidence.Frame) *Frame {
	if f.IsZero() {
		return nil
	}
	fr := frameOf(f)
	return &fr
}

func frameOf(f evidence.Frame) Frame {
	out := Frame{Function: f.Function, File: Text(f.ShortFile()), Path: Text(f.File)}
	if f.Line > 0 {
		out.Line = &f.Line
	}
	return out
}

func newMeasures(ms []stats.Measure) []Measure {
	var out []Measure
	for _, m := range ms {
		out = append(out, Measure{
			Name: m.Name, Value: &m.Value, Unit: m.Unit, N: positive(m.N), WindowS: m.WindowS,
			P50: m.P50, P90: m.P90, P95: m.P95, P99: m.P99, Max: m.Max,
			Interval: m.Interval, Method: m.Method, Warnings: m.Warnings,
		})
	}
	return out
}

func newLoad(l analyze.LoadReport) Load {
	out := Load{
		Source: l.Source, Route: l.Route, Origin: Text(l.Origin), Requests: l.Requests, Censored: l.Censored,
		ArrivalsPerS: l.ArrivalsPerS, QPS: l.QPS, InFlight: InFlight(l.InFlight),
		Queued: l.Queued, States: maps.Clone(l.States), LittlesGap: l.LittlesGap, Goroutines: l.Goroutines,
		Verdict: l.Verdict, Cause: Text(l.Cause), Sentence: l.Sentence, Measures: newMeasures(l.Measures),
	}
	if l.WindowS > 0 {
		out.WindowS = &l.WindowS
	}
	if t := l.Latency; t != nil {
		out.LatencyNS = &Latency{P50: t.P50, P90: t.P90, P95: t.P95, P99: t.P99, Max: t.Max,
			N: positive(t.N), Bound: t.UpperBound, Method: t.Method, Intervals: maps.Clone(t.Intervals)}
	}
	if f := l.FanOut; f != nil {
		out.FanOut = &FanOut{Started: f.Started, Left: f.Left, Unfollowed: f.Unfollowed}
		for _, a := range f.Awaited {
			out.FanOut.Awaited = append(out.FanOut.Awaited, Awaited{State: a.State, For: a.For, Share: &a.Share})
		}
	}
	if s := l.Support; s != nil {
		out.Support = &Support{InFlight: &s.InFlight, LimitNS: &s.LimitNS, BoundNS: &s.BoundNS, Limited: s.Limited, Method: s.Method}
	}
	if s := l.Series; s != nil {
		out.Series = &Series{BinS: s.BinS, ArrivalsPerS: s.ArrivalsPerS, QPS: s.QPS,
			InFlight: s.InFlight, Goroutines: s.Goroutines}
	}
	return out
}

// positive is nil for a sample size that nobody stated.
func positive(n int64) *int64 {
	if n <= 0 {
		return nil
	}
	return &n
}
