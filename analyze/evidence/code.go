package evidence

import (
	"cmp"
	"slices"
)

// The patterns of leaking code that source analysis tells apart; CodeSite.Pattern holds
// one of them.
const (
	PatternPrematureReturn   = "premature-return"    // the receiver returns early, past an unbuffered channel
	PatternTimeout           = "timeout"             // the receive stands in a select beside a timeout or ctx.Done()
	PatternNCast             = "n-cast"              // several senders, fewer receives
	PatternRangeWithoutClose = "range-without-close" // range over a channel that nobody closes
	PatternDoubleSend        = "double-send"         // a path sends twice where one receive waits
	PatternForgottenCancel   = "forgotten-cancel"    // the context waited for is never cancelled
	PatternStartWithoutStop  = "start-without-stop"  // a started helper whose stop is never called
	PatternMutexLeftLocked   = "mutex-left-locked"   // a return path without Unlock
	PatternMissingDone       = "missing-done"        // WaitGroup.Done missing on a path, or Add of too much
	PatternNilChannel        = "nil-channel"         // the channel is never made
	PatternTickerOrphan      = "ticker-orphan"       // a ticker, time.After or sleep loop that nothing can stop
	PatternNoDeadline        = "no-deadline"         // blocking I/O without a deadline
	PatternBodyNotClosed     = "body-not-closed"     // an HTTP response body is never closed
	PatternRowsNotClosed     = "rows-not-closed"     // database/sql rows (or a transaction) are never closed
)

// A Change is a change to a line that makes it cheaper, which source analysis may work out where the source is at hand.
type Change string

const (
	// CompileOnce moves a regular expression that the line compiles from a literal to package level.
	CompileOnce Change = "compile-once"
	// MakeRoom makes the slice or map that the line fills with room for all that is ranged over.
	MakeRoom Change = "make-room"
	// BuildText collects a string that the line adds to in a strings.Builder.
	BuildText Change = "build-text"
	// ReuseTimer makes one timer for all turns of a loop whose select has a time.After.
	ReuseTimer Change = "reuse-timer"
	// BufferWrites puts a bufio.Writer before what the line writes to.
	BufferWrites Change = "buffer-writes"
)

// CodeSite is what the program's own source says about one place where goroutines block.
// Empty strings mean unknown. No path in it is absolute unless the capture's is.
type CodeSite struct {
	// Function, File and Line are the innermost frame of the program on the blocked stack,
	// as the capture has them; Creator is the function that started the goroutine.
	Function string `json:"function"`
	File     string `json:"file"`
	Line     int    `json:"line"`
	Creator  string `json:"creator,omitempty"`
	// Pattern is one of the Pattern constants, or empty: nothing was recognised with
	// certainty enough to name it. Why then says what stood in the way.
	Pattern string `json:"pattern,omitempty"`
	// Why is one sentence with the names of the source: "fetch returns at main.go:31 on
	// ctx.Done() while the goroutine still sends on ch, which has no buffer".
	Why string `json:"why,omitempty"`
	// Culprit is the line to change; its file is relative to the source directory.
	Culprit Frame `json:"culprit,omitzero"`
	// Fix is one imperative sentence.
	Fix string `json:"fix,omitempty"`
	// Before is a few lines of the source, After the same lines changed and formatted by
	// gofmt. After is empty where the change is not certain; Before then is too, or holds the line alone.
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
	// Invisible says why the runtime's leak profile cannot see the goroutine; empty when
	// it can, or when nothing is known.
	Invisible string `json:"invisible,omitempty"`
	// Timed names what ends the wait by itself before long (a timer, a deadline, a sleep); empty when
	// nothing is seen to. Goroutines that wait so come and go, however many there are.
	Timed string `json:"timed,omitempty"`
	// Keyed names the map of which the goroutine serves an entry: one is started for each key that is not in
	// it. Goroutines that keep coming so are a leak if keys do not end, and the source does not say whether
	// they do. Certain is false then.
	Keyed string `json:"keyed,omitempty"`
	// Certain is true when the source alone shows a path that leaves the goroutine blocked.
	Certain bool `json:"certain,omitempty"`
}

// mergeCode joins facts about sites: sorted, each once.
func mergeCode(a, b []CodeSite) []CodeSite {
	all := slices.Concat(a, b)
	SortCode(all)
	return slices.Compact(all)
}

// SortCode puts sites into their one order: by place, then by what is said of it.
func SortCode(sites []CodeSite) {
	slices.SortFunc(sites, func(a, b CodeSite) int {
		return cmp.Or(cmp.Compare(a.Function, b.Function), cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line),
			cmp.Compare(a.Creator, b.Creator), cmp.Compare(a.Pattern, b.Pattern), compareFrames(a.Culprit, b.Culprit),
			cmp.Compare(a.Why, b.Why), cmp.Compare(a.Fix, b.Fix), cmp.Compare(a.Before, b.Before),
			cmp.Compare(a.After, b.After), cmp.Compare(a.Invisible, b.Invisible), cmp.Compare(a.Timed, b.Timed), compareBools(a.Certain, b.Certain))
	})
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
