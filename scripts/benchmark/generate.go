package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime/pprof"
	"runtime/trace"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/pprof/profile"
)

// countingWriter counts what passes, so that a generator knows when it has enough.
type countingWriter struct {
	w io.Writer
	n atomic.Int64
}

func (c *countingWriter) Write(p []byte) (int, error) {
	n, err := c.w.Write(p)
	c.n.Add(int64(n))
	return n, err
}

// generateTrace traces a program that blocks on channels, a mutex and selects until the
// trace has the wanted size.
func generateTrace(ctx context.Context, file string, size int64) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	out := &countingWriter{w: f}
	if err := trace.Start(out); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { pipeline(ctx) })
		wg.Go(func() { lockers(ctx) })
		wg.Go(func() { requests(ctx) })
	}
	for out.n.Load() < size && ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
	}
	trace.Stop()
	cancel()
	wg.Wait()
	return f.Close()
}

// pipeline passes values through three goroutines and unbuffered channels.
func pipeline(ctx context.Context) {
	a, b := make(chan int), make(chan int)
	go func() {
		defer close(b)
		for v := range a {
			b <- v + 1
		}
	}()
	go func() {
		defer close(a)
		for i := 0; ctx.Err() == nil; i++ {
			a <- i
		}
	}()
	for range b {
	}
}

// lockers contend for one mutex.
func lockers(ctx context.Context) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	shared := 0
	for range 8 {
		wg.Go(func() {
			for ctx.Err() == nil {
				mu.Lock()
				for range 200 {
					shared++
				}
				mu.Unlock()
				time.Sleep(50 * time.Microsecond)
			}
		})
	}
	wg.Wait()
}

// requests starts a goroutine per request, which selects on its answer and a deadline.
func requests(ctx context.Context) {
	for ctx.Err() == nil {
		done := make(chan struct{})
		go func() {
			_ = make([]byte, 16<<10)
			close(done)
		}()
		select {
		case <-done:
		case <-ctx.Done():
		}
	}
}

// generateProfile writes a labelled CPU profile of the wanted size, uncompressed: many
// distinct stacks over a few thousand functions, a request id label on each sample.
func generateProfile(_ context.Context, file string, size int64) error {
	rng := rand.New(rand.NewPCG(7, 7))
	p := &profile.Profile{
		SampleType: []*profile.ValueType{{Type: "samples", Unit: "count"}, {Type: "cpu", Unit: "nanoseconds"}},
		PeriodType: &profile.ValueType{Type: "cpu", Unit: "nanoseconds"},
		Period:     10_000_000, DurationNanos: 3600e9,
	}
	for i := range 4000 {
		fn := &profile.Function{ID: uint64(i + 1), Name: fmt.Sprintf("example.com/app/pkg%d.(*Type%d).Method%d", i/100, i/10, i), Filename: fmt.Sprintf("example.com/app/pkg%d/file%d.go", i/100, i/10)}
		p.Function = append(p.Function, fn)
		p.Location = append(p.Location, &profile.Location{ID: uint64(i + 1), Line: []profile.Line{{Function: fn, Line: int64(i)}}})
	}
	const bytesPerSample = 80 // measured on the output
	for i := range int(size / bytesPerSample) {
		s := &profile.Sample{Value: []int64{1, 10_000_000}, Label: map[string][]string{"request": {fmt.Sprint("r", i%50_000)}, "route": {fmt.Sprint("/v1/items/", i%40)}}}
		root := rng.IntN(50)
		for d := range 12 + rng.IntN(20) {
			s.Location = append(s.Location, p.Location[(root*80+d*7+rng.IntN(3))%len(p.Location)])
		}
		p.Sample = append(p.Sample, s)
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	if err := p.WriteUncompressed(f); err != nil {
		return err
	}
	return f.Close()
}

// generateDump parks n goroutines at a few sites and writes the debug=2 dump of them all.
func generateDump(_ context.Context, file string, n int64) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	never := make(chan int)
	var mu sync.Mutex
	mu.Lock()
	for i := range n {
		switch i % 3 {
		case 0:
			go func() { never <- 1 }()
		case 1:
			go func() { <-never }()
		default:
			go func() { mu.Lock() }()
		}
	}
	time.Sleep(time.Second) // let them park
	if err := pprof.Lookup("goroutine").WriteTo(w, 2); err != nil {
		return err
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}
