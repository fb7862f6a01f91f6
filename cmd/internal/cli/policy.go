package cli

import (
	"github.com/spf13/cobra"

	"go-debug/analyze"
	"go-debug/report"
)

// policyFlags adjust what a run is judged by.
type policyFlags struct {
	failOn        string
	minConfidence string
	allowPartial  bool
}

func (p *policyFlags) register(cmd *cobra.Command, def report.Policy) {
	failOn := "none"
	if def.FailOn > 0 {
		failOn = def.FailOn.String()
	}
	f := cmd.Flags()
	f.StringVar(&p.failOn, "fail-on", failOn, "exit 1 on findings of at least this severity: info, low, medium, high or none")
	f.StringVar(&p.minConfidence, "min-confidence", def.MinConfidence.String(), "findings below this confidence do not fail: low, possible, likely or proven")
	f.BoolVar(&p.allowPartial, "allow-partial", false, "do not exit 3 because an input was cut; what was read still counts")
	completeFrom(cmd, "fail-on", []string{"none", "info", "low", "medium", "high"})
	completeFrom(cmd, "min-confidence", []string{"low", "possible", "likely", "proven"})
}

// apply merges the flags into a policy.
func (p *policyFlags) apply(pol report.Policy) (report.Policy, error) {
	pol.FailOn = 0
	if p.failOn != "none" {
		s, err := analyze.ParseSeverity(p.failOn)
		if err != nil {
			return pol, usage("--fail-on high", "--fail-on: %w", err)
		}
		pol.FailOn = s
	}
	var c analyze.Confidence
	if err := c.UnmarshalText([]byte(p.minConfidence)); err != nil {
		return pol, usage("--min-confidence likely", "--min-confidence: %w", err)
	}
	pol.MinConfidence, pol.AllowPartial = c, p.allowPartial
	return pol, nil
}
