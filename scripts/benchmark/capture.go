package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// What the default capture costs a program under load: CPU per request and latency without and
// with it, in turns. Load generator, program and go-debug share the machine, so what go-debug itself
// takes from the program counts as well.
const (
	captureRounds    = 5
	captureSeconds   = 10
	captureRate      = 1800 // requests a second, at random times
	captureStanding  = 2000 // goroutines that wait, as those of connections and pools do
	captureWarmSpell = 2 * time.Second
)

// spell is one stretch of load.
type spell struct {
	total    time.Duration // CPU of the program
	cpu      time.Duration // the same per request
	p50, p99 time.Duration
	stall    time.Duration // the longest that the program stood still
}

func benchCapture(ctx context.Context, b *bench) error {
	t, err := b.startTarget(ctx, captureStanding)
	if err != nil {
		return err
	}
	defer t.stop()
	if _, err := t.load(ctx, captureWarmSpell); err != nil {
		return err
	}
	var without, with []spell
	for i := range captureRounds {
		s, err := t.load(ctx, captureSeconds*time.Second)
		if err != nil {
			return err
		}
		without = append(without, s)
		if s, err = t.loadUnderCapture(ctx, b, i); err != nil {
			return err
		}
		with = append(with, s)
	}
	fmt.Printf("\ncapture for %d s of a server at %d requests/s with %d goroutines (median of %d, lowest to highest)\n",
		captureSeconds, captureRate, captureStanding, captureRounds)
	fmt.Printf("%-22s %26s %26s %7s\n", "", "without", "with", "ratio")
	for _, m := range []struct {
		name string
		of   func(spell) time.Duration
	}{
		{"CPU us per request", func(s spell) time.Duration { return s.cpu }},
		{"P50 us", func(s spell) time.Duration { return s.p50 }},
		{"P99 us", func(s spell) time.Duration { return s.p99 }},
		{"longest stall us", func(s spell) time.Duration { return s.stall }},
	} {
		a, z := values(without, m.of), values(with, m.of)
		fmt.Printf("%-22s %26s %26s %7.2f\n", m.name, span(a), span(z), float64(z[len(z)/2])/float64(a[len(a)/2]))
	}
	var extra []time.Duration
	for i := range with {
		extra = append(extra, with[i].total-without[i].total)
	}
	slices.Sort(extra)
	mid := extra[len(extra)/2].Seconds()
	fmt.Printf("the capture took %.2f CPU s of the server (%.2f to %.2f): %.1f %% of a core over the window\n",
		mid, extra[0].Seconds(), extra[len(extra)-1].Seconds(), 100*mid/captureSeconds)
	return b.stalls(ctx)
}

func values(spells []spell, of func(spell) time.Duration) []time.Duration {
	var out []time.Duration
	for _, s := range spells {
		out = append(out, of(s))
	}
	slices.Sort(out)
	return out
}

func span(v []time.Duration) string {
	return fmt.Sprintf("%d (%d to %d)", v[len(v)/2].Microseconds(), v[0].Microseconds(), v[len(v)-1].Microseconds())
}

// target is the program that is captured, a child process.
type target struct {
	cmd    *exec.Cmd
	url    string
	client *http.Client
}

func (b *bench) startTarget(ctx context.Context, goroutines int64) (*target, error) {
	file := filepath.Join(b.dir, "target.url")
	os.Remove(file)
	cmd := exec.CommandContext(ctx, b.self, "--serve", file, fmt.Sprint(goroutines))
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	t := &target{cmd: cmd, client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}}
	for range 200 {
		if url, err := os.ReadFile(file); err == nil && len(url) > 0 {
			t.url = string(url)
			return t, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.stop()
	return nil, errors.New("the server did not start")
}

func (t *target) stop() {
	t.cmd.Process.Kill()
	t.cmd.Wait()
}

// number asks the program for one.
func (t *target) number(ctx context.Context, path string) (int64, error) {
	body, err := t.get(ctx, path)
	if err != nil {
		return 0, err
	}
	return strconv.ParseInt(strings.TrimSpace(body), 10, 64)
}

func (t *target) get(ctx context.Context, path string) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, t.url+path, nil)
	if err != nil {
		return "", err
	}
	resp, err := t.client.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", path, resp.Status)
	}
	return string(body), err
}

// load sends requests on a schedule, whether or not earlier ones have been answered, and measures
// latency from the time that they were due.
func (t *target) load(ctx context.Context, length time.Duration) (spell, error) {
	before, err := t.number(ctx, "/cpu")
	if err == nil {
		_, err = t.number(ctx, "/stall") // starts anew
	}
	if err != nil {
		return spell{}, err
	}
	var (
		wg        sync.WaitGroup
		mu        sync.Mutex
		latencies []time.Duration
		failed    error
	)
	start, rng := time.Now(), schedule()
	for due := time.Duration(0); due < length; due += rng(captureRate) {
		time.Sleep(time.Until(start.Add(due)))
		wg.Go(func() {
			_, err := t.get(ctx, "/work")
			took := time.Since(start.Add(due))
			mu.Lock()
			defer mu.Unlock()
			failed = errors.Join(failed, err)
			latencies = append(latencies, took)
		})
	}
	wg.Wait()
	after, err := t.number(ctx, "/cpu")
	stall, stallErr := t.number(ctx, "/stall")
	if err = errors.Join(failed, err, stallErr); err != nil {
		return spell{}, err
	}
	slices.Sort(latencies)
	n := len(latencies)
	return spell{total: time.Duration(after - before), cpu: time.Duration((after - before) / int64(n)), p50: latencies[n/2], p99: latencies[n*99/100], stall: time.Duration(stall)}, nil
}

func (t *target) loadUnderCapture(ctx context.Context, b *bench, round int) (spell, error) {
	bundle := filepath.Join(b.dir, fmt.Sprintf("round%d.zip", round))
	cmd := exec.CommandContext(ctx, b.goDebug, "capture", t.url, "--for", fmt.Sprintf("%ds", captureSeconds), "-o", bundle)
	done := make(chan error, 1)
	if err := cmd.Start(); err != nil {
		return spell{}, err
	}
	go func() { done <- cmd.Wait() }()
	s, err := t.load(ctx, captureSeconds*time.Second)
	return s, errors.Join(err, <-done, os.Remove(bundle))
}

// stalls measures what one full dump costs, beside the estimate that a capture prints.
func (b *bench) stalls(ctx context.Context) error {
	fmt.Printf("\none full dump (goroutine?debug=2), best of %d\n", runs)
	fmt.Printf("%12s %9s %10s %12s %18s\n", "goroutines", "MB", "request s", "standstill s", "us per goroutine")
	for _, n := range []int64{1000, 5000, 20_000, 100_000} {
		t, err := b.startTarget(ctx, n)
		if err != nil {
			return err
		}
		var best, stall time.Duration
		var size int
		for i := range runs {
			if _, err = t.number(ctx, "/stall"); err != nil {
				break
			}
			start := time.Now()
			var body string
			if body, err = t.get(ctx, "/debug/pprof/goroutine?debug=2"); err != nil {
				break
			}
			took := time.Since(start)
			var v int64
			if v, err = t.number(ctx, "/stall"); err != nil {
				break
			}
			if i == 0 || took < best {
				best, stall, size = took, time.Duration(v), len(body)
			}
		}
		t.stop()
		if err != nil {
			return err
		}
		fmt.Printf("%12d %9.1f %10.3f %12.3f %18.1f\n", n, float64(size)/1e6, best.Seconds(), stall.Seconds(), stall.Seconds()*1e6/float64(n))
	}
	return nil
}

// document is what a request encodes: some 100 µs of CPU, some garbage.
var document = func() any {
	type item struct {
		ID    int
		Name  string
		Tags  []string
		Price float64
	}
	var items []item
	for i := range 200 {
		items = append(items, item{i, fmt.Sprint("item ", i), []string{"a", "b", "c"}, float64(i) / 3})
	}
	return items
}()

func work(w http.ResponseWriter, _ *http.Request) {
	// As most do, it has another goroutine do a part.
	out := make(chan []byte, 1)
	go func() {
		data, err := json.Marshal(document)
		if err != nil {
			panic(err)
		}
		out <- data
	}()
	w.Write(<-out)
}
