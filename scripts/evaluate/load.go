package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"time"
)

const loadServices = "scripts/evaluate/load/services"

// loadTrial is what became of a scenario.
type loadTrial struct {
	Name     string        `json:"name"`
	Seed     uint64        `json:"seed"`
	Diverges bool          `json:"diverges"` // the truth
	Cause    string        `json:"cause,omitempty"`
	Made     bool          `json:"made"` // requests piled up, where they were to
	Trace    loadJudgement `json:"trace"`
	Scrapes  loadJudgement `json:"scrapes"`
	Error    string        `json:"error,omitempty"`
}

// loadJudgement is what go-debug makes of one kind of evidence.
type loadJudgement struct {
	Verdict  string  `json:"verdict"`
	Cause    string  `json:"cause"`
	Sentence string  `json:"sentence"`
	Finding  string  `json:"finding,omitempty"`
	Alarm    bool    `json:"alarm"` // a finding was made, or the server could not answer
	Right    bool    `json:"right"` // alarm and verdict are
	RightWhy bool    `json:"right_cause"`
	QPSError float64 `json:"qps_error"` // against the middleware
	// FlightErr is that of the mean in flight, or of the interval given for it: how far it is from what lies between what the
	// middleware and the clients saw.
	FlightErr float64 `json:"in_flight_error"`
}

type loadOptions struct {
	only   *regexp.Regexp
	window time.Duration
	every  time.Duration
	json   bool
	keep   string
	seed   uint64
	runs   int
	tool   string
}

func parseLoadFlags(args []string) (loadOptions, error) {
	var opt loadOptions
	var only string
	fs := flag.NewFlagSet("load", flag.ContinueOnError)
	fs.StringVar(&only, "only", "", "run only the scenarios that `regexp` matches by name")
	fs.DurationVar(&opt.window, "for", 15*time.Second, "watch each scenario for this long")
	fs.DurationVar(&opt.every, "every", 500*time.Millisecond, "time between scrapes")
	fs.BoolVar(&opt.json, "json", false, "print the results as JSON")
	fs.StringVar(&opt.keep, "keep", "", "keep scrapes and traces in this `directory`; those that it holds already are judged without another run")
	fs.Uint64Var(&opt.seed, "seed", 1, "of the arrivals; each further run takes the next")
	fs.StringVar(&opt.tool, "tool", "", "judge by this go-debug `binary` instead of building one")
	fs.IntVar(&opt.runs, "runs", 1, "run each scenario so often")
	if err := fs.Parse(args); err != nil {
		return opt, err
	}
	var err error
	if opt.only, err = regexp.Compile(only); err != nil {
		return opt, fmt.Errorf("-only: %w", err)
	}
	return opt, nil
}

// judgeLoad runs every scenario, one at a time: they share the processors with their load generator.
func judgeLoad(ctx context.Context, opt loadOptions) error {
	if _, err := os.Stat(loadServices); err != nil {
		return fmt.Errorf("not in the module's root: %w", err)
	}
	work, err := os.MkdirTemp("", "evaluate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	services := filepath.Join(work, "services")
	if err := goBuild(ctx, ".", "./"+loadServices, services, build{}); err != nil {
		return err
	}
	if opt.tool == "" {
		opt.tool = filepath.Join(work, "go-debug")
		if err := goBuild(ctx, ".", "./cmd/go-debug", opt.tool, build{}); err != nil {
			return err
		}
	}
	if opt.keep == "" {
		opt.keep = work
	} else if err := os.MkdirAll(opt.keep, 0o755); err != nil {
		return err
	}
	var trials []loadTrial
	for _, s := range loadScenarios {
		for run := range opt.runs {
			if !opt.only.MatchString(s.name) || ctx.Err() != nil {
				continue
			}
			tr := loadTrial{Name: s.name, Seed: opt.seed + uint64(run), Diverges: s.diverges, Cause: s.cause}
			if err := s.perform(ctx, opt, services, &tr); err != nil {
				tr.Error = err.Error()
			}
			fmt.Fprintf(os.Stderr, "%s: %s\n", s.name, tr.outcome())
			trials = append(trials, tr)
		}
	}
	if opt.json {
		enc := json.NewEncoder(os.Stdout)
		enc.SetIndent("", "  ")
		err = enc.Encode(trials)
	} else {
		err = printLoad(os.Stdout, trials)
	}
	for _, t := range trials {
		if t.Error != "" {
			err = errors.Join(err, fmt.Errorf("%s: %s", t.Name, t.Error))
		}
	}
	return errors.Join(err, context.Cause(ctx))
}

func (t *loadTrial) outcome() string {
	switch {
	case t.Error != "":
		return "not measured: " + t.Error
	case !t.Made:
		return "not made, requests did not pile up on this machine: " + t.Trace.Sentence
	}
	return "\n  trace   " + t.Trace.outcome(t) + "\n  scrapes " + t.Scrapes.outcome(t)
}

func (j *loadJudgement) outcome(t *loadTrial) string {
	text := j.Verdict
	if j.Cause != "" {
		text += " by " + j.Cause
	}
	text += ": " + j.Sentence
	if j.Finding != "" {
		text += "; finding: " + j.Finding
	}
	switch {
	case j.Alarm && !t.Diverges:
		return "FALSE ALARM, " + text
	case !j.Alarm && t.Diverges:
		return "MISSED, " + text
	case !j.Right:
		return "WRONG VERDICT, " + text
	case t.Diverges && j.Cause != "" && !j.RightWhy:
		return "WRONG CAUSE, " + text
	}
	return text
}

// The load comes for a while before the window, and goes on for a while behind it: a trace ends when its server has
// the time to end it.
const (
	loadLead  = 3 * time.Second
	loadTrail = 20 * time.Second
)

// loadRun is what was seen of a scenario. Trace and scrapes stand in files beside it.
type loadRun struct {
	Traced, Scraped period
	Visits          []visit // as the middleware saw them
	Sent            []visit // and the clients
}

// perform runs one scenario, where that was not done before, and judges what its trace and its scrapes say.
func (s *scenario) perform(ctx context.Context, opt loadOptions, services string, tr *loadTrial) error {
	base := filepath.Join(opt.keep, fmt.Sprintf("%s.%d", s.name, tr.Seed))
	run, err := readRun(base + ".json")
	if errors.Is(err, fs.ErrNotExist) {
		run, err = s.run(ctx, opt, services, base, tr.Seed)
	}
	if err != nil {
		return err
	}
	tr.Made = !s.diverges || made(run.Visits, run.Scraped)
	return errors.Join(s.judge(ctx, opt.tool, base+".trace", run.Traced, run, &tr.Trace),
		s.judge(ctx, opt.tool, base+".metrics.txt", run.Scraped, run, &tr.Scrapes))
}

func readRun(file string) (run loadRun, err error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return run, err
	}
	return run, json.Unmarshal(data, &run)
}

// run takes a trace and scrapes of a service under load, both over the window.
func (s *scenario) run(ctx context.Context, opt loadOptions, services, base string, seed uint64) (run loadRun, err error) {
	url, kill, err := startService(ctx, services, "-scenario", s.name)
	if err != nil {
		return run, err
	}
	defer kill()
	unit := 1.0
	if s.measured {
		if unit, err = s.capacity(ctx, url); err != nil {
			return run, err
		}
	}
	loaded, stop := context.WithTimeout(ctx, loadLead+opt.window+loadTrail)
	defer stop()
	begin := time.Now().Add(loadLead)
	var sending, tracing sync.WaitGroup
	sent := &clientTruth{}
	sending.Go(func() { s.send(loaded, url, begin, unit, sent, rand.New(rand.NewPCG(seed, 7))) })
	var traceErr error
	tracing.Go(func() { run.Traced, traceErr = traceInto(loaded, base+".trace", url, begin, opt.window) })
	run.Scraped, err = scrapeInto(loaded, base+".metrics.txt", url, begin, opt)
	tracing.Wait()
	// A saturated server answers once nobody asks for more.
	stop()
	sending.Wait()
	if err = errors.Join(err, traceErr); err != nil {
		return run, err
	}
	if run.Visits, err = fetchTruth(url); err != nil {
		return run, err
	}
	run.Sent = sent.all()
	data, err := json.Marshal(run)
	if err != nil {
		return run, err
	}
	return run, os.WriteFile(base+".json", data, 0o644)
}
