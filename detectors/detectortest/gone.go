package detectortest

import (
	"bytes"
	_ "embed"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// goneTable says which releases had the functions that are listed as gone: a function and releases on each line.
//
//go:embed testdata/gone.txt
var goneTable string

// goneReleases are the toolchains that the table was read from: from the oldest that is supported on.
var goneReleases = []string{"go1.20.14", "go1.21.13", "go1.22.12", "go1.23.12", "go1.24.13", "go1.25.14"}

// Gone fails for each function that the sources of packages list as gone and that no earlier toolchain had either: a
// name that never was matches nothing in old profiles, and nobody would notice. To update it reads the
// toolchains themselves, by GOTOOLCHAIN, and writes the table.
func Gone(t *testing.T, dirs []string, update bool) {
	t.Helper()
	names := map[string]bool{}
	for _, dir := range dirs {
		files, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if !strings.HasSuffix(file, "_test.go") {
				maps.Copy(names, sourceNames(t, toolchain(t), file).gone)
			}
		}
	}
	if update {
		goneTable = readGone(t, slices.Sorted(maps.Keys(names)))
		if err := os.WriteFile(filepath.Join("detectortest", "testdata", "gone.txt"), []byte(goneTable), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	had := map[string]string{}
	for line := range strings.Lines(goneTable) {
		name, releases, _ := strings.Cut(strings.TrimSpace(line), " ")
		had[name] = releases
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if had[name] == "" {
			t.Errorf("%s is listed as gone, and no earlier toolchain is known to have had it (go test ./detectors -run Gone -update looks)", name)
		}
	}
}

// readGone makes the table.
func readGone(t *testing.T, names []string) string {
	t.Helper()
	had := map[string][]string{}
	for _, release := range goneReleases {
		cmd := exec.CommandContext(t.Context(), "go", "env", "GOROOT")
		cmd.Env = append(os.Environ(), "GOTOOLCHAIN="+release)
		root, err := cmd.Output()
		if err != nil {
			t.Fatalf("toolchain %s: %v", release, err)
		}
		src := filepath.Join(string(bytes.TrimSpace(root)), "src")
		for _, name := range names {
			pkg, function := splitFunction(name)
			if isPackage(src, pkg) && anyBegins(functionsOf(t, src, pkg), function) {
				had[name] = append(had[name], release)
			}
		}
	}
	var b strings.Builder
	for _, name := range names {
		if len(had[name]) > 0 {
			fmt.Fprintln(&b, name, strings.Join(had[name], " "))
		}
	}
	return b.String()
}

// anyBegins reports whether a function is among others; one with an asterisk at its end stands for all that begin so.
func anyBegins(functions map[string]bool, name string) bool {
	prefix, pattern := strings.CutSuffix(name, "*")
	if !pattern {
		return functions[name]
	}
	for f := range functions {
		if strings.HasPrefix(f, prefix) {
			return true
		}
	}
	return false
}
