package cli

import (
	"github.com/spf13/cobra"

	"go-debug/analyze"
	"go-debug/report"
)

// runFlags are those of every command that analyses: what is read, what it is judged by, and
// where the report goes.
type runFlags struct {
	in  inputFlags
	pol policyFlags
	out outputFlags
}

func (f *runFlags) register(cmd *cobra.Command, def report.Policy) {
	f.in.register(cmd)
	f.pol.register(cmd, def)
	f.out.register(cmd)
}

// check refuses wrong flags before anything is read.
func (f *runFlags) check(def report.Policy) (analyze.Options, report.Policy, error) {
	if err := f.out.check(); err != nil {
		return analyze.Options{}, def, err
	}
	policy, err := f.pol.apply(def)
	if err != nil {
		return analyze.Options{}, def, err
	}
	opt, err := f.in.options()
	return opt, policy, err
}
