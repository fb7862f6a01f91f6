package pprof

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go-debug/analyze/evidence"
)

// emptyNotes say what an empty profile of each kind may mean, and what turns it on.
var emptyNotes = map[evidence.Kind]string{
	evidence.Mutex:        "empty mutex profile: no contention, or it is off; runtime.SetMutexProfileFraction(100) at the start of the program turns it on",
	evidence.Block:        "empty block profile: nothing blocked, or it is off; runtime.SetBlockProfileRate(10_000) at the start of the program turns it on",
	evidence.CPU:          "empty CPU profile: the program used no CPU time while it ran, or it was too short for one sample",
	evidence.Heap:         "empty heap profile: nothing was sampled yet, or it is off: runtime.MemProfileRate is 0 (its default, 512 KiB, samples)",
	evidence.Allocs:       "empty allocs profile: nothing was sampled yet, or it is off: runtime.MemProfileRate is 0 (its default, 512 KiB, samples)",
	evidence.ThreadCreate: "empty threadcreate profile: no thread was recorded",
}

// notes are the remarks that a reader of the evidence needs.
func (p *parsed) notes(kind evidence.Kind, guess bool) []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if guess {
		add("mutex and block profiles look the same and nothing says which this is: taken for a mutex profile; name the file mutex or block to settle it")
	}
	if p.isEmpty(kind) {
		add("%s", emptyNotes[kind])
	}
	p.noteKind(kind, add)
	// Over a window (?seconds=N) less may be in use at the end than at the start.
	delta := p.durationNanos > 0 && (kind == evidence.Heap || kind == evidence.Allocs)
	if p.negative > 0 && !delta {
		add("%d samples have negative values: is this the difference of two profiles?", p.negative)
	}
	if p.period < 0 || p.durationNanos < 0 {
		add("period or duration is negative and was taken for unknown")
	}
	p.noteLabels(kind, add)
	p.noteLosses(add)
	return append(out, p.remarks...)
}

// isEmpty reports a profile without a sample, of a kind that may have none.
func (p *parsed) isEmpty(kind evidence.Kind) bool {
	return emptyNotes[kind] != "" && allZero(p.totals) && p.negative == 0
}

// noteKind is about what the profile is of.
func (p *parsed) noteKind(kind evidence.Kind, add func(string, ...any)) {
	if kind == evidence.Unknown {
		add("not a profile of the Go runtime's: its sample types are %s", typeNames(p.sampleTypes))
	}
	if len(p.columnsOf()) > 1 {
		add("its sample types (%s) are of several kinds: taken for a %s profile", typeNames(p.sampleTypes), kind)
	}
	if p.functions > 0 && !p.goSource {
		add("not a Go profile: none of its %d functions is Go's; its shares stand, what is said of the Go runtime does not apply", p.functions)
	}
	// threadcreate has a record without a stack for threads that the runtime did not start.
	switch {
	case p.nameless == 0 || kind == evidence.ThreadCreate:
	case p.fromText:
		add("%d of %d frames have no name; what is served without ?debug=1 can be symbolised", p.nameless, p.locations)
	case p.nameless == p.locations && p.functions == 0:
		add("no names: none of its %d locations is symbolised, frames stand as [file]; symbolise the profile with go tool pprof -proto BINARY FILE", p.locations)
	default:
		add("%d of %d locations have no function name: their frames stand as [file]; symbolise the profile with go tool pprof -proto BINARY FILE", p.nameless, p.locations)
	}
}

// noteLabels names the labels that most of the samples carry, where somebody asked for them.
func (p *parsed) noteLabels(kind evidence.Kind, add func(string, ...any)) {
	if !p.labelled || kind == evidence.Goroutine || len(p.totals) == 0 || p.totals[0] <= 0 {
		return
	}
	if len(p.labelSum) == 0 {
		add("its samples have no labels: runtime/pprof.Do sets some")
		return
	}
	const shown = 5
	order := slices.SortedFunc(maps.Keys(p.labelSum), func(x, y string) int {
		return cmp.Or(cmp.Compare(p.labelSum[y], p.labelSum[x]), cmp.Compare(x, y))
	})
	var parts []string
	for _, l := range order[:min(len(order), shown)] {
		parts = append(parts, fmt.Sprintf("%s %.3g %%", l, 100*float64(p.labelSum[l])/float64(p.totals[0])))
	}
	more := ""
	if n := len(order) - shown; n > 0 {
		more = fmt.Sprintf(", and %d more", n)
	}
	add("labels, of %d %s: %s%s", p.totals[0], p.sampleTypes[0].Type, strings.Join(parts, ", "), more)
}

// noteLosses is about what does not stand in the evidence.
func (p *parsed) noteLosses(add func(string, ...any)) {
	l := p.losses
	if l.overflow {
		add("values add up to more than 64 bits hold: totals are cut")
	}
	if p.cut {
		add("stacks deeper than %d frames and names longer than %d bytes were cut", maxDepth, maxName)
	}
	if p.pruned > 0 {
		add("%d samples stand without their innermost frames, which drop_frames in the profile leaves out", p.pruned)
	}
	if l.cutCount > 0 {
		add("%d samples of the rarest stacks stand by their innermost frames, beyond the bound on distinct stacks", l.cutCount)
	}
	if l.dropCount > 0 {
		add("%d samples of the rarest stacks are kept as totals only, beyond the bound on distinct stacks", l.dropCount)
	}
	if p.lostLabels > 0 || len(p.labels) > maxLabelKeep {
		add("more than %d distinct labels: the most frequent are kept", maxLabelKeep)
	}
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
