package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"go-debug/analyze/source"
	"go-debug/detectors"
)

func newExplain(t *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "explain [RULE | DETECTOR]",
		Short: "Say what a rule means, how it is found, when it is wrong and what to do",
		Long:  "Explain prints the page of a rule (leak/chan-send) or of a detector (leak). Without an argument it lists them.",
		Args:  cobra.ArbitraryArgs,
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return detectors.Names(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				_, err := fmt.Fprint(t.stdout, ruleList())
				return err
			}
			if len(args) > 1 {
				return usage("go-debug explain "+source.ShellQuote(args[0]), "go-debug explain takes one rule or detector; got %d", len(args))
			}
			d, r := detectors.Find(args[0])
			if d == nil {
				return usage("go-debug explain", "unknown rule or detector %q", args[0])
			}
			page := detectors.Page(d)
			if r != nil {
				page = detectors.RulePage(d, r)
			}
			_, err := fmt.Fprint(t.stdout, page)
			return err
		},
	}
}

func ruleList() string {
	var b strings.Builder
	for i, d := range detectors.All {
		if i > 0 {
			b.WriteByte('\n')
		}
		fmt.Fprintf(&b, "%s: %s\n", d.Name, d.Title())
		for _, r := range d.Rules {
			fmt.Fprintf(&b, "  %-34s %-6s  %s\n", r.ID, r.Severity, r.Title)
		}
	}
	return b.String()
}
