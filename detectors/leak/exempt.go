package leak

import (
	"slices"
	"strings"

	"go-debug/analyze/evidence"
)

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

// foreverFunctions mark goroutines that wait by design however many there are: those of signals,
// and the helper that watches a server connection while its request is served (it stays
// and goes with the request).
var foreverFunctions = map[string]bool{
	backgroundRead:             true,
	"os/signal.signal_recv":    true,
	"runtime.ensureSigM.func1": true,
}

// acceptFunctions are on the stacks of goroutines that wait for connections.
var acceptFunctions = []string{
	"net.(*TCPListener).Accept", "net.(*TCPListener).AcceptTCP",
	"net.(*UnixListener).Accept", "net.(*UnixListener).AcceptUnix",
}

func accepts(stack evidence.Stack) bool { return slices.ContainsFunc(acceptFunctions, stack.Contains) }

// listens reports listeners that are there for good, however many: a program serves on them, and tests leave the
// servers that they share. One that is opened for each request and not closed shows by more of them that keep coming.
func (s *survey) listens(c *candidate) bool {
	if !accepts(c.stack) || s.testsOver() {
		return accepts(c.stack)
	}
	return c.left == nil && (c.cohort == nil || c.cohort.verdict != growing) && (c.growth == nil || c.growth.verdict != growing)
}

// backgroundRead waits for a server connection to break while its request is served.
const backgroundRead = "net/http.(*connReader).backgroundRead"

// isMain reports goroutine 1. Formats without ids show it by its outermost frames;
// debug=2 leaves runtime.main out, and goroutine 1 is the one without a creator that is in
// main.main or an initialiser. Closures of those may run anywhere.
func isMain(stack evidence.Stack, creator evidence.Frame) bool {
	n := len(stack)
	if n > 0 && stack[n-1].Function == "runtime.goexit" {
		n--
	}
	if n == 0 {
		return false
	}
	switch f := stack[n-1].Function; {
	case f == "runtime.main":
		return true
	case !creator.IsZero():
		return false
	default:
		return f == "main.main" || f == "runtime.doInit1" || isInit(f)
	}
}

// isInit reports a package initialiser: "main.init" for variables, "main.init.0" for the first
// function called init.
func isInit(function string) bool {
	_, name, _ := strings.Cut(function[strings.LastIndexByte(function, '/')+1:], ".")
	number, ok := strings.CutPrefix(name, "init")
	if !ok || number == "" {
		return ok
	}
	return number[0] == '.' && digits(number[1:])
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
	connServe:                                              true,
	"net/http.(*http2serverConn).runHandler":               true, // gone
	"net/http.(*http2serverConn).serve":                    true, // gone
	"net/http/internal/http2.(*serverConn).runHandler":     true,
	"net/http/internal/http2.(*serverConn).serve":          true,
	"golang.org/x/net/http2.(*serverConn).runHandler":      true,
	"golang.org/x/net/http2.(*serverConn).serve":           true,
	"google.golang.org/grpc.(*Server).handleStream":        true,
	"net/rpc.(*service).call":                              true,
	"github.com/valyala/fasthttp.(*workerPool).workerFunc": true,
	"github.com/valyala/fasthttp.(*Server).serveConn":      true,
}

const connServe = "net/http.(*conn).serve"

// servesRequests reports a goroutine in the middle of a server's request.
func servesRequests(stack evidence.Stack) bool {
	for _, f := range stack {
		if serverFunctions[f.Function] {
			return true
		}
	}
	return false
}

// poolOpener is the goroutine of a pool of package database/sql, which lives until the pool is closed.
const poolOpener = "database/sql.(*DB).connectionOpener"

// opensPools reports pools of database/sql, with the goroutines of their connections. Detector netwait counts
// them and names the cause, which is sql.Open; those that outlive tests are reported here.
func (c *candidate) opensPools() bool {
	return c.stack.Contains(poolOpener) ||
		slices.ContainsFunc(c.companions, func(o *candidate) bool { return o.stack.Contains(poolOpener) })
}
