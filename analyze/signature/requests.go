package signature

import (
	"slices"
	"strings"

	"go-debug/analyze/evidence"
)

// requestStarts are the functions in which goroutines start that serve requests, by their beginnings. A
// response waits for the background read of its connection to end.
var requestStarts = []string{
	"net/http.(*conn).serve", "net/http.(*connReader).backgroundRead",
	"net/http.(*http2serverConn).runHandler", // gone
	"net/http/internal/http2.(*serverConn).runHandler",
	"golang.org/x/net/http2.(*serverConn).runHandler", "google.golang.org/grpc.(*Server).", "net/rpc.(*service).call",
	"github.com/valyala/fasthttp.(*workerPool).",
}

// ServesRequests reports a function in which goroutines start that serve requests.
func ServesRequests(function string) bool {
	return slices.ContainsFunc(requestStarts, func(p string) bool { return strings.HasPrefix(function, p) })
}

// InRequest reports a stack of code that serves a request.
func InRequest(s evidence.Stack) bool {
	return slices.ContainsFunc(s, func(f evidence.Frame) bool { return ServesRequests(f.Function) })
}
