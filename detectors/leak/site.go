package leak

import (
	"strconv"
	"strings"

	"go-debug/analyze/evidence"
)

// A site is one blocking place: what is waited for, the program's functions on the stack,
// and the line. Its key is the same for every format that shows the place.
type site struct {
	key   string
	class evidence.Wait
	stack evidence.Stack
	// creator is the go statement; zero in formats without creators.
	creator evidence.Frame
}

// siteOf names the site of a blocked stack, or reports false for goroutines that are not
// blocked or that nobody would call leaked.
func siteOf(wait evidence.Wait, stack evidence.Stack, creator evidence.Frame) (site, bool) {
	class := classOf(wait, stack)
	if class == evidence.WaitNone || exempt(class, stack, creator) {
		return site{}, false
	}
	return site{key: siteKey(class, stack), class: class, stack: stack, creator: creator}, true
}

// classOf settles the wait. Formats with states say it; the others and traces are read
// from the stack, which also tells a mutex from a WaitGroup where the state is a bare
// "semacquire".
func classOf(wait evidence.Wait, stack evidence.Stack) evidence.Wait {
	switch wait {
	case evidence.WaitNilChan, evidence.WaitNoCases, evidence.WaitSystem, evidence.WaitGC:
		return wait
	}
	if w := evidence.WaitOf(stack); w != evidence.WaitNone {
		return w
	}
	if wait == evidence.WaitNone && len(stack) > 0 && stack[0].Function == "runtime.gopark" {
		return evidence.WaitOther
	}
	return wait
}

// siteKey joins class, functions and line.
func siteKey(class evidence.Wait, stack evidence.Stack) string {
	var b strings.Builder
	b.WriteString(keyClass(class))
	for _, f := range keyFunctions(stack) {
		b.WriteByte('\n')
		b.WriteString(f)
	}
	if user, ok := stack.User(); ok {
		b.WriteString("\n@" + user.File + ":" + strconv.Itoa(user.Line))
	}
	return b.String()
}

// keyFunctions are the functions that tell one stack from another, each once: a leak at the
// bottom of a recursion is one leak, however deep. Frames of the standard library are left out
// where there are others, because formats differ in how many of them they show; so are
// compiler-made wrappers.
func keyFunctions(stack evidence.Stack) []string {
	_, user := stack.User()
	var out []string
	seen := map[string]bool{}
	for _, f := range stack {
		if user && f.Std() || !user && internalFrame(f) || f.IsWrapper() {
			continue
		}
		name := evidence.NormalFunction(f.Function)
		if !seen[name] {
			seen[name] = true
			out = append(out, name)
		}
	}
	return out
}

// identity is what findings are matched by from one capture to the next. It holds nothing that
// only some formats or some captures show: no line, no creator, no place from a trace.
func (s *site) identity() []string {
	return append([]string{keyClass(s.class)}, keyFunctions(s.stack)...)
}

// keyClass is the part of the class that every format shows. A nil channel is visible in
// dumps with states alone; elsewhere the same wait looks like any other channel operation.
func keyClass(class evidence.Wait) string {
	switch class {
	case evidence.WaitChanSend, evidence.WaitChanRecv, evidence.WaitNilChan:
		return string(evidence.WaitChan)
	}
	return string(class)
}

// internalFrame reports the frames below the standard library's API that one format shows
// and another does not.
func internalFrame(f evidence.Frame) bool {
	p := f.Package()
	return p == "" || p == "runtime" || strings.HasPrefix(p, "internal/") ||
		strings.HasPrefix(f.Function, "sync.runtime_")
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// own reports a frame of the program itself: neither the standard library nor a module that it
// depends on, which lies in the module cache or the vendor folder.
func own(f evidence.Frame) bool {
	return !f.Std() && !strings.Contains(f.File, "@v") && !strings.Contains(f.File, "/vendor/")
}

// location is the line to look at: the program's innermost line, else its go statement, else
// the innermost line of a library, else whatever there is.
func (s *site) location() evidence.Frame {
	for _, f := range s.stack {
		if own(f) {
			return f
		}
	}
	if !s.creator.IsZero() && own(s.creator) {
		return s.creator
	}
	if f, ok := s.stack.User(); ok {
		return f
	}
	if !s.creator.IsZero() {
		return s.creator
	}
	for i := len(s.stack) - 1; i >= 0; i-- {
		if f := s.stack[i]; f.Package() != "runtime" && f.Package() != "" {
			return f
		}
	}
	return evidence.Frame{}
}

// ruleOf maps a wait to a rule.
func ruleOf(class evidence.Wait) string {
	switch class {
	case evidence.WaitChanSend:
		return ruleChanSend
	case evidence.WaitChanRecv:
		return ruleChanReceive
	case evidence.WaitSelect:
		return ruleSelect
	case evidence.WaitNilChan, evidence.WaitNoCases:
		return ruleNilChan
	case evidence.WaitMutex, evidence.WaitRWMutex:
		return ruleMutex
	case evidence.WaitWaitGroup:
		return ruleWaitGroup
	case evidence.WaitCond:
		return ruleCond
	case evidence.WaitIO, evidence.WaitSyscall:
		return ruleIO
	case evidence.WaitSleep:
		return ruleSleep
	case evidence.WaitCoroutine:
		return ruleIterator
	}
	return ruleOther
}
