// Package plant puts synthetic regressions into a copy of evidence, so that a gate can prove that it is able
// to fail. What is planted stands beside what was captured and looks as the decoders would have it: a detector
// cannot tell it from a fault.
//
// A set to plant in is one that Copy made. The functions here replace what they change and never write into
// what the original holds.
package plant

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"go-debug/analyze/evidence"
)

// Copy is a set that may be planted in. It shares memory with the original.
func Copy(set *evidence.Set) *evidence.Set {
	c := *set
	c.Snapshots, c.Profiles, c.Loads = slices.Clone(set.Snapshots), slices.Clone(set.Profiles), slices.Clone(set.Loads)
	for i := range c.Loads {
		c.Loads[i].Points = slices.Clone(c.Loads[i].Points)
	}
	if set.Trace != nil {
		t := *set.Trace
		t.Windows, t.Frames, t.Stacks, t.Blocks = slices.Clone(t.Windows), slices.Clip(t.Frames), slices.Clip(t.Stacks), slices.Clip(t.Blocks)
		t.Requests = slices.Clone(t.Requests)
		t.Sched.Latency = *t.Sched.Latency.Clone()
		t.GC.STW = maps.Clone(t.GC.STW)
		c.Trace = &t
	}
	return &c
}

// Name is that of the planted function.
const Name = "goDebugSelfTest"

// Line is a line of a function that is not there, in the package that the captured program shows most of its own
// code of: an acceptance or an exemption that covers the program covers it, too.
func Line(set *evidence.Set) evidence.Frame {
	seen := map[string]int{}
	files := map[string]string{}
	count := func(stack evidence.Stack) {
		for _, f := range stack {
			if pkg := f.Package(); !f.Std() && f.File != "" && !strings.Contains(f.File, "@") {
				seen[pkg]++
				files[pkg] = cmp.Or(files[pkg], f.File)
			}
		}
	}
	for i := range set.Snapshots {
		for j := range set.Snapshots[i].Groups {
			count(set.Snapshots[i].Groups[j].Stack)
		}
	}
	for _, p := range set.Profiles {
		count(p.Frames)
	}
	if set.Trace != nil {
		count(set.Trace.Frames)
	}
	pkg, file := "main", "main.go"
	most := 0
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		if seen[name] > most {
			pkg, file, most = name, files[name], seen[name]
		}
	}
	dir := file[:strings.LastIndexAny(file, `/\`)+1]
	return evidence.Frame{Function: pkg + "." + Name, File: dir + "go_debug_self_test.go", Line: 1}
}

// Runtime are frames of the distribution, innermost first.
func Runtime(functions ...string) evidence.Stack {
	out := make(evidence.Stack, len(functions))
	for i, f := range functions {
		out[i] = evidence.Frame{Function: f, File: "runtime/proc.go", Line: 1}
	}
	return out
}

// Values adds a stack to the profile at an index of the set, with values by column; columns that the profile
// does not have are left out.
func Values(set *evidence.Set, index int, stack evidence.Stack, values map[string]int64) {
	p := *set.Profiles[index]
	p.Frames, p.Stacks, p.Totals = slices.Clip(p.Frames), slices.Clip(p.Stacks), slices.Clone(p.Totals)
	s := evidence.ValueStack{Values: make([]int64, len(p.SampleTypes)), Count: 1}
	for _, f := range stack {
		s.Frames = append(s.Frames, int32(len(p.Frames)))
		p.Frames = append(p.Frames, f)
	}
	if len(p.Totals) == 0 {
		p.Totals = make([]int64, len(p.SampleTypes))
	}
	for name, v := range values {
		if col := p.Column(name); col >= 0 {
			s.Values[col] += v
			p.Totals[col] += v
		}
	}
	p.Stacks = append(p.Stacks, s)
	p.Records++
	set.Profiles[index] = &p
}

// Of are the indices of the profiles of a kind, in time order.
func Of(set *evidence.Set, kind evidence.Kind) []int {
	var out []int
	for _, p := range set.ProfilesOf(kind) {
		if i := slices.Index(set.Profiles, p); i >= 0 {
			out = append(out, i)
		}
	}
	return out
}

const (
	// leastCores is what planted CPU time takes at least: detectors leave idle programs alone.
	leastCores = 0.6
	// leastSamples are enough for any share.
	leastSamples = 600
	// customaryPeriod of a CPU profile, in ns, for those that do not say.
	customaryPeriod = 10_000_000
)

// CPU has a share (0 to 1) of the CPU time go into a stack, in each CPU profile. It is false where there is
// none.
func CPU(set *evidence.Set, share float64, stack evidence.Stack) bool {
	planted := false
	for _, i := range Of(set, evidence.CPU) {
		p := set.Profiles[i]
		if p.Column("samples") < 0 {
			continue
		}
		period := cmp.Or(p.Period, customaryPeriod)
		n := share / (1 - share) * float64(p.Total(p.Column("samples")))
		n = max(n, leastCores*float64(p.DurationNS)/float64(period), leastSamples)
		before := float64(p.Total(p.Column("samples")) * period)
		Values(set, i, stack, map[string]int64{"samples": int64(n), "cpu": int64(n) * period})
		// It was taken for as much longer as it takes one P, or those that were in use, to do that.
		if after := before + n*float64(period); after > float64(p.DurationNS) && p.DurationNS > 0 {
			set.Profiles[i].DurationNS = int64(after / max(before/float64(p.DurationNS), 1))
		}
		planted = true
	}
	return planted
}

// Rate adds values to the profiles of a kind, such that each column rises by so much a second: to those that were
// taken over a time, else to the last one, by the time since the first. It is false where there is none.
func Rate(set *evidence.Set, kind evidence.Kind, stack evidence.Stack, perS map[string]float64) bool {
	all := Of(set, kind)
	if len(all) == 0 {
		return false
	}
	first, last := set.Profiles[all[0]], set.Profiles[all[len(all)-1]]
	over := func(seconds float64) map[string]int64 {
		out := map[string]int64{}
		for name, v := range perS {
			out[name] = int64(v * seconds)
		}
		return out
	}
	timed := false
	for _, i := range all {
		if d := set.Profiles[i].DurationNS; d > 0 {
			Values(set, i, stack, over(float64(d)/1e9))
			timed = true
		}
	}
	if !timed {
		seconds := 10.0 // nobody says; a capture by default
		if !first.At.IsZero() && last.At.After(first.At) {
			seconds = last.At.Sub(first.At).Seconds()
		}
		Values(set, all[len(all)-1], stack, over(seconds))
	}
	return true
}

// Stack adds a stack to the trace's tables and returns its number.
func Stack(t *evidence.Trace, stack evidence.Stack) int32 {
	var ids []int32
	for _, f := range stack {
		ids = append(ids, int32(len(t.Frames)))
		t.Frames = append(t.Frames, f)
	}
	if len(t.Stacks) == 0 {
		t.Stacks = append(t.Stacks, nil)
	}
	t.Stacks = append(t.Stacks, ids)
	return int32(len(t.Stacks) - 1)
}

// Waits adds n waits of so many ns each at a stack to the trace, which ended in it.
func Waits(t *evidence.Trace, wait evidence.Wait, stack evidence.Stack, n, ns int64) {
	b := evidence.BlockSite{Stack: Stack(t, stack), Wait: wait}
	b.Ended.AddN(ns, n)
	t.Blocks = append(t.Blocks, b)
}
