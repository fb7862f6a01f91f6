package hotpath

import (
	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

const (
	ruleRegexp     = "hotpath/regexp-compile"
	ruleTemplate   = "hotpath/template-parse"
	ruleSlice      = "hotpath/slice-growth"
	ruleMap        = "hotpath/map-growth"
	ruleConcat     = "hotpath/concatenation"
	ruleConversion = "hotpath/conversion"
	ruleTimeAfter  = "hotpath/time-after"
	ruleTimerHeap  = "hotpath/timer-heap"
	ruleDefer      = "hotpath/defer-in-loop"
	ruleStack      = "hotpath/stack-growth"
	ruleSmallIO    = "hotpath/small-io"
	ruleUnbuffered = "hotpath/unbuffered-io"
	ruleFmt        = "hotpath/fmt"
	ruleJSON       = "hotpath/json"
	ruleCopy       = "hotpath/copying"
	ruleCgo        = "hotpath/cgo"
)

var rules = []analyze.Rule{
	{
		ID: ruleRegexp, Change: evidence.CompileOnce, Title: "regular expressions are compiled for each call", Severity: analyze.Medium,
		Remedy: "Compile once: var re = regexp.MustCompile(…) at package level, or a cache by pattern where patterns come from outside. regexp.MatchString compiles too.",
		Doc:    "Compiling parses the pattern, simplifies it and builds a program: 5 to 50 µs and dozens of allocations, where a match takes a fraction of that. A *Regexp may be used by many goroutines at once.",
	},
	{
		ID: ruleTemplate, Title: "templates are parsed for each call", Severity: analyze.Medium,
		Remedy: "Parse once, when the program starts: var page = template.Must(template.ParseFS(…)); execute that for each call.",
		Doc:    "Parsing builds a tree of the text; html/template also works out the escaping of every action the first time a template, or a clone of it, is executed. Executing is safe from many goroutines at once.",
	},
	{
		ID: ruleSlice, Change: evidence.MakeRoom, Title: "a slice or buffer grows step by step", Severity: analyze.Medium,
		Remedy: "Make room first: make([]T, 0, n), slices.Grow, or Grow of the Buffer or Builder; or keep the slice and append to s[:0].",
		Doc: "An append without room allocates a larger array (twice as large, later by a quarter) and copies what is there. A slice that ends with n elements " +
			"has copied about as many on the way, and left about as much garbage.",
	},
	{
		ID: ruleMap, Change: evidence.MakeRoom, Title: "a map grows step by step", Severity: analyze.Medium,
		Remedy: "Make it with a size: make(map[K]V, n); or keep the map and clear it.",
		Doc:    "A map that is full doubles, and every entry moves to its new place, with its key hashed anew. Made with a size it does so never.",
	},
	{
		ID: ruleConcat, Change: evidence.BuildText, Title: "strings are put together piece by piece", Severity: analyze.Medium,
		Remedy: "Collect in a strings.Builder (with Grow where the length is known), or strings.Join the pieces; append to a []byte on hot paths.",
		Doc:    "s += x copies all of s. Done n times that is n²/2 copies of a piece, all but the last of them garbage.",
	},
	{
		ID: ruleConversion, Title: "copies between []byte and string", Severity: analyze.Low,
		Remedy: "Stay with one of the two: bytes and strings have the same functions, strconv.Append… and io.WriteString take what is there; look maps up with m[string(b)], which does not copy.",
		Doc:    "A string cannot change, so converting to or from a slice copies, unless the compiler sees that the copy is not kept.",
	},
	{
		ID: ruleTimeAfter, Change: evidence.ReuseTimer, Title: "a timer is made for each wait", Severity: analyze.Medium,
		Remedy: "Make one timer before the loop and Reset it, or let one context or ticker bound them all.",
		Doc: "Each time.After makes a channel and a timer and puts it among the others of its P. Before go1.23 it also stays there, and in memory, until it fires, " +
			"however short the wait was.",
	},
	{
		ID: ruleTimerHeap, Title: "keeping many timers in order costs", Severity: analyze.Low,
		Remedy: "Have fewer timers: one ticker that looks after many things, deadlines checked in passing, coarser intervals.",
		Doc:    "Timers stand in a heap for each P. With many of them, or many that are reset all the time, keeping it in order and running what is due becomes a large share.",
	},
	{
		ID: ruleDefer, Title: "deferred calls cost more than a call", Severity: analyze.Medium,
		Remedy: "Put the loop's body into a function of its own and defer there, or make the call at the end of the body.",
		Doc: "A defer that is not in a loop is part of its function and costs next to nothing. In a loop each one is a record on the heap and " +
			"a turn of the machinery of panics; and they all wait for the function's end, locks and files with them.",
	},
	{
		ID: ruleStack, Title: "goroutines' stacks grow again and again", Severity: analyze.Medium,
		Remedy: "Let a few long-lived goroutines do the deep work (a worker keeps its grown stack), or make it less deep: smaller frames, a loop instead of recursion.",
		Doc: "A goroutine begins with 2 to 8 KiB of stack. When a call does not fit, the runtime copies the stack to one twice as large and adjusts every frame in it. Short " +
			"goroutines that call deeply do so each time.",
	},
	{
		ID: ruleSmallIO, Change: evidence.BufferWrites, Title: "a system call for each small piece", Severity: analyze.Medium,
		Remedy: "Wrap it: w := bufio.NewWriter(f), with Flush at the end; r := bufio.NewReader(f) for reading.",
		Doc:    "A system call costs some hundred nanoseconds to microseconds before it moves a byte. Calls that take hardly longer move little: a buffer makes one of hundreds.",
	},
	{
		ID: ruleUnbuffered, Title: "a large share goes into reads or writes without a buffer", Severity: analyze.Low,
		Remedy: "If the pieces are small, wrap it in a bufio.Writer or bufio.Reader; a capture with a trace tells (hotpath/small-io).",
		Doc:    "The line reads or writes a file or connection directly. With pieces of many kilobytes that is as it should be.",
	},
	{
		ID: ruleFmt, Title: "formatting with package fmt on a hot path", Severity: analyze.Low,
		Remedy: "Append instead: strconv.AppendInt, b = append(b, …) or a strings.Builder; format only what is logged or shown.",
		Doc:    "fmt reads its format at run time and its arguments by reflection, and puts each into an interface on the way.",
	},
	{
		ID: ruleJSON, Title: "encoding/json takes a large share", Severity: analyze.Info,
		Remedy: "Decode into structs and not into any; encode once what is sent often; stream instead of holding it all; else a generated or a faster codec.",
		Doc:    "The package works by reflection. For a server of JSON that is its work, and a remark, no fault.",
	},
	{
		ID: ruleCopy, Title: "copying or clearing memory takes a large share", Severity: analyze.Info,
		Remedy: "Look at the data where it is, with its lock held or behind a pointer that is swapped as a whole, instead of at a copy; copy the part that is needed.",
		Doc:    "Calls of copy, clear, bytes.Clone, slices.Clone and strings.Clone. Growing, allocating and concatenating are counted elsewhere.",
	},
	{
		ID: ruleCgo, Title: "calls into C take a large share", Severity: analyze.Low,
		Remedy: "Do more in each call: pass arrays instead of elements. What C itself does, perf can tell.",
		Doc:    "A call into C costs some 30 ns beyond its work. Profiles see the calls, not what happens in C.",
	},
}

var params = []analyze.Param{
	{Name: "min-compile-share", Default: 0.01, Unit: "ratio", Why: "compiling has no place on a hot path: healthy programs spend nothing on it, ones that compile per call 0.65"},
	{Name: "min-growth-share", Default: 0.10, Unit: "ratio", Why: "in one function, for slices, maps and strings: healthy programs spend at most 0.03 in all, ones without room 0.30 to 0.67"},
	{Name: "min-timer-share", Default: 0.05, Unit: "ratio", Why: "in one function: healthy programs spend less than 0.02 on timers, ones that make them in a loop 0.43"},
	{Name: "min-timer-heap-share", Default: 0.10, Unit: "ratio", Why: "of all lines: healthy programs spend less than 0.02, a storm of timers 0.59"},
	{Name: "min-defer-share", Default: 0.05, Unit: "ratio", Why: "in one function: open-coded defers cost nothing that shows, defers in a loop 0.86"},
	{Name: "min-stack-share", Default: 0.05, Unit: "ratio", Why: "of all lines: healthy programs spend less than 0.02, deep calls in short goroutines 0.82"},
	{Name: "min-io-share", Default: 0.35, Unit: "ratio", Why: "in one function: healthy servers spend 0.16 to 0.20 in all system calls, ones that write single bytes 0.80 to 0.87"},
	{Name: "max-call", Default: 5000, Unit: "ns", Why: "the median: a system call takes 0.3 to 2 µs for one byte as for 4 KiB, and 7 µs for 64 KiB"},
	{Name: "min-fmt-share", Default: 0.10, Unit: "ratio", Why: "in one function: healthy programs spend less than 0.02, formatters 0.96"},
	{Name: "min-json-share", Default: 0.20, Unit: "ratio", Why: "of all lines: a JSON server spends 0.12, a converter 0.92"},
	{Name: "min-copy-share", Default: 0.15, Unit: "ratio", Why: "in one function: healthy programs spend at most 0.02 on copying in all"},
	{Name: "min-cgo-share", Default: 0.20, Unit: "ratio", Why: "of all lines: programs without C spend nothing; a proposal without measurement"},
	{Name: "min-alloc-share", Default: 0.10, Unit: "ratio", Why: "of the bytes, where there is no CPU profile: allocating is a part of what compiling costs"},
	{Name: "min-cores", Default: 0.2, Unit: "cores", Why: "shares of an idle process's CPU are large and worth nothing"},
}
