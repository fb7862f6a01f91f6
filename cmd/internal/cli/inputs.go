package cli

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"go-debug/analyze"
	"go-debug/analyze/decode"
	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
	"go-debug/analyze/source"
	"go-debug/cmd/internal/config"
	"go-debug/detectors"
	"go-debug/report"
)

// inputFlags say what is read and which detectors look at it.
type inputFlags struct {
	only   []string
	params []string
	live   liveFlags
	metric metricFlags
	limits limitFlags
	labels int
	focus  []string
	code   codeFlags
	// requestRoot is a function that serves one request in a goroutine of its own.
	requestRoot string
	// keep is given the evidence of each report; nil for nobody who wants it.
	keep func(*report.Report, *evidence.Set)
}

// liveFlags shape the capture of a live endpoint.
type liveFlags struct {
	window time.Duration
	every  time.Duration
	trace  time.Duration
	gc     bool
	access accessFlags
	force  bool // take full dumps and the leak profile of any number of goroutines
	// A gate adds these: what drives the load, and how long to wait when it has stopped.
	load     func(context.Context)
	settle   time.Duration
	settling func()
}

func (l *liveFlags) register(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&l.window, "for", source.DefaultFor, "how long to watch a live endpoint")
	cmd.Flags().DurationVar(&l.every, "every", 0, "time between goroutine snapshots of a live endpoint (default: a fifth of --for, which gives 6)")
	cmd.Flags().DurationVar(&l.trace, "trace", source.DefaultTrace, "length of the execution trace of a live endpoint; a busy program writes some MB a second")
	cmd.Flags().BoolVar(&l.gc, "gc", false, "have a live endpoint collect garbage before each heap profile, which shows what was in use up to two collections ago otherwise")
	cmd.Flags().BoolVar(&l.force, "force", false, fmt.Sprintf("take full dumps and the leak profile of any number of goroutines (else below %d and %d)", source.DefaultStackLimit, source.DefaultLeakLimit))
	l.access.register(cmd)
}

func (l *liveFlags) check() error {
	if l.window < time.Second || l.window > time.Hour {
		return usage("--for 30s", "--for is %v: give a time from 1s to 1h", l.window)
	}
	if l.every != 0 && (l.every < minEvery || l.every > l.window) {
		return usage("--every 5s", "--every is %v: give a time from %v to --for", l.every, minEvery)
	}
	if l.trace < minTrace || l.trace > l.window {
		return usage("--trace 1s", "--trace is %v: give a time from %v to --for", l.trace, minTrace)
	}
	return nil
}

// minEvery bounds what repeated snapshots cost the target.
const minEvery = 100 * time.Millisecond

// minTrace is too short for most waits, and still shows who runs.
const minTrace = 10 * time.Millisecond

func (in *inputFlags) register(cmd *cobra.Command) {
	var names []string
	for _, d := range detectors.All {
		names = append(names, d.Name)
	}
	cmd.Flags().StringSliceVar(&in.only, "only", nil, "run these detectors only: "+strings.Join(names, ", "))
	cmd.Flags().StringArrayVar(&in.params, "param", nil, "set a threshold, `DETECTOR.NAME=VALUE` (see go-debug explain DETECTOR)")
	in.limits.register(cmd)
	cmd.Flags().IntVar(&in.labels, "labels", 0, "tell up to `N` labels (key=value) of a profile's samples apart and show the most frequent; "+
		"by 0 only their keys are counted, for programs may have one for each request")
	cmd.Flags().StringVar(&in.requestRoot, "request-root", "", "take each goroutine of a trace that starts in `FUNC` for a request: for servers that are neither "+
		"net/http's nor gRPC's, example.com/app.(*server).handle")
	cmd.Flags().StringSliceVar(&in.focus, "focus", nil, "blame costs on the nearest line of these `PACKAGES` and those below them, and on others only where there is none "+
		"(default: the program's module where its metrics name it, go_build_info, else all that is no module of a version)")
	in.code.register(cmd)
	in.live.register(cmd)
	in.metric.register(cmd)
	completeFrom(cmd, "only", names)
}

// options turns the flags into those of a run, and refuses what no detector knows.
func (in *inputFlags) options() (analyze.Options, error) {
	opt := analyze.Options{Only: in.only, Params: map[string]float64{}}
	if err := errors.Join(in.live.check(), in.limits.check()); err != nil {
		return opt, err
	}
	if err := in.metric.check(); err != nil {
		return opt, err
	}
	for _, p := range in.params {
		name, value, ok := strings.Cut(p, "=")
		v, err := strconv.ParseFloat(value, 64)
		if !ok || err != nil || math.IsNaN(v) || math.IsInf(v, 0) {
			return opt, usage("--param leak.min-cluster=500", "--param %q is not DETECTOR.NAME=NUMBER", p)
		}
		opt.Params[name] = v
	}
	if err := opt.Check(detectors.All); err != nil {
		return opt, usage("go-debug explain", "%w", err)
	}
	return opt, in.code.check()
}

// answerShare is the part of the bytes of an input that one answer of a live endpoint may have.
const answerShare = 4

// pipeline carries one run from arguments to a report. Everything after decoding is a pure
// function of the evidence.
func (t *terminal) pipeline(ctx context.Context, args []string, in *inputFlags, opt analyze.Options) (*report.Report, error) {
	limits, err := in.budget(t.getenv)
	if err != nil {
		return nil, err
	}
	if args, err = in.metric.inputs(args); err != nil {
		return nil, err
	}
	capture, err := t.captureOptions(in.live, args)
	if err != nil {
		return nil, err
	}
	capture.MaxBytes = limits.Bytes / answerShare
	scratch := &source.Scratch{}
	defer scratch.Close()
	reading, cancel := in.limits.deadline(ctx)
	defer cancel()
	items, problems := source.Resolve(reading, args, source.Options{
		Stdin:      t.stdin,
		Scratch:    scratch,
		Capture:    capture,
		MaxMembers: limits.Files,
		MaxSpool:   limits.Bytes / 2,
		MaxMemory:  limits.Memory,
	})
	t.endProgress()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	metric, err := in.metric.decoder()
	if err != nil {
		return nil, err
	}
	return t.judged(ctx, decode.AllNamed(reading, items, metric.Roles, limits), problems, in, opt)
}

// judged carries what was read to a report.
func (t *terminal) judged(ctx context.Context, set *evidence.Set, problems []source.Problem, in *inputFlags, opt analyze.Options) (*report.Report, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	set = evidence.Merge(set, t.unresolved(problems))
	in.narrow(set)
	var r *report.Report
	err := in.limits.within(ctx, func() error {
		opt.Severities = t.config.SeverityOf(config.Rules(detectors.All))
		read := t.readCode(ctx, &in.code, set, opt)
		res, err := analyze.Run(ctx, set, detectors.All, opt)
		if err != nil {
			return err
		}
		quote(&in.code, res.Findings)
		r = report.New(set, res, tool())
		r.Source = read
		locate(&in.code, r)
		if in.keep != nil {
			in.keep(r, set)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	t.mention(r)
	return r, nil
}

// narrow has costs blamed on the lines that the user calls their own.
func (in *inputFlags) narrow(set *evidence.Set) {
	if len(in.focus) > 0 {
		set.Narrow(in.focus, nil)
	} else if module := set.Settings().Module; module != "" {
		// Modules of a version are known for what they are.
		set.Narrow([]string{"main", module}, signature.IsDependency)
	}
}

// unresolved turns inputs that could not be opened into evidence of their own, so that the
// report names them and no format can hide them. Files that are no captures are mentioned.
func (t *terminal) unresolved(problems []source.Problem) *evidence.Set {
	set := &evidence.Set{}
	for _, p := range problems {
		if !p.Fatal {
			t.note("%s: %v", p.Name, p.Err)
			continue
		}
		set.Inputs = append(set.Inputs, evidence.Input{
			Position: evidence.Position{Source: p.Name, Seq: len(set.Inputs)},
			Kind:     evidence.Unknown, Target: source.TargetOf(p.Name), Error: p.Err.Error(), Hint: p.Hint,
		})
	}
	return set
}

// mention writes the errors of inputs to stderr, where somebody who reads only the exit code
// of a pipeline finds them.
func (t *terminal) mention(r *report.Report) {
	for _, in := range r.Inputs {
		if in.Error != "" {
			complain(t.stderr, in.Name+": "+in.Error, in.Hint)
		}
	}
}

// note writes a remark that changes no exit code.
func (t *terminal) note(format string, args ...any) {
	fmt.Fprintf(t.stderr, "go-debug: note: %s\n", safe(fmt.Sprintf(format, args...)))
}

// arguments applies the rule for standard input: a pipe is read when nothing is named.
func (t *terminal) arguments(cmd *cobra.Command, args []string, in *inputFlags) ([]string, error) {
	switch {
	case len(args) == 0 && in.metric.server != "":
		return nil, nil
	case len(args) > 0:
		if n := slices.Index(args, "-"); n >= 0 && slices.Contains(args[n+1:], "-") {
			return nil, usage("go-debug analyze -", "standard input (-) can be read once only")
		}
		return args, nil
	case !t.stdinTTY:
		return []string{"-"}, nil
	}
	cmd.SetOut(t.stderr)
	if err := cmd.Help(); err != nil {
		return nil, err
	}
	return nil, silent(report.ExitUsage)
}

// looksLikeInput reports whether an argument names something to analyse rather than a command.
func looksLikeInput(arg string) bool {
	if arg == "-" || strings.Contains(arg, "://") || strings.Contains(arg, ":") {
		return true
	}
	_, err := os.Stat(arg)
	return err == nil
}
