package leak

import (
	"bytes"
	"context"
	"runtime/trace"
	"sync"
	"testing"
	"time"

	"go-debug/analyze"
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

// Source is asked for where goroutines do not end: dumps may show some, a trace does.
func TestReadsCode(t *testing.T) {
	quit := make(chan int)
	defer close(quit)
	reads := func(set *evidence.Set) bool {
		return analyze.ReadsCode(set, []*analyze.Detector{Detector}, analyze.Options{})
	}
	ending := record(t, func() {
		var done sync.WaitGroup
		for range 100 {
			done.Go(func() { time.Sleep(time.Millisecond) })
			time.Sleep(100 * time.Microsecond)
		}
		done.Wait()
	})
	if reads(ending) {
		t.Error("a trace whose goroutines all end asks for the source")
	}
	leaking := record(t, func() {
		for range 100 {
			go listen(nil, quit)
		}
		settle(t, "listen", 100)
	})
	// As if they had come evenly: a busy machine may look away for the later half of the trace.
	leaking.Trace.Windows[0].Series.Created = []int64{25, 25, 25, 25}
	if res := analyzeSet(t, leaking); !reads(leaking) || len(res.Findings) == 0 {
		t.Errorf("a trace whose goroutines stay does not ask for the source; findings %v", summary(res))
	}
	if !reads(take(t, 0, 2)) {
		t.Error("a dump does not ask for the source")
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
