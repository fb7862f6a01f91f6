package selectwait

import (
	"bytes"
	"context"
	"runtime/trace"
	"sync"
	"testing"

	"go-debug/analyze/budget"
	tracing "go-debug/analyze/decode/trace"
	"go-debug/analyze/evidence"
)

const crowdSize = 1200

// A hub wakes its listeners by closing a channel and making the next.
type hub struct {
	mu         sync.Mutex
	next, quit chan struct{}
	jobs       chan int
	heard      sync.WaitGroup
}

func (h *hub) listen() {
	h.mu.Lock()
	next := h.next
	h.mu.Unlock()
	for {
		h.heard.Done()
		select {
		case <-next:
			h.mu.Lock()
			next = h.next
			h.mu.Unlock()
		case <-h.jobs:
		case <-h.quit:
			return
		}
	}
}

// announce returns when every listener has heard it and is about to wait again.
func (h *hub) announce() {
	h.heard.Add(crowdSize)
	h.mu.Lock()
	old := h.next
	h.next = make(chan struct{})
	h.mu.Unlock()
	close(old)
	h.heard.Wait()
}

func (h *hub) give() {
	h.heard.Add(1)
	h.jobs <- 1
	h.heard.Wait()
}

func TestRealTrace(t *testing.T) {
	for name, tc := range map[string]struct {
		do   func(h *hub)
		want string
	}{
		"broadcasts": {func(h *hub) {
			for range 4 {
				h.announce()
			}
		}, "selectwait/herd possible"},
		"jobs for a pool": {func(h *hub) {
			for range 4 * crowdSize {
				h.give()
			}
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			h := &hub{next: make(chan struct{}), quit: make(chan struct{}), jobs: make(chan int)}
			defer close(h.quit)
			h.heard.Add(crowdSize)
			for range crowdSize {
				go h.listen()
			}
			h.heard.Wait()
			var buf bytes.Buffer
			if err := trace.Start(&buf); err != nil {
				t.Fatal(err)
			}
			tc.do(h)
			trace.Stop()
			set, err := tracing.Decode(context.Background(), &buf, evidence.Position{Source: "trace"}, budget.Default())
			if err != nil {
				t.Fatal(err)
			}
			// Where the listeners are once all is quiet, as a snapshot would show it.
			snap := parked(crowdSize, 10)
			for _, b := range set.Trace.Blocks {
				if stack := set.Trace.StackOf(b.Stack); isSelect(b.Wait, stack) && stack.Contains("go-debug/detectors/selectwait.(*hub).listen") {
					snap.Groups[0].Stack = stack
				}
			}
			set.Snapshots = append(set.Snapshots, snap)
			_, _, fs := detect(t, set)
			got := ""
			for _, f := range fs {
				got += f.Rule + " " + f.Confidence.String()
			}
			if got != tc.want {
				t.Errorf("findings %q, want %q", got, tc.want)
			}
		})
	}
}
