package main

import (
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// layer says which packages of this module a package or folder ("x/...") may import.
type layer struct {
	pkg  string
	may  []string
	test []string // additionally allowed in its tests
}

// layers holds the arrows of the design, which point one way only. The first match counts.
var layers = []layer{
	{pkg: "analyze/evidence"},
	{pkg: "analyze/budget"},
	{pkg: "analyze/recovered"},
	{pkg: "analyze/stats", may: []string{"analyze/evidence"}},
	{pkg: "analyze/code", may: []string{"analyze/evidence"}},
	{pkg: "analyze/unpack", may: []string{"analyze/evidence", "analyze/budget"}},
	{pkg: "analyze/source", may: []string{"analyze/evidence", "analyze/budget", "analyze/recovered", "analyze/unpack"}},
	{pkg: "analyze/decode", may: []string{"analyze/evidence", "analyze/budget", "analyze/recovered", "analyze/source", "analyze/unpack", "analyze/decode/..."}},
	{pkg: "analyze/decode/...", may: []string{"analyze/evidence", "analyze/budget"}},
	{pkg: "analyze/signature", may: []string{"analyze/evidence", "analyze/stats"}},
	{pkg: "analyze/asleep", may: []string{"analyze/evidence"}},
	{pkg: "analyze/plant", may: []string{"analyze/evidence"}},
	{pkg: "analyze/score", may: []string{"analyze", "analyze/evidence", "analyze/plant", "analyze/signature", "analyze/stats"}},
	{pkg: "analyze", may: []string{"analyze/evidence", "analyze/recovered", "analyze/stats"}},
	{pkg: "detectors", may: []string{"analyze", "analyze/evidence", "analyze/stats", "detectors/..."},
		test: []string{"analyze/source", "analyze/decode", "analyze/budget", "analyze/plant"}},
	{pkg: "detectors/inflight/queues", may: []string{"analyze", "analyze/evidence"}},
	{pkg: "detectors/detectortest", may: []string{"analyze", "analyze/code", "analyze/evidence", "analyze/signature", "analyze/source", "analyze/decode", "analyze/budget"}},
	{pkg: "detectors/...", may: []string{"analyze", "analyze/asleep", "analyze/evidence", "analyze/plant", "analyze/signature", "analyze/stats"},
		test: []string{"analyze/budget", "analyze/source", "analyze/decode", "analyze/decode/...", "detectors/detectortest", "detectors/inflight/queues"}},
	{pkg: "report", may: []string{"analyze", "analyze/evidence", "analyze/score", "analyze/stats"}},
	{pkg: "report/render", may: []string{"report", "analyze", "analyze/evidence", "analyze/stats"}},
	{pkg: "cmd/internal/cli", may: []string{"analyze/...", "analyze", "detectors", "report", "report/render", "cmd/internal/bucket", "cmd/internal/config", "cmd/internal/gotest", "cmd/internal/runs", "cmd/internal/selftest"}},
	{pkg: "cmd/internal/runs"},
	{pkg: "cmd/internal/selftest", may: []string{"analyze", "analyze/evidence", "analyze/plant", "analyze/score", "report"},
		test: []string{"analyze/budget", "analyze/decode", "analyze/source", "detectors", "detectors/detectortest"}},
	{pkg: "cmd/internal/config", may: []string{"report", "analyze", "analyze/evidence"}, test: []string{"detectors"}},
	{pkg: "cmd/internal/bucket"},
	{pkg: "cmd/internal/gotest", may: []string{"analyze/evidence"}},
	{pkg: "cmd/go-debug", may: []string{"cmd/internal/cli"}, test: []string{"report"}},
	{pkg: "fixtures/...", may: []string{"fixtures/..."}},
	{pkg: "scripts/...", may: []string{"scripts/...", "analyze/...", "analyze", "detectors", "detectors/...", "report", "report/render"}},
}

// owners lists the one package that imports each dependency.
var owners = map[string][]string{
	"github.com/google/pprof":            {"analyze/decode/pprof"},
	"golang.org/x/exp/trace":             {"analyze/decode/trace"},
	"github.com/klauspost/compress":      {"analyze/unpack"},
	"github.com/prometheus/common":       {"analyze/decode/metrics"},
	"github.com/prometheus/client_model": {"analyze/decode/metrics"},
	"gonum.org/v1/gonum":                 {"analyze/stats"},
	"github.com/olekukonko/tablewriter":  {"report/render"},
	"github.com/google/jsonschema-go":    {"report"},
	"github.com/spf13/cobra":             {"cmd/internal/cli"},
	"github.com/spf13/pflag":             {"cmd/internal/cli"},
	"golang.org/x/term":                  {"cmd/internal/cli"},
	"gocloud.dev":                        {"cmd/internal/bucket"},
	"go.yaml.in/yaml/v3":                 {"cmd/internal/config"},
}

type listed struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

func TestImportsFollowTheArrows(t *testing.T) {
	for _, p := range listPackages(t) {
		name := strings.TrimPrefix(p.ImportPath, "go-debug/")
		i := slices.IndexFunc(layers, func(l layer) bool { return matches(l.pkg, name) })
		if i < 0 {
			t.Errorf("%s is in no layer: add it to the table, or put its code where the design has a place for it", name)
			continue
		}
		l := layers[i]
		check := func(imports, allowed []string, where string) {
			for _, imp := range imports {
				dep, internal := strings.CutPrefix(imp, "go-debug/")
				if !internal || dep == name {
					continue
				}
				if !slices.ContainsFunc(allowed, func(pattern string) bool { return matches(pattern, dep) }) {
					t.Errorf("%s%s imports %s against the arrow (may import %v)", name, where, dep, allowed)
				}
			}
		}
		check(p.Imports, l.may, "")
		check(append(p.TestImports, p.XTestImports...), append(l.may[:len(l.may):len(l.may)], l.test...), " (tests)")
		for _, imp := range p.Imports {
			checkOwner(t, name, imp)
			if name == "analyze/evidence" && strings.Contains(strings.SplitN(imp, "/", 2)[0], ".") {
				t.Errorf("%s imports %s: evidence rests on the standard library alone", name, imp)
			}
		}
	}
}

// checkOwner holds each dependency to the one package that may know it. Tests may use any
// dependency as an oracle, and scripts as a peer to measure.
func checkOwner(t *testing.T, name, imp string) {
	t.Helper()
	if strings.HasPrefix(name, "scripts/") {
		return
	}
	for prefix, pkgs := range owners {
		if (imp == prefix || strings.HasPrefix(imp, prefix+"/")) && !slices.Contains(pkgs, name) {
			t.Errorf("%s imports %s, which belongs to %v", name, imp, pkgs)
		}
	}
}

func matches(pattern, name string) bool {
	if dir, ok := strings.CutSuffix(pattern, "/..."); ok {
		return strings.HasPrefix(name, dir+"/")
	}
	return pattern == name
}

func listPackages(t *testing.T) []listed {
	t.Helper()
	cmd := exec.Command("go", "list", "-e", "-json=ImportPath,Imports,TestImports,XTestImports", "go-debug/...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
	if len(all) < 10 {
		t.Fatalf("go list found %d packages only: the test looks at the wrong place", len(all))
	}
	return all
}

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		pattern, name string
		want          bool
	}{
		{"analyze", "analyze", true}, {"analyze", "analyze/stats", false},
		{"analyze/...", "analyze/stats", true}, {"analyze/...", "analyze", false}, {"analyze/...", "analyzer/x", false},
	} {
		if got := matches(tt.pattern, tt.name); got != tt.want {
			t.Errorf("matches(%q, %q) = %v", tt.pattern, tt.name, got)
		}
	}
}
