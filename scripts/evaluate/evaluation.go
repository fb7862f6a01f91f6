package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// An evaluation is one run of the command.
type evaluation struct {
	options
	work  string
	peers *peers
	mu    sync.Mutex // of the progress on stderr
	done  int
}

// results are everything that was measured.
type results struct {
	Trials  []*trial       `json:"trials"`
	Gates   []gating       `json:"gates"`
	Goroot  []upstreamCase `json:"goroot"`
	Skipped []string       `json:"skipped"`
}

func (e *evaluation) run(ctx context.Context) (*results, error) {
	res := &results{}
	t := tool{e.tool}
	if slices.Contains(e.sets, setServices) {
		if err := e.runServices(ctx, t, res); err != nil {
			return nil, err
		}
	}
	if slices.Contains(e.sets, setFixtures) {
		if err := e.judgeFixtures(ctx, t, res); err != nil {
			return nil, err
		}
	}
	if slices.Contains(e.sets, setGoroot) {
		if err := e.judgeGoroot(ctx, t, res); err != nil {
			return nil, err
		}
	}
	return res, nil
}

// runServices runs every service in every build and pass, and has the gate compare them.
func (e *evaluation) runServices(ctx context.Context, t tool, res *results) error {
	all, err := readServices(servicesDir)
	if err != nil {
		return err
	}
	if e.peers, err = startPeers(); err != nil {
		return err
	}
	defer e.peers.close()
	for _, b := range e.builds {
		if err := b.available(ctx); err != nil {
			res.Skipped = append(res.Skipped, fmt.Sprintf("services with %s: %v", b.name, err))
			continue
		}
		programs, err := e.buildPrograms(ctx, b)
		if err != nil {
			return err
		}
		res.Trials = append(res.Trials, e.plan(all, b, programs)...)
	}
	if err := e.runTrials(ctx, t, res.Trials); err != nil {
		return err
	}
	if err := e.compareAll(ctx, t, res); err != nil || !e.live {
		return err
	}
	return e.compareLive(ctx, t, res)
}

// program is the services as they are or mended.
type program struct{ binary, source string }

func (e *evaluation) buildPrograms(ctx context.Context, b build) (map[string]program, error) {
	out := map[string]program{}
	for _, state := range []string{stateFaulty, stateMended} {
		p := program{filepath.Join(e.work, "services-"+state+"-"+b.name), filepath.Join(e.work, "src-"+state, "services")}
		if err := writeSources(servicesDir, p.source, state == stateMended); err != nil {
			return nil, err
		}
		if err := goBuild(ctx, p.source, ".", p.binary, b); err != nil {
			return nil, err
		}
		out[state] = p
	}
	return out, nil
}

// What a service is in a trial.
const (
	stateFaulty  = "faulty"
	stateMended  = "mended"
	stateHealthy = "healthy" // has never had a fault
)

func (e *evaluation) plan(all []service, b build, programs map[string]program) []*trial {
	var out []*trial
	add := func(s service, state string, passes ...pass) {
		p := programs[stateMended]
		var marks []mark
		if state == stateFaulty {
			p, marks = programs[stateFaulty], s.marks
		}
		for _, ps := range passes {
			out = append(out, &trial{Name: s.name, State: state, Build: b.name, Pass: ps.name, program: p, pass: ps, marks: marks})
		}
	}
	for _, s := range all {
		switch {
		case !e.only.MatchString(s.name):
		case len(s.marks) == 0:
			add(s, stateHealthy, quiet, load, again)
		default:
			add(s, stateFaulty, quiet, load)
			add(s, stateMended, quiet, load, again)
		}
	}
	return out
}

// runTrials keeps -parallel services running. A trial that could not be measured says so
// and does not end the others.
func (e *evaluation) runTrials(ctx context.Context, t tool, trials []*trial) error {
	if err := os.MkdirAll(e.bundles, 0o755); err != nil {
		return err
	}
	queue := make(chan *trial)
	var wg sync.WaitGroup
	for range e.parallel {
		wg.Go(func() {
			for tr := range queue {
				err := e.perform(ctx, t, tr)
				if err != nil {
					tr.Error = err.Error()
				}
				e.progress(tr, len(trials))
			}
		})
	}
	for _, tr := range trials {
		select {
		case queue <- tr:
		case <-ctx.Done():
		}
	}
	close(queue)
	wg.Wait()
	return context.Cause(ctx)
}

func (e *evaluation) progress(tr *trial, of int) {
	e.mu.Lock()
	e.done++
	done := e.done
	e.mu.Unlock()
	e.note("%d/%d %s: %s", done, of, tr, tr.outcome())
}

func (e *evaluation) note(format string, args ...any) {
	e.mu.Lock()
	defer e.mu.Unlock()
	fmt.Fprintf(os.Stderr, format+"\n", args...)
}

// broken is an error when something could not be measured.
func (r *results) broken() error {
	var all []error
	for _, t := range r.Trials {
		if t.Error != "" {
			all = append(all, fmt.Errorf("%s: %s", t, t.Error))
		}
	}
	for _, g := range r.Gates {
		if g.Error != "" {
			all = append(all, fmt.Errorf("gate %s: %s", g.Name, g.Error))
		}
	}
	for _, c := range r.Goroot {
		if c.Error != "" {
			all = append(all, fmt.Errorf("%s: %s", c.Name, c.Error))
		}
	}
	return errors.Join(all...)
}
