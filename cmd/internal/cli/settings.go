package cli

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"go-debug/analyze/source"
	"go-debug/cmd/internal/config"
	"go-debug/detectors"
)

// Each flag has a value by the first that gives one: the command line, the environment (GO_DEBUG_MAX_MEMORY
// for --max-memory), the configuration for this command, the configuration for all, the default.

const configFlag = "config"

// unsettable are flags that no file and no environment sets: they are about this one call.
var unsettable = []string{"help", "version", configFlag, "base-cmd", "keep-runs"}

// originKey is where a flag keeps where its value comes from, when it is not the command line.
const originKey = "go-debug-origin"

// variable is the environment variable of a flag.
func variable(flag string) string {
	return "GO_DEBUG_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// settle gives the flags of a command that the command line leaves open their values from the environment
// and the configuration, and keeps that.
func (t *terminal) settle(cmd *cobra.Command) error {
	if !configurable(cmd) {
		return nil
	}
	c, err := t.configuration(cmd)
	if err != nil {
		return err
	}
	t.config = c
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if err == nil {
			err = t.settleFlag(cmd, f)
		}
	})
	if err == nil {
		err = t.settleThresholds(cmd)
	}
	return err
}

// configurable reports whether a command has anything to configure.
func configurable(cmd *cobra.Command) bool { return cmd.Annotations[configFlag] != "" }

// configured marks commands whose flags a file and the environment may set.
func configured(commands ...*cobra.Command) []*cobra.Command {
	for _, c := range commands {
		c.Annotations = map[string]string{configFlag: "yes"}
		takesConfig(c)
	}
	return commands
}

func takesConfig(cmd *cobra.Command) {
	cmd.Flags().String(configFlag, "", "read the policy and the defaults of flags from `FILE` (default: "+config.FileName+" where there is one; an empty FILE reads none)")
}

// settleFlag sets one flag, unless the command line has. Its origin is kept with it.
func (t *terminal) settleFlag(cmd *cobra.Command, f *pflag.Flag) error {
	if f.Changed || slices.Contains(unsettable, f.Name) {
		return nil
	}
	name := variable(f.Name)
	if text := t.getenv(name); text != "" {
		if err := setFlag(f, listed(f, text)); err != nil {
			return usage("unset "+name, "the environment's %s: %w", name, err)
		}
		return keepOrigin(f, "$"+name)
	}
	set := t.config.Flag(commandName(cmd), f.Name)
	if set == nil {
		return nil
	}
	if err := fitting(f, set); err != nil {
		return usage("go-debug config verify", "%s: %s: %w", set.Origin, f.Name, err)
	}
	return keepOrigin(f, set.Origin)
}

// fitting sets a flag to what a file says.
func fitting(f *pflag.Flag, set *config.Flag) error {
	if f.Name == "output" {
		for _, v := range set.Values {
			if _, path, named := strings.Cut(v, "="); named {
				v = path
			}
			if !within(v) {
				return fmt.Errorf("%q lies outside of the directory at hand, where a file may write nothing: use the flag, or $%s", v, variable(f.Name))
			}
		}
	}
	return setFlag(f, set.Values)
}

// within reports whether a file lies in the directory at hand or below, whatever links are on the way.
func within(name string) bool {
	if !filepath.IsLocal(name) {
		return false
	}
	if info, err := os.Lstat(name); err == nil && info.Mode()&os.ModeSymlink != 0 {
		return false
	}
	dir, err := filepath.EvalSymlinks(filepath.Dir(name))
	if errors.Is(err, os.ErrNotExist) {
		return true // writing will say that there is no such directory
	}
	return err == nil && filepath.IsLocal(dir)
}

// listed are the values that a variable gives a flag: of one that takes a list by commas, as on the command
// line, and of one that may be repeated by lines.
func listed(f *pflag.Flag, text string) []string {
	if f.Value.Type() == "stringArray" {
		return strings.Split(strings.TrimSpace(text), "\n")
	}
	return []string{text}
}

// setFlag sets a flag as if the command line had.
func setFlag(f *pflag.Flag, values []string) error {
	list, ok := f.Value.(pflag.SliceValue)
	switch {
	case ok && f.Value.Type() == "stringArray":
		f.Changed = true
		return list.Replace(values)
	case ok:
		f.Changed = true
		return f.Value.Set(strings.Join(values, ","))
	case len(values) != 1:
		return fmt.Errorf("takes one value, not %d", len(values))
	}
	f.Changed = true
	return f.Value.Set(values[0])
}

func keepOrigin(f *pflag.Flag, origin string) error {
	if f.Annotations == nil {
		f.Annotations = map[string][]string{}
	}
	f.Annotations[originKey] = []string{origin}
	return nil
}

// originOf says where the value of a flag comes from.
func originOf(f *pflag.Flag) string {
	switch {
	case len(f.Annotations[originKey]) > 0:
		return f.Annotations[originKey][0]
	case f.Changed:
		return "flag"
	}
	return "default"
}

// settleThresholds puts the thresholds of the file before those of --param, of which the last counts.
func (t *terminal) settleThresholds(cmd *cobra.Command) error {
	f := cmd.Flags().Lookup("param")
	if f == nil || len(t.config.Thresholds) == 0 {
		return nil
	}
	var all []string
	for _, th := range t.config.Thresholds {
		all = append(all, th.Name+"="+plainNumber(th.Value))
	}
	list := f.Value.(pflag.SliceValue)
	return list.Replace(append(all, list.GetSlice()...))
}

// configuration reads the file that was named, or the one at hand where there is one.
func (t *terminal) configuration(cmd *cobra.Command) (*config.Config, error) {
	name, given := t.configName(cmd)
	if name == "" {
		return &config.Config{}, nil
	}
	f, err := os.Open(name)
	if errors.Is(err, os.ErrNotExist) && !given {
		return &config.Config{}, nil
	}
	if err != nil {
		return nil, unreadable(fmt.Errorf("cannot read the configuration: %w", err), "ls -l "+source.ShellQuote(name))
	}
	defer f.Close()
	c, err := config.Read(f, name, known())
	if err != nil {
		return nil, usage("go-debug schema config", "the configuration cannot be used: %w", err)
	}
	return c, nil
}

// configName is the file to read, empty for none, and whether somebody named it.
func (t *terminal) configName(cmd *cobra.Command) (name string, given bool) {
	if f := cmd.Flags().Lookup(configFlag); f != nil && f.Changed {
		return f.Value.String(), true
	}
	if name := t.getenv(variable(configFlag)); name != "" {
		return name, true
	}
	return config.FileName, false
}

// known is what a configuration may name.
func known() *config.Known {
	k := &config.Known{Detectors: detectors.All, Commands: map[string][]config.FlagInfo{}}
	each(newRoot(&terminal{}), func(cmd *cobra.Command) {
		if !configurable(cmd) {
			return
		}
		var flags []config.FlagInfo
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if !slices.Contains(unsettable, f.Name) {
				_, list := f.Value.(pflag.SliceValue)
				_, text := pflag.UnquoteUsage(f)
				flags = append(flags, config.FlagInfo{Name: f.Name, Usage: text, Repeated: list})
			}
		})
		k.Commands[commandName(cmd)] = flags
	})
	return k
}

// each visits a command and all below it.
func each(cmd *cobra.Command, visit func(*cobra.Command)) {
	visit(cmd)
	for _, c := range cmd.Commands() {
		each(c, visit)
	}
}

// commandName is the name of a command without the program's: "baseline save".
func commandName(cmd *cobra.Command) string {
	_, name, _ := strings.Cut(cmd.CommandPath(), " ")
	return name
}

// originNotes say of each flag that an error names where its value comes from, since nobody finds on the
// command line what stands in a file.
func originNotes(cmd *cobra.Command, message string) (notes []string) {
	words := strings.FieldsFunc(message, func(r rune) bool { return strings.ContainsRune(" :,;=\"'`", r) })
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if o := originOf(f); o != "flag" && o != "default" && slices.Contains(words, "--"+f.Name) {
			notes = append(notes, fmt.Sprintf("--%s is set by %s", f.Name, o))
		}
	})
	return notes
}
