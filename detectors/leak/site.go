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

// siteKey joins class, functions and line. Frames of the standard library are left out
// where there are others, because formats differ in how many of them they show; so are
// compiler-made wrappers.
func siteKey(class evidence.Wait, stack evidence.Stack) string {
	var b strings.Builder
	b.WriteString(keyClass(class))
	user, ok := stack.User()
	for _, f := range stack {
		if ok && f.Std() || !ok && internalFrame(f) || isWrapper(f.Function) {
			continue
		}
		b.WriteByte('\n')
		b.WriteString(evidence.NormalFunction(f.Function))
	}
	if ok {
		b.WriteString("\n@" + user.File + ":" + strconv.Itoa(user.Line))
	}
	return b.String()
}

// keyClass is the part of the class that every format shows. A nil channel is visible in
// dumps with states alone; elsewhere the same wait looks like any other channel operation.
func keyClass(class evidence.Wait) string {
	switch class {
	case evidence.WaitChanSend, evidence.WaitChanRecv, evidence.WaitNilChan:
		return "chan"
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

func isWrapper(function string) bool {
	i := strings.LastIndex(function, ".gowrap")
	return i >= 0 && strings.Trim(function[i+len(".gowrap"):], "0123456789") == ""
}

// exempt reports goroutines that live as long as the process by design.
func exempt(class evidence.Wait, stack evidence.Stack, creator evidence.Frame) bool {
	if class == evidence.WaitSystem || class == evidence.WaitGC || isMain(stack, creator) {
		return true
	}
	_, user := stack.User()
	onlyRuntime := true
	for _, f := range stack {
		switch {
		case foreverFunctions[f.Function]:
			return true
		case !user && (f.Package() == "testing" || strings.HasPrefix(f.Function, "os/signal.")):
			return true
		}
		if p := f.Package(); p != "" && p != "runtime" {
			onlyRuntime = false
		}
	}
	if onlyRuntime {
		return true
	}
	// A connection between two requests: how many there are is up to the clients.
	return !user && class == evidence.WaitIO && servesRequests(stack)
}

// foreverFunctions mark goroutines that wait by design however many there are: listeners,
// and the helper that watches a server connection while its request is served (it stays
// and goes with the request).
var foreverFunctions = map[string]bool{
	"net.(*TCPListener).Accept":             true,
	"net.(*TCPListener).AcceptTCP":          true,
	"net.(*UnixListener).Accept":            true,
	"net.(*UnixListener).AcceptUnix":        true,
	"net/http.(*connReader).backgroundRead": true,
	"os/signal.signal_recv":                 true,
	"runtime.ensureSigM.func1":              true,
}

// isMain reports goroutine 1. Formats without ids show it by its outermost frames;
// debug=2 leaves runtime.main out, and goroutine 1 is the one without a creator.
func isMain(stack evidence.Stack, creator evidence.Frame) bool {
	n := len(stack)
	if n > 0 && stack[n-1].Function == "runtime.goexit" {
		n--
	}
	if n == 0 {
		return false
	}
	if stack[n-1].Function == "runtime.main" {
		return true
	}
	f := stack[n-1].Function
	return creator.IsZero() && (f == "main.main" || f == "runtime.doInit1" || strings.HasPrefix(f, "main.init"))
}

// isMainGroup is isMain for a group: ids settle it where there are any.
func isMainGroup(g *evidence.Group) bool {
	if len(g.IDs) > 0 && g.IDs[0] == 1 && g.Count == 1 {
		return true
	}
	return isMain(g.Stack, g.CreatedBy)
}

// serverFunctions are the outer frames of goroutines that serve requests.
var serverFunctions = map[string]bool{
	"net/http.(*conn).serve":                               true,
	"net/http.(*http2serverConn).runHandler":               true,
	"net/http.(*http2serverConn).serve":                    true,
	"net/http/internal/http2.(*serverConn).runHandler":     true,
	"golang.org/x/net/http2.(*serverConn).runHandler":      true,
	"golang.org/x/net/http2.(*serverConn).serve":           true,
	"google.golang.org/grpc.(*Server).handleStream":        true,
	"net/rpc.(*service).call":                              true,
	"github.com/valyala/fasthttp.(*workerPool).workerFunc": true,
	"github.com/valyala/fasthttp.(*Server).serveConn":      true,
}

// servesRequests reports a goroutine in the middle of a server's request.
func servesRequests(stack evidence.Stack) bool {
	for _, f := range stack {
		if serverFunctions[f.Function] {
			return true
		}
	}
	return false
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
	}
	return ruleOther
}

// location is the line to look at: the program's innermost line, else the creator, else
// the outermost frame.
func (s *site) location() evidence.Frame {
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
