package decode

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"

	"go-debug/analyze/budget"
	"go-debug/analyze/decode/gostack"
	"go-debug/analyze/evidence"
)

// answers are what servers send in place of a capture, and what to do then.
var answers = []struct{ text, why, hint string }{
	{"404 page not found", "the server answered 404 page not found: nothing is served under this path",
		"import _ \"net/http/pprof\" in the program, and check the port: " + captureExample},
	{"Unknown profile", "the server answered that it knows no such profile",
		"curl http://localhost:6060/debug/pprof/ lists those it has"},
	{"Could not enable CPU profiling", "the server could not start a CPU profile: another one is running",
		"wait for it to end, then take it again: " + captureExample},
	{"Could not enable tracing", "the server could not start a trace: another one is running",
		"wait for it to end, then take it again: " + captureExample},
	{"profile duration exceeds server's WriteTimeout", "the server's WriteTimeout is shorter than the capture",
		"take a shorter one, for example: curl -o cpu.pb.gz 'http://localhost:6060/debug/pprof/profile?seconds=5'"},
	{"Unauthorized", "the server answered that it wants credentials", "curl -H 'Authorization: …' URL | go-debug analyze -"},
	{"Forbidden", "the server answered that access is forbidden", "kubectl port-forward POD 6060, then: " + captureExample},
}

// decodeText reads text of no known form: a log with a goroutine dump far down, the answer
// of a server, or nothing of use.
func decodeText(ctx context.Context, r io.Reader, pos evidence.Position, t told, b budget.Budget) (*evidence.Set, error) {
	br := bufio.NewReaderSize(r, HeadSize)
	if err := serverAnswer(br); err != nil {
		return &evidence.Set{Inputs: []evidence.Input{{Position: pos, Kind: t.kind, Format: string(Text)}}}, err
	}
	set, err := gostack.Decode(ctx, br, pos, b)
	if len(set.Snapshots) > 0 || stopped(err) {
		return set, err
	}
	return &evidence.Set{Inputs: []evidence.Input{{Position: pos, Kind: t.kind, Format: string(Text)}}},
		&evidence.InputError{Err: errors.New("this is text of no known form; " + expected), Hint: captureExample}
}

// stopped reports errors that are not about what the text says.
func stopped(err error) bool {
	var over *budget.Error
	return errors.As(err, &over) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// serverAnswer recognises a short refusal of a server at the head of the text.
func serverAnswer(br *bufio.Reader) error {
	const short = 1 << 10
	head, err := br.Peek(short)
	if err == nil { // too long for one
		return nil
	}
	for _, a := range answers {
		if bytes.Contains(head, []byte(a.text)) {
			return &evidence.InputError{Err: errors.New(a.why), Hint: a.hint}
		}
	}
	return nil
}
