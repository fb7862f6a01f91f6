package source

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"sync"
	"time"

	"go-debug/analyze/evidence"
	"go-debug/analyze/recovered"
)

// Capture takes from a running program what Go programs offer over HTTP, and writes it as a
// bundle of ordinary files beside a capture.json.
//
// The plan: one goroutine profile (debug=0) first, which is cheap, tells how many goroutines
// there are and proves that the endpoint answers. Then, at the same time over the window:
//   - CPU profile, and mutex, block and allocs as deltas (?seconds=N): totals since the
//     program started would bury what happens now under what happened at start-up. One
//     request does what two and a subtraction would, and the target does the subtraction on
//     records of one clock. Totals of allocations are not lost, the heap profile holds them.
//   - goroutine snapshots, evenly spaced, the first at the start and the last at the end;
//   - heap profiles, the first before and the last after the window, up to HeapProfiles of them: what is
//     in use is a state, and only a series of it shows growth. Each is cheap and stops nothing;
//   - a scrape of /metrics every second.
//
// The trace lies midway between two snapshots, because a debug=2 snapshot stops the program
// and would show in it; where it does not fit between two it comes after the window. It runs
// inside the CPU profile on purpose: the profiler's samples then land in the trace as well
// and give it stacks of running code, while tracing costs the profile 1 to 2 % of that second.
// The last heap profile and threadcreate follow. Where it is asked for, goroutines are captured once more when
// the load has stopped and some time has passed. goroutineleak is last and once: it runs a
// garbage collection and leaves marks that later dumps show.
//
// Goroutines are counted first because full dumps stop the program: they are taken below
// StackLimit only, goroutineleak below LeakLimit. What the capture cost is recorded.
//
// A profile that the target does not have is skipped and noted. A body that was cut is kept
// and marked. When ctx ends or the disk fails, nothing is left behind: a bundle appears
// under its name only when it is whole. The error is an *evidence.InputError where there is
// advice.
func Capture(ctx context.Context, target string, opt CaptureOptions) (*Manifest, error) {
	base, err := captureBase(target)
	if err != nil {
		return nil, err
	}
	if opt, err = opt.withDefaults(); err != nil {
		return nil, err
	}
	w, err := newBundleWriter(opt.Output)
	if err != nil {
		return nil, err
	}
	defer w.discard()
	ctx, abort := context.WithCancelCause(ctx)
	defer abort(nil)
	c := &capturer{opt: opt, base: base, fetcher: newFetcher(base, opt), w: w, abort: abort}
	defer c.fetcher.close()
	if err := c.run(ctx); err != nil {
		return nil, err
	}
	m := c.result()
	if err := w.finish(m); err != nil {
		return nil, fmt.Errorf("write %s: %w", opt.Output, err)
	}
	return m, nil
}

func captureBase(target string) (*url.URL, error) {
	u, err := parseTarget(target)
	if err != nil {
		return nil, fmt.Errorf("target: %w", err)
	}
	if u == nil {
		return nil, &evidence.InputError{Err: fmt.Errorf("%q is no URL and no host:port", target),
			Hint: "go-debug capture http://localhost:6060 -o capture.zip"}
	}
	base := profileBase(u)
	if base == nil {
		return nil, &evidence.InputError{Err: fmt.Errorf("%s names one profile, not a program", display(u)),
			Hint: "read it directly: go-debug analyze " + ShellQuote(display(u))}
	}
	return base, nil
}

// IsProgram reports whether an argument of [Resolve] names a running program, which is then
// captured. What exists as a file is that file.
func IsProgram(arg string) bool {
	if _, err := os.Stat(arg); err == nil {
		return false
	}
	u, err := parseTarget(arg)
	return err == nil && u != nil && profileBase(u) != nil
}

// capturer is one capture under way.
type capturer struct {
	opt     CaptureOptions
	base    *url.URL
	fetcher *fetcher
	w       *bundleWriter
	abort   context.CancelCauseFunc
	start   time.Time

	// Of the goroutine snapshots, which are taken by one goroutine at a time.
	snapshotNo   int            // of the next files
	last         snapshot       // the last debug=0
	dumpCut      bool           // the target's runtime cut a debug=2
	stacksDenied bool           // it has been noted that debug=2 is not taken
	phase        evidence.Phase // of what is taken now

	mu  sync.Mutex
	out Manifest
}

// profile is one thing to ask for.
type profile struct {
	file, format string
	kind         evidence.Kind
	path, query  string        // under the base
	window       time.Duration // how long the target collects
	compress     bool          // the file is gzip: compress the body unless it is already
}

func pprofProfile(kind evidence.Kind) profile {
	return profile{file: string(kind) + ".pb.gz", format: "pprof", kind: kind, path: string(kind), compress: true}
}

func (p profile) over(window time.Duration) profile {
	p.window, p.query = window, fmt.Sprintf("seconds=%g", window.Seconds())
	return p
}

func (c *capturer) wants(k evidence.Kind) bool { return slices.Contains(c.opt.Kinds, k) }

func (c *capturer) run(ctx context.Context) error {
	c.start = time.Now()
	var first snapshot
	if c.wants(evidence.Goroutine) {
		var err error
		if first, err = c.firstSnapshot(ctx); err != nil {
			return err
		}
		c.estimate(first)
		c.opening(ctx, first)
	}
	if c.wants(evidence.Heap) {
		c.takeAndRecord(ctx, c.heapProfile(0))
	}
	traceAt, inside := c.traceOffset()
	window := time.Now()
	var wg sync.WaitGroup
	if c.opt.Load != nil {
		c.alongside(ctx, &wg, func() { c.load(ctx, window) })
	}
	for _, p := range c.windowed() {
		c.alongside(ctx, &wg, func() { c.takeAndRecord(ctx, p) })
	}
	if c.wants(evidence.Metrics) {
		c.alongside(ctx, &wg, func() { c.scrapes(ctx, window) })
	}
	if c.wants(evidence.Goroutine) {
		c.alongside(ctx, &wg, func() { c.snapshots(ctx, window) })
	}
	if c.wants(evidence.Heap) {
		wg.Go(func() { c.heaps(ctx, window, traceAt, inside) })
	}
	if c.wants(evidence.Execution) && inside {
		c.alongside(ctx, &wg, func() {
			if sleepUntil(ctx, window.Add(traceAt)) == nil {
				c.takeAndRecord(ctx, c.trace())
			}
		})
	}
	wg.Wait()
	if c.wants(evidence.Execution) && !inside {
		c.takeAndRecord(ctx, c.trace())
	}
	if c.wants(evidence.Heap) {
		c.takeAndRecord(ctx, c.heapProfile(HeapProfiles-1))
	}
	if c.wants(evidence.ThreadCreate) {
		c.takeAndRecord(ctx, pprofProfile(evidence.ThreadCreate))
	}
	if c.opt.Settle > 0 && c.wants(evidence.Goroutine) {
		c.settle(ctx)
	}
	if c.wants(evidence.GoroutineLeak) {
		c.leakProfile(ctx)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return c.anything()
}

// now is the time of day when the capture began, and what has passed since by a clock that nobody
// sets: when the collector's clock is set meanwhile, nothing happens before what it follows.
func (c *capturer) now() time.Time { return c.start.Add(time.Since(c.start)).UTC() }

// alongside runs f in a goroutine of its own. A panic there would end the whole process: it ends the
// capture instead.
func (c *capturer) alongside(ctx context.Context, wg *sync.WaitGroup, f func()) {
	wg.Go(func() {
		defer func() {
			if p := recover(); p != nil {
				c.abort(fmt.Errorf("capturing panicked: %s", recovered.Cause(ctx, p)))
			}
		}()
		f()
	})
}

// load drives the load, and says when it was over before the window was: what came in the
// rest of it says little.
func (c *capturer) load(ctx context.Context, window time.Time) {
	c.opt.Load(ctx)
	if took := time.Since(window); took < c.opt.For-c.opt.Every && ctx.Err() == nil {
		c.warn(fmt.Sprintf("the load ended %.1f s into a window of %.1f s", took.Seconds(), c.opt.For.Seconds()))
	}
}

// windowed are the profiles that the target collects over the whole window.
func (c *capturer) windowed() []profile {
	window := max((c.opt.For + time.Second - 1).Truncate(time.Second), time.Second)
	var out []profile
	for _, k := range []evidence.Kind{evidence.CPU, evidence.Mutex, evidence.Block, evidence.Allocs} {
		if !c.wants(k) {
			continue
		}
		p := pprofProfile(k).over(window)
		if k == evidence.CPU {
			p.path = "profile"
		}
		out = append(out, p)
	}
	return out
}

// trace is stored as it is: go tool trace reads no gzip.
func (c *capturer) trace() profile {
	return profile{file: "trace.out", format: "trace", kind: evidence.Execution, path: "trace"}.over(c.opt.Trace)
}

// traceOffset is where in the window the trace begins; false when it fits between no two
// snapshots.
func (c *capturer) traceOffset() (time.Duration, bool) {
	if !c.wants(evidence.Goroutine) {
		return (c.opt.For - c.opt.Trace) / 2, c.opt.Trace <= c.opt.For
	}
	gaps := int(c.opt.For / c.opt.Every)
	if gaps == 0 || c.opt.Trace >= c.opt.Every {
		return 0, false
	}
	return time.Duration((gaps-1)/2)*c.opt.Every + (c.opt.Every-c.opt.Trace)/2, true
}

func (c *capturer) takeAndRecord(ctx context.Context, p profile) {
	f, err := c.take(ctx, p)
	if err != nil {
		c.failed(ctx, f, err)
		return
	}
	c.record(f)
}

// take fetches one profile into its file. After an error there is none.
func (c *capturer) take(ctx context.Context, p profile) (File, error) {
	u := profileURL(c.base, p.path, p.query)
	f := File{Name: p.file, Kind: p.kind, Format: p.format, Path: requestPath(u),
		CapturedAt: c.now(), DurationS: p.window.Seconds()}
	if p.kind == evidence.Goroutine {
		f.Phase = c.phase
	}
	b, err := c.fetcher.get(ctx, u, p.window)
	if err != nil {
		c.spend(Expense{Requests: 1, RequestS: c.now().Sub(f.CapturedAt).Seconds()})
		return f, err
	}
	defer b.Close()
	n, cut, err := c.w.save(p.file, b, p.compress)
	if err != nil {
		err = fmt.Errorf("write %s: %w", p.file, err)
		c.abort(err)
		return f, err
	}
	f.Bytes = n
	c.charge(&f, c.now().Sub(f.CapturedAt))
	switch {
	case n == 0 && cut == nil:
		cut = errors.New("the answer is empty")
		fallthrough
	case n == 0:
		c.w.remove(p.file)
		return f, explain(ctx, u, cut)
	case cut != nil:
		f.Truncated = cut.Error()
	case p.window > 0 && c.now().Sub(f.CapturedAt) < p.window/2:
		// Go before 1.15 ignores ?seconds for all but CPU and trace.
		f.DurationS = 0
		c.warn(fmt.Sprintf("%s: the target answered at once: totals since it started, not of the window", p.file))
	}
	return f, nil
}

// requestPath is what was asked for, without the host.
func requestPath(u *url.URL) string {
	p := *u
	p.Scheme, p.Host, p.User = "", "", nil
	return display(&p)
}

// sleepUntil waits for a point in time or for the context.
func sleepUntil(ctx context.Context, at time.Time) error {
	t := time.NewTimer(time.Until(at))
	defer t.Stop()
	select {
	case <-t.C:
		return ctx.Err()
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
