// Package config reads .go-debug.yaml, the file that a team keeps beside its code to say what a
// gate accepts. It is strict: what it does not know is an error, because a setting that is
// misspelt and ignored would be a gate that does something else than people believe.
//
//	accept:
//	  - fingerprint: 3f8a6c0d12ab45ef       # of the JSON report
//	    reason: the vendor's client, fixed in its v3
//	    until: 2026-12-31                   # the last day; after it the gate fails
//	  - rule: leak/*                        # or by rule and function, * stands for any text
//	    function: example.com/shop/cache.(*janitor).*
//	    reason: one per cache, and caches live as long as the process
//	    until: 2027-06-30
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v3"

	"go-debug/report"
)

// FileName is where the configuration is looked for, in the directory at hand.
const FileName = ".go-debug.yaml"

// maxBytes bounds the file: a thousand acceptances have some hundred kilobytes.
const maxBytes = 1 << 20

// Config is what the file says.
type Config struct {
	Accept []report.Acceptance
}

// file is the form of the file. Nodes keep the lines for the messages.
type file struct {
	Accept []yaml.Node `yaml:"accept"`
}

type acceptance struct {
	Fingerprint string `yaml:"fingerprint"`
	Rule        string `yaml:"rule"`
	Function    string `yaml:"function"`
	Reason      string `yaml:"reason"`
	Until       string `yaml:"until"`
}

// Read reads a configuration. name stands in messages, and in the origin of what is read.
// Errors name the line.
func Read(r io.Reader, name string) (*Config, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxBytes {
		return nil, fmt.Errorf("%s is longer than %d bytes", name, maxBytes)
	}
	var f file
	if err := decode(data, &f); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	c := &Config{}
	for i := range f.Accept {
		n := &f.Accept[i]
		a, err := readAcceptance(n)
		if err != nil {
			return nil, fmt.Errorf("%s:%d: accept: %w", name, n.Line, err)
		}
		a.Origin = fmt.Sprintf("%s:%d", name, n.Line)
		c.Accept = append(c.Accept, a)
	}
	return c, nil
}

// decode reads one document strictly. A file without any is an empty configuration.
func decode(data []byte, f *file) error {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	dec.KnownFields(true)
	err := dec.Decode(f)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil {
		var more yaml.Node
		if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
			return errors.New("has more than one document")
		}
	}
	return plain(err)
}

// readAcceptance checks one entry.
func readAcceptance(n *yaml.Node) (report.Acceptance, error) {
	var a acceptance
	if err := known(n); err != nil {
		return report.Acceptance{}, err
	}
	if err := n.Decode(&a); err != nil {
		return report.Acceptance{}, plain(err)
	}
	out := report.Acceptance{Fingerprint: a.Fingerprint, Rule: a.Rule, Function: a.Function, Reason: strings.TrimSpace(a.Reason)}
	switch {
	case a.Fingerprint != "" && (a.Rule != "" || a.Function != ""):
		return out, errors.New("has a fingerprint and a rule or function: give the fingerprint, or rule and function")
	case a.Fingerprint == "" && (a.Rule == "" || a.Function == ""):
		return out, errors.New("says not what: give a fingerprint, or a rule and a function")
	case a.Fingerprint != "" && !fingerprint.MatchString(a.Fingerprint):
		return out, fmt.Errorf("%q is no fingerprint: 16 hexadecimal digits, as in the JSON report", a.Fingerprint)
	case out.Reason == "":
		return out, errors.New("has no reason")
	case a.Until == "":
		return out, errors.New("has no until: give the last day on which it holds, YYYY-MM-DD")
	}
	day, err := report.ParseDay(a.Until)
	if err != nil {
		return out, fmt.Errorf("until: %w", err)
	}
	out.Until = day
	return out, nil
}

var fingerprint = regexp.MustCompile(`^[0-9a-f]{16}$`)

// known refuses keys of an entry that nobody reads: decoding a node does not.
func known(n *yaml.Node) error {
	if n.Kind != yaml.MappingNode {
		return errors.New("an entry has a fingerprint, or rule and function, and reason and until")
	}
	for i := 0; i < len(n.Content); i += 2 {
		switch key := n.Content[i].Value; key {
		case "fingerprint", "rule", "function", "reason", "until":
		default:
			return fmt.Errorf("unknown key %q (have fingerprint, rule, function, reason, until)", key)
		}
	}
	return nil
}

var (
	unknownField = regexp.MustCompile(`(line \d+): field (\S+) not found in type \S+`)
	noise        = regexp.MustCompile(`\s+`)
)

// plain puts the parser's words in one line, and in terms of the file.
func plain(err error) error {
	if err == nil {
		return nil
	}
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	text = strings.TrimPrefix(text, "unmarshal errors:")
	text = unknownField.ReplaceAllString(text, `$1: unknown key "$2" (have accept)`)
	return errors.New(strings.TrimSpace(noise.ReplaceAllString(text, " ")))
}
