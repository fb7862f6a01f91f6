package pprof

import (
	"path"
	"slices"
	"strings"

	"go-debug/analyze/evidence"
)

// columns are the sample types by which the runtime's profiles are known, and what each is
// a column of. A column in another unit is no such: it would be misread by orders.
var columns = []struct {
	evidence.ValueType
	of evidence.Kind
}{
	{evidence.ValueType{Type: "goroutine", Unit: "count"}, evidence.Goroutine},
	{evidence.ValueType{Type: "goroutineleak", Unit: "count"}, evidence.GoroutineLeak},
	{evidence.ValueType{Type: "threadcreate", Unit: "count"}, evidence.ThreadCreate},
	{evidence.ValueType{Type: "inuse_space", Unit: "bytes"}, evidence.Heap},
	{evidence.ValueType{Type: "alloc_space", Unit: "bytes"}, evidence.Heap},
	{evidence.ValueType{Type: "delay", Unit: "nanoseconds"}, evidence.Mutex},
	{evidence.ValueType{Type: "cpu", Unit: "nanoseconds"}, evidence.CPU},
}

// kindOf decides from the sample types what a profile is of. Mutex and block profiles
// share theirs; guess is true when nothing told them apart.
func kindOf(p *parsed, declared evidence.Kind, name string) (kind evidence.Kind, guess bool) {
	of := p.columnsOf()
	if len(of) == 0 {
		return evidence.Unknown, false
	}
	switch of[0] {
	case evidence.Heap:
		// The two hold the same columns; only the default differs, and a delta
		// (allocs?seconds=N) has lost it.
		if p.defaultType == "alloc_space" || declared == evidence.Allocs {
			return evidence.Allocs, false
		}
	case evidence.Mutex:
		return contentionKind(p, declared, name)
	}
	return of[0], false
}

// columnsOf are the kinds that a profile has columns of, most telling first, each once. Mutex
// stands for Block, Heap for Allocs.
func (p *parsed) columnsOf() []evidence.Kind {
	var out []evidence.Kind
	for _, c := range columns {
		if slices.Contains(p.sampleTypes, c.ValueType) && !slices.Contains(out, c.of) {
			out = append(out, c.of)
		}
	}
	return out
}

// contentionKind tells a mutex profile from a block profile. A mutex profile blames the
// goroutine that unlocks, a block profile the one that waits, so the innermost functions
// differ; an empty profile has none, and then the name must do.
func contentionKind(p *parsed, declared evidence.Kind, name string) (kind evidence.Kind, guess bool) {
	if declared == evidence.Mutex || declared == evidence.Block {
		return declared, false
	}
	var unlocks, waits int64
	for i := range p.stacks {
		s := &p.stacks[i]
		switch p.side(s) {
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
func (p *parsed) side(s *stack) evidence.Kind {
	const innermost = 4 // (*RWMutex).Unlock and its like may sit above inlined helpers
	for _, id := range s.frames[:min(len(s.frames), innermost)] {
		if k := sideOf(p.frames[id].Function); k != evidence.Unknown {
			return k
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
