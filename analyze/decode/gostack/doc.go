// Package gostack reads goroutine dumps in text.
//
// Three forms are read, alone or inside a log, several in one input:
//
//   - debug=1: "goroutine profile: total N", then groups "N @ 0x…" with "# labels:" and
//     "#\t0x… func+0x… file:line" lines (runtime/pprof's printCountProfile). The header
//     "goroutineleak profile: total N" makes it a leak profile.
//   - debug=2: what runtime.Stack writes for all goroutines (runtime's traceback.go).
//   - crash: the same text inside a log, after a panic, a fatal error or SIGQUIT, with
//     log lines around it.
//
// Around each line may stand what a log driver or collector puts there: words in front,
// in a constant number (kubectl, CRI, compose, syslog, journald), or a JSON object with the
// line as one of its strings (Docker's json-file, journalctl -o json). The first header
// shows which. Spaces in a tab's place, as terminals copy them, are read in plain dumps.
//
// The input is read once through one fixed buffer. A goroutine is reduced to a hash of
// its state, function names, file:line positions and creator, arguments and addresses
// left out; strings are made once for each distinct hash. So the cost of a dump is close
// to that of looking for its line ends, and its memory does not grow with its size.
//
// Dumps leave out what the runtime hides: text never shows runtime.gopark and its like,
// and debug=1 has neither states, ids nor creators. There the wait comes from the stack, or
// from the addresses of the functions that are hidden (parked.go): a channel operation, its
// direction unknown, and a select show in them.
//
// # What is called cut
//
// A dump that ends inside a line, a frame or a stack is cut, and so is one whose last
// stack lacks its outermost part: every goroutine ends in its "created by" line, the main
// goroutine in main.main, the runtime's own in a runtime function. A debug=1 dump is also
// checked against the total in its header; a debug=2 dump of exactly 64 MiB against the
// limit at which runtime/pprof stops without a word; a signal's dump against the register
// dump that follows it; the goroutine that took a dump against being alone in it. All of
// this is told of a dump that another one follows in the same file, too. A cut between two
// goroutines of a debug=2 dump, after the one's last line, is the only one that nothing can
// tell.
//
// A dump that begins inside a goroutine, as the tail of a log does, is cut as well. One
// whose first goroutine does not run gets a note: it may be an excerpt.
//
// The goroutine at the cut counts in Total and in Dropped: how many there were is
// known of it, its whole stack is not.
package gostack
