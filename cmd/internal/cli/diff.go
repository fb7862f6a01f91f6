package cli

import (
	"context"

	"github.com/spf13/cobra"

	"go-debug/report"
)

func newDiff(t *terminal) *cobra.Command {
	d := &differing{t: t}
	cmd := &cobra.Command{
		Use:   "diff BEFORE AFTER",
		Short: "Show what differs between two captures, or between two groups of them",
		Long: `Diff compares two sides score by score: CPU time and bytes allocated by function and per
request, lock delay, percentiles of waits, scheduler latency, GC pauses, throughput and latency; and
their findings. It judges nothing: that is what gate does.

A side is whatever analyze reads (a profile, a dump, a trace, a bundle), a stored JSON report or
baseline (a file, or the newest of a location), or a directory that holds several captures, bundles
or reports: each is a run of its own then. With several runs on each side a difference is told from chance by a permutation test over all scores of
a family, at 5 % for the family, and only differences of 10 % and one point of the total are shown
as such. ~ means that no difference could be shown. With one run on each side only what is
sampled can be compared at all, CPU time and allocations, from 200 samples on.

It exits with 0 whatever differs, 3 when a side could not be wholly read, and 4 when nothing could
be compared.`,
		Example: `  go-debug diff before.pb.gz after.pb.gz
  go-debug diff monday.trace tuesday.trace
  go-debug diff baseline-runs/ head-runs/ -f markdown`,
		Args: exactly("go-debug diff before.zip after.zip", "what was before", "what is now"),
		RunE: func(cmd *cobra.Command, args []string) error { return d.run(cmd.Context(), args[0], args[1]) },
	}
	d.runFlags.in.register(cmd)
	d.runFlags.out.register(cmd)
	cmd.Flags().Float64Var(&d.minEffect, "min-effect", report.DefaultScoreRules().MinEffect, "smallest change that counts, as a `SHARE` of what was")
	return cmd
}

type differing struct {
	runFlags
	t         *terminal
	minEffect float64
}

func (d *differing) run(ctx context.Context, before, after string) error {
	opt, err := d.in.options()
	if err == nil {
		err = d.out.check()
	}
	if err != nil {
		return err
	}
	rules := report.DefaultScoreRules()
	if err := checkMinEffect(d.minEffect); err != nil {
		return err
	}
	rules.MinEffect = d.minEffect
	base, err := d.t.side(ctx, before, &d.in, opt)
	if err != nil {
		return err
	}
	head, err := d.t.side(ctx, after, &d.in, opt)
	if err != nil {
		return err
	}
	r := head.Runs[len(head.Runs)-1]
	r.Diff = report.NewDiff(base, head, rules, report.DefaultGrowth())
	if err := d.out.write(d.t, r); err != nil {
		return err
	}
	for _, s := range []report.Side{base, head} {
		if err := partial(s); err != nil {
			return silent(report.ExitIncomplete)
		}
	}
	if r.Diff.Status == report.Incomparable {
		return silent(report.ExitInconclusive)
	}
	return nil
}

// checkMinEffect refuses what is no share, NaN among it.
func checkMinEffect(share float64) error {
	if share >= 0 && share <= 10 {
		return nil
	}
	return usage("--min-effect 0.1", "--min-effect is %g: give a share from 0 to 10", share)
}
