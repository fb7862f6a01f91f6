package evidence

import (
	"cmp"
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
)

const (
	// MaxProfiles bounds the profiles of one kind that a set keeps as they were taken.
	MaxProfiles = 64
	// maxProfileBytes bounds what they hold, roughly; the first and the last do not count.
	maxProfileBytes = 32 << 20
	// maxSumLabels bounds the labels of a sum.
	maxSumLabels = 1000
)

// foldProfiles makes room: of each kind it keeps at most MaxProfiles and folds the others
// into sums. Those kept are the first and the last, by sequence and by time, and a selection
// spread over those between them. Which they are depends on the profiles alone and not on the order of merges: whatever
// a smaller set has to fold, a larger one has to fold, too.
func foldProfiles(a, b *Set) (kept, sums []*Profile) {
	profiles := slices.Concat(a.Profiles, b.Profiles)
	sortProfiles(profiles)
	var surplus []*Profile
	for len(profiles) > 0 {
		n := 1
		for n < len(profiles) && profiles[n].Kind == profiles[0].Kind {
			n++
		}
		k, f := selectProfiles(profiles[:n])
		kept, surplus = append(kept, k...), append(surplus, f...)
		profiles = profiles[n:]
	}
	if len(surplus) == 0 && (len(a.Sums) == 0 || len(b.Sums) == 0) {
		return kept, slices.Concat(a.Sums, b.Sums)
	}
	return kept, addUp(slices.Concat(a.Sums, b.Sums, surplus))
}

func sortProfiles(ps []*Profile) {
	slices.SortStableFunc(ps, func(x, y *Profile) int {
		return cmp.Or(cmp.Compare(x.Kind, y.Kind), comparePositions(x.Position, y.Position), cmp.Compare(x.Records, y.Records))
	})
}

// selectProfiles divides the profiles of one kind, which are in time order.
func selectProfiles(ps []*Profile) (kept, surplus []*Profile) {
	if len(ps) <= 2 {
		return ps, nil
	}
	order := make([]int, len(ps))
	for i := range order {
		order[i] = i
	}
	// Positions whose numbers are divisible by a larger power of two come first: 0, 512, 256,
	// 768, … of a thousand. Any number of them is spread evenly.
	slices.SortStableFunc(order, func(x, y int) int {
		return cmp.Compare(bits.Reverse64(uint64(ps[x].Seq)), bits.Reverse64(uint64(ps[y].Seq)))
	})
	keep := make([]bool, len(ps))
	room := int64(maxProfileBytes)
	for _, i := range order[:min(len(order), MaxProfiles-4)] {
		if room -= ps[i].size(); room < 0 {
			break
		}
		keep[i] = true
	}
	for _, i := range endsOf(ps) {
		keep[i] = true
	}
	for i, p := range ps {
		if keep[i] {
			kept = append(kept, p)
		} else {
			surplus = append(surplus, p)
		}
	}
	return kept, surplus
}

// endsOf are the places of the first and the last profile, by sequence and by time.
func endsOf(ps []*Profile) [4]int {
	first, last := -1, -1
	for i, p := range ps {
		if p.At.IsZero() {
			continue
		}
		if first < 0 || p.At.Before(ps[first].At) {
			first = i
		}
		if last < 0 || p.At.After(ps[last].At) {
			last = i
		}
	}
	return [4]int{0, len(ps) - 1, max(first, 0), max(last, 0)}
}

// size is roughly what a profile holds in memory, in bytes.
func (p *Profile) size() int64 {
	n := int64(512)
	for _, f := range p.Frames {
		n += 40 + int64(len(f.Function)+len(f.File))
	}
	for i := range p.Stacks {
		n += 56 + 4*int64(len(p.Stacks[i].Frames)) + 8*int64(len(p.Stacks[i].Values))
	}
	for l := range p.Labels {
		n += 48 + int64(len(l))
	}
	return n
}

// addUp adds profiles and sums of profiles to new sums: one for the windows and one for the
// totals of a kind, for each set of sample types.
func addUp(profiles []*Profile) []*Profile {
	var adders []*adder
	for _, p := range profiles {
		i := slices.IndexFunc(adders, func(a *adder) bool { return a.fits(p) })
		if i < 0 {
			i = len(adders)
			adders = append(adders, newAdder(p))
		}
		adders[i].add(p)
	}
	out := make([]*Profile, len(adders))
	for i, a := range adders {
		out[i] = a.finish()
	}
	sortProfiles(out)
	return out
}

// adder sums profiles by stack.
type adder struct {
	sum    Profile
	window bool // of profiles that were taken over a time
	frames map[Frame]int32
	stacks map[string]int32
	key    []byte
}

func newAdder(p *Profile) *adder {
	return &adder{window: p.DurationNS > 0, frames: map[Frame]int32{}, stacks: map[string]int32{}, sum: Profile{
		Position: p.Position, Kind: p.Kind, SampleTypes: p.SampleTypes, Default: p.Default,
		PeriodType: p.PeriodType, Period: p.Period, Build: p.Build, Totals: make([]int64, len(p.SampleTypes)),
	}}
}

func (a *adder) fits(p *Profile) bool {
	s := &a.sum
	return s.Kind == p.Kind && s.Default == p.Default && a.window == (p.DurationNS > 0) &&
		s.PeriodType == p.PeriodType && slices.Equal(s.SampleTypes, p.SampleTypes)
}

func (a *adder) add(p *Profile) {
	s := &a.sum
	s.Folded += max(p.Folded, 1)
	s.Records = addSaturating(s.Records, p.Records)
	s.DurationNS = addSaturating(s.DurationNS, p.DurationNS)
	if p.Before(s.Position) {
		s.Position = p.Position
	}
	if p.Period != s.Period {
		s.Period = 0
	}
	if p.Build != s.Build {
		s.Build = ""
	}
	addValues(s.Totals, p.Totals)
	s.Dropped, s.Cut = addTo(s.Dropped, p.Dropped), addTo(s.Cut, p.Cut)
	s.Coarsened += p.Coarsened
	for l, n := range p.Labels {
		if s.Labels == nil {
			s.Labels = map[string]int64{}
		}
		s.Labels[l] = addSaturating(s.Labels[l], n)
	}
	ids := make([]int32, len(p.Frames))
	for i, f := range p.Frames {
		id, ok := a.frames[f]
		if !ok {
			id = int32(len(s.Frames))
			s.Frames = append(s.Frames, f)
			a.frames[f] = id
		}
		ids[i] = id
	}
	for i := range p.Stacks {
		a.addStack(&p.Stacks[i], ids)
	}
}

func (a *adder) addStack(st *ValueStack, ids []int32) {
	a.key = a.key[:0]
	for _, f := range st.Frames {
		a.key = binary.LittleEndian.AppendUint32(a.key, uint32(ids[f]))
	}
	if i, ok := a.stacks[string(a.key)]; ok {
		have := &a.sum.Stacks[i]
		have.Count = addSaturating(have.Count, st.Count)
		addValues(have.Values, st.Values)
		return
	}
	a.stacks[string(a.key)] = int32(len(a.sum.Stacks))
	frames := make([]int32, len(st.Frames))
	for i, f := range st.Frames {
		frames[i] = ids[f]
	}
	a.sum.Stacks = append(a.sum.Stacks, ValueStack{Frames: frames, Values: slices.Clone(st.Values), Count: st.Count})
}

// finish puts the sum into the order of any profile.
func (a *adder) finish() *Profile {
	s := &a.sum
	if len(s.Labels) > maxSumLabels {
		s.Labels = mostFrequent(s.Labels, maxSumLabels)
	}
	s.sortFrames()
	s.SortStacks()
	return s
}

// sortFrames puts the table of frames in order and renumbers the stacks.
func (p *Profile) sortFrames() {
	order := make([]int32, len(p.Frames))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(x, y int32) int { return compareFrames(p.Frames[x], p.Frames[y]) })
	table, rank := make([]Frame, len(order)), make([]int32, len(order))
	for r, id := range order {
		table[r], rank[id] = p.Frames[id], int32(r)
	}
	p.Frames = table
	for i := range p.Stacks {
		for j, id := range p.Stacks[i].Frames {
			p.Stacks[i].Frames[j] = rank[id]
		}
	}
}

// SortStacks puts the stacks into the order of a profile, given a table of frames in order.
func (p *Profile) SortStacks() {
	slices.SortFunc(p.Stacks, func(x, y ValueStack) int {
		if a, b := x.value(p.Default), y.value(p.Default); a != b {
			return cmp.Compare(b, a)
		}
		return slices.Compare(x.Frames, y.Frames)
	})
}

func (s *ValueStack) value(column int) int64 {
	if column < 0 || column >= len(s.Values) {
		return 0
	}
	return s.Values[column]
}

func mostFrequent(labels map[string]int64, n int) map[string]int64 {
	names := make([]string, 0, len(labels))
	for l := range labels {
		names = append(names, l)
	}
	slices.SortFunc(names, func(x, y string) int { return cmp.Or(cmp.Compare(labels[y], labels[x]), cmp.Compare(x, y)) })
	out := make(map[string]int64, n)
	for _, l := range names[:n] {
		out[l] = labels[l]
	}
	return out
}

func addTo(sum, values []int64) []int64 {
	if len(values) == 0 {
		return sum
	}
	if sum == nil {
		sum = make([]int64, len(values))
	}
	addValues(sum, values)
	return sum
}

func addValues(sum, values []int64) {
	for i, v := range values[:min(len(sum), len(values))] {
		sum[i] = addSaturating(sum[i], v)
	}
}

// addSaturating stops at the ends of int64 instead of wrapping.
func addSaturating(a, b int64) int64 {
	switch {
	case b > 0 && a > math.MaxInt64-b:
		return math.MaxInt64
	case b < 0 && a < math.MinInt64-b:
		return math.MinInt64
	}
	return a + b
}
