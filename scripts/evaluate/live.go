package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"sync"
	"time"
)

// compareLive has the gate judge running services, as a CI job would: it captures them itself
// around a command that drives load, looks once more when the load has gone, and tries a
// second time before it fails. Faulty services are judged once, healthy ones twice.
func (e *evaluation) compareLive(ctx context.Context, t tool, res *results) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	baselines := res.baselines()
	var heads []*trial
	for _, tr := range res.Trials {
		// Runs under load stand for their program: one of a faulty service, two of others.
		if base := baselines[tr.key()]; base != nil && base.Error == "" && tr.Pass != quiet.name {
			heads = append(heads, tr)
		}
	}
	gates := make([]gating, len(heads))
	next := make(chan int)
	var wg sync.WaitGroup
	for range e.parallel {
		wg.Go(func() {
			for i := range next {
				gates[i] = e.gateLive(ctx, t, self, heads[i], baselines[heads[i].key()])
				e.note("%s: exit code %d %s", &gates[i], gates[i].Code, gates[i].Error)
			}
		})
	}
	for i := range heads {
		select {
		case next <- i:
		case <-ctx.Done():
		}
	}
	close(next)
	wg.Wait()
	res.Gates = append(res.Gates, gates...)
	return context.Cause(ctx)
}

// settle is how long goroutines get to end after the load has gone.
const settle = 4 * time.Second

func (e *evaluation) gateLive(ctx context.Context, t tool, self string, head, base *trial) gating {
	g := gating{Name: head.Name, Build: head.Build, Head: head.State + " live " + head.pass.name, Fault: head.State == stateFaulty, Live: true}
	fail := func(err error) gating {
		g.Error = err.Error()
		return g
	}
	ctx, cancel := context.WithTimeout(ctx, 4*e.window+2*time.Minute)
	defer cancel()
	url, stop, err := e.start(ctx, head)
	if err != nil {
		return fail(err)
	}
	defer stop()
	driveFor := e.window + e.lead
	g.Code, err = t.gate(ctx, head.program.source, base.report, url, "--for", e.window.String(), "--settle", settle.String(), "--retry", "1",
		"--", self, "drive", url, strconv.FormatFloat(head.pass.perSecond, 'g', -1, 64), driveFor.String())
	if err != nil {
		return fail(err)
	}
	g.reason = "live; from its bundle: " + head.outcome()
	return g
}

// drive is the command that the gate runs: URL, requests per second, duration.
func drive(ctx context.Context, args []string) error {
	if len(args) != 3 {
		return errors.New("drive: want URL, requests per second and duration")
	}
	perSecond, err := strconv.ParseFloat(args[1], 64)
	if err != nil || perSecond <= 0 {
		return fmt.Errorf("drive: requests per second: %q", args[1])
	}
	d, err := time.ParseDuration(args[2])
	if err != nil {
		return fmt.Errorf("drive: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, d)
	defer cancel()
	// A retry drives the same process again, and customers do not come twice.
	drv := newDriver()
	drv.first = int(time.Now().Unix()) * 1000
	drv.run(ctx, args[0], pass{"driven", perSecond})
	return nil
}
