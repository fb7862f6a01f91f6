// Package render shows reports. A renderer is a pure function of the report: it judges
// nothing and looks at nothing else, so that a stored report renders to the same bytes as
// a fresh one.
//
// Adding a format is one file and one line in [Formats].
package render

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"go-debug/report"
)

// Options are what a reader may choose. Formats ignore what does not concern them.
type Options struct {
	Width   int  // columns of the terminal; 0 means DefaultWidth
	Color   bool // text only; colour repeats what words say
	Verbose bool // stacks, all measures, all findings
}

// DefaultWidth is used when the width of the terminal is not known.
const DefaultWidth = 80

// minWidth is what a layout needs at least; narrower terminals wrap for themselves.
const minWidth = 40

// Format is one way to write a report.
type Format struct {
	Name       string
	Title      string   // for help texts
	Extensions []string // of files, with the dot
	Render     func(w io.Writer, r *report.Report, o Options) error
}

// Formats lists the formats, the default first.
var Formats = []*Format{text, jsonFormat, markdown, junit, tap, sarifFormat, github, gitlab, openmetrics}

// ByName finds a format.
func ByName(name string) (*Format, error) {
	for _, f := range Formats {
		if f.Name == name {
			return f, nil
		}
	}
	return nil, fmt.Errorf("unknown format %q (have %s)", name, strings.Join(Names(), ", "))
}

// ByExtension finds the format of a file by its extension.
func ByExtension(file string) (*Format, error) {
	ext := strings.ToLower(filepath.Ext(file))
	var all []string
	for _, f := range Formats {
		for _, e := range f.Extensions {
			if e == ext {
				return f, nil
			}
			all = append(all, e)
		}
	}
	return nil, fmt.Errorf("no format for the extension %q of %q (have %s; or name one: -o gitlab=FILE)", ext, file, strings.Join(all, ", "))
}

// ForFile splits what -o takes, "FILE" or "FORMAT=FILE", into format and file. Without a format the
// extension decides.
func ForFile(arg string) (f *Format, file string, err error) {
	if name, rest, ok := strings.Cut(arg, "="); ok && rest != "" {
		if f, err := ByName(name); err == nil {
			return f, rest, nil
		}
	}
	f, err = ByExtension(arg)
	return f, arg, err
}

// Names are the names of the formats, for help and completion.
func Names() []string {
	var out []string
	for _, f := range Formats {
		out = append(out, f.Name)
	}
	return out
}
