package leak

import (
	"strings"
	"testing"

	"go-debug/analyze/evidence"
)

// listeners wait in Accept, each served by a go statement of the program.
func listeners(n uint64) evidence.Group {
	return group(evidence.WaitIO, evidence.Stack{{Function: "internal/poll.runtime_pollWait"}, {Function: "net.(*TCPListener).Accept"},
		{Function: "net/http.(*Server).Serve", File: "/go/src/net/http/server.go", Line: 3424}}, ids(100, 100+n)...)
}

// Listeners are there for good, but not one for each request.
func TestListeners(t *testing.T) {
	waiting := listeners(200)
	waiting.MaxMinutes = 60
	afterTests := settled(0, listeners(3))
	for name, tc := range map[string]struct {
		set  *evidence.Set
		want string
	}{
		"one for each request":     {repeat(6, func(i int) []evidence.Group { return one(listeners(uint64(i+1) * 10)) }), "leak/io:10 possible"},
		"counted, one a request":   {counts6(func(i int) int { return (i + 1) * 30 }), "leak/io:3424 possible"},
		"as many as there were":    {repeat(6, func(int) []evidence.Group { return one(listeners(200)) }), ""},
		"opened at the start":      {repeat(6, func(i int) []evidence.Group { return one(listeners(uint64(min(i+1, 3)) * 40)) }), ""},
		"for an hour, in one dump": {snapshots(dump(0, waiting)), ""},
		"servers that tests share": {snapshots(afterTests), ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, f := range expect(t, tc.set, tc.want).Findings {
				if !strings.Contains(f.Message, "in Accept of a listener") || !strings.HasPrefix(f.Remedy, "Close the listener") {
					t.Errorf("message %q, remedy %q", f.Message, f.Remedy)
				}
			}
		})
	}
}

func counts6(n func(i int) int) *evidence.Set {
	var set evidence.Set
	for i := range 6 {
		set.Snapshots = append(set.Snapshots, counted(i, number(evidence.WaitIO, listeners(1).Stack, n(i))))
	}
	return &set
}
