package evidence

import "cmp"

// Accumulator merges any number of sets in time linear in what they hold. The zero value is
// ready. The result is that of Merge over all of them, in whatever order, with snapshots and profiles
// made coarser where they hold more than they may. Which profiles a sum takes up may then depend on the order.
type Accumulator struct {
	// SnapshotBytes bounds what goroutine snapshots may hold, roughly; 0 means
	// DefaultSnapshotBytes.
	SnapshotBytes int64
	// ProfileBytes bounds what profiles and their sums may hold, roughly; 0 means DefaultProfileBytes.
	ProfileBytes int64

	parts    []part
	profiles *Set // of the profiles alone, whose merges are bounded
	pending  Set
	size     int64 // of what is pending
	// coarseness is that of all parts, profileCoarseness that of all profiles.
	coarseness, profileCoarseness int
}

// part is a merge of some sets, without their profiles.
type part struct {
	set       *Set
	n         int
	snapshots int64 // what its snapshots hold, roughly, in bytes
}

// Add takes one set in. It is not changed, and shared with the result.
func (a *Accumulator) Add(s *Set) {
	rest := *s
	rest.Profiles, rest.Sums = nil, nil
	a.addRest(&rest)
	own := Set{Profiles: s.Profiles, Sums: s.Sums}
	if a.profileCoarseness > 0 {
		own.coarsenProfiles(a.profileCoarseness)
	}
	a.size += own.profilesSize()
	a.pending.Profiles = append(a.pending.Profiles, own.Profiles...)
	a.pending.Sums = append(a.pending.Sums, own.Sums...)
	if len(a.pending.Profiles) >= MaxProfiles || len(a.pending.Sums) > 0 || a.size > a.profileLimit()/pendingShare {
		a.flush()
	}
}

func (a *Accumulator) profileLimit() int64 { return cmp.Or(a.ProfileBytes, DefaultProfileBytes) }

// flush folds what is pending, and makes all profiles coarser until they fit.
func (a *Accumulator) flush() {
	if a.profiles == nil {
		a.profiles = &Set{}
	}
	a.profiles = Merge(a.profiles, &a.pending)
	a.pending, a.size = Set{}, 0
	for a.profileCoarseness < coarsest && a.profiles.profilesSize() > a.profileLimit() {
		a.profileCoarseness++
		a.profiles.coarsenProfiles(a.profileCoarseness)
	}
}

// addRest merges what is not bounded. Merging two sets costs as much as both are large:
// joining equals, as a binary counter carries, keeps ten thousand sets from copying the first
// one ten thousand times.
func (a *Accumulator) addRest(s *Set) {
	s.coarsen(a.coarseness)
	a.parts = append(a.parts, part{s, 1, snapshotsSize(s.Snapshots)})
	a.makeRoom()
	for n := len(a.parts); n > 1 && a.parts[n-2].n <= a.parts[n-1].n; n = len(a.parts) {
		a.join()
	}
}

func (a *Accumulator) join() {
	n := len(a.parts)
	x, y := a.parts[n-2], a.parts[n-1]
	a.parts = append(a.parts[:n-2], part{Merge(x.set, y.set), x.n + y.n, x.snapshots + y.snapshots})
}

// makeRoom makes the snapshots of all parts coarser until they fit. How much coarser depends on what
// all of them hold and not on their order: what a few have to leave out, more of them have to, too.
func (a *Accumulator) makeRoom() {
	limit := cmp.Or(a.SnapshotBytes, DefaultSnapshotBytes)
	for a.coarseness < coarsest && a.snapshots() > limit {
		a.coarseness++
		for i := range a.parts {
			a.parts[i].set.coarsen(a.coarseness)
			a.parts[i].snapshots = snapshotsSize(a.parts[i].set.Snapshots)
		}
	}
}

// snapshots is what the snapshots of all parts hold, roughly, in bytes.
func (a *Accumulator) snapshots() int64 {
	n := int64(0)
	for _, p := range a.parts {
		n += p.snapshots
	}
	return n
}

// Set is the merge of all that was added.
func (a *Accumulator) Set() *Set {
	a.flush()
	for len(a.parts) > 1 {
		a.join()
	}
	if len(a.parts) == 0 {
		return &Set{}
	}
	all := Merge(a.parts[0].set, a.profiles)
	all.confess()
	all.confessProfiles()
	return all
}
