package cli

import (
	"github.com/spf13/cobra"

	"go-debug/report"
)

func newGate(t *terminal) *cobra.Command {
	var (
		flags    runFlags
		baseline string
	)
	cmd := &cobra.Command{
		Use:   "gate [INPUT...]",
		Short: "Fail a CI job on findings, or on what is new or worse than a baseline",
		Long: `Gate analyses like analyze and judges the result. With --baseline (a JSON report of an
earlier run) only findings that are new or have grown fail; those known are listed. Without it
every finding of severity --fail-on and confidence --min-confidence or more fails.

It exits with 0 when the gate passes, 1 when it fails, 3 when an input (or the baseline) could
not be wholly read, and 4 when a detector could not tell: a gate never passes on evidence that
is not there.`,
		Example: `  go-debug analyze -q -o baseline.json good-capture/
  go-debug gate capture/ --baseline baseline.json -o gate.md`,
		RunE: func(cmd *cobra.Command, args []string) error {
			args, err := t.arguments(cmd, args)
			if err != nil {
				return err
			}
			opt, policy, err := flags.check(report.GatePolicy())
			if err != nil {
				return err
			}
			base, err := readBaseline(t, baseline)
			if err != nil {
				return err
			}
			r, err := t.pipeline(cmd.Context(), args, &flags.in, opt)
			if err != nil {
				return err
			}
			code := r.ApplyGate(base, report.DefaultGrowth(), policy)
			if err := flags.out.write(t, r); err != nil {
				return err
			}
			return silent(code)
		},
	}
	flags.register(cmd, report.GatePolicy())
	cmd.Flags().StringVar(&baseline, "baseline", "", "compare with this JSON `REPORT` and fail only on what is new or worse")
	return cmd
}

// readBaseline reads the report to compare with; no name means no comparison.
func readBaseline(t *terminal, name string) (*report.Baseline, error) {
	if name == "" {
		return nil, nil
	}
	r, err := readReport(t, name)
	if err != nil {
		return nil, err
	}
	return &report.Baseline{Name: name, Report: r}, nil
}
