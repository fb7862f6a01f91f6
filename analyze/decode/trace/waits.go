package trace

import (
	"cmp"
	"strings"

	"go-debug/analyze/evidence"
)

// stackClass is what a stack says about a wait, worked out once per distinct stack.
type stackClass struct {
	fixed evidence.Wait // set where the stack decides alone
	leaf  evidence.Wait // evidence.WaitOf
	cgo   bool          // a call into C
}

func classify(stack evidence.Stack) stackClass {
	switch {
	case ofRuntime(stack):
		return stackClass{fixed: evidence.WaitSystem}
	case inCollector(stack):
		return stackClass{fixed: evidence.WaitGC}
	}
	return stackClass{leaf: evidence.WaitOf(stack), cgo: inC(stack)}
}

// waitOf names a wait by the runtime's reason (empty for a goroutine first seen waiting,
// and for a coroutine that yields) and the stack.
func waitOf(reason string, c stackClass) evidence.Wait {
	if c.fixed != evidence.WaitNone {
		return c.fixed
	}
	switch reason {
	case "", "unspecified":
		return cmp.Or(c.leaf, evidence.WaitOther)
	case "sync":
		return cmp.Or(c.leaf, evidence.WaitSemaphore)
	case "forever":
		return foreverWait(c.leaf)
	case "preempted":
		return evidence.WaitGC // suspended to have its stack scanned
	}
	return evidence.ParseWait(reason)
}

// foreverWait refines "forever", which the runtime gives for nil channels and for select
// without cases.
func foreverWait(leaf evidence.Wait) evidence.Wait {
	switch leaf {
	case evidence.WaitChanSend, evidence.WaitChanRecv:
		return evidence.WaitNilChan
	case evidence.WaitNoCases, evidence.WaitSelect:
		return evidence.WaitNoCases
	}
	return evidence.WaitOther
}

// ofRuntime reports a stack of the runtime's own goroutines: nothing but the runtime on
// it. The main goroutine and coroutines (iter.Pull) are the program's, although they
// begin in the runtime.
func ofRuntime(stack evidence.Stack) bool {
	if len(stack) == 0 {
		return false
	}
	switch stack[len(stack)-1].Function {
	case "runtime.main", "runtime.corostart":
		return false
	}
	for _, f := range stack {
		if pkg := f.Package(); pkg != "" && pkg != "runtime" && !strings.HasPrefix(pkg, "runtime/") {
			return false
		}
	}
	return true
}

// inC reports a call into C. The frame below runtime.cgocall is cgo's wrapper of the C function.
func inC(stack evidence.Stack) bool {
	for _, f := range stack {
		if f.Function == "runtime.cgocall" {
			return true
		}
		if f.Package() != "runtime" {
			return false
		}
	}
	return false
}

// inCollector reports a goroutine of the program that waits because it was drafted into
// starting or helping a collection.
func inCollector(stack evidence.Stack) bool {
	for _, f := range stack {
		if f.Package() != "runtime" {
			return false
		}
		switch f.Function {
		case "runtime.gcStart", "runtime.gcAssistAlloc", "runtime.gcParkAssist", "runtime.gcMarkDone", "runtime.gcWaitOnMark":
			return true
		}
	}
	return false
}
