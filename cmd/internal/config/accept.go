package config

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"go-debug/report"
)

// acceptance is the form of an entry of accept.
type acceptance struct {
	Fingerprint string `yaml:"fingerprint"`
	Rule        string `yaml:"rule"`
	Function    string `yaml:"function"`
	Reason      string `yaml:"reason"`
	Until       string `yaml:"until"`
}

var acceptanceKeys = []string{"fingerprint", "rule", "function", "reason", "until"}

func (rd *reader) accept(n *yaml.Node) error {
	if n.Kind != yaml.SequenceNode {
		return rd.wrong(n, "accept", "a list of entries is expected")
	}
	for _, e := range n.Content {
		e = target(e)
		a, err := readAcceptance(e)
		if err != nil {
			return rd.wrong(e, "accept", "%w", err)
		}
		a.Origin = rd.at(e)
		rd.config.Accept = append(rd.config.Accept, a)
	}
	return nil
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
		if key := n.Content[i].Value; !slices.Contains(acceptanceKeys, key) {
			return fmt.Errorf("unknown key %q (have %s)", key, strings.Join(acceptanceKeys, ", "))
		}
	}
	return nil
}
