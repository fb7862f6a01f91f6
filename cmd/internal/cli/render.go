package cli

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"go-debug/report"
)

func newRender(t *terminal) *cobra.Command {
	var out outputFlags
	cmd := &cobra.Command{
		Use:   "render REPORT.json",
		Short: "Show a stored JSON report in another format, byte for byte as a direct run would",
		Example: `  go-debug render report.json -f markdown
  go-debug analyze -f json capture/ | go-debug render -`,
		Args: exactly("go-debug render report.json", "one REPORT.json"),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := out.check(); err != nil {
				return err
			}
			r, err := readReport(t, args[0])
			if err != nil {
				return err
			}
			return out.write(t, r)
		},
	}
	out.register(cmd)
	return cmd
}

// readReport reads a stored report from a file or, for "-", from standard input.
func readReport(t *terminal, name string) (*report.Report, error) {
	var in io.Reader = t.stdin
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, unreadable(fmt.Errorf("cannot read the report: %w", err), "go-debug analyze -o report.json INPUT")
		}
		defer f.Close()
		in = f
	}
	r, err := report.Read(in)
	if err != nil {
		return nil, unreadable(fmt.Errorf("cannot read the report %s: %w", name, err), "go-debug analyze -o report.json INPUT")
	}
	return r, nil
}
