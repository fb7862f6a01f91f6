package profilequality

import (
	"context"
	_ "embed"
	"fmt"
	"math"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
	"go-debug/analyze/stats"
)

//go:embed doc.go
var doc string

const (
	ruleStarved      = "profilequality/starved-host"
	ruleLost         = "profilequality/lost-samples"
	ruleStale        = "profilequality/stale-samples"
	ruleTruncated    = "profilequality/truncated-stacks"
	ruleRate         = "profilequality/rate-above-tick"
	ruleDifference   = "profilequality/difference"
	ruleIncomparable = "profilequality/incomparable"
)

const (
	tryCapture = "go-debug capture http://localhost:6060 --for 30s"
	tryLonger  = "go-debug capture http://localhost:6060 --for %ds"
)

// ruleOf is the rule that reports a doubt.
var ruleOf = map[signature.DoubtKind]string{
	signature.StarvedHost:     ruleStarved,
	signature.LostSamples:     ruleLost,
	signature.StaleSamples:    ruleStale,
	signature.TruncatedStacks: ruleTruncated,
	signature.RateAboveTick:   ruleRate,
	signature.Difference:      ruleDifference,
	signature.MixedPeriods:    ruleIncomparable,
}

// profiled are the kinds of profiles that are judged, with the column that counts and what it counts.
var profiled = []struct {
	kind         evidence.Kind
	column, what string
}{
	{evidence.CPU, "samples", "samples"},
	{evidence.Mutex, "delay", "delay"},
	{evidence.Block, "delay", "delay"},
	{evidence.Heap, "inuse_space", "bytes in use"},
	{evidence.Allocs, "alloc_space", "allocated bytes"},
}

// Detector says when not to believe a profile.
var Detector = &analyze.Detector{
	Name:       "profilequality",
	Noun:       "profile doubt",
	Doc:        doc,
	Supporting: true,
	Rules: []analyze.Rule{
		{
			ID: ruleStarved, Cause: analyze.CauseDeniedCPU, Title: "the program waited for its CPU while it was profiled", Severity: analyze.Info,
			Remedy: "Profile on a machine with CPU to spare, or where that is the subject, trust whole call trees and not single functions.",
			Doc:    "The kernel hands a thread its pending signals when it lets it run again: the profiler's tick and the request to yield then meet at runtime.asyncPreempt, whatever the thread was doing.",
		},
		{
			ID: ruleLost, Title: "a part of the samples was lost", Severity: analyze.Low,
			Remedy: "Take out runtime.SetCPUProfileRate where the program starts: samples gather until a profile is asked for. Else profile for a shorter time or at the default rate; with cgo, register a traceback (runtime.SetCgoTraceback).",
			Doc:    "The runtime writes samples into a buffer from a signal handler; what comes faster than it is emptied, or while nobody empties it, or in code that it cannot unwind, is only counted.",
		},
		{
			ID: ruleStale, Title: "samples are older than the profile", Severity: analyze.Low,
			Remedy: "Take out runtime.SetCPUProfileRate where the program starts; or stop sampling (by a profile that is thrown away) before the one that counts.",
			Doc: "The runtime keeps up to a mebibyte of samples until somebody reads them. Where sampling was on before a profile was asked for, that one begins with " +
				"all that has gathered: its shares are of a longer time than it says, and no amount of CPU follows from it.",
		},
		{
			ID: ruleTruncated, Title: "the outer ends of stacks are missing", Severity: analyze.Low,
			Remedy: "For heap, block and mutex profiles set GODEBUG=profstackdepth=512 (go1.23 and later); CPU profiles are cut at 64 frames in any case: look at them from the leaf (go tool pprof -peek).",
			Doc:    "Functions that are further out than the limit, requests and their handlers above all, count for less than they took, and a graph shows the recursion's callers as roots.",
		},
		{
			ID: ruleRate, Title: "samples were asked for more often than kernels deliver", Severity: analyze.Info,
			Remedy: "Leave the rate at its default of 100 a second, and profile for longer to have more samples.",
			Doc:    "A thread's CPU timer is looked at when the kernel ticks, 250 times a second with CONFIG_HZ=250. Samples beyond that are never taken, but each still counts for its period.",
		},
		{
			ID: ruleDifference, Title: "a profile is the difference of two", Severity: analyze.Low,
			Remedy: "Give both profiles whole; go-debug subtracts what can be subtracted (block, mutex and what was allocated).",
			Doc:    "A share of a difference means nothing where some parts are negative, and a heap profile over a time (heap?seconds=N) shows by how much each line's memory changed, not what it holds.",
		},
		{
			ID: ruleIncomparable, Title: "profiles of one kind cannot be compared or added up", Severity: analyze.Low,
			Remedy: "Take the profiles of one program of one build alike: the same sampling rate, the same Go version.",
			Doc:    "Another build has other lines, another rate gives each sample another weight, another Go version other names for the runtime's own work.",
		},
	},
	Needs: []analyze.Need{
		{Kind: evidence.CPU, Captures: 1, Confidence: analyze.Likely, Try: tryCapture},
		{Kind: evidence.Mutex, Captures: 1, Confidence: analyze.Likely, Try: tryCapture},
		{Kind: evidence.Block, Captures: 1, Confidence: analyze.Likely, Try: tryCapture},
		{Kind: evidence.Heap, Captures: 1, Confidence: analyze.Likely, Try: tryCapture},
		{Kind: evidence.Allocs, Captures: 1, Confidence: analyze.Likely, Try: tryCapture},
	},
	Run: run,
}

func run(_ context.Context, p *analyze.Pass) error {
	cpu := signature.Read(p.Evidence)
	for _, d := range cpu.Doubts() {
		f := finding(ruleOf[d.Kind], evidence.CPU, d.Why, d.Measure, d.Stack)
		if d.Shares {
			f.Message += "; findings that rest on shares of the CPU are less sure"
		}
		p.Report(f)
	}
	versions := goVersions(p.Evidence)
	for _, k := range profiled {
		profiles := p.Evidence.ProfilesOf(k.kind)
		if k.kind != evidence.CPU {
			reportTruncated(p, profiles, k.column, k.what, versions)
			reportNegative(p, profiles, k.column)
		}
		reportIncomparable(p, k.kind, profiles, versions)
	}
	reportHeapDifference(p, p.Evidence.ProfilesOf(evidence.Heap))
	remark(p, cpu)
	return nil
}

func finding(rule string, kind evidence.Kind, message string, m stats.Measure, stack evidence.Stack) analyze.Finding {
	f := analyze.Finding{Rule: rule, Confidence: analyze.Likely, Message: message, Measures: []stats.Measure{m},
		Cost: m.Value, Next: "go-debug explain " + rule}
	if stack != nil {
		f.Stacks = []evidence.Stack{stack}
	}
	if at, ok := stack.User(); ok && rule == ruleTruncated {
		f.Location = at
	}
	f.Identity = []string{string(kind), evidence.NormalFunction(f.Location.Function)}
	return f
}

// goVersions are the Go versions of the inputs by name.
func goVersions(set *evidence.Set) map[string]string {
	out := map[string]string{}
	for i := range set.Inputs {
		out[set.Inputs[i].Source] = set.Inputs[i].Go
	}
	return out
}

// reportTruncated reports the profile of a kind that is cut most.
func reportTruncated(p *analyze.Pass, profiles []*evidence.Profile, column, what string, versions map[string]string) {
	var worst signature.Truncation
	var kind evidence.Kind
	for _, prof := range profiles {
		if !signature.IsGo(prof) {
			continue
		}
		t := signature.TruncationOf(prof, prof.Column(column), signature.MaxDepth(prof.Kind, versions[prof.Source]))
		if t.Share() > worst.Share() {
			worst, kind = t, prof.Kind
		}
	}
	if worst.Share() >= signature.TruncatedShare {
		p.Report(finding(ruleTruncated, kind, fmt.Sprintf("%s profile: %s", kind, worst.Words(what)), worst.Measure(), worst.Stack))
	}
}

// reportNegative reports the profile of a kind that has most stacks with less than nothing. Heap profiles over a
// time have some by design, and are reported as such.
func reportNegative(p *analyze.Pass, profiles []*evidence.Profile, column string) {
	var worst *evidence.Profile
	var most int64
	for _, prof := range profiles {
		col := prof.Column(column)
		if col < 0 || prof.Kind == evidence.Heap && prof.DurationNS > 0 {
			continue
		}
		var n int64
		for i := range prof.Stacks {
			if prof.Stacks[i].Values[col] < 0 {
				n++
			}
		}
		if n > most {
			worst, most = prof, n
		}
	}
	if worst == nil {
		return
	}
	p.Report(finding(ruleDifference, worst.Kind, fmt.Sprintf("%s profile: %d of %d stacks have negative values: this is the difference of two profiles, and no sum or share of it means anything", worst.Kind, most, len(worst.Stacks)),
		stats.Measure{Name: "negative_stacks", Value: float64(most), Unit: "count", N: int64(len(worst.Stacks)), Method: "stacks of the profile with values below 0"}, nil))
}

// reportHeapDifference reports heap profiles that were taken over a time.
func reportHeapDifference(p *analyze.Pass, heap []*evidence.Profile) {
	for _, prof := range heap {
		if prof.DurationNS <= 0 {
			continue
		}
		seconds := float64(prof.DurationNS) / 1e9
		p.Report(finding(ruleDifference, evidence.Heap, fmt.Sprintf("heap profile: it shows how memory changed in %.3g s, not what is in use (golang/go#67942)", seconds),
			stats.Measure{Name: "window", Value: seconds, Unit: "s", N: 1, Method: "duration in the profile"}, nil))
		return
	}
}

// idleCores is the CPU use below which nobody asks for shares.
const idleCores = 0.2

// remark says what the CPU profiles are too small for.
func remark(p *analyze.Pass, cpu *signature.Profile) {
	for _, prof := range p.Evidence.ProfilesOf(evidence.CPU) {
		if !signature.IsGo(prof) {
			p.NotChecked("lost samples and cut stacks: "+prof.Source+" is not a Go profile", "")
			break
		}
	}
	if !p.Evidence.Has(evidence.CPU, 1) || cpu.Enough() || cpu.Idle(idleCores) {
		return
	}
	why := "the CPU profile has no samples in the column that Go's have"
	if cpu.Samples > 0 {
		lo, hi := signature.Share{Samples: cpu.Samples / 10, Total: cpu.Samples}.Interval(signature.Overdispersion)
		why = fmt.Sprintf("%d samples are too few for shares: one of 10 %% may be anything from %.0f to %.0f %%", cpu.Samples, 100*lo, 100*hi)
	}
	if onlyCPU(p.Evidence) {
		p.Inconclusive(why, longer(cpu))
		return
	}
	p.NotChecked(why, longer(cpu))
}

// longer is a capture that has enough samples, if the program goes on as it did.
func longer(cpu *signature.Profile) string {
	if cpu.Samples <= 0 || cpu.WindowNS <= 0 {
		return tryCapture
	}
	s := 1.5 * signature.MinSamples * float64(cpu.WindowNS) / 1e9 / float64(cpu.Samples)
	return fmt.Sprintf(tryLonger, int(math.Ceil(min(max(s, 10), 600)/10)*10))
}

func onlyCPU(set *evidence.Set) bool {
	for _, k := range profiled {
		if k.kind != evidence.CPU && set.Has(k.kind, 1) {
			return false
		}
	}
	return true
}
