package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/source"
	"go-debug/cmd/internal/config"
	"go-debug/cmd/internal/gotest"
	"go-debug/report"
)

func newGate(t *terminal) *cobra.Command {
	g := &gating{t: t}
	cmd := &cobra.Command{
		Use:   "gate [INPUT...] [-- COMMAND...]",
		Short: "Fail a CI job on findings, or on what is new or worse than a baseline",
		Long: `Gate analyses like analyze and judges the result. With --baseline (a JSON report of an
earlier run, or a capture) only findings that are new or have grown fail; those known are listed.
Without it every finding of severity --fail-on and confidence --min-confidence or more fails.

Where both sides are directories of several captures, each is a run: a finding fails only if it
fails in each of them, and the scores of diff (CPU time by function, lock delay, waits, latency)
are compared by a permutation test over all of a family, at 5 %. What is worse by --min-effect
fails, too. Take eight runs a side or more; fewer than three show nothing.

Leaks are compared by fingerprint and by rate, never by totals. A known one has grown when the
goroutines that survive, per request where the requests are known and else per second, exceed
the upper 95 % bound of the baseline. One that is merely possible warns, and fails at a line
where the baseline has nobody waiting, or where significantly more goroutines stay than did there.

With a command and no INPUT, the command runs Go tests: each test binary tells which goroutines
outlive its tests, without a change to the program. With a command and one live INPUT, the
command drives load on it: goroutines are captured before it, over --for, and once more when the
command has ended and --settle has passed. Who came with the load and stays then is the
strongest evidence of a leak there is. Without a command --settle waits as long after the window:
stop the load when it says so. The command's output goes to standard error, and a command
that fails fails the gate.

` + config.FileName + ` in the directory at hand (or --config) holds the policy: findings that are accepted, each
with a reason and its last day (until); evidence that detectors require; thresholds, severities
and defaults of flags. Acceptances are judged by the day of the capture, and by today where
nobody recorded that. One that has expired fails the gate. go-debug config verify checks the file.

With --runs N the gate makes the runs itself: COMMAND is one run of this version, --base-rev REV (the
same command in a checkout of a git revision) or --base-cmd one of the other, and they take turns,
so that a machine that gets slower does so for both. A run writes its profiles into the directory
$GO_DEBUG_OUT; or, with a live INPUT, COMMAND serves it, is captured and then interrupted. A run
that fails ends the gate with 3 and what it printed, one that leaves nothing with 4.

With --self-test the gate proves that it is able to fail: it plants a regression of each kind in a
copy of the evidence (goroutines that stay, a convoy, a heap that grows, slower functions) and has
the same policy judge. A rule that does not fail is dead, and named with the reason: accepted,
beyond a threshold, too few runs, or without the evidence. Dead rules exit with 3.
--self-test=leak,cpu demands it of these alone.

It exits with 0 when the gate passes, 1 when it fails, 3 when an input (or the baseline) could
not be wholly read or the self-test found a dead rule, and 4 when a detector could not tell: a gate
never passes on evidence that is not there.`,
		Example: `  go-debug gate -- go test ./...
  ` + exampleRuns + `
  go-debug analyze -q -o baseline.json good-capture/
  go-debug gate capture/ --baseline baseline.json -o gate.md
  go-debug gate http://localhost:6060 --settle 10s --retry 1 -- hey -z 30s http://localhost:8080/`,
		RunE: func(cmd *cobra.Command, args []string) error {
			inputs, command := args, []string(nil)
			if n := cmd.ArgsLenAtDash(); n >= 0 {
				inputs, command = args[:n], args[n:]
			}
			return g.run(cmd, inputs, command)
		},
	}
	g.register(cmd, report.GatePolicy())
	f := cmd.Flags()
	f.StringVar(&g.baseline, "baseline", "", "compare with `INPUT` (what baseline save stored: a file, or the newest of a directory or an object store; a JSON report, a capture, a directory of several) and fail only on what is new or worse")
	f.Float64Var(&g.minEffect, "min-effect", report.DefaultScoreRules().MinEffect, "smallest change of a score that fails, as a `SHARE` of what was")
	g.runs.register(cmd)
	g.registerSelfTest(cmd)
	f.StringSliceVar(&g.across, "across", nil, "pass although the program of the baseline differs in `WHAT`, and compare what can be: "+strings.Join(report.Acrosses, ", "))
	f.IntVar(&g.retry, "retry", 0, "capture a live INPUT, or run the tests, up to `N` times more before failing: a finding fails only if it is there each time")
	f.DurationVar(&g.settle, "settle", 0, fmt.Sprintf("when the load has stopped, wait so long and look who is left (tests: %v unless set)", gotest.DefaultSettle))
	return cmd
}

// gating is one run of a gate.
type gating struct {
	runFlags
	t        *terminal
	baseline string
	across   []string
	retry    int
	settle   time.Duration
	runs     runsFlags
	// selfTest names what has to be able to fail, or is "all"; empty for no self-test.
	selfTest []string
	kept     map[*report.Report]*evidence.Set // of the runs, where there is a self-test
	// minEffect is the smallest change of a score that fails, where both sides have several runs.
	minEffect float64
}

const maxRetries = 10

// evidence is one attempt to see what the gate judges: a report, and the command that ran.
type attempt func(ctx context.Context) (*report.Report, *report.Command, error)

func (g *gating) run(cmd *cobra.Command, inputs, command []string) error {
	if len(command) == 0 {
		args, err := g.t.arguments(cmd, inputs, &g.in)
		if err != nil {
			return err
		}
		inputs = args
	}
	opt, policy, err := g.check(report.GatePolicy())
	if err != nil {
		return err
	}
	if err := g.checkSelfTest(); err != nil {
		return err
	}
	if err := g.runs.check(g, inputs, command); err != nil {
		return err
	}
	see, err := g.plan(cmd, inputs, command, opt)
	if err != nil {
		return err
	}
	for _, what := range g.across {
		if !slices.Contains(report.Acrosses, what) {
			return usage("--across go", "--across %s: have %s", what, strings.Join(report.Acrosses, ", "))
		}
	}
	if err := checkMinEffect(g.minEffect); err != nil {
		return err
	}
	policy.Across = g.across
	policy.Accept, policy.Require = g.t.config.Accept, g.t.config.Require
	trial := report.Trial{Growth: report.DefaultGrowth(), Policy: policy, Scores: report.DefaultScoreRules()}
	trial.Policy.Now = g.t.clock()
	trial.Scores.MinEffect = g.minEffect
	if g.baseline != "" {
		base, err := g.before(cmd.Context(), opt, policy.AllowPartial)
		if err != nil {
			return err
		}
		trial.Against(g.baseline, base.Runs)
	}
	switch {
	case g.runs.n > 0:
		see, err = g.drive(cmd.Context(), inputs, command, opt, &trial)
	case len(inputs) == 1 && len(command) == 0:
		see, err = g.replicates(cmd.Context(), inputs[0], see, &trial, opt)
	}
	if err != nil {
		return err
	}
	r, code, err := g.judge(cmd.Context(), see, trial)
	if err == nil && len(g.selfTest) > 0 {
		code, err = g.prove(cmd.Context(), r, trial, opt)
	}
	if err != nil {
		return err
	}
	if err := g.out.write(g.t, r); err != nil {
		return err
	}
	return silent(code)
}

// plan decides what is looked at, and refuses what does not go together before anything is
// read or run.
func (g *gating) plan(cmd *cobra.Command, inputs, command []string, opt analyze.Options) (attempt, error) {
	live := len(inputs) > 0 && slices.ContainsFunc(inputs, source.IsProgram)
	tests := len(inputs) == 0 && len(command) > 0
	const example = "go-debug gate http://localhost:6060 --settle 10s -- ./load.sh"
	switch {
	case cmd.ArgsLenAtDash() >= 0 && len(command) == 0:
		return nil, usage("go-debug gate -- go test ./...", "there is no command after --")
	case len(command) > 0 && !tests && (!live || len(inputs) > 1):
		return nil, usage(example, "a command drives load on one live endpoint; got %d inputs, %s", len(inputs), liveness(live))
	case g.retry < 0 || g.retry > maxRetries:
		return nil, usage("--retry 1", "--retry is %d: give a number from 0 to %d", g.retry, maxRetries)
	case g.retry > 0 && !live && !tests:
		return nil, usage("go-debug gate http://localhost:6060 --retry 1", "--retry captures again, which takes a live endpoint or a command that runs tests")
	case g.settle < 0 || g.settle > time.Hour:
		return nil, usage("--settle 10s", "--settle is %v: give a time from 0s to 1h", g.settle)
	case g.settle > 0 && !live && !tests:
		return nil, usage(example, "--settle waits for a load to end, which takes a live endpoint or a command that runs tests")
	}
	if len(command) > 0 {
		if err := findCommand(command[0]); err != nil {
			return nil, err
		}
	}
	if tests {
		if !cmd.Flags().Changed("settle") {
			g.settle = gotest.DefaultSettle
		}
		return func(ctx context.Context) (*report.Report, *report.Command, error) {
			return g.tests(ctx, command, opt)
		}, nil
	}
	return func(ctx context.Context) (*report.Report, *report.Command, error) {
		return g.watch(ctx, inputs, command, opt)
	}, nil
}

func liveness(live bool) string {
	if live {
		return "not all of them live"
	}
	return "none of them live"
}

// judge sees and judges, and again while findings fail and there are retries left.
func (g *gating) judge(ctx context.Context, see attempt, trial report.Trial) (*report.Report, int, error) {
	for n := 0; ; n++ {
		r, ran, err := see(ctx)
		if err != nil {
			return nil, 0, err
		}
		trial.Command = ran
		code := r.ApplyGate(trial)
		if code != report.ExitFindings || !r.Gate.Fails() || ran != nil && ran.ExitCode != 0 || n >= g.retry {
			return r, code, nil
		}
		g.t.note("findings fail the gate: looking again before it does (retry %d of %d)", n+1, g.retry)
		trial.Earlier = append(trial.Earlier, r)
	}
}

// watch analyses inputs, under the load of a command where there is one.
func (g *gating) watch(ctx context.Context, inputs, command []string, opt analyze.Options) (*report.Report, *report.Command, error) {
	in := g.in
	in.live.settle = g.settle
	if g.settle > 0 {
		in.live.settling = func() { g.t.settling(g.settle, len(command) > 0) }
	}
	var ran *report.Command
	var failed error
	if len(command) > 0 {
		in.live.load = func(ctx context.Context) { ran, failed = g.t.execute(ctx, command, os.Environ()) }
	}
	r, err := g.t.pipeline(ctx, inputs, &in, opt)
	if err = errors.Join(err, failed); err != nil {
		return nil, nil, err
	}
	return r, ran, nil
}

// settling tells whoever drives the load that it must end.
func (t *terminal) settling(wait time.Duration, driven bool) {
	t.endProgress()
	if driven {
		t.note("the command and the window are over: looking who is left in %v", wait)
		return
	}
	t.note("the window is over: stop the load now; looking who is left in %v", wait)
}

// before reads the baseline. What is named like a report must be one, and what was not wholly read is no
// baseline.
func (g *gating) before(ctx context.Context, opt analyze.Options, allowPartial bool) (report.Side, error) {
	if strings.EqualFold(filepath.Ext(g.baseline), ".json") {
		r, err := readReport(g.t, g.baseline)
		return report.Side{Name: g.baseline, Runs: []*report.Report{r}}, err
	}
	side, err := g.t.side(ctx, g.baseline, &g.in, opt)
	if err != nil {
		return side, err
	}
	if err := partial(side); err != nil && !allowPartial {
		return side, unreadable(fmt.Errorf("cannot use the baseline: %w", err), "go-debug analyze "+source.ShellQuote(g.baseline))
	}
	return side, nil
}

// replicates looks at an input that holds several runs: all but the last become earlier ones, in each of
// which a finding has to fail, and their scores are compared together. Any other input is left as it is.
func (g *gating) replicates(ctx context.Context, input string, see attempt, trial *report.Trial, opt analyze.Options) (attempt, error) {
	if len(runsIn(input)) == 1 && !isReport(input) && !isStored(input) {
		return see, nil
	}
	side, err := g.t.side(ctx, input, &g.in, opt)
	if err != nil {
		return nil, err
	}
	last := trial.Replicates(side.Runs)
	return func(context.Context) (*report.Report, *report.Command, error) { return last, nil, nil }, nil
}
