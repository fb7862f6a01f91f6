package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"go-debug/report"
	"go-debug/report/render"
)

// outputFlags say where a report goes and how it looks. Every format shows the same report,
// so none of them changes an exit code.
type outputFlags struct {
	format  string
	files   []string
	quiet   bool
	verbose bool
	width   int
	color   string
	redact  bool
}

func (o *outputFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVarP(&o.format, "format", "f", "text", "format of standard output: "+strings.Join(render.Names(), ", "))
	f.StringArrayVarP(&o.files, "output", "o", nil, "also write the report to `FILE`, in the format of its extension ("+strings.Join(extensions(), ", ")+") or the one named before it (gitlab=FILE); may be repeated")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "print no report on standard output")
	f.BoolVarP(&o.verbose, "verbose", "v", false, "show stacks and how each number was found")
	f.IntVar(&o.width, "width", 0, "columns of the text format (default: the terminal's, else 80)")
	f.StringVar(&o.color, "color", "auto", "colour: auto, always or never; NO_COLOR and CLICOLOR_FORCE are honoured")
	f.BoolVar(&o.redact, "redact", true, "hide user info of URLs, and labels and words of command lines that look like secrets; --redact=false shows them")
	completeFrom(cmd, "format", render.Names())
	completeFrom(cmd, "color", colorModes)
}

// completeFrom offers fixed values for a flag. The flag exists, so the error cannot occur.
func completeFrom(cmd *cobra.Command, flag string, values []string) {
	_ = cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
}

func extensions() []string {
	var out []string
	for _, f := range render.Formats {
		out = append(out, f.Extensions...)
	}
	return out
}

// check refuses unknown formats, extensions and colours before anything is read.
func (o *outputFlags) check() error {
	if _, err := render.ByName(o.format); err != nil {
		return usage("-f text", "%w", err)
	}
	for _, f := range o.files {
		if _, _, err := render.ForFile(f); err != nil {
			return usage("-o report.json", "%w", err)
		}
	}
	if !slices.Contains(colorModes, o.color) {
		return usage("--color auto", "unknown colour mode %q (have %s)", o.color, strings.Join(colorModes, ", "))
	}
	if o.width < 0 {
		return usage("--width 100", "--width is %d: give a number of columns", o.width)
	}
	return nil
}

var colorModes = []string{"auto", "always", "never"}

// write sends the report to each file and to standard output. Files come first, so that a
// closed pipe costs none of them; one that cannot be written costs none of the others. check has seen
// the names.
func (o *outputFlags) write(t *terminal, r *report.Report) error {
	if o.redact {
		r = r.Redact()
	}
	var failed error
	for _, arg := range o.files {
		format, name, err := render.ForFile(arg)
		if err != nil {
			return err
		}
		var buf bytes.Buffer
		if err := format.Render(&buf, r, render.Options{Width: o.columns(t), Verbose: o.verbose}); err != nil {
			return err
		}
		if err := t.writeFile(name, buf.Bytes()); err != nil {
			failed = errors.Join(failed, unwritten(name, err))
		}
	}
	if o.quiet {
		return failed
	}
	format, err := render.ByName(o.format)
	if err != nil {
		return err
	}
	var buf bytes.Buffer
	opt := render.Options{Width: o.columns(t), Color: o.colored(t), Verbose: o.verbose}
	if err := format.Render(&buf, r, opt); err != nil {
		return err
	}
	if _, err := io.Copy(t.stdout, &buf); err != nil && !errors.Is(err, syscall.EPIPE) {
		return errors.Join(failed, fmt.Errorf("cannot write the report: %w", err))
	}
	return failed
}

func (o *outputFlags) columns(t *terminal) int {
	switch {
	case o.width > 0:
		return o.width
	case t.width > 0:
		return t.width
	}
	return 80
}

// colored follows the flag, then NO_COLOR, then CLICOLOR_FORCE, then the terminal.
func (o *outputFlags) colored(t *terminal) bool {
	switch {
	case o.color != "auto":
		return o.color == "always"
	case t.getenv("NO_COLOR") != "":
		return false
	case t.getenv("CLICOLOR_FORCE") != "" && t.getenv("CLICOLOR_FORCE") != "0":
		return true
	}
	return t.stdoutTTY && t.getenv("TERM") != "dumb"
}
