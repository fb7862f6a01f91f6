package evidence

import (
	"fmt"
	"math"
	"slices"
)

// DefaultSnapshotBytes is what the goroutine snapshots of a set may hold, roughly, where nobody
// sets another bound: sixty snapshots of a service with some thousand distinct stacks.
const DefaultSnapshotBytes = 256 << 20

// Coarseness n keeps the 2^(18-n) largest groups of each snapshot and as many goroutine ids of each
// group, or the 2^(18-n) heaviest stacks of each profile. 0 cuts nothing.
const (
	coarsest     = 14
	coarsestKeep = 1 << (18 - coarsest)
)

func keptAt(coarseness int) int {
	if coarseness == 0 {
		return math.MaxInt
	}
	return coarsestKeep << (coarsest - coarseness)
}

// What a group, a frame of its stack and a snapshot cost beside the texts, roughly.
const (
	groupBytes    = 200
	frameBytes    = 40
	snapshotBytes = 200
)

// coarsen cuts every snapshot to what a coarseness keeps. Its lists may be shared and are copied.
func (s *Set) coarsen(n int) {
	s.Coarseness = max(s.Coarseness, n)
	if s.Coarseness == 0 || len(s.Snapshots) == 0 {
		return
	}
	keep := keptAt(s.Coarseness)
	s.Snapshots = slices.Clone(s.Snapshots)
	for i := range s.Snapshots {
		s.Snapshots[i] = s.Snapshots[i].cutTo(keep)
	}
}

// snapshotsSize is what snapshots hold, roughly, in bytes.
func snapshotsSize(snapshots []Snapshot) int64 {
	n := int64(0)
	for i := range snapshots {
		n += snapshotBytes
		for j := range snapshots[i].Groups {
			n += snapshots[i].Groups[j].size()
		}
	}
	return n
}

func (g *Group) size() int64 {
	n := int64(groupBytes) + 8*int64(len(g.IDs))
	for i := range g.Stack {
		n += frameBytes + int64(len(g.Stack[i].Function)+len(g.Stack[i].File))
	}
	for _, l := range g.Labels {
		n += 16 + int64(len(l))
	}
	return n
}

// cutTo is the snapshot with the largest groups, which come first, and the lowest ids alone.
func (s Snapshot) cutTo(keep int) Snapshot {
	long := func(g Group) bool { return len(g.IDs) > keep }
	if len(s.Groups) <= keep && !slices.ContainsFunc(s.Groups, long) {
		return s
	}
	kept := slices.Clone(s.Groups[:min(keep, len(s.Groups))])
	for _, g := range s.Groups[len(kept):] {
		s.Dropped += g.Count
		s.Coarsened += g.Count
	}
	for i := range kept {
		if g := &kept[i]; long(*g) {
			g.IDsDropped += len(g.IDs) - keep
			g.IDs = slices.Clone(g.IDs[:keep])
		}
	}
	s.Groups = kept
	return s
}

// confess says of every input whose snapshots were cut to make room that it was not wholly kept.
func (s *Set) confess() {
	for i := range s.Inputs {
		in, n := &s.Inputs[i], 0
		for j := range s.Snapshots {
			if s.Snapshots[j].Seq == in.Seq && s.Snapshots[j].Source == in.Source {
				n += s.Snapshots[j].Coarsened
			}
		}
		if n == 0 || in.Error != "" {
			continue
		}
		in.Complete = false
		in.Error = fmt.Sprintf("over budget: memory for the stacks of %d goroutine snapshots: of this one %d goroutines, "+
			"those of the rarest stacks, are counted and not looked at", len(s.Snapshots), n)
		in.Hint = "analyse fewer snapshots, or raise the limit with --max-memory"
	}
}
