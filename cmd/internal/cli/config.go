package cli

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"go-debug/cmd/internal/config"
	"go-debug/detectors"
	"go-debug/report"
)

func newConfig(t *terminal) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config",
		Short: "Check the configuration, and show what counts and where it comes from",
		Long: `Config is about ` + config.FileName + `, which holds the policy of a gate (accepted findings, required evidence,
thresholds, severities) and defaults of flags. go-debug schema config prints its JSON Schema.

A flag has the value of the first that gives one: the command line, the environment
(GO_DEBUG_MAX_MEMORY for --max-memory), the file for this command, the file for all, the default.`,
		Args: unknownCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			cmd.SetOut(t.stderr)
			if err := cmd.Help(); err != nil {
				return err
			}
			return silent(report.ExitUsage)
		},
	}
	cmd.AddCommand(newConfigVerify(t), newConfigShow(t))
	return cmd
}

func newConfigVerify(t *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "verify [FILE]",
		Short: "Check a configuration file wholly",
		Long: `Verify reads FILE (default: ` + config.FileName + `) like a gate does, and looks at more: the values of flags
of all commands, and which acceptances have expired today.

It exits with 0 when the file is right, 1 when an acceptance has expired, 2 when the file cannot be used, and
3 when it cannot be read.`,
		Example: `  go-debug config verify`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage("go-debug config verify", "%s takes one FILE; got %d", cmd.CommandPath(), len(args))
			}
			return t.verify(append(args, config.FileName)[0])
		},
	}
}

func (t *terminal) verify(name string) error {
	c, err := t.readConfig(name)
	if err != nil {
		return err
	}
	if err := t.verifyFlags(c); err != nil {
		return err
	}
	today := report.DayOf(t.clock())
	expired := 0
	for i := range c.Accept {
		if a := &c.Accept[i]; a.Expired(today) {
			expired++
			complain(t.stderr, fmt.Sprintf("%s: the acceptance of %s (%s) expired after %s", a.Origin, a, a.Reason, a.Until), "")
		}
	}
	if _, err := fmt.Fprintf(t.stdout, "%s: %s\n", safe(name), contents(c, expired)); err != nil {
		return err
	}
	if expired > 0 {
		return silent(report.ExitFindings)
	}
	return nil
}

// contents says what is in a configuration, in one line.
func contents(c *config.Config, expired int) string {
	parts := []string{fmt.Sprintf("%d accepted", len(c.Accept))}
	if expired > 0 {
		parts[0] += fmt.Sprintf(" (%d expired)", expired)
	}
	return strings.Join(append(parts, fmt.Sprintf("%d required", len(c.Require)), fmt.Sprintf("%d thresholds", len(c.Thresholds)),
		fmt.Sprintf("%d severities", len(c.Severities)), fmt.Sprintf("%d flags", len(c.Flags))), ", ")
}

// verifyFlags sets the flags of each command to what the file says, which a run does for its own alone.
func (t *terminal) verifyFlags(c *config.Config) error {
	var failed error
	each(newRoot(&terminal{}), func(cmd *cobra.Command) {
		if !configurable(cmd) {
			return
		}
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			set := c.Flag(commandName(cmd), f.Name)
			if set == nil || failed != nil {
				return
			}
			if err := fitting(f, set); err != nil {
				failed = usage("go-debug "+commandName(cmd)+" --help", "the configuration cannot be used: %s: %s: %w", set.Origin, f.Name, err)
			}
		})
	})
	return failed
}

func newConfigShow(t *terminal) *cobra.Command {
	var origin bool
	cmd := &cobra.Command{
		Use:   "show [COMMAND] [-- FLAG...]",
		Short: "Show the policy and the flags that count for a command (default: gate)",
		Example: `  go-debug config show --origin
  go-debug config show --origin capture
  go-debug config show --origin gate -- --fail-on medium`,
		RunE: func(cmd *cobra.Command, args []string) error {
			var flags []string
			if n := cmd.ArgsLenAtDash(); n >= 0 {
				args, flags = args[:n], args[n:]
			}
			if len(args) == 0 {
				args = []string{"gate"}
			}
			if f := cmd.Flags().Lookup(configFlag); f.Changed {
				flags = append([]string{"--" + configFlag, f.Value.String()}, flags...)
			}
			return t.show(args, flags, origin)
		},
	}
	takesConfig(cmd)
	cmd.Flags().BoolVar(&origin, "origin", false, "show where each value comes from")
	return cmd
}

// show prints what counts for a command line.
func (t *terminal) show(command, flags []string, origin bool) error {
	root := newRoot(&terminal{})
	cmd, rest, err := root.Find(command)
	if err != nil || len(rest) > 0 || !configurable(cmd) {
		return usage("go-debug config show gate", "%q is no command that can be configured (have %s)", strings.Join(command, " "),
			strings.Join(slices.Sorted(maps.Keys(known().Commands)), ", "))
	}
	if err := cmd.ParseFlags(flags); err != nil {
		return usage(cmd.CommandPath()+" --help", "%w", err)
	}
	if err := t.settle(cmd); err != nil {
		return err
	}
	w := tabwriter.NewWriter(t.stdout, 0, 0, 2, ' ', 0)
	line := func(name, value, from string) {
		if origin {
			fmt.Fprintf(w, "%s\t%s\t%s\n", name, safe(value), safe(from))
			return
		}
		fmt.Fprintf(w, "%s\t%s\n", name, safe(value))
	}
	showPolicy(t.config, line)
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if slices.Contains(unsettable, f.Name) || f.Name == "param" {
			return
		}
		line("--"+f.Name, shown(f), originOf(f))
	})
	showThresholds(t.config, line)
	return w.Flush()
}

// shown is the value of a flag for people. Headers carry credentials.
func shown(f *pflag.Flag) string {
	list, ok := f.Value.(pflag.SliceValue)
	switch {
	case f.Name == "header" && f.Changed:
		return fmt.Sprintf("(%d given)", len(list.GetSlice()))
	case ok:
		return strings.Join(list.GetSlice(), ", ")
	}
	return f.Value.String()
}

// showPolicy prints the parts of a policy that are neither flags nor thresholds.
func showPolicy(c *config.Config, line func(name, value, from string)) {
	for i := range c.Accept {
		a := &c.Accept[i]
		line("accept", fmt.Sprintf("%s until %s: %s", a, a.Until, a.Reason), a.Origin)
	}
	for _, r := range c.Require {
		line("require "+r.Detector, r.Evidence(), r.Origin)
	}
	for _, s := range c.Severities {
		line("severity "+s.Rule, s.Severity.String(), s.Origin)
	}
}

func showThresholds(c *config.Config, line func(name, value, from string)) {
	set := map[string]bool{}
	for _, th := range c.Thresholds {
		set[th.Name] = true
		line("threshold "+th.Name, plainNumber(th.Value), th.Origin)
	}
	for _, d := range detectors.All {
		for _, p := range d.Params {
			if name := d.Name + "." + p.Name; !set[name] {
				line("threshold "+name, plainNumber(p.Default), "default")
			}
		}
	}
}

// plainNumber is a number as people write it in a file.
func plainNumber(v float64) string { return strconv.FormatFloat(v, 'f', -1, 64) }

func (t *terminal) readConfig(name string) (*config.Config, error) {
	cmd := configured(&cobra.Command{Use: "go-debug"})[0]
	if err := cmd.Flags().Set(configFlag, name); err != nil {
		return nil, err
	}
	return t.configuration(cmd)
}
