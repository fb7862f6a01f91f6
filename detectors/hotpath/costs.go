package hotpath

import "go-debug/analyze/signature"

// A cost is what a line of the program can do that takes CPU for nothing: one rule.
type cost struct {
	rule  string
	param string // the least share, of one line or of all
	call  signature.Call
	// all judges the lines together and reports the largest: what they call costs the same everywhere.
	all bool
	// does says what the CPU is spent on: "17 % of the CPU (0.34 cores) goes into " + does.
	does string
	// construct is a construct of the language at the line itself. In a dependency's line it is that
	// module's to change.
	construct bool
	// once is set where a program may well do it once, as it starts.
	once bool
	// bytes is set where the call is visible in allocs profiles too, which leave out the runtime's functions.
	bytes bool
}

// memory may stand beneath what allocates and copies.
var memory = []string{"runtime.*", "runtime/*", "internal/runtime/*", "internal/abi.*", "internal/bytealg.*", "internal/chacha8rand.*", "internal/race.*",
	"gcWriteBarrier*", "memeqbody*", "aeshash*"}

var regexpCompile = cost{
	rule: ruleRegexp, param: "min-compile-share", does: "compiling regular expressions", once: true, bytes: true,
	call: signature.Call{Caller: true, Functions: []string{"regexp.Compile", "regexp.CompilePOSIX", "regexp.compile"}},
}

var templateParse = cost{
	rule: ruleTemplate, param: "min-compile-share", does: "parsing templates", once: true, bytes: true,
	call: signature.Call{Caller: true, Functions: []string{
		"text/template.(*Template).Parse", "text/template.parseFiles", "text/template.parseGlob", "text/template.parseFS", "text/template/parse.Parse",
		"html/template.(*Template).Parse", "html/template.parseFiles", "html/template.parseGlob", "html/template.parseFS", "html/template.escapeTemplate",
	}},
}

// Only the calls themselves: context.WithTimeout and deadlines of connections make timers too, and need them.
var timeAfter = cost{
	rule: ruleTimeAfter, param: "min-timer-share", does: "making timers for one wait each", construct: true, bytes: true,
	call: signature.Call{
		PerFunction: true,
		Functions:   []string{"time.After", "time.NewTimer", "time.Tick", "time.NewTicker"},
		Between:     []string{},
	},
}

var defers = cost{
	rule: ruleDefer, param: "min-defer-share", does: "making and running the records of deferred calls", construct: true,
	call: signature.Call{
		PerFunction: true,
		// They run at the function's end, which is no line to look at.
		Place: []string{"runtime.deferproc", "runtime.deferprocStack", "runtime.deferprocat"},
		Functions: []string{
			"runtime.deferproc", "runtime.deferprocStack", "runtime.deferprocat", "runtime.newdefer", "runtime.popDefer", "runtime.deferreturn",
			"runtime.(*_panic).start", "runtime.(*_panic).nextDefer", "runtime.(*_panic).nextFrame", "runtime.freedefer", "runtime.runOpenDeferFrame",
		},
		Between: []string{},
		Within:  memory, // what is deferred is work of its own
		Unless:  []string{"runtime.gopanic", "runtime.Goexit"},
		Gone:    []string{"runtime.freedefer", "runtime.runOpenDeferFrame"},
	},
}

// appending may stand between a line and the growth of a slice that it appends to. Grow is not among them:
// it is the remedy.
var appending = []string{
	"bytes.(*Buffer).Write", "bytes.(*Buffer).WriteString", "bytes.(*Buffer).WriteByte", "bytes.(*Buffer).WriteRune", "bytes.(*Buffer).grow", "bytes.growSlice",
	"strings.(*Builder).Write", "strings.(*Builder).WriteString", "strings.(*Builder).WriteByte", "strings.(*Builder).WriteRune",
	"slices.Insert", "strconv.Append*", "unicode/utf8.AppendRune", "encoding/hex.AppendEncode", "encoding/base64.(*Encoding).AppendEncode",
}

var sliceGrowth = cost{
	rule: ruleSlice, param: "min-growth-share", does: "growing a slice", construct: true,
	call: signature.Call{
		PerFunction: true,
		Functions: []string{
			"runtime.growslice", "runtime.growsliceNoAlias", "runtime.growsliceBuf", "runtime.growsliceBufNoAlias",
			"bytes.growSlice", "bytes.(*Buffer).grow",
		},
		Between: appending,
		Within:  append([]string{"bytes.growSlice", "bytes.(*Buffer).tryGrowByReslice"}, memory...),
	},
}

var mapGrowth = cost{
	rule: ruleMap, param: "min-growth-share", does: "growing a map", construct: true,
	call: signature.Call{
		PerFunction: true,
		Functions: []string{
			"internal/runtime/maps.(*Map).growToTable", "internal/runtime/maps.(*table).rehash", "internal/runtime/maps.(*table).grow", "internal/runtime/maps.(*table).split",
			"runtime.hashGrow", "runtime.growWork", "runtime.growWork_fast32", "runtime.growWork_fast64", "runtime.growWork_faststr",
		},
		Between: []string{"runtime.mapassign*", "internal/runtime/maps.*", "maps.Copy", "maps.Insert"},
		Within:  memory,
		Gone:    []string{"runtime.hashGrow", "runtime.growWork", "runtime.growWork_fast32", "runtime.growWork_fast64", "runtime.growWork_faststr"},
	},
}

var concatenation = cost{
	rule: ruleConcat, param: "min-growth-share", does: "concatenating strings", construct: true,
	call: signature.Call{
		PerFunction: true,
		Functions: []string{
			"runtime.concatstrings", "runtime.concatstring2", "runtime.concatstring3", "runtime.concatstring4", "runtime.concatstring5",
			"runtime.concatbytes", "runtime.concatbyte2", "runtime.concatbyte3", "runtime.concatbyte4", "runtime.concatbyte5",
		},
		Between: []string{},
		Within:  memory,
	},
}

var conversion = cost{
	rule: ruleConversion, param: "min-growth-share", does: "copying between strings and slices", construct: true,
	call: signature.Call{
		PerFunction: true,
		Functions:   []string{"runtime.slicebytetostring", "runtime.stringtoslicebyte", "runtime.stringtoslicerune", "runtime.slicerunetostring"},
		Between:     []string{},
		Within:      memory,
	},
}

var copying = cost{
	rule: ruleCopy, param: "min-copy-share", does: "copying or clearing memory", construct: true,
	call: signature.Call{
		PerFunction: true,
		Functions: []string{"runtime.memmove", "runtime.memclrNoHeapPointers", "runtime.memclrHasPointers", "runtime.duffcopy", "runtime.duffzero", "memmove",
			"bytes.Clone", "slices.Clone", "strings.Clone"}, // with the room for the copy
		// Growing, allocating and concatenating copy and clear, too, and are not among them.
		Between: []string{"runtime.typedmemmove", "runtime.typedslicecopy", "runtime.wbMove", "runtime.wbZero", "runtime.slicecopy", "runtime.typedmemclr", "runtime.memclrHasPointers", "runtime.bulkBarrierPreWrite"},
		Within:  memory,
		Gone:    []string{"memmove"},
	},
}

var formatting = cost{
	rule: ruleFmt, param: "min-fmt-share", does: "formatting with package fmt",
	call: signature.Call{
		PerFunction: true,
		Caller:      true,
		Functions:   []string{"fmt.*"},
		// What a formatted text is written to is no formatting.
		Within: append([]string{"fmt.*", "internal/*", "strconv.*", "reflect.*", "unicode*", "math*", "sync.*", "errors.*", "slices.*", "sort.*", "cmp.*",
			"bytes.(*Buffer).*", "strings.(*Builder).*", "time.*"}, memory...),
		Unless: []string{"internal/poll.*"},
	},
}

var jsonReflection = cost{
	rule: ruleJSON, param: "min-json-share", does: "encoding/json, which works by reflection", all: true,
	call: signature.Call{
		Caller:    true,
		Functions: []string{"encoding/json*"},
		Within: append([]string{"encoding*", "fmt.*", "internal/*", "strconv.*", "reflect.*", "unicode*", "math*", "sync.*", "errors.*", "slices.*", "sort.*", "cmp.*",
			"bytes.*", "strings.*", "time.*"}, memory...),
		Unless: []string{"internal/poll.*"},
	},
}

// unbuffered is reading and writing with nothing in between that would collect the pieces.
var unbuffered = cost{
	rule: ruleUnbuffered, param: "min-io-share", does: "reads or writes without a buffer, a system call for each piece",
	call: signature.Call{
		PerFunction: true,
		Functions:   []string{"internal/poll.(*FD).Read", "internal/poll.(*FD).Write", "internal/poll.(*FD).Pread", "internal/poll.(*FD).Pwrite", "syscall.Read", "syscall.Write"},
		Between: []string{"os.(*File).Read", "os.(*File).Write", "os.(*File).WriteString", "os.(*File).ReadAt", "os.(*File).WriteAt",
			"os.(*File).read", "os.(*File).write", "os.(*File).pread", "os.(*File).pwrite", "net.(*conn).Read", "net.(*conn).Write", "net.(*netFD).Read", "net.(*netFD).Write",
			"fmt.Fprint", "fmt.Fprintf", "fmt.Fprintln", "io.WriteString", "io.ReadFull", "io.ReadAtLeast", "encoding/binary.Read", "encoding/binary.Write"},
	},
}

var cgo = cost{
	rule: ruleCgo, param: "min-cgo-share", does: "calls into C", all: true,
	call: signature.Call{Caller: true, Functions: []string{"runtime.cgocall"}},
}

// costs are the rules that are about lines. A sample counts for the first of those that fit equally well.
var costs = []cost{regexpCompile, templateParse, jsonReflection, formatting, timeAfter, defers, sliceGrowth, mapGrowth, concatenation, conversion, copying, unbuffered, cgo}

// stackGrowth are samples in which a goroutine's stack is moved to a larger one. It is a total: each frame
// of a deep call may be the one that does not fit any more.
var stackGrowth = signature.Signature{
	Anywhere: []string{"runtime.copystack", "runtime.newstack"},
	// The same function makes goroutines yield.
	Unless: []string{"runtime.gopreempt_m", "runtime.preemptPark"},
}

// timerHeap are samples in which timers are kept in order or run.
var timerHeap = signature.Signature{
	Anywhere: []string{
		"runtime.(*timers).run", "runtime.(*timers).adjust", "runtime.(*timers).siftUp", "runtime.(*timers).siftDown", "runtime.(*timers).deleteMin",
		"runtime.(*timers).cleanHead", "runtime.(*timers).addHeap", "runtime.(*timers).take", "runtime.(*timers).updateMinWhenHeap",
		"runtime.runtimer", "runtime.runOneTimer", "runtime.adjusttimers", "runtime.addAdjustedTimers", "runtime.siftupTimer", "runtime.siftdownTimer",
		"runtime.doaddtimer", "runtime.dodeltimer", "runtime.dodeltimer0", "runtime.cleantimers", "runtime.clearDeletedTimers", "runtime.moveTimers",
	},
	Gone: []string{
		"runtime.runtimer", "runtime.runOneTimer", "runtime.adjusttimers", "runtime.addAdjustedTimers", "runtime.siftupTimer", "runtime.siftdownTimer",
		"runtime.doaddtimer", "runtime.dodeltimer", "runtime.dodeltimer0", "runtime.cleantimers", "runtime.clearDeletedTimers", "runtime.moveTimers",
	},
}

// timerUse are samples in which the program sets timers.
var timerUse = signature.Signature{Anywhere: []string{
	"time.NewTimer", "time.NewTicker", "time.AfterFunc", "time.(*Timer).Reset", "time.(*Timer).Stop", "time.(*Ticker).Reset", "time.Sleep",
}}
