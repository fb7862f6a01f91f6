package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"go-debug/report"
)

// tool names this build: the module version where the build knows it, else "devel".
func tool() report.Tool {
	version := "devel"
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		version = info.Main.Version
	}
	return report.Tool{Name: "go-debug", Version: version, Go: runtime.Version()}
}

// versionText is what the version command and --version print.
func versionText() string {
	v := tool()
	return fmt.Sprintf("%s %s %s %s/%s\nschema %s\n", v.Name, v.Version, v.Go, runtime.GOOS, runtime.GOARCH, report.SchemaName)
}

func newVersion(t *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version, the Go toolchain it was built with, and the report schema",
		Args:  exactly("go-debug version"),
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(t.stdout, versionText())
			return err
		},
	}
}

func newSchema(t *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "schema",
		Short: "Print the JSON Schema of the report",
		Args:  exactly("go-debug schema"),
		RunE: func(*cobra.Command, []string) error {
			schema, err := report.Schema()
			if err != nil {
				return err
			}
			_, err = t.stdout.Write(schema)
			return err
		},
	}
}
