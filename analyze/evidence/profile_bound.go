package evidence

import (
	"fmt"
	"slices"
)

// DefaultProfileBytes is what the profiles of a set may hold, roughly, where nobody sets another bound.
const DefaultProfileBytes = 128 << 20

// pendingShare is the part of that which may wait to be folded: folding costs as much as all that is kept, so
// what has waited must be a fixed part of it.
const pendingShare = 4

// profilesSize is what profiles and their sums hold, roughly, in bytes.
func (s *Set) profilesSize() int64 {
	n := int64(0)
	for _, p := range s.Profiles {
		n += p.size()
	}
	for _, p := range s.Sums {
		n += p.size()
	}
	return n
}

// coarsenProfiles cuts every profile and every sum to what a coarseness keeps.
func (s *Set) coarsenProfiles(n int) {
	keep := keptAt(n)
	for _, list := range []*[]*Profile{&s.Profiles, &s.Sums} {
		*list = slices.Clone(*list)
		for i, p := range *list {
			(*list)[i] = p.cutTo(keep)
		}
	}
}

// cutTo is the profile with the heaviest stacks, which come first, and the most frequent labels alone. The
// values of the other stacks are among Dropped.
func (p *Profile) cutTo(keep int) *Profile {
	c := *p
	if n := len(p.Labels) - keep; n > 0 {
		c.Labels = mostFrequent(p.Labels, keep)
		c.Coarsened += int64(n)
	}
	if len(p.Stacks) <= keep {
		return &c
	}
	c.Dropped = slices.Clone(p.Dropped)
	for _, st := range p.Stacks[keep:] {
		c.Dropped = addTo(c.Dropped, st.Values)
	}
	c.Coarsened += int64(len(p.Stacks) - keep)
	c.Stacks = slices.Clone(p.Stacks[:keep])
	for i := range c.Stacks {
		c.Stacks[i].Frames = slices.Clone(c.Stacks[i].Frames)
		c.Stacks[i].Values = slices.Clone(c.Stacks[i].Values)
	}
	c.keepUsedFrames()
	return &c
}

// keepUsedFrames drops the frames that no stack has from the table, and renumbers the stacks.
func (p *Profile) keepUsedFrames() {
	used := make([]bool, len(p.Frames))
	for i := range p.Stacks {
		for _, id := range p.Stacks[i].Frames {
			used[id] = true
		}
	}
	var table []Frame
	rank := make([]int32, len(p.Frames))
	for id, f := range p.Frames {
		if used[id] {
			rank[id] = int32(len(table))
			table = append(table, f)
		}
	}
	p.Frames = slices.Clip(table)
	for i := range p.Stacks {
		for j, id := range p.Stacks[i].Frames {
			p.Stacks[i].Frames[j] = rank[id]
		}
	}
}

// confessProfiles says of every input whose profile was cut to make room, by itself or within a sum, that it was
// not wholly kept.
func (s *Set) confessProfiles() {
	own := map[Position]int64{}
	for _, p := range s.Profiles {
		own[p.Position] = p.Coarsened
	}
	folded := map[Kind]int64{}
	for _, p := range s.Sums {
		folded[p.Kind] += p.Coarsened
	}
	for i := range s.Inputs {
		in := &s.Inputs[i]
		n, kept := own[in.Position]
		of := "this one"
		if !kept {
			n, of = folded[in.Kind], "those that were added up, this one among them,"
		}
		if n == 0 || in.Error != "" {
			continue
		}
		in.Complete = false
		in.Error = fmt.Sprintf("over budget: memory for the stacks of %d %s profiles: of %s %d stacks and labels, "+
			"the lightest, are counted and not looked at", s.Count(in.Kind), in.Kind, of, n)
		in.Hint = "analyse fewer profiles, or raise the limit with --max-memory"
	}
}
