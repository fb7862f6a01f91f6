package cli

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/cmd/internal/selftest"
	"go-debug/detectors"
	"go-debug/report"
)

// everything is the value of --self-test without names.
const everything = "all"

func (g *gating) registerSelfTest(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringSliceVar(&g.selfTest, "self-test", nil, "plant a regression of each kind in a copy of the evidence and demand that the gate fails on it; "+
		"=`NAMES` demands it of these alone: "+strings.Join(selftest.Names(detectors.All), ", "))
	f.Lookup("self-test").NoOptDefVal = everything
	completeFrom(cmd, "self-test", selftest.Names(detectors.All))
}

// checkSelfTest refuses names that nothing goes by, and begins to keep evidence.
func (g *gating) checkSelfTest() error {
	if len(g.selfTest) == 0 {
		return nil
	}
	names := selftest.Names(detectors.All)
	for _, n := range g.selfTest {
		if n != everything && !slices.Contains(names, n) {
			return usage("--self-test=leak", "--self-test: nothing goes by the name %q (have %s)", n, strings.Join(names, ", "))
		}
	}
	g.kept = map[*report.Report]*evidence.Set{}
	g.in.keep = func(r *report.Report, set *evidence.Set) { g.kept[r] = set }
	return nil
}

// prove plants regressions in the runs that were judged, and records what the gate made of them.
func (g *gating) prove(ctx context.Context, r *report.Report, trial report.Trial, opt analyze.Options) (int, error) {
	runs := trial.Runs
	if len(runs) == 0 {
		runs = []*report.Report{r}
	}
	t := selftest.Test{Trial: trial, Detectors: detectors.All, Options: opt,
		Build: func(set *evidence.Set, res *analyze.Result) *report.Report { return report.New(set, res, tool()) }}
	if !slices.Contains(g.selfTest, everything) {
		t.Demand = g.selfTest
	}
	for _, run := range runs {
		set := g.kept[run]
		if set == nil {
			return 0, unreadable(fmt.Errorf("cannot test the gate: a stored report has no evidence to plant in; name the captures that it was made of"), "go-debug gate capture/ --self-test")
		}
		t.Sets = append(t.Sets, set)
	}
	plants, err := t.Run(ctx)
	if err != nil {
		return 0, err
	}
	return r.ApplySelfTest(plants), nil
}
