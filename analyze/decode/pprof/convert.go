package pprof

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"go-debug/analyze/evidence"
)

const (
	maxComments  = 32
	maxLabelKeep = 1000
	// maxGoroutines is more than fit into memory at 2 KiB of stack each.
	maxGoroutines = 1 << 31
	// frameBytes is the size of an evidence.Frame, as snapshots hold them.
	frameBytes = 40
)

// toProfile makes the evidence of every kind but goroutines.
func toProfile(p *parsed, kind evidence.Kind, pos evidence.Position, maxStacks int, memory int64) *evidence.Profile {
	stacks := p.stacks.resolve(maxStacks, memory/16)
	out := &evidence.Profile{
		Position: pos, Kind: kind, SampleTypes: p.sampleTypes, Default: p.defaultCol, PeriodType: p.periodType,
		Period: max(p.period, 0), DurationNS: max(p.durationNanos, 0), Records: p.stacks.records,
		Frames: p.stacks.usedFrames(stacks), Totals: p.stacks.totals, Dropped: p.stacks.dropped,
		Comments: p.keptComments(), Labels: p.keptLabels(),
		Stacks: make([]evidence.ValueStack, len(stacks)),
	}
	for i, s := range stacks {
		out.Stacks[i] = evidence.ValueStack{Frames: s.frames, Values: s.values, Count: s.count}
	}
	return out
}

// toSnapshot makes the evidence of goroutine and goroutineleak profiles: one group per
// stack. The format holds no ids, states or creators.
func toSnapshot(p *parsed, kind evidence.Kind, pos evidence.Position, maxStacks int, memory int64) (evidence.Snapshot, error) {
	out := evidence.Snapshot{Position: pos, Kind: kind, Format: Format, Complete: true}
	total := p.stacks.totals[p.stacks.key]
	if p.negative > 0 || total > maxGoroutines {
		return out, fmt.Errorf("malformed profile: it counts %d goroutines, %d of its samples are negative", total, p.negative)
	}
	stacks := p.stacks.resolve(maxStacks, memory/8/frameBytes)
	for _, s := range stacks {
		n := int(s.values[p.stacks.key])
		if n == 0 {
			continue
		}
		g := evidence.Group{Count: n, Stack: make(evidence.Stack, len(s.frames))}
		for i, id := range s.frames {
			g.Stack[i] = p.stacks.frames[id]
		}
		g.Wait = evidence.WaitOf(g.Stack)
		if kind == evidence.GoroutineLeak {
			g.Leaked = n // the runtime lists no others here
		}
		for _, id := range s.labels {
			g.Labels = append(g.Labels, p.labels[id])
		}
		slices.Sort(g.Labels)
		out.Groups = append(out.Groups, g)
	}
	evidence.SortGroups(out.Groups)
	out.Total = int(total)
	if p.stacks.dropped != nil {
		out.Dropped = int(p.stacks.dropped[p.stacks.key])
	}
	return out, nil
}

func (p *parsed) keptComments() []string {
	out := slices.Clone(p.comments[:min(len(p.comments), maxComments)])
	for i, c := range out {
		out[i] = strings.Clone(c[:min(len(c), maxName)])
	}
	return out
}

// keptLabels are the most frequent labels, with the number of samples that carry each.
func (p *parsed) keptLabels() map[string]int64 {
	if len(p.labels) == 0 {
		return nil
	}
	sum := map[string]int64{} // long labels may be equal once cut
	for i, name := range p.labels {
		sum[name] += p.labelCounts[i]
	}
	if len(sum) <= maxLabelKeep {
		return sum
	}
	names := make([]string, 0, len(sum))
	for name := range sum {
		names = append(names, name)
	}
	slices.SortFunc(names, func(x, y string) int {
		return cmp.Or(cmp.Compare(sum[y], sum[x]), cmp.Compare(x, y))
	})
	for _, name := range names[maxLabelKeep:] {
		delete(sum, name)
	}
	return sum
}

// notes are the remarks that a reader of the evidence needs.
func (p *parsed) notes(kind evidence.Kind, guess bool) []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	a := p.stacks
	if guess {
		add("mutex and block profiles look the same and nothing says which this is: taken for a mutex profile; name the file mutex or block to settle it")
	}
	if note, ok := emptyNotes[kind]; ok && allZero(a.totals) && p.negative == 0 {
		add("%s", note)
	}
	if kind == evidence.Unknown {
		add("not a profile of the Go runtime's: its sample types are %s", typeNames(p.sampleTypes))
	}
	if p.functions > 0 && !p.goSource {
		add("not a Go profile: none of its %d functions is Go's", p.functions)
	}
	// threadcreate has a record without a stack for threads that the runtime did not start.
	if p.nameless > 0 && kind != evidence.ThreadCreate {
		add("%d of %d locations have no function name: their frames stand as [file]; symbolise the profile with go tool pprof -proto BINARY FILE", p.nameless, p.locations)
	}
	// Over a window (?seconds=N) less may be in use at the end than at the start.
	delta := p.durationNanos > 0 && (kind == evidence.Heap || kind == evidence.Allocs)
	if p.negative > 0 && !delta {
		add("%d samples have negative values: is this the difference of two profiles?", p.negative)
	}
	if p.period < 0 || p.durationNanos < 0 {
		add("period or duration is negative and was taken for unknown")
	}
	if a.overflow {
		add("values add up to more than 64 bits hold: totals are cut")
	}
	if a.cut {
		add("stacks deeper than %d frames and names longer than %d bytes were cut", maxDepth, maxName)
	}
	if a.lost > 0 {
		add("%d samples of the rarest stacks are kept as totals only, beyond the bound on distinct stacks", a.lost)
	}
	if p.lostLabels > 0 || len(p.labels) > maxLabelKeep {
		add("more than %d distinct labels: the most frequent are kept", maxLabelKeep)
	}
	return out
}

func allZero(values []int64) bool {
	for _, v := range values {
		if v != 0 {
			return false
		}
	}
	return true
}

func typeNames(types []evidence.ValueType) string {
	const shown = 8
	var names []string
	for _, t := range types[:min(len(types), shown)] {
		names = append(names, t.Type[:min(len(t.Type), 64)]+"/"+t.Unit[:min(len(t.Unit), 64)])
	}
	if len(types) > shown {
		names = append(names, "…")
	}
	return strings.Join(names, ", ")
}
