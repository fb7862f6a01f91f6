package pprof

import (
	"slices"

	"go-debug/analyze/evidence"
)

const (
	maxComments = 32
	// maxGoroutines is more than fit into memory at 2 KiB of stack each.
	maxGoroutines = 1 << 31
	// frameBytes is the size of an evidence.Frame, as snapshots hold them.
	frameBytes = 40
)

// toProfile makes the evidence of every kind but goroutines.
func toProfile(p *parsed, kind evidence.Kind, pos evidence.Position) *evidence.Profile {
	out := &evidence.Profile{
		Position: pos, Kind: kind, SampleTypes: p.sampleTypes, Default: p.defaultCol, PeriodType: p.periodType,
		Period: max(p.period, 0), DurationNS: max(p.durationNanos, 0), Records: p.records, Build: p.build,
		Frames: p.frames, Totals: p.totals, Dropped: p.losses.dropped, Cut: p.losses.cut,
		Comments: p.comments, Labels: p.labelSum,
		Stacks: make([]evidence.ValueStack, len(p.stacks)),
	}
	for i, s := range p.stacks {
		out.Stacks[i] = evidence.ValueStack{Frames: s.frames, Values: s.values, Count: s.count}
	}
	return out
}

// toSnapshot makes the evidence of goroutine and goroutineleak profiles: one group per
// stack. The format holds no ids, states or creators. memory bounds the stacks, which
// snapshots hold frame by frame.
func toSnapshot(p *parsed, kind evidence.Kind, pos evidence.Position, format string, memory int64) (evidence.Snapshot, error) {
	out := evidence.Snapshot{Position: pos, Kind: kind, Format: format, Complete: true}
	total := p.totals[p.defaultCol]
	if p.negative > 0 || total > maxGoroutines {
		return out, invalidf("it counts %d goroutines, %d of its samples are negative", total, p.negative)
	}
	room := memory / frameBytes
	for _, s := range p.stacks {
		n := int(s.values[p.defaultCol])
		if n == 0 {
			continue
		}
		if room -= int64(len(s.frames)); room < 0 {
			p.losses.drop(s.values, s.count)
			continue
		}
		g := evidence.Group{Count: n, Stack: make(evidence.Stack, len(s.frames))}
		for i, id := range s.frames {
			g.Stack[i] = p.frames[id]
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
	if p.losses.dropped != nil {
		out.Dropped = int(p.losses.dropped[p.defaultCol])
	}
	return out, nil
}
