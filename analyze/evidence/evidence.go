// Package evidence is the small, mergeable form that every capture is decoded into.
//
// A decoder reads a capture of any size once and keeps aggregates: goroutines per
// stack, profile values per stack, waits per site. Everything after it (detectors,
// reports, gates) is a pure function of a Set. One capture, ten snapshots over time or
// a whole fleet become one Set through [Merge].
//
// The package imports the standard library only.
package evidence

import (
	"fmt"
	"slices"
	"time"
)

// Kind says what an input is. The names are those of the JSON report.
type Kind string

// The kinds of evidence. They are also the profile names of net/http/pprof, except for
// CPU ("profile" there), Trace, Metrics and LoadTest.
const (
	Goroutine     Kind = "goroutine"
	GoroutineLeak Kind = "goroutineleak"
	Heap          Kind = "heap"
	Allocs        Kind = "allocs"
	CPU           Kind = "cpu"
	Mutex         Kind = "mutex"
	Block         Kind = "block"
	ThreadCreate  Kind = "threadcreate"
	Execution     Kind = "trace"
	Metrics       Kind = "metrics"
	LoadTest      Kind = "loadtest"
	Unknown       Kind = "unknown"

	// Survivors are goroutine snapshots of the phases after the load. No input is of this kind, and no
	// profile is called so: it is what a detector asks a Set for.
	Survivors Kind = "survivors"
)

// Phase says when, in relation to the load, a capture was taken. The empty phase is that of a
// capture like any other.
type Phase string

// The phases after the load, when what was busy had been given time to end.
const (
	// Settled: the load had stopped, because what drove it had ended or the tests were over.
	Settled Phase = "settled"
	// Unattended: the load was to stop by then, and nobody saw it do so.
	Unattended Phase = "unattended"
)

// Position places one input among the others of its kind.
type Position struct {
	// Source is the input's name, as it stands in Input.Name.
	Source string `json:"source"`
	// Seq orders the inputs of one run: by capture.json where there is one, else by file
	// name. It is assigned once, before anything is decoded.
	Seq int `json:"seq"`
	// At is when the capture was taken; zero when nobody recorded it.
	At    time.Time `json:"at,omitzero"`
	Phase Phase     `json:"phase,omitempty"`
}

// Before orders positions: by sequence, then by name.
func (p Position) Before(q Position) bool {
	if p.Seq != q.Seq {
		return p.Seq < q.Seq
	}
	return p.Source < q.Source
}

// Input describes one input as it was read. It becomes an entry of the report's inputs.
type Input struct {
	Position
	Kind   Kind   `json:"kind"`
	Format string `json:"format"` // pprof, debug1, debug2, trace, openmetrics, …
	Bytes  int64  `json:"bytes"`  // as read, before decompression
	SHA256 string `json:"sha256"` // of the bytes as read; empty when they were not read to the end
	Go     string `json:"go"`     // Go version of the program, empty when the capture does not say
	// Target is the URL of the program, without user info and query; empty when nobody recorded it.
	Target string `json:"target,omitempty"`
	// ProgramAt is when the capture was taken by the program's own clock, zero where it does not
	// say. Inputs are ordered by the collector's clock (At), because programs have clocks of
	// their own.
	ProgramAt time.Time `json:"program_at,omitzero"`
	// Empty is true for a profile without a sample, which looks the same whether nothing happened or nobody
	// turned it on.
	Empty bool `json:"empty,omitempty"`
	// MaxProcs is GOMAXPROCS of the program, 0 when the capture does not say.
	MaxProcs int `json:"max_procs,omitempty"`
	// BuildID identifies the program's binary; empty when the capture does not say.
	BuildID string `json:"build_id,omitempty"`
	// Complete is false when the input was cut, over budget or unreadable.
	Complete bool `json:"complete"`
	// LostBytes counts the bytes that were not analysed, where that is known.
	LostBytes int64 `json:"lost_bytes"`
	// LostSeconds is how much of the capture's window is known to be missing; nil where that is
	// not known.
	LostSeconds *float64 `json:"lost_s,omitempty"`
	// Error says why the input is incomplete; empty otherwise.
	Error string `json:"error"`
	// Hint says what to do about Error, or what a reader should know about the input.
	Hint string `json:"hint"`
	// Settings are what the input says of how the program runs; nil where it says nothing.
	Settings *Settings `json:"settings,omitempty"`
	// Notes are remarks that are no errors, such as "empty mutex profile: …".
	Notes []string `json:"notes,omitempty"`
}

// maxSkew is how far the clocks of a program and of the collector may be apart without a word: a
// collector notes when it asked, and a program when it had collected.
const maxSkew = time.Minute

// OwnTime keeps the time that a capture itself states, by the program's clock. It also places the
// input where no collector did.
func (in *Input) OwnTime(at time.Time) {
	in.ProgramAt = at
	if in.At.IsZero() {
		in.At = at
	}
	if skew := at.Sub(in.At); skew > maxSkew || skew < -maxSkew {
		in.Notes = append(in.Notes, fmt.Sprintf("the program's clock says %s, %s from the collector's: the order is by the collector's",
			at.Format(time.RFC3339), skew.Abs().Round(time.Second)))
	}
}

// Set is all that is known of one capture (of one process, over time).
type Set struct {
	Inputs    []Input    `json:"inputs"`
	Snapshots []Snapshot `json:"snapshots,omitempty"`
	// Coarseness says how much was left out of the snapshots to make room: 0 nothing, and each
	// step half of the groups of a snapshot.
	Coarseness int        `json:"coarseness,omitempty"`
	Profiles   []*Profile `json:"profiles,omitempty"`
	// Sums are the sums of those profiles that the set does not keep one by one, being more
	// than MaxProfiles of a kind; Profile.Folded counts them.
	Sums  []*Profile `json:"sums,omitempty"`
	Trace *Trace     `json:"trace,omitempty"`
	Loads []Load     `json:"loads,omitempty"`
	// Code is what source analysis says about the places where goroutines block.
	Code []CodeSite `json:"code,omitempty"`
}

// Has reports whether the set holds at least n captures of a kind.
func (s *Set) Has(k Kind, n int) bool { return s.Count(k) >= n }

// Count is the number of usable captures of a kind: decoded, empty ones included.
func (s *Set) Count(k Kind) int {
	n := 0
	switch k {
	case Goroutine, GoroutineLeak, Survivors:
		for i := range s.Snapshots {
			if s.Snapshots[i].asked() == k {
				n++
			}
		}
	case Execution:
		if s.Trace != nil {
			n = len(s.Trace.Windows)
		}
	case Metrics, LoadTest:
		for i := range s.Loads {
			if s.Loads[i].Kind == k {
				n += len(s.Loads[i].Points)
				if s.Loads[i].Stated != nil {
					n++
				}
			}
		}
	default:
		for _, p := range s.Profiles {
			if p.Kind == k {
				n++
			}
		}
		for _, p := range s.Sums {
			if p.Kind == k {
				n += p.Folded
			}
		}
	}
	return n
}

// ProfilesOf returns the profiles of a kind in time order: by when they were taken where all of
// them say so, else by their sequence. Where there are more of them than a set keeps, the last one is the sum of all others that were taken over a time (Folded is
// not 0): changes add up. Totals since the start of the program do not, nor does what is in
// use: of those the first, the last and a selection between stand for all, and the sum is
// among Sums for who wants a mean or the sum of a fleet.
func (s *Set) ProfilesOf(k Kind) []*Profile {
	var out []*Profile
	for _, p := range s.Profiles {
		if p.Kind == k {
			out = append(out, p)
		}
	}
	if !slices.ContainsFunc(out, func(p *Profile) bool { return p.At.IsZero() }) {
		slices.SortStableFunc(out, func(p, q *Profile) int { return p.At.Compare(q.At) })
	}
	for _, p := range s.Sums {
		if p.Kind == k && p.DurationNS > 0 {
			out = append(out, p)
		}
	}
	return out
}

// SnapshotsOf returns the goroutine snapshots of a kind in time order. Those that were taken
// when the load had stopped are Survivors and not Goroutine: in a series they would look like
// an end of all growth.
func (s *Set) SnapshotsOf(k Kind) []*Snapshot {
	var out []*Snapshot
	for i := range s.Snapshots {
		if snap := &s.Snapshots[i]; snap.asked() == k {
			out = append(out, snap)
		}
	}
	return s.ordered(out)
}

// asked is the kind by which a Set is asked for the snapshot.
func (s *Snapshot) asked() Kind {
	if s.Kind == Goroutine && s.Phase != "" {
		return Survivors
	}
	return s.Kind
}
