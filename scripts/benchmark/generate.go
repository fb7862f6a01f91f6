package main

import (
	"context"
	"io"
	"os"
	"runtime/trace"
	"sync"
	"sync/atomic"
	"time"
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
