package config

import (
	"strings"
	"testing"
)

func TestRead(t *testing.T) {
	c, err := Read(strings.NewReader(`
# what we know of
accept:
  - fingerprint: 3f8a6c0d12ab45ef
    reason: "the vendor's client"
    until: 2026-12-31
  - {rule: leak/*, function: 'main.(*pool).*', reason: a pool, until: "2027-01-01"}
`), ".go-debug.yaml")
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
	for _, empty := range []string{"", "# nothing yet\n", "accept:\n", "accept: []\n", "---\n"} {
		if c, err := Read(strings.NewReader(empty), "f"); err != nil || len(c.Accept) != 0 {
			t.Errorf("%q: %+v, %v", empty, c, err)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	entry := func(fields string) string { return "accept:\n  - {" + fields + "}\n" }
	const good = "fingerprint: 3f8a6c0d12ab45ef, reason: r, until: 2026-12-31"
	for name, c := range map[string]struct{ text, want string }{
		"unknown key":              {"acept: []\n", `f: line 1: unknown key "acept" (have accept)`},
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
		"accept is no list":        {"accept: all\n", "cannot unmarshal"},
		"a key twice":              {"accept: []\naccept: []\n", "already"},
		"a key twice in an entry":  {"accept:\n  - fingerprint: 3f8a6c0d12ab45ef\n    reason: r\n    reason: s\n    until: 2026-12-31\n", "already"},
		"two documents":            {"accept: []\n---\naccept: []\n", "more than one document"},
		"no YAML":                  {"accept: [\n", "f: "},
		"a list in place of a map": {"- accept\n", "f: "},
		"too long":                 {"# " + strings.Repeat("x", maxBytes), "longer than"},
	} {
		got, err := Read(strings.NewReader(c.text), "f")
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
		c, err := Read(strings.NewReader(text), "f")
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
