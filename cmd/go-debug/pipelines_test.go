package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

func readYAML(t *testing.T, file string, into any) {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(data, into); err != nil {
		t.Fatalf("%s: %v", file, err)
	}
}

type action struct {
	Inputs map[string]struct {
		Required bool
		Default  *string
	}
	Outputs map[string]struct{ Value string }
	Runs    struct {
		Using string
		Steps []struct {
			ID, Name, Shell, Run string
			Env                  map[string]string
		}
	}
}

var inputExpression = regexp.MustCompile(`^\$\{\{ inputs\.([a-z-]+) \}\}$`)

// The steps of the action run as the runner runs them: the inputs in the environment, the files of
// the runner in its variables. Everything that a script of bash could be made of is in the inputs.
func TestActionSteps(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var a action
	readYAML(t, filepath.Join(b.root, "action.yml"), &a)
	if a.Runs.Using != "composite" || len(a.Runs.Steps) != 2 {
		t.Fatalf("steps: %+v", a.Runs)
	}
	out := "gate $(touch pwned) `touch pwned`; touch pwned '\""
	given := map[string]string{"out": out, "flags": b.env["GATE_FLAGS"] + " --verbose", "url": b.env["GATE_URL"],
		"server": "echo ::warning::from the server; exec " + b.env["GATE_SERVER"],
		"load":   "echo ::warning::from the load; " + b.env["GATE_LOAD"]}
	for name := range b.env {
		if strings.HasPrefix(name, "GATE_") {
			delete(b.env, name)
		}
	}
	temp := t.TempDir()
	b.env["GITHUB_ACTION_PATH"], b.env["RUNNER_TEMP"] = b.root, temp
	b.env["GITHUB_OUTPUT"], b.env["GITHUB_STEP_SUMMARY"] = filepath.Join(b.dir, "output"), filepath.Join(b.dir, "summary")
	var log string
	for i, step := range a.Runs.Steps {
		if step.Shell != "bash" || strings.Contains(step.Run, "${{") {
			t.Fatalf("step %q: shell %q, or an expression in its script", step.Name, step.Shell)
		}
		for name, expression := range step.Env {
			b.env[name] = a.value(t, expression, given)
		}
		cmd, text := b.command("bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step.Run)
		b.exits(i, cmd, text) // the build passes, the gate fails
		log = text.String()
	}
	b.failures(out)
	if _, err := os.Stat(filepath.Join(b.dir, "pwned")); err == nil {
		t.Error("an input was run as a part of the script")
	}
	if got, want := b.read("output"), "exit-code=1\nsarif="+out+"/gate.sarif\n"; got != want {
		t.Errorf("outputs %q, want %q", got, want)
	}
	if got := b.read("summary"); got != b.read(filepath.Join(out, "gate.md")) {
		t.Errorf("summary:\n%s", got)
	}
	obeyed(t, log)
}

// value resolves an expression: the input that was given, or its default.
func (a *action) value(t *testing.T, expression string, given map[string]string) string {
	t.Helper()
	m := inputExpression.FindStringSubmatch(expression)
	if m == nil {
		t.Fatalf("%q is no input", expression)
	}
	in, known := a.Inputs[m[1]]
	v, set := given[m[1]]
	switch {
	case !known:
		t.Fatalf("no input %s", m[1])
	case !set && in.Default == nil:
		t.Fatalf("input %s has no default", m[1])
	case !set:
		v = *in.Default
	}
	return v
}

// obeyed demands that of all commands in a log the runner obeys the annotations of the gate alone.
func obeyed(t *testing.T, log string) {
	t.Helper()
	before, rest, ok := strings.Cut(log, "::stop-commands::")
	token, rest, _ := strings.Cut(rest, "\n")
	inside, after, again := strings.Cut(rest, "\n::"+token+"::\n")
	if !ok || !again || len(token) < 32 || before != "" {
		t.Fatalf("commands are not stopped and resumed:\n%s", log)
	}
	if !strings.Contains(inside, "::warning::from the load") || strings.Contains(after, "from the") || !strings.HasPrefix(after, "::error file=") {
		t.Errorf("before the commands are resumed:\n%s\nafter:\n%s", inside, after)
	}
}

// actionlint reads the example workflow and, through it, the metadata of the action: an input that
// there is not, or one that is required and missing, is an error.
func TestActionlint(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	tool, err := exec.Command("go", "-C", filepath.Join(root, "scripts/lint"), "tool", "-n", "actionlint").Output()
	if err != nil {
		t.Skipf("SKIPPED: actionlint cannot be had: %v", err)
	}
	metadata, err := os.ReadFile(filepath.Join(root, "action.yml"))
	if err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(filepath.Join(root, "scripts/recipes/github.yml"))
	if err != nil {
		t.Fatal(err)
	}
	workflow := strings.Replace(string(data), "uses: example/go-debug@main", "uses: ./", 1)
	lint := func(workflow string) (string, error) {
		dir := t.TempDir()
		for name, text := range map[string]string{".git/HEAD": "ref: refs/heads/main\n", "action.yml": string(metadata), ".github/workflows/gate.yml": workflow} {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.CommandContext(t.Context(), strings.TrimSpace(string(tool)), "-no-color", "-shellcheck=", "-pyflakes=")
		cmd.Dir = dir
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	if out, err := lint(workflow); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	for old, complaint := range map[string]string{"          load:": `input "load" which is required`, "          flags:": `input "lags" is not defined`} {
		broken := strings.Replace(workflow, old, strings.Replace(old, strings.TrimSpace(old)[:1], "", 1), 1)
		if out, err := lint(broken); err == nil || !strings.Contains(out, complaint) {
			t.Errorf("no %q (%v):\n%s", complaint, err, out)
		}
	}
}

func TestGitLabJob(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	var jobs map[string]struct {
		Variables    map[string]string
		BeforeScript []string `yaml:"before_script"`
		Script       []string
		Artifacts    struct {
			When    string
			Paths   []string
			Reports struct{ Junit, Codequality string }
		}
	}
	readYAML(t, filepath.Join(b.root, "scripts/recipes/gitlab.yml"), &jobs)
	job := jobs["go-debug-gate"]
	for name := range job.Variables {
		if _, set := b.env[name]; !set && name != "GATE_SOURCE" {
			t.Errorf("the job sets %s, which nobody reads", name)
		}
	}
	// The clone that before_script makes is the tree at hand; go-debug is in PATH.
	if err := os.Symlink(b.root, filepath.Join(b.dir, ".go-debug")); err != nil {
		t.Fatal(err)
	}
	cmd, out := b.command("bash", "-eo", "pipefail", "-c", strings.Join(job.Script, "\n"))
	b.exits(1, cmd, out, "GATE FAILED")
	if job.Artifacts.When != "always" || len(job.Artifacts.Paths) != 1 {
		t.Errorf("artifacts of a failed job: %+v", job.Artifacts)
	}
	b.failures(job.Artifacts.Paths[0])
	if got := job.Artifacts.Reports; !strings.Contains(b.read(got.Junit), "<testsuite") || !strings.HasPrefix(b.read(got.Codequality), "[") {
		t.Errorf("reports: %+v", got)
	}
}

// The server of the Job is a sidecar, so that the gate finds it running. Nothing is applied to a cluster.
func TestKubernetesJob(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	type container struct {
		RestartPolicy string `yaml:"restartPolicy"`
		Command       []string
		Env           []struct{ Name, Value string }
	}
	var job struct {
		APIVersion string `yaml:"apiVersion"`
		Kind       string
		Spec       struct {
			BackoffLimit *int `yaml:"backoffLimit"`
			Template     struct {
				Spec struct {
					RestartPolicy  string      `yaml:"restartPolicy"`
					InitContainers []container `yaml:"initContainers"`
					Containers     []container
				}
			}
		}
	}
	readYAML(t, filepath.Join(b.root, "scripts/recipes/kubernetes.yml"), &job)
	pod := job.Spec.Template.Spec
	if job.APIVersion != "batch/v1" || job.Kind != "Job" || job.Spec.BackoffLimit == nil || *job.Spec.BackoffLimit != 0 || pod.RestartPolicy != "Never" || len(pod.Containers) != 1 || len(pod.InitContainers) != 1 {
		t.Fatalf("%+v", job)
	}
	if pod.InitContainers[0].RestartPolicy != "Always" {
		t.Errorf("the server is no sidecar: %+v", pod.InitContainers[0])
	}
	bin := filepath.SplitList(b.env["PATH"])[0]
	server, _ := b.command(filepath.Join(bin, "leaky"), b.address)
	delete(b.env, "GATE_SERVER")
	for _, e := range pod.Containers[0].Env {
		if _, set := b.env[e.Name]; !set && e.Name != "GATE_BASELINE" && e.Name != "GATE_OUT" {
			t.Errorf("the gate is given %s, which nobody reads", e.Name)
		}
	}
	serving(t, server, b.address)
	if err := os.Symlink(filepath.Join(b.root, "scripts/recipes/gate.sh"), filepath.Join(bin, "gate.sh")); err != nil {
		t.Fatal(err)
	}
	cmd, out := b.command(filepath.Join(bin, pod.Containers[0].Command[0]))
	cmd.Run()
	if code := cmd.ProcessState.ExitCode(); code != 1 {
		t.Errorf("exit code %d: %s", code, out)
	}
	b.failures("gate")
}
