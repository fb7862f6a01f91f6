package detectortest

import (
	"fmt"
	"go/scanner"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"go-debug/analyze"
)

// Want is one expected finding.
type Want struct {
	File    string // base name
	Line    int
	Rule    string
	Message *regexp.Regexp // nil when any message will do
	Pattern string         // what the source must be called by, written behind the string as "pattern NAME"; empty: not asked
	Low     bool           // written "// want low": of low confidence, which a healthy program may have, too
	Nowhere bool           // written "// want nowhere": of the program as a whole, without a line
}

func (w Want) String() string {
	s := w.Rule
	if w.Low {
		s = "low " + s
	}
	if w.Nowhere {
		s = "nowhere " + s
	}
	if w.Message != nil {
		s += ": " + w.Message.String()
	}
	return s
}

// Matches reports whether a finding is the expected one.
func (w Want) Matches(f *analyze.Finding) bool {
	return f.Rule == w.Rule && w.Low == (f.Confidence == analyze.Weak) && w.at(f) && (w.Message == nil || w.Message.MatchString(f.Message))
}

// at reports whether a finding is where it is expected: at the want's line, or at no line.
func (w Want) at(f *analyze.Finding) bool {
	if w.Nowhere {
		return f.Location.IsZero()
	}
	return f.Location.Line == w.Line && path.Base(strings.ReplaceAll(f.Location.File, `\`, "/")) == w.File
}

// Wants reads the comments `// want "RULE"`, `// want low "RULE"` and `// want nowhere "RULE"` of the Go files in dir, in the order of files and lines.
func Wants(dir string) ([]Want, error) {
	var wants []Want
	err := eachFile(dir, func(name string, src []byte) error {
		ws, err := wantsInFile(name, src)
		wants = append(wants, ws...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return wants, nil
}

// eachFile hands on the Go files in dir, in the order of their names.
func eachFile(dir string, do func(name string, src []byte) error) error {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		return err
	}
	for _, name := range files {
		src, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		if err := do(filepath.Base(name), src); err != nil {
			return err
		}
	}
	return nil
}

// paramComment sets a parameter for the captures of a fixture, as --param does: of rules that are off without it.
//
//	// param selectwait.min-parked-share=0.5
var paramComment = regexp.MustCompile(`(?m)^\s*// param ([a-z]+\.[a-z0-9-]+)=(\S+)$`)

// Params reads the parameters by which the captures in dir are to be analysed, from comments of its Go files.
func Params(dir string) (map[string]float64, error) {
	params := map[string]float64{}
	err := eachFile(dir, func(name string, src []byte) error {
		for _, m := range paramComment.FindAllStringSubmatch(string(src), -1) {
			v, err := strconv.ParseFloat(m[2], 64)
			if err != nil {
				return fmt.Errorf("%s: param %s: %w", name, m[1], err)
			}
			params[m[1]] = v
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return params, nil
}

func wantsInFile(name string, src []byte) ([]Want, error) {
	var wants []Want
	file := token.NewFileSet().AddFile(name, -1, len(src))
	var s scanner.Scanner
	s.Init(file, src, nil, scanner.ScanComments)
	for {
		pos, tok, lit := s.Scan()
		if tok == token.EOF {
			return wants, nil
		}
		text, ok := strings.CutPrefix(lit, "// want")
		text = strings.TrimLeft(text, " \t")
		text, low := strings.CutPrefix(text, "low ")
		text, nowhere := strings.CutPrefix(text, "nowhere ")
		if tok != token.COMMENT || !ok || text == "" || text[0] != '"' && text[0] != '`' {
			continue // code, or prose that begins with "want"
		}
		ws, err := parseWants(text)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: %w", name, file.Line(pos), err)
		}
		for _, w := range ws {
			w.File, w.Line, w.Low, w.Nowhere = name, file.Line(pos), low, nowhere
			wants = append(wants, w)
		}
	}
}

// parseWants reads one or more quoted strings "RULE" or "RULE: REGEXP", each with a pattern behind it or none.
func parseWants(text string) ([]Want, error) {
	var wants []Want
	for text = strings.TrimSpace(text); text != ""; text = strings.TrimSpace(text) {
		quoted, err := strconv.QuotedPrefix(text)
		if err != nil {
			return nil, fmt.Errorf("want: expected a quoted string at %q", text)
		}
		text = text[len(quoted):]
		s, err := strconv.Unquote(quoted)
		if err != nil {
			return nil, fmt.Errorf("want: %s: %w", quoted, err)
		}
		rule, pattern, hasPattern := strings.Cut(s, ":")
		w := Want{Rule: strings.TrimSpace(rule)}
		if !ruleID.MatchString(w.Rule) {
			return nil, fmt.Errorf("want: %q is no rule ID such as leak/chan-send", w.Rule)
		}
		if hasPattern {
			if w.Message, err = regexp.Compile(strings.TrimSpace(pattern)); err != nil {
				return nil, fmt.Errorf("want: message of %s: %w", w.Rule, err)
			}
		}
		if rest, ok := strings.CutPrefix(strings.TrimSpace(text), "pattern "); ok {
			w.Pattern, text, _ = strings.Cut(rest, " ")
		}
		wants = append(wants, w)
	}
	return wants, nil
}

var ruleID = regexp.MustCompile(`^[a-z0-9]+/[a-z0-9-]+$`)
