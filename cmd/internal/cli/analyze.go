package cli

import (
	"context"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"go-debug/analyze"
	"go-debug/report"
)

func newAnalyze(t *terminal) *cobra.Command {
	a := &analysis{t: t}
	cmd := &cobra.Command{
		Use:   "analyze [INPUT...]",
		Short: "Say what is wrong, from files, bundles, pipes and live endpoints",
		Long: `Analyze reads profiles, goroutine dumps, execution traces, metrics and the outputs of load
generators (vegeta, k6, ghz, hey, wrk, fortio), recognises what each is, and reports what is
wrong. An INPUT is a file, a directory, a .zip or .tar.gz bundle, "-"
for standard input, or a live endpoint (http://host:6060, host:6060, :6060, or the URL of one
profile). A directory is one capture of one process over time; several inputs are as if they
stood in one directory, unless --separate is given. Without an INPUT a pipe is read.

It exits with 0 whatever it finds, unless --fail-on is given; with 3 when an input could not be
read or was cut, and with 4 when nothing could be checked.`,
		Example: `  go-debug analyze profile.pb.gz
  go-debug analyze capture/ trace.out
  go-debug analyze http://localhost:6060 --for 30s -o report.json
  curl -s http://localhost:6060/debug/pprof/goroutine | go-debug analyze
  vegeta attack -rate 200 -duration 30s < targets.txt | go-debug analyze
  go-debug analyze --prometheus http://localhost:9090 --prometheus-match 'job="shop"'`,
		RunE: func(cmd *cobra.Command, args []string) error {
			args, err := t.arguments(cmd, args, &a.in)
			if err != nil {
				return err
			}
			return a.run(cmd.Context(), args)
		},
	}
	a.register(cmd, report.AnalyzePolicy())
	cmd.Flags().BoolVar(&a.separate, "separate", false, "report each INPUT by itself instead of as one capture")
	return cmd
}

type analysis struct {
	runFlags
	t        *terminal
	separate bool
}

func (a *analysis) run(ctx context.Context, args []string) error {
	opt, policy, err := a.check(report.AnalyzePolicy())
	if err != nil {
		return err
	}
	if !a.separate || len(args) == 1 {
		code, err := a.one(ctx, args, opt, policy, a.out)
		if err != nil {
			return err
		}
		return silent(code)
	}
	return a.each(ctx, args, opt, policy)
}

func (a *analysis) one(ctx context.Context, args []string, opt analyze.Options, policy report.Policy, out outputFlags) (int, error) {
	r, err := a.t.pipeline(ctx, args, &a.in, opt)
	if err != nil {
		return 0, err
	}
	if err := out.write(a.t, r); err != nil {
		return 0, err
	}
	return report.Judge(r, policy).ExitCode, nil
}

// each reports every input by itself, one after the other. Files get the number of the input
// before their extension. The exit code is that of the worst.
func (a *analysis) each(ctx context.Context, args []string, opt analyze.Options, policy report.Policy) error {
	worst := report.ExitOK
	for i, arg := range args {
		out := a.out
		out.files = nil
		for _, f := range a.out.files {
			ext := filepath.Ext(f)
			out.files = append(out.files, strings.TrimSuffix(f, ext)+"."+strconv.Itoa(i+1)+ext)
		}
		code, err := a.one(ctx, []string{arg}, opt, policy, out)
		if err != nil {
			return err
		}
		worst = report.Worse(worst, code)
		if i < len(args)-1 && !out.quiet && out.format != "json" {
			if _, err := a.t.stdout.Write([]byte("\n")); err != nil {
				return err
			}
		}
	}
	return silent(worst)
}
