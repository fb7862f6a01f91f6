package pprof

import (
	"path"
	"strings"

	"go-debug/analyze/evidence"
)

// kindOf decides from the sample types what a profile is of. Mutex and block profiles
// share theirs; guess is true when nothing told them apart.
func kindOf(p *parsed, declared evidence.Kind, name string) (kind evidence.Kind, guess bool) {
	has := func(typ string) bool {
		for _, t := range p.sampleTypes {
			if t.Type == typ {
				return true
			}
		}
		return false
	}
	switch {
	case has("goroutine"):
		return evidence.Goroutine, false
	case has("goroutineleak"):
		return evidence.GoroutineLeak, false
	case has("threadcreate"):
		return evidence.ThreadCreate, false
	case has("inuse_space") || has("alloc_space"):
		// The two hold the same columns; only the default differs, and a delta
		// (allocs?seconds=N) has lost it.
		if p.defaultType == "alloc_space" || declared == evidence.Allocs {
			return evidence.Allocs, false
		}
		return evidence.Heap, false
	case has("contentions") && has("delay"):
		return contentionKind(p, declared, name)
	case p.hasColumn("cpu", "nanoseconds"):
		return evidence.CPU, false
	}
	return evidence.Unknown, false
}

func (p *parsed) hasColumn(typ, unit string) bool {
	for _, t := range p.sampleTypes {
		if t.Type == typ && t.Unit == unit {
			return true
		}
	}
	return false
}

// contentionKind tells a mutex profile from a block profile. A mutex profile blames the
// goroutine that unlocks, a block profile the one that waits, so the innermost functions
// differ; an empty profile has none, and then the name must do.
func contentionKind(p *parsed, declared evidence.Kind, name string) (kind evidence.Kind, guess bool) {
	if declared == evidence.Mutex || declared == evidence.Block {
		return declared, false
	}
	var unlocks, waits int64
	for i := range p.stacks.stacks {
		s := &p.stacks.stacks[i]
		switch p.stacks.side(s) {
		case evidence.Mutex:
			unlocks += s.count
		case evidence.Block:
			waits += s.count
		}
	}
	base := strings.ToLower(path.Base(strings.ReplaceAll(name, `\`, "/")))
	switch {
	case unlocks > waits:
		return evidence.Mutex, false
	case waits > unlocks:
		return evidence.Block, false
	case strings.Contains(base, "block") && !strings.Contains(base, "mutex"):
		return evidence.Block, false
	case strings.Contains(base, "mutex") && !strings.Contains(base, "block"):
		return evidence.Mutex, false
	}
	return evidence.Mutex, true
}

// side says which of the two profiles would hold a stack, by the first telling function
// among its innermost ones.
func (a *aggregate) side(s *stackSum) evidence.Kind {
	const innermost = 4 // (*RWMutex).Unlock and its like may sit above inlined helpers
	seen := 0
	for _, site := range s.sites {
		for _, id := range a.sites[site] {
			if seen++; seen > innermost {
				return evidence.Unknown
			}
			if k := sideOf(a.frames[id].Function); k != evidence.Unknown {
				return k
			}
		}
	}
	return evidence.Unknown
}

func sideOf(function string) evidence.Kind {
	pkg := evidence.Frame{Function: function}.Package()
	method := function[strings.LastIndexByte(function, '.')+1:]
	switch pkg {
	case "runtime":
		switch {
		case strings.HasPrefix(method, "unlock"), method == "_LostContendedRuntimeLock":
			return evidence.Mutex
		case strings.HasPrefix(method, "chan"), strings.HasPrefix(method, "select"), method == "block",
			strings.HasPrefix(method, "lock"):
			return evidence.Block
		}
	case "sync", "internal/sync":
		switch method {
		case "Unlock", "RUnlock", "unlockSlow", "rUnlockSlow":
			return evidence.Mutex
		case "Lock", "RLock", "lockSlow", "Wait":
			return evidence.Block
		}
	}
	return evidence.Unknown
}

// emptyNotes say what an empty profile of each kind may mean.
var emptyNotes = map[evidence.Kind]string{
	evidence.Mutex:  "empty mutex profile: no contention, or runtime.SetMutexProfileFraction was never called",
	evidence.Block:  "empty block profile: nothing blocked, or runtime.SetBlockProfileRate was never called",
	evidence.CPU:    "empty CPU profile: the program used no CPU time while it ran, or it was too short for one sample",
	evidence.Heap:   "empty heap profile: nothing was sampled yet, or runtime.MemProfileRate is 0",
	evidence.Allocs: "empty allocs profile: nothing was sampled yet, or runtime.MemProfileRate is 0",
}
