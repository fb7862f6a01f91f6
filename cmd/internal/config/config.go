// Package config reads .go-debug.yaml, the file that a team keeps beside its code to say by what
// policy its captures are judged. It is strict: what it does not know is an error, because a
// setting that is misspelt and ignored would be a gate that does something else than people
// believe.
//
//	accept:                                 # findings that do not fail
//	  - fingerprint: 3f8a6c0d12ab45ef       # of the JSON report
//	    reason: the vendor's client, fixed in its v3
//	    until: 2026-12-31                   # the last day; after it the gate fails
//	  - rule: leak/*                        # or by rule and function, * stands for any text
//	    function: example.com/shop/cache.(*janitor).*
//	    reason: one per cache, and caches live as long as the process
//	    until: 2027-06-30
//	thresholds:                             # of detectors, like --param
//	  leak.min-cluster: 500
//	severities:                             # of rules
//	  selectwait/*: low
//	require:                                # evidence without which a gate does not pass
//	  leak: [goroutine]
//	  inflight: any
//	flags:                                  # defaults of flags, for each command that has them
//	  max-memory: 2GiB
//	commands:                               # and for one of them
//	  gate: {fail-on: medium, output: [gate.xml, gate.md]}
package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/report"
)

// FileName is where the configuration is looked for, in the directory at hand.
const FileName = ".go-debug.yaml"

// maxBytes bounds the file: a thousand acceptances have some hundred kilobytes.
const maxBytes = 1 << 20

// Config is what the file says. Origins are "FILE:LINE".
type Config struct {
	Accept     []report.Acceptance
	Require    []report.Requirement
	Thresholds []Threshold
	Severities []Severity
	Flags      []Flag
}

// Threshold is the value of a detector's parameter.
type Threshold struct {
	Name   string // detector.parameter
	Value  float64
	Origin string
}

// Severity is how bad the rules are whose names match a pattern, instead of what their detectors say.
type Severity struct {
	Rule     string // a pattern: * stands for any text
	Severity analyze.Severity
	Origin   string
}

// Flag is the default of a command line flag.
type Flag struct {
	Command string // "gate", "baseline save"; empty: every command that has the flag
	Name    string
	Values  []string // one, but for flags that may be repeated
	Origin  string
}

// SeverityOf is the severity by rule, of those rules that the file names. Of several patterns that match
// one rule the last counts.
func (c *Config) SeverityOf(rules []string) map[string]analyze.Severity {
	out := map[string]analyze.Severity{}
	for _, s := range c.Severities {
		for _, rule := range rules {
			if report.MatchPattern(s.Rule, rule) {
				out[rule] = s.Severity
			}
		}
	}
	return out
}

// Flag is what the file says of a flag of a command: what it says for that command, else for all. It is nil
// where the file says nothing.
func (c *Config) Flag(command, name string) *Flag {
	var found *Flag
	for i := range c.Flags {
		f := &c.Flags[i]
		if f.Name == name && (f.Command == command || f.Command == "" && found == nil) {
			found = f
		}
	}
	return found
}

// Known is what a file may name, beside the keys that are fixed.
type Known struct {
	Detectors []*analyze.Detector
	// Commands are the flags of each command by its name without the program's: "gate", "baseline save".
	Commands map[string][]FlagInfo
}

// FlagInfo describes a flag.
type FlagInfo struct {
	Name     string
	Usage    string
	Repeated bool // takes a list
}

// Read reads a configuration. name stands in messages, and in the origin of what is read.
// Errors name the line.
func Read(r io.Reader, name string, known *Known) (*Config, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxBytes {
		return nil, fmt.Errorf("%s is longer than %d bytes", name, maxBytes)
	}
	root, err := decode(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	c := &Config{}
	rd := reader{file: name, known: known, config: c}
	if root == nil {
		return c, nil
	}
	return c, rd.sections(root)
}

// decode reads one document. It is nil where there is none: an empty file is an empty configuration.
func decode(data []byte) (*yaml.Node, error) {
	dec := yaml.NewDecoder(bytes.NewReader(data))
	var doc yaml.Node
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) {
		return nil, nil
	}
	if err != nil {
		return nil, plain(err)
	}
	var more yaml.Node
	if err := dec.Decode(&more); !errors.Is(err, io.EOF) {
		return nil, errors.New("has more than one document")
	}
	// Decoding into a value finds what a node lets pass: keys that stand twice, aliases without an end.
	var all any
	if err := doc.Decode(&all); err != nil {
		return nil, plain(err)
	}
	if all == nil {
		return nil, nil
	}
	return doc.Content[0], nil
}

// reader carries a file to a configuration.
type reader struct {
	file   string
	known  *Known
	config *Config
}

// section reads one key of the top level.
type section struct {
	name string
	read func(*reader, *yaml.Node) error
}

// sections lists the keys of the top level, in the order of messages and of the schema.
func sections() []section {
	return []section{
		{"accept", (*reader).accept},
		{"require", (*reader).require},
		{"thresholds", (*reader).thresholds},
		{"severities", (*reader).severities},
		{"flags", func(rd *reader, n *yaml.Node) error { return rd.flags("", n) }},
		{"commands", (*reader).commands},
	}
}

func (rd *reader) sections(root *yaml.Node) error {
	all := sections()
	return rd.entries("", root, func(key, value *yaml.Node) error {
		i := slices.IndexFunc(all, func(s section) bool { return s.name == key.Value })
		if i < 0 {
			var names []string
			for _, s := range all {
				names = append(names, s.name)
			}
			return rd.wrong(key, "", "unknown key %q (have %s)", key.Value, strings.Join(names, ", "))
		}
		if empty(value) {
			return nil
		}
		return all[i].read(rd, value)
	})
}

// entries goes over a mapping. Aliases are followed: a file may say a thing once.
func (rd *reader) entries(where string, n *yaml.Node, f func(key, value *yaml.Node) error) error {
	n = target(n)
	if n.Kind != yaml.MappingNode {
		return rd.wrong(n, where, "a mapping of keys to values is expected")
	}
	for i := 0; i < len(n.Content); i += 2 {
		if err := f(n.Content[i], target(n.Content[i+1])); err != nil {
			return err
		}
	}
	return nil
}

func target(n *yaml.Node) *yaml.Node {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	return n
}

func empty(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

// wrong is an error at a place of the file.
func (rd *reader) wrong(n *yaml.Node, where, format string, args ...any) error {
	if where != "" {
		where += ": "
	}
	return fmt.Errorf("%s: %s%w", rd.at(n), where, fmt.Errorf(format, args...))
}

func (rd *reader) at(n *yaml.Node) string { return fmt.Sprintf("%s:%d", rd.file, n.Line) }

func (rd *reader) thresholds(n *yaml.Node) error {
	return rd.entries("thresholds", n, func(key, value *yaml.Node) error {
		var v float64
		if err := value.Decode(&v); err != nil || v-v != 0 { // neither NaN nor infinite
			return rd.wrong(value, "thresholds", "%s: %q is no number", key.Value, value.Value)
		}
		opt := analyze.Options{Params: map[string]float64{key.Value: v}}
		if err := opt.Check(rd.known.Detectors); err != nil {
			return rd.wrong(key, "thresholds", "%w", err)
		}
		rd.config.Thresholds = append(rd.config.Thresholds, Threshold{key.Value, v, rd.at(key)})
		return nil
	})
}

func (rd *reader) severities(n *yaml.Node) error {
	return rd.entries("severities", n, func(key, value *yaml.Node) error {
		s, err := analyze.ParseSeverity(value.Value)
		if err != nil {
			return rd.wrong(value, "severities", "%s: %w", key.Value, err)
		}
		if !slices.ContainsFunc(Rules(rd.known.Detectors), func(rule string) bool { return report.MatchPattern(key.Value, rule) }) {
			return rd.wrong(key, "severities", "no rule matches %q (see go-debug explain)", key.Value)
		}
		rd.config.Severities = append(rd.config.Severities, Severity{key.Value, s, rd.at(key)})
		return nil
	})
}

// Rules are the IDs of all rules.
func Rules(detectors []*analyze.Detector) []string {
	var out []string
	for _, d := range detectors {
		for i := range d.Rules {
			out = append(out, d.Rules[i].ID)
		}
	}
	return out
}

// anyEvidence stands for whatever a detector can use.
const anyEvidence = "any"

func (rd *reader) require(n *yaml.Node) error {
	return rd.entries("require", n, func(key, value *yaml.Node) error {
		i := slices.IndexFunc(rd.known.Detectors, func(d *analyze.Detector) bool { return d.Name == key.Value })
		if i < 0 {
			return rd.wrong(key, "require", "unknown detector %q (see go-debug explain)", key.Value)
		}
		reads := kindsOf(rd.known.Detectors[i])
		r := report.Requirement{Detector: key.Value, Origin: rd.at(key)}
		values, err := rd.list(value)
		if err != nil {
			return rd.wrong(value, "require", "%s: %w", key.Value, err)
		}
		for _, v := range values {
			if v == anyEvidence && len(values) == 1 {
				break
			}
			if !slices.Contains(reads, v) {
				return rd.wrong(value, "require", "detector %s does not read %q (have %s, or %s alone)", key.Value, v, strings.Join(reads, ", "), anyEvidence)
			}
			r.Kinds = append(r.Kinds, evidence.Kind(v))
		}
		rd.config.Require = append(rd.config.Require, r)
		return nil
	})
}

// kindsOf are the kinds of evidence that a detector reads, each once.
func kindsOf(d *analyze.Detector) []string {
	var out []string
	for _, n := range d.Needs {
		if !slices.Contains(out, string(n.Kind)) {
			out = append(out, string(n.Kind))
		}
	}
	return out
}

func (rd *reader) commands(n *yaml.Node) error {
	return rd.entries("commands", n, func(key, value *yaml.Node) error {
		if _, ok := rd.known.Commands[key.Value]; !ok {
			return rd.wrong(key, "commands", "unknown command %q (have %s)", key.Value, strings.Join(slices.Sorted(maps.Keys(rd.known.Commands)), ", "))
		}
		return rd.flags(key.Value, value)
	})
}

// flags reads the defaults of the flags of a command, or of all commands.
func (rd *reader) flags(command string, n *yaml.Node) error {
	where := "flags"
	if command != "" {
		where = "commands: " + command
	}
	return rd.entries(where, n, func(key, value *yaml.Node) error {
		info, ok := rd.known.flag(command, key.Value)
		if !ok {
			return rd.wrong(key, where, "unknown flag %q (see go-debug %s)", key.Value, strings.TrimSpace(command+" --help"))
		}
		values, err := rd.list(value)
		switch {
		case err != nil:
			return rd.wrong(value, where, "%s: %w", key.Value, err)
		case !info.Repeated && value.Kind == yaml.SequenceNode:
			return rd.wrong(value, where, "%s takes one value, not a list", key.Value)
		}
		rd.config.Flags = append(rd.config.Flags, Flag{command, key.Value, values, rd.at(key)})
		return nil
	})
}

// flag finds a flag of a command, or of any: one that some command lets repeat may be a list then.
func (k *Known) flag(command, name string) (info FlagInfo, ok bool) {
	for c, flags := range k.Commands {
		for _, f := range flags {
			if f.Name == name && (command == "" || command == c) {
				f.Repeated = f.Repeated || info.Repeated
				info, ok = f, true
			}
		}
	}
	return info, ok
}

// list are the words of a list, or the one of a value by itself.
func (rd *reader) list(n *yaml.Node) ([]string, error) {
	nodes := []*yaml.Node{n}
	if n.Kind == yaml.SequenceNode {
		nodes = n.Content
	}
	var out []string
	for _, e := range nodes {
		e = target(e)
		if e.Kind != yaml.ScalarNode || empty(e) {
			return nil, errors.New("a value, or a list of values, is expected")
		}
		out = append(out, e.Value)
	}
	if len(out) == 0 {
		return nil, errors.New("an empty list says nothing")
	}
	return out, nil
}

var noise = regexp.MustCompile(`\s+`)

// plain puts the parser's words in one line, and in terms of the file.
func plain(err error) error {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	text = strings.TrimPrefix(text, "unmarshal errors:")
	return errors.New(strings.TrimSpace(noise.ReplaceAllString(text, " ")))
}
