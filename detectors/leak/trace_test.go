package leak

import (
	"bytes"
	"context"
	"runtime/trace"
	"testing"
	"time"

	"go-debug/analyze/budget"
	tracing "go-debug/analyze/decode/trace"
	"go-debug/analyze/evidence"
)

// record traces this process while f runs.
func record(t *testing.T, f func()) *evidence.Set {
	t.Helper()
	var buf bytes.Buffer
	if err := trace.Start(&buf); err != nil {
		t.Fatal(err)
	}
	f()
	trace.Stop()
	pos := evidence.Position{Source: "trace", Seq: 50, At: epoch.Add(time.Minute)}
	set, err := tracing.Decode(context.Background(), &buf, pos, budget.Default())
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// The goroutines of a cohort are silent in a real trace, or they are not.
func TestRealTrace(t *testing.T) {
	for name, tc := range map[string]struct {
		wake bool
		want string
	}{
		"silent": {false, "likely"},
		"awake":  {true, "possible"},
	} {
		t.Run(name, func(t *testing.T) {
			tick, quit := make(chan int), make(chan int)
			defer close(quit)
			start := func(n int) {
				for range n {
					go listen(tick, quit)
				}
			}
			set := &evidence.Set{}
			for i := range 6 {
				start(30)
				settle(t, "listen", 30*(i+1))
				set = evidence.Merge(set, take(t, i, 2))
			}
			traced := record(t, func() {
				if tc.wake {
					for range 180 {
						tick <- 1
					}
				}
				settle(t, "listen", 180)
			})
			res := analyzeSet(t, evidence.Merge(set, traced))
			if len(res.Findings) != 1 || res.Findings[0].Confidence.String() != tc.want {
				t.Fatalf("findings %q, want one, %s", summary(res), tc.want)
			}
		})
	}
}

func listen(tick, quit chan int) {
	for {
		select {
		case <-tick:
		case <-quit:
			return
		}
	}
}
