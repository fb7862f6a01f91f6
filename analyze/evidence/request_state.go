package evidence

import "strings"

// RequestStateOf is the state of a request whose goroutine waits for a reason at a stack: that of the wait,
// but where the stack tells whom it waits for.
func RequestStateOf(wait Wait, stack Stack) string {
	for _, f := range stack {
		if state := awaited(f.Function, wait); state != "" {
			return state
		}
		if f.Function == "net/http.serverHandler.ServeHTTP" {
			break // what follows is the server's own
		}
	}
	switch wait {
	case WaitNone:
		return StateUnknown
	case WaitIO:
		return StateNetwork
	case WaitSyscall:
		return StateSyscall
	}
	return string(wait)
}

// awaited is whom a function waits for when something below it waits; empty where that is not known.
// Functions are looked at from the innermost outwards.
func awaited(function string, wait Wait) string {
	switch function {
	case "net/http.(*body).Read", "net/http.(*body).readLocked", "net/http.(*http2requestBody).Read", "net/http.(*connReader).Read",
		"net/http/internal/http2.(*requestBody).Read", "golang.org/x/net/http2.(*requestBody).Read",
		"google.golang.org/grpc.(*serverStream).RecvMsg", "google.golang.org/grpc/internal/transport.(*ServerStream).Read":
		return StateClientRead
	case "net/http.checkConnErrorWriter.Write", "net/http.(*response).Write", "net/http.(*response).finishRequest",
		"net/http.(*http2responseWriter).Write", "net/http.(*http2responseWriterState).writeChunk", "net/http.(*http2responseWriter).handlerDone",
		"net/http/internal/http2.(*responseWriterState).writeChunk", "golang.org/x/net/http2.(*responseWriterState).writeChunk",
		"google.golang.org/grpc.(*serverStream).SendMsg":
		return StateClientWrite
	case "database/sql.(*DB).conn", "net/http.(*Transport).getConn", "github.com/jackc/puddle/v2.(*Pool[...]).Acquire",
		"golang.org/x/sync/semaphore.(*Weighted).Acquire":
		if wait == WaitSyscall {
			return ""
		}
		return StatePool
	case "net/http.(*persistConn).roundTrip", "net/http.(*Client).do", "net/http.(*Transport).roundTrip", "net.(*Dialer).DialContext",
		"net.(*Resolver).lookupIPAddr", "google.golang.org/grpc.(*ClientConn).Invoke", "google.golang.org/grpc.(*clientStream).RecvMsg":
		return StateDownstream
	}
	switch {
	case strings.HasPrefix(function, "golang.org/x/time/rate.(*Limiter)."), strings.HasPrefix(function, "go.uber.org/ratelimit.(*"):
		return StateLimiter
	case strings.HasPrefix(function, "net/http.(*http2ClientConn)."), strings.HasPrefix(function, "net/http.(*http2clientStream)."),
		strings.HasPrefix(function, "net/http/internal/http2.(*ClientConn)."), strings.HasPrefix(function, "golang.org/x/net/http2.(*ClientConn)."),
		strings.HasPrefix(function, "database/sql.(*") && wait == WaitIO,
		strings.HasPrefix(function, "net/http.(*bodyEOFSignal)."):
		return StateDownstream
	case strings.Contains(function, "/pool.(*ConnPool).") && wait != WaitIO && wait != WaitSyscall:
		return StatePool
	}
	return ""
}
