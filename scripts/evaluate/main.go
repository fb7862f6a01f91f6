// Command evaluate measures how well go-debug judges programs whose faults are known.
//
//	scripts/eval leaks [-only regexp] [-parallel n] [-for d] [-json]
//	scripts/eval detectors [-only regexp] [-sets fixtures,survey] [-for d] [-bundles dir] [-json]
//
// leaks builds the services of scripts/evaluate/leaks/services, faulty and mended, runs each
// under a trickle of requests and under load, captures it with go-debug capture, and prints
// what the leak detector and the gate make of it: recall and precision per confidence, the
// misses and false alarms by name, and the gate's rates. The fixtures' captures and the
// programs by which the Go project tests its leak profile, where GOROOT has them, are judged
// too.
//
//	scripts/eval load [-only regexp] [-for d] [-every d] [-seed n] [-runs n] [-keep dir] [-json]
//
// load runs the servers of scripts/evaluate/load/services, healthy and saturated in known ways, under a load of Poisson
// arrivals that waits for no reply, takes a trace and scrapes of each over the same window, and prints what the load detector makes of
// either beside the truth: verdicts, causes, false alarms, and how far throughput and concurrency are from what the servers'
// own middleware and the clients counted. Those that processors limit have to have processors: what a busy machine keeps from
// piling up is said to be not made.
//
// detectors runs all detectors over the captures of every fixture and twin, and over profiles and traces
// of test binaries that others wrote, GOROOT's above all, as a survey of healthy programs. It prints for
// each rule what was planted and found, at the top or not, and what it reports where nothing of the kind
// was planted: on twins, on others' programs, and on fixtures of other detectors.
//
// All are reports and no tests; they exit with 1 only when something could not be measured.
//
// Run it in the module's root. It listens and connects on 127.0.0.1 only.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

type options struct {
	only     *regexp.Regexp
	parallel int
	window   time.Duration
	lead     time.Duration
	json     bool
	live     bool
	anew     bool
	builds   []build
	sets     []string
	bundles  string
	tool     string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if len(os.Args) > 1 && os.Args[1] == "drive" {
		if err := drive(ctx, os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "evaluate:", err)
			os.Exit(1)
		}
		return
	}
	commands := map[string]func(context.Context, []string) error{"leaks": leaks, "load": judgeLoads, "detectors": judgeDetectors}
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: scripts/eval leaks|load|detectors [flags]; -h lists them")
		os.Exit(2)
	}
	if err := commands[os.Args[1]](ctx, os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "evaluate:", err)
		os.Exit(1)
	}
}

func parseFlags(args []string) (options, error) {
	var opt options
	var only, builds, sets string
	fs := flag.NewFlagSet("leaks", flag.ContinueOnError)
	fs.StringVar(&only, "only", "", "judge only what `regexp` matches by name")
	fs.IntVar(&opt.parallel, "parallel", 2, "run this many services at a time")
	fs.DurationVar(&opt.window, "for", 10*time.Second, "capture for this long")
	fs.DurationVar(&opt.lead, "lead", 3*time.Second, "let requests come for this long before the capture")
	fs.BoolVar(&opt.json, "json", false, "print the results as JSON")
	fs.BoolVar(&opt.live, "live", false, "let the gate also capture running services, with --settle and --retry 1")
	fs.BoolVar(&opt.anew, "anew", false, "capture the fixtures anew instead of judging the captures that they hold")
	fs.StringVar(&builds, "builds", "plain,go1.27.0", "toolchains to build the services with: plain, leakprofile (GOEXPERIMENT=goroutineleakprofile) or a GOTOOLCHAIN")
	fs.StringVar(&sets, "sets", "services,fixtures,goroot", "what to judge")
	fs.StringVar(&opt.bundles, "bundles", "", "keep the captures in this `directory`; those that it holds already are judged without another run")
	fs.StringVar(&opt.tool, "tool", "", "judge this go-debug `binary` instead of building one")
	if err := fs.Parse(args); err != nil {
		return opt, err
	}
	var err error
	if opt.only, err = regexp.Compile(only); err != nil {
		return opt, fmt.Errorf("-only: %w", err)
	}
	for b := range strings.SplitSeq(builds, ",") {
		opt.builds = append(opt.builds, newBuild(b))
	}
	opt.sets = strings.Split(sets, ",")
	for _, s := range opt.sets {
		if s != setServices && s != setFixtures && s != setGoroot {
			return opt, fmt.Errorf("-sets: no set %q", s)
		}
	}
	if opt.parallel < 1 {
		return opt, errors.New("-parallel: want at least 1")
	}
	return opt, nil
}

// What can be judged.
const (
	setServices = "services"
	setFixtures = "fixtures"
	setGoroot   = "goroot"
	setSurvey   = "survey"
)

func leaks(ctx context.Context, args []string) error {
	opt, err := parseFlags(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	if _, err := os.Stat(servicesDir); err != nil {
		return fmt.Errorf("not in the module's root: %w", err)
	}
	work, err := os.MkdirTemp("", "evaluate-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if opt.bundles == "" {
		opt.bundles = filepath.Join(work, "bundles")
	}
	if opt.tool == "" {
		opt.tool = filepath.Join(work, "go-debug")
		if err := goBuild(ctx, ".", "./cmd/go-debug", opt.tool, build{}); err != nil {
			return err
		}
	}
	if opt.tool, err = filepath.Abs(opt.tool); err != nil {
		return err
	}
	if opt.bundles, err = filepath.Abs(opt.bundles); err != nil {
		return err
	}
	e := &evaluation{options: opt, work: work}
	res, err := e.run(ctx)
	if err != nil {
		return err
	}
	if opt.json {
		if err := printJSON(os.Stdout, res); err != nil {
			return err
		}
	} else {
		res.print(os.Stdout)
	}
	return res.broken()
}

func judgeLoads(ctx context.Context, args []string) error {
	opt, err := parseLoadFlags(args)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return err
	}
	return judgeLoad(ctx, opt)
}
