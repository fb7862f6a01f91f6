package config

import (
	"maps"
	"reflect"
	"strings"
	"testing"

	"go-debug/analyze"
	"go-debug/detectors"
)

// sample is what files of the tests may name.
func sample() *Known {
	return &Known{Detectors: detectors.All, Commands: map[string][]FlagInfo{
		"gate":    {{Name: "fail-on"}, {Name: "output", Repeated: true}, {Name: "only", Repeated: true}},
		"capture": {{Name: "output"}, {Name: "for"}},
	}}
}

func TestRead(t *testing.T) {
	c, err := Read(strings.NewReader(`
# what we know of
accept:
  - fingerprint: 3f8a6c0d12ab45ef
    reason: "the vendor's client"
    until: 2026-12-31
  - {rule: leak/*, function: 'main.(*pool).*', reason: a pool, until: "2027-01-01"}
`), ".go-debug.yaml", sample())
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Accept) != 2 {
		t.Fatalf("accept %+v", c.Accept)
	}
	a, b := c.Accept[0], c.Accept[1]
	if a.Fingerprint != "3f8a6c0d12ab45ef" || a.Reason != "the vendor's client" || a.Until.String() != "2026-12-31" || a.Origin != ".go-debug.yaml:4" {
		t.Errorf("first %+v", a)
	}
	if b.Rule != "leak/*" || b.Function != "main.(*pool).*" || b.Until.String() != "2027-01-01" || b.Origin != ".go-debug.yaml:7" {
		t.Errorf("second %+v", b)
	}
	for _, empty := range []string{"", "# nothing yet\n", "accept:\n", "accept: []\n", "---\n", "flags:\nrequire:\n"} {
		if c, err := Read(strings.NewReader(empty), "f", sample()); err != nil || len(c.Accept) != 0 {
			t.Errorf("%q: %+v, %v", empty, c, err)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	entry := func(fields string) string { return "accept:\n  - {" + fields + "}\n" }
	const good = "fingerprint: 3f8a6c0d12ab45ef, reason: r, until: 2026-12-31"
	for name, c := range map[string]struct{ text, want string }{
		"unknown key":              {"acept: []\n", `f:1: unknown key "acept" (have accept, require, thresholds, severities, flags, commands)`},
		"unknown key of an entry":  {entry(good + ", untill: 2027-01-01"), `f:2: accept: unknown key "untill"`},
		"no reason":                {entry("fingerprint: 3f8a6c0d12ab45ef, until: 2026-12-31"), "f:2: accept: has no reason"},
		"a blank reason":           {entry("fingerprint: 3f8a6c0d12ab45ef, reason: '  ', until: 2026-12-31"), "has no reason"},
		"no until":                 {entry("fingerprint: 3f8a6c0d12ab45ef, reason: r"), "has no until"},
		"no day":                   {entry("fingerprint: 3f8a6c0d12ab45ef, reason: r, until: next year"), `until: "next year" is no day`},
		"an impossible day":        {entry("fingerprint: 3f8a6c0d12ab45ef, reason: r, until: 2026-02-30"), "is no day"},
		"nothing named":            {entry("reason: r, until: 2026-12-31"), "says not what"},
		"a rule alone":             {entry("rule: leak/*, reason: r, until: 2026-12-31"), "says not what"},
		"both ways":                {entry(good + ", rule: leak/*"), "has a fingerprint and a rule"},
		"no fingerprint":           {entry("fingerprint: abc, reason: r, until: 2026-12-31"), `"abc" is no fingerprint`},
		"an entry that is a word":  {"accept:\n  - leak\n", "f:2: accept: an entry has"},
		"accept is no list":        {"accept: all\n", "f:1: accept: a list of entries is expected"},
		"a key twice":              {"accept: []\naccept: []\n", "already"},
		"a key twice in an entry":  {"accept:\n  - fingerprint: 3f8a6c0d12ab45ef\n    reason: r\n    reason: s\n    until: 2026-12-31\n", "already"},
		"two documents":            {"accept: []\n---\naccept: []\n", "more than one document"},
		"no YAML":                  {"accept: [\n", "f: "},
		"a list in place of a map": {"- accept\n", "f:1: a mapping"},
		"an alias of itself":       {"a: &a [*a]\n", "f: "},
		"no parameter":             {"thresholds: {leak.min-clusters: 1}\n", `f:1: thresholds: unknown parameter "leak.min-clusters"`},
		"no number":                {"thresholds: {leak.min-cluster: many}\n", `f:1: thresholds: leak.min-cluster: "many" is no number`},
		"not a number":             {"thresholds: {leak.min-cluster: .nan}\n", "is no number"},
		"infinite":                 {"thresholds: {leak.min-cluster: .inf}\n", "is no number"},
		"no rule":                  {"severities: {leak/chan-sent: low}\n", `f:1: severities: no rule matches "leak/chan-sent"`},
		"no severity":              {"severities: {leak/*: grave}\n", `f:1: severities: leak/*: unknown severity "grave"`},
		"no detector":              {"require: {leaks: any}\n", `f:1: require: unknown detector "leaks"`},
		"no evidence of it":        {"require: {leak: [goroutine, cpu]}\n", `f:1: require: detector leak does not read "cpu"`},
		"any beside another":       {"require: {leak: [any, goroutine]}\n", `does not read "any"`},
		"nothing required":         {"require: {leak: []}\n", "an empty list says nothing"},
		"an unknown flag":          {"flags: {fail_on: high}\n", `f:1: flags: unknown flag "fail_on"`},
		"a flag of another":        {"commands:\n  gate: {for: 30s}\n", `f:2: commands: gate: unknown flag "for" (see go-debug gate --help)`},
		"a list for one":           {"commands: {capture: {output: [a, b]}}\n", "output takes one value, not a list"},
		"a map for a flag":         {"flags: {for: {a: b}}\n", "a value, or a list of values, is expected"},
		"nothing for a flag":       {"flags: {for: }\n", "a value, or a list of values, is expected"},
		"an unknown command":       {"commands: {gates: {}}\n", `f:1: commands: unknown command "gates" (have capture, gate)`},
		"flags that are a list":    {"flags: [a]\n", "f:1: flags: a mapping of keys to values is expected"},
		"too long":                 {"# " + strings.Repeat("x", maxBytes), "longer than"},
	} {
		got, err := Read(strings.NewReader(c.text), "f", sample())
		if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %+v, %v, want %q", name, got, err, c.want)
		}
	}
}

func FuzzRead(f *testing.F) {
	for _, s := range []string{"", "accept:\n  - {fingerprint: 3f8a6c0d12ab45ef, reason: r, until: 2026-12-31}\n", "accept: &a [*a]", "a: &a [1]\nb: [*a, *a]"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Read(strings.NewReader(text), "f", sample())
		if err != nil {
			return
		}
		for _, a := range c.Accept {
			if a.Reason == "" || a.Fingerprint == "" && (a.Rule == "" || a.Function == "") {
				t.Errorf("%q is accepted as %+v", text, a)
			}
		}
	})
}

func TestReadPolicy(t *testing.T) {
	c, err := Read(strings.NewReader(`
require:
  leak: [goroutine, trace]
  inflight: any
thresholds: {leak.min-cluster: 500}
severities:
  leak/*: medium
  leak/chan-send: low
flags:
  output: all.json
  only: [leak, mutexwait]
commands:
  gate:
    fail-on: medium
    output: [gate.xml, gate.md]
  capture: {for: 30s}
`), "f", sample())
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Require) != 2 || len(c.Require[0].Kinds) != 2 || c.Require[0].Origin != "f:3" || c.Require[1].Kinds != nil {
		t.Errorf("require %+v", c.Require)
	}
	if want := []Threshold{{"leak.min-cluster", 500, "f:5"}}; !reflect.DeepEqual(c.Thresholds, want) {
		t.Errorf("thresholds %+v", c.Thresholds)
	}
	got := c.SeverityOf([]string{"leak/chan-send", "leak/sleep", "mutexwait/convoy"})
	if want := map[string]analyze.Severity{"leak/chan-send": analyze.Low, "leak/sleep": analyze.Medium}; !maps.Equal(got, want) {
		t.Errorf("severities %v, want %v", got, want)
	}
	// What stands for one command goes before what stands for all.
	for _, tt := range []struct {
		command, flag string
		want          []string
	}{
		{"gate", "output", []string{"gate.xml", "gate.md"}}, {"capture", "output", []string{"all.json"}},
		{"gate", "only", []string{"leak", "mutexwait"}}, {"gate", "fail-on", []string{"medium"}}, {"capture", "for", []string{"30s"}},
	} {
		if f := c.Flag(tt.command, tt.flag); f == nil || !reflect.DeepEqual(f.Values, tt.want) {
			t.Errorf("%s --%s: %+v, want %v", tt.command, tt.flag, f, tt.want)
		}
	}
	if f := c.Flag("analyze", "fail-on"); f != nil {
		t.Errorf("analyze has the gate's flag %+v", f)
	}
}
