package cli

import (
	"fmt"
	"maps"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"go-debug/cmd/internal/config"
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

// schemas are the formats that have one, by what schema calls them.
func schemas() map[string]func() ([]byte, error) {
	return map[string]func() ([]byte, error){
		"baseline": report.BaselineSchema,
		"report":   report.Schema,
		"config":   func() ([]byte, error) { return config.Schema(known()) },
	}
}

func newSchema(t *terminal) *cobra.Command {
	names := slices.Sorted(maps.Keys(schemas()))
	return &cobra.Command{
		Use:       "schema [" + strings.Join(names, "|") + "]",
		Short:     "Print the JSON Schema of the report, or of another format",
		ValidArgs: names,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage("go-debug schema", "%s takes one of %s; got %d", cmd.CommandPath(), strings.Join(names, ", "), len(args))
			}
			write := schemas()[append(args, "report")[0]]
			if write == nil {
				return usage("go-debug schema", "there is no schema of %q (have %s)", args[0], strings.Join(names, ", "))
			}
			schema, err := write()
			if err != nil {
				return err
			}
			_, err = t.stdout.Write(schema)
			return err
		},
	}
}
