package gc

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
	"go-debug/analyze/stats"
)

// The kinds of pauses, as the runtime names them. All others are those of traces and dumps.
var (
	collectorStops = []string{"GC sweep termination", "GC mark termination"}
	programStops   = []string{"read mem stats", "GOMAXPROCS"}
)

// pauseQuantile is the quantile of pauses that is held against the threshold.
const pauseQuantile = 0.99

// reportPauses reports long pauses of the collector.
func reportPauses(r *reading) {
	t, limit := r.traced, r.pass.Param("min-pause")
	all, kinds, long := r.longPauses()
	if long == 0 {
		return
	}
	p99 := float64(all.Quantile(pauseQuantile))
	f := analyze.Finding{Rule: rulePause, Confidence: r.lowered(analyze.Likely), Cost: float64(all.Sum) / 1e9 / t.windowS, Next: explain(rulePause),
		Message: fmt.Sprintf("garbage collection stops the world %s at p99, %s at most (%s pauses a second, %d of %d above %s)",
			signature.Duration(p99), signature.Duration(float64(all.Max)), signature.Number(float64(all.Count)/t.windowS), long, all.Count, signature.Duration(limit))}
	f.Measures = append([]stats.Measure{stats.FromHistogram("pause", "ns", all, pauseQuantile).Over(t.windowS)}, kinds...)
	f.Measures = append(f.Measures, stopped(all, t.windowS))
	switch at, share, ok := r.bulk(); {
	case ok:
		f.Location, f.Stacks = at.Location, []evidence.Stack{at.Stack}
		f.Message += fmt.Sprintf("; this line copies, clears, compares or hashes memory in one piece, which cannot be stopped, for %s", share.Words(at.Samples, 0))
		f.Measures = append(f.Measures, share.MeasureSite("bulk_share_here", at, signature.Overdispersion))
	case !r.pass.Evidence.Has(evidence.CPU, 1):
		f.Confidence = analyze.Possible
		f.Message += "; whether a line of the program is why, or the kernel, only a CPU profile can say"
	default:
		if !r.tells() {
			f.Confidence = analyze.Possible // a line that does it now and then need not be among few samples
		}
		f.Rule, f.Next = ruleStretched, explain(ruleStretched)
		f.Message += "; nothing in the program explains it: look for other load on the machine, or a CPU quota"
	}
	r.pass.Report(f)
}

// longPauses are the collector's pauses, with the measures of each kind, and how many of them are long: none
// where they may be so few that the quantile is below the threshold.
func (r *reading) longPauses() (all *evidence.Histogram, kinds []stats.Measure, long int64) {
	if r.traced == nil {
		return nil, nil, 0
	}
	all, kinds = r.traced.pauses(collectorStops)
	long = all.CountAbove(int64(r.pass.Param("min-pause")))
	// At least two: any one pause may be the kernel's.
	if lo, _ := stats.Wilson(long, all.Count, stats.DefaultConfidence); long < 2 || lo <= 1-pauseQuantile {
		return nil, nil, 0
	}
	return all, kinds, long
}

// stretched reports long pauses that no line of the program is known to explain.
func (r *reading) stretched() bool {
	_, _, long := r.longPauses()
	_, _, explained := r.bulk()
	return long > 0 && !explained
}

// minBulk is the share of the CPU from which a line that works on memory in one piece is named.
const minBulk = 0.02

// bulk is the line of the program that does most of the work on memory in one piece. Where the kernel withholds the CPU
// that is why pauses are long, whatever the line was doing.
func (r *reading) bulk() (signature.Site, signature.Share, bool) {
	s := r.cpu.Of(sigBulk)
	top, ok := signature.Top(s.Sites)
	return top, s, ok && s.SiteAbove(top, minBulk, signature.Overdispersion) && !s.Starved && r.heapHolds(top)
}

// How many bytes such work does in a nanosecond, at least: hashes 0.4 to 20, copying and clearing 4 to 30.
const (
	slowestHash = 0.3
	slowestCopy = 2.0
)

// heapHolds reports whether pieces of memory as large as there can be at a line explain half of the long pauses: none
// is larger than the heap, nor, where the line allocates what it copies, than the largest of those. What is hashed or compared is read alone.
func (r *reading) heapHolds(at signature.Site) bool {
	if r.traced == nil {
		return true
	}
	largest := math.Inf(1)
	if n := r.traced.largest; n > 0 {
		largest = float64(n)
	}
	speed, leaf := slowestCopy, ""
	if len(at.Stack) > 0 {
		leaf = at.Stack[0].Function
	}
	if strings.HasPrefix(leaf, "crypto/") || strings.HasPrefix(leaf, "hash/") {
		speed = slowestHash
	}
	if piece, ok := r.largestPiece(at.Location); ok && strings.HasPrefix(leaf, "runtime.mem") && leaf != "runtime.memequal" {
		largest = min(largest, piece)
	}
	all, _ := r.traced.pauses(collectorStops)
	limit, longest := r.pass.Param("min-pause"), largest/speed
	return longest >= limit && 2*all.CountAbove(int64(min(longest, math.MaxInt64/2))) <= all.CountAbove(int64(limit))
}

// largestPiece is the size of the largest piece that a line allocates, in bytes, at most; false where it is not known to allocate.
// Profiles of the heap have a record for each size at a stack. Where a stack has one, its mean is the size; of
// several, which are added up, one may have all the bytes.
func (r *reading) largestPiece(at evidence.Frame) (largest float64, ok bool) {
	for _, prof := range r.allocated {
		bytes, objects := prof.Column("alloc_space"), prof.Column("alloc_objects")
		for i := 0; bytes >= 0 && objects >= 0 && i < len(prof.Stacks); i++ {
			s := &prof.Stacks[i]
			if s.Values[bytes] <= 0 {
				continue
			}
			if here, found := signature.Own(prof.Stack(s)); !found || here != at {
				continue
			}
			piece := float64(s.Values[bytes])
			if s.Count == 1 && s.Values[objects] > 0 {
				piece /= float64(s.Values[objects])
			}
			largest, ok = max(largest, piece), true
		}
	}
	return largest, ok
}

// pauses are all pauses of some kinds together, and the measures of each.
func (t *trace) pauses(kinds []string) (*evidence.Histogram, []stats.Measure) {
	all := &evidence.Histogram{}
	var out []stats.Measure
	for _, kind := range slices.Sorted(maps.Keys(t.STW)) {
		if !slices.Contains(kinds, kind) {
			continue
		}
		h := t.STW[kind]
		all.Merge(&h)
		name := "pause_" + strings.ReplaceAll(strings.ToLower(strings.TrimPrefix(kind, "GC ")), " ", "_")
		out = append(out, stats.FromHistogram(name, "ns", &h, pauseQuantile).Over(t.windowS))
	}
	return all, out
}

func stopped(h *evidence.Histogram, windowS float64) stats.Measure {
	return stats.Measure{Name: "stopped_share", Value: float64(h.Sum) / 1e9 / windowS, Unit: "ratio", N: h.Count,
		Method: "pauses of the trace over its window"}.Over(windowS)
}

// minStops is the number of stops in a trace from which their time is judged.
const minStops = 10

// reportStops reports pauses that the program asks for.
func reportStops(r *reading) {
	s := r.cpu.Of(sigStops)
	limit := r.pass.Param("min-stop-share")
	byCPU := len(s.Sites) > 0 && r.above(s, "min-stop-share")
	var all *evidence.Histogram
	var kinds []stats.Measure
	byTrace := false
	if t := r.traced; t != nil {
		all, kinds = t.pauses(programStops)
		// A benchmark's clock reads statistics, and who asked no trace says.
		byTrace = !t.bench && all.Count >= minStops && float64(all.Sum)/1e9 > limit*t.windowS
	}
	if !byCPU && !byTrace {
		return
	}
	f := analyze.Finding{Rule: ruleStops, Confidence: analyze.Possible, Cost: s.Value(), Next: explain(ruleStops)}
	if byTrace {
		m := stopped(all, r.traced.windowS)
		f.Confidence, f.Cost = analyze.Likely, m.Value
		f.Message = fmt.Sprintf("the program stops the world itself, %s times a second, %s of the time", signature.Number(float64(all.Count)/r.traced.windowS), percent(m.Value))
		f.Measures = append(append(f.Measures, m), kinds...)
	} else {
		f.Message = s.Words(s.Samples, r.requestsS) + " goes into stopping the world from here"
	}
	if s.Samples > 0 {
		f.Measures = append(f.Measures, s.Measure("stop_cpu_share", signature.Overdispersion))
	}
	// A few samples are no share, and name the line all the same.
	if top, ok := signature.Top(r.cpu.Of(sigStops).Sites); ok {
		f.Location, f.Stacks = top.Location, []evidence.Stack{top.Stack}
	}
	r.pass.Report(f)
}
