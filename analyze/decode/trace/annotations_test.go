package trace

import (
	"context"
	"runtime"
	rtrace "runtime/trace"
	"slices"
	"strings"
	"testing"
	"time"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

//go:noinline
func awaitAnswer(answer chan int) { <-answer }

// TestPartsOfTasksAndRegions: a report can say what the slowest tasks and regions waited for.
func TestPartsOfTasksAndRegions(t *testing.T) {
	data := record(t, func() {
		for range 5 {
			ctx, task := rtrace.NewTask(context.Background(), "fetch")
			rtrace.WithRegion(ctx, "parse", func() {
				for range 3 {
					runtime.Gosched()
				}
			})
			answer := make(chan int)
			go func() {
				defer close(answer)
				waitParked(t, 1, "chan receive", "trace.awaitAnswer") // which may take its time on a busy machine
				time.Sleep(2 * time.Millisecond)
			}()
			rtrace.WithRegion(ctx, "wait", func() { awaitAnswer(answer) })
			task.End()
		}
		// A task that ends on another goroutine than it began on: its parts are unknown.
		_, task := rtrace.NewTask(context.Background(), "handed over")
		done := make(chan bool)
		go func() { task.End(); close(done) }()
		<-done
	})
	tr := decode(t, data).Trace
	checkInvariants(t, tr)
	seen := map[string]bool{}
	for _, s := range tr.Spans {
		seen[s.Name] = true
		for _, e := range s.Exemplars {
			if known := e.Parts != nil; known != (s.Name != "handed over") {
				t.Errorf("%s: parts %+v", s.Name, e.Parts)
				continue
			}
			switch s.Name {
			case "fetch", "wait":
				if !slices.ContainsFunc(e.Parts.Blocked, func(w evidence.WaitTime) bool { return w.Wait == evidence.WaitChanRecv && w.NS >= 2e6 }) {
					t.Errorf("%s waited for %+v, not for the channel", s.Name, e.Parts.Blocked)
				}
			case "parse":
				if e.Parts.RunningNS == 0 || e.Parts.RunnableNS == 0 {
					t.Errorf("parse: parts %+v", e.Parts)
				}
			}
		}
	}
	if len(seen) != 4 {
		t.Errorf("tasks and regions %v", seen)
	}
	for _, s := range tr.Windows[0].Spans {
		if n := len(s.InFlight); s.InFlight[n-1] != 0 || total(s.Started) != total(s.Ended) || total(s.Started) == 0 {
			t.Errorf("%s: started %v, ended %v, in flight %v", s.Name, s.Started, s.Ended, s.InFlight)
		}
	}
}

// TestCallsIntoC: the runtime traces them as system calls.
func TestCallsIntoC(t *testing.T) {
	stack := func(functions ...string) (s evidence.Stack) {
		for _, f := range functions {
			s = append(s, evidence.Frame{Function: f})
		}
		return s
	}
	for _, tt := range []struct {
		stack evidence.Stack
		want  bool
	}{
		{stack("runtime.cgocall", "main._Cfunc_slow", "main.main"), true},
		{stack("runtime.entersyscall", "runtime.cgocall", "main._Cfunc_slow"), true},
		{stack("syscall.Syscall", "os.(*File).Read", "main.main"), false},
		{stack("syscall.read", "runtime.cgocall"), false},
	} {
		if got := classify(tt.stack).cgo; got != tt.want {
			t.Errorf("%v: cgo %v", tt.stack, got)
		}
	}
}

// TestCrowdedGeneration: where more events wait for others than memory allows, they are taken out of
// order, which the evidence says; it is not refused.
func TestCrowdedGeneration(t *testing.T) {
	data := record(t, func() { load(t, 4, newGeneration(t)) })
	full := decode(t, data).Trace
	set, err := decodeLimited(t, data, replayWith(1), 1)
	if err != nil {
		t.Fatal(err)
	}
	w := set.Trace.Windows[0]
	if !strings.Contains(strings.Join(w.Warnings, "\n"), "--max-memory") {
		t.Errorf("warnings %q", w.Warnings)
	}
	if whole := full.Windows[0].Events; w.Events > whole || w.Events == 0 {
		t.Errorf("%d of %d events counted", w.Events, whole)
	}
	if len(full.Windows[0].Warnings) != 0 {
		t.Errorf("with the default limit: warnings %q", full.Windows[0].Warnings)
	}
	again, err := decodeLimited(t, data, replayWith(4), 1)
	if err != nil || again.Trace.Windows[0].Events != w.Events {
		t.Errorf("4 workers: %d events, 1 worker %d; %v", again.Trace.Windows[0].Events, w.Events, err)
	}
}

// decodeLimited decodes while no more than a number of bytes of a generation may wait.
func decodeLimited(t *testing.T, data []byte, read reader, bytes int64) (*evidence.Set, error) {
	t.Helper()
	waitingLimit = bytes
	defer func() { waitingLimit = 0 }()
	return decodeWith(t.Context(), strings.NewReader(string(data)), evidence.Position{}, budget.Budget{}, read)
}
