package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/jsonschema-go/jsonschema"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"go.yaml.in/yaml/v3"

	"go-debug/cmd/internal/config"
	"go-debug/report"
)

// values are three values of a flag, of which neighbours differ.
func values(f *pflag.Flag) [3]string {
	switch f.Value.Type() {
	case "bool":
		if f.DefValue == "true" {
			return [3]string{"false", "true", "false"}
		}
		return [3]string{"true", "false", "true"}
	case "duration":
		return [3]string{"11s", "12s", "13s"}
	case "int", "int64", "uint64", "float64":
		return [3]string{"11", "12", "13"}
	}
	return [3]string{"a", "b", "c"}
}

// Each flag of each command: the command line goes before the environment, that before the file, and the file
// before the default; in the file what stands for one command goes before what stands for all.
func TestPrecedence(t *testing.T) {
	t.Chdir(t.TempDir())
	flags := 0
	for command, infos := range known().Commands {
		for _, info := range infos {
			flags++
			find := func() (*cobra.Command, *pflag.Flag) {
				cmd, _, err := newRoot(&terminal{}).Find(strings.Fields(command))
				if err != nil {
					t.Fatal(err)
				}
				return cmd, cmd.Flags().Lookup(info.Name)
			}
			_, f := find()
			v := values(f)
			for _, tt := range []struct {
				name, file, env, flag string
				want, origin          string
			}{
				{"default", "", "", "", f.DefValue, "default"},
				{"file for all", fmt.Sprintf("flags: {%s: %s}", info.Name, v[0]), "", "", v[0], ".go-debug.yaml:1"},
				{"file for the command", fmt.Sprintf("flags: {%s: %s}\ncommands:\n  %s: {%[1]s: %[4]s}", info.Name, v[0], command, v[1]), "", "", v[1], ".go-debug.yaml:3"},
				{"environment", fmt.Sprintf("flags: {%s: %s}", info.Name, v[0]), v[1], "", v[1], "$" + variable(info.Name)},
				{"command line", fmt.Sprintf("flags: {%s: %s}", info.Name, v[0]), v[1], v[2], v[2], "flag"},
			} {
				if err := os.WriteFile(config.FileName, []byte(tt.file), 0o600); err != nil {
					t.Fatal(err)
				}
				cmd, f := find()
				if tt.flag != "" {
					if err := cmd.ParseFlags([]string{"--" + info.Name + "=" + tt.flag}); err != nil {
						t.Fatal(err)
					}
				}
				term := &terminal{getenv: environment(map[string]string{variable(info.Name): tt.env})}
				if err := term.settle(cmd); err != nil {
					t.Errorf("%s --%s, %s: %v", command, info.Name, tt.name, err)
					continue
				}
				got := f.Value.String()
				if list, ok := f.Value.(pflag.SliceValue); ok && tt.origin != "default" {
					got = strings.Join(list.GetSlice(), ",")
				}
				if got != tt.want || originOf(f) != tt.origin || f.Changed != (tt.origin != "default") {
					t.Errorf("%s --%s, %s: %q by %s, want %q by %s", command, info.Name, tt.name, got, originOf(f), tt.want, tt.origin)
				}
			}
		}
	}
	if flags < 50 {
		t.Errorf("%d flags only", flags)
	}
}

// What a file says reaches the run: thresholds, which --param goes before, and severities.
func TestThresholdsAndSeverities(t *testing.T) {
	sample, err := filepath.Abs(filepath.Join("..", "..", "..", "fixtures", "resyncleak"))
	if err != nil {
		t.Fatal(err)
	}
	t.Chdir(t.TempDir())
	for _, tt := range []struct {
		file string
		args []string
		want int
	}{
		{"", nil, report.ExitFindings},
		{"severities: {leak/*: medium}", nil, report.ExitOK},
		{"severities: {leak/*: low, leak/chan-send: high}", nil, report.ExitFindings},
		{"thresholds: {leak.min-growth: 1e9, leak.min-cluster: 1e9, leak.large-cluster: 1e9}", nil, report.ExitOK},
		{"thresholds: {leak.min-growth: 1e9, leak.min-cluster: 1e9, leak.large-cluster: 1e9}", []string{"--param", "leak.min-growth=4"}, report.ExitFindings},
		{"require: {leak: [goroutine]}\nseverities: {leak/*: medium}", nil, report.ExitOK},
		{"require: {leak: goroutineleak}\nseverities: {leak/*: medium}", nil, report.ExitInconclusive},
		{"require: {mutexwait: [mutex]}\nseverities: {leak/*: medium}", nil, report.ExitInconclusive}, // it is empty there
		{"require: {mutexwait: any}\nseverities: {leak/*: medium}", []string{"--only", "leak"}, report.ExitInconclusive},
		{"require: {leak: goroutineleak}", nil, report.ExitFindings},
	} {
		if err := os.WriteFile(config.FileName, []byte(tt.file), 0o600); err != nil {
			t.Fatal(err)
		}
		var stdout, stderr bytes.Buffer
		term := &terminal{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, getenv: environment(nil)}
		if code := run(t.Context(), append([]string{"gate", sample}, tt.args...), term); code != tt.want {
			t.Errorf("%s %v: exit code %d, want %d\n%s%s", tt.file, tt.args, code, tt.want, &stdout, &stderr)
		}
	}
}

// The schema of the file accepts what the reader accepts, and refuses what that refuses.
func TestConfigSchema(t *testing.T) {
	doc, err := config.Schema(known())
	if err != nil {
		t.Fatal(err)
	}
	schema := &jsonschema.Schema{}
	if err := json.Unmarshal(doc, schema); err != nil {
		t.Fatal(err)
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	const entry = "accept: [{%s}]"
	for text, want := range map[string]bool{
		"": true,
		"accept:\nflags:\nrequire:\nthresholds:\nseverities:\ncommands:\n":                                        true,
		fmt.Sprintf(entry, "fingerprint: 3f8a6c0d12ab45ef, reason: r, until: '2026-12-31'"):                       true,
		fmt.Sprintf(entry, "rule: leak/*, function: f, reason: r, until: '2026-12-31'"):                           true,
		fmt.Sprintf(entry, "rule: leak/*, reason: r, until: '2026-12-31'"):                                        false,
		fmt.Sprintf(entry, "fingerprint: 3f8a6c0d12ab45ef, rule: a, function: b, reason: r, until: '2026-12-31'"): false,
		fmt.Sprintf(entry, "fingerprint: 3f, reason: r, until: '2026-12-31'"):                                     false,
		fmt.Sprintf(entry, "fingerprint: 3f8a6c0d12ab45ef, until: '2026-12-31'"):                                  false,
		"require: {leak: [goroutine, trace], inflight: any, mutexwait: mutex}":                                    true,
		"require: {leak: [cpu]}":               false,
		"require: {leak: []}":                  false,
		"require: {leeks: any}":                false,
		"thresholds: {leak.min-cluster: 5}":    true,
		"thresholds: {leak.min-cluster: many}": false,
		"thresholds: {leak.max-cluster: 5}":    false,
		"severities: {leak/*: low}":            true,
		"severities: {leak/*: grave}":          false,
		"flags: {max-memory: 2GiB, retry: 1, quiet: true, only: [leak], output: [a.xml, b.md]}": true,
		"flags: {max_memory: 2GiB}":                                false,
		"commands: {gate: {fail-on: medium}, capture: {for: 30s}}": true,
		"commands: {capture: {fail-on: medium}}":                   false,
		"commands: {gates: {}}":                                    false,
		"commands: {capture: {for: [1s, 2s]}}":                     false,
		"acept: []":                                                false,
	} {
		var v any
		if err := yaml.Unmarshal([]byte(text), &v); err != nil {
			t.Fatal(err)
		}
		if err := resolved.Validate(v); (err == nil) != want {
			t.Errorf("%s: by the schema %v, want right %v", text, err, want)
		}
		if _, err := config.Read(strings.NewReader(text), "f", known()); (err == nil) != want {
			t.Errorf("%s: by the reader %v, want right %v", text, err, want)
		}
	}
}

// Every command that analyses or renders can be configured, and no other has flags that look as if.
func TestWhatIsConfigurable(t *testing.T) {
	each(newRoot(&terminal{}), func(cmd *cobra.Command) {
		if cmd.HasParent() && !configurable(cmd) && cmd.Flags().Lookup("format") != nil {
			t.Errorf("%s has a report and cannot be configured", cmd.CommandPath())
		}
	})
}

// A file that is found by itself has nothing written outside of the directory at hand; a flag and the environment may.
func TestFilesOutside(t *testing.T) {
	sample, err := filepath.Abs(filepath.Join("..", "..", "..", "fixtures", "resyncleak", "heap.pb.gz"))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	inside := filepath.Join(dir, "repository")
	if err := os.Mkdir(inside, 0o700); err != nil {
		t.Fatal(err)
	}
	t.Chdir(inside)
	if err := os.Symlink("..", "link"); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"../out.json", filepath.ToSlash(dir) + "/out.json", "json=../out.json", "link/out.json"} {
		if err := os.WriteFile(config.FileName, []byte("flags: {output: ["+name+"]}"), 0o600); err != nil {
			t.Fatal(err)
		}
		var stderr bytes.Buffer
		term := &terminal{stdin: strings.NewReader(""), stdout: &bytes.Buffer{}, stderr: &stderr, getenv: environment(nil)}
		if code := run(t.Context(), []string{"analyze", sample}, term); code != report.ExitUsage || !strings.Contains(stderr.String(), "outside of the directory at hand") {
			t.Errorf("%s: exit code %d, %s", name, code, &stderr)
		}
		if _, err := os.Stat(filepath.Join(dir, "out.json")); err == nil {
			t.Fatalf("%s was written", name)
		}
		if code := run(t.Context(), []string{"analyze", sample, "-o", name}, term); code == report.ExitUsage || code == report.ExitIncomplete {
			t.Errorf("-o %s: exit code %d, %s", name, code, &stderr)
		}
		if err := os.Remove(filepath.Join(dir, "out.json")); err != nil {
			t.Error(err)
		}
	}
}
