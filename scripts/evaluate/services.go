package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

const servicesDir = "scripts/evaluate/leaks/services"

// A mark is a line at which a fault shows, as a comment in the source says.
type mark struct {
	File string `json:"file"` // base name
	Line int    `json:"line"`
	Rule string `json:"rule"`
}

// A service is one that can be run; one without marks is healthy.
type service struct {
	name  string
	marks []mark
	mends int
}

var (
	wantComment = regexp.MustCompile(`// want "([a-z0-9/-]+)`)
	mendComment = regexp.MustCompile(`\s*(?:// want "[^"]*"\s*)?// mend:(.*)$`)
)

// readServices reads what the sources say of each service. A file is a service when it
// has a want or is in the list of services.go.
func readServices(dir string) ([]service, error) {
	list, err := os.ReadFile(filepath.Join(dir, "services.go"))
	if err != nil {
		return nil, err
	}
	var all []service
	for _, m := range regexp.MustCompile(`(?m)^\t"(\w+)":`).FindAllSubmatch(list, -1) {
		s := service{name: string(m[1])}
		file := s.name + ".go"
		src, err := os.ReadFile(filepath.Join(dir, file))
		if err != nil {
			return nil, err
		}
		s.marks, s.mends = marksOf(file, string(src)), strings.Count(string(src), "// mend:")
		all = append(all, s)
	}
	if len(all) == 0 {
		return nil, errors.New("services.go lists no service")
	}
	slices.SortFunc(all, func(a, b service) int { return cmp.Compare(a.name, b.name) })
	return all, nil
}

func marksOf(file, src string) []mark {
	var marks []mark
	line := 0
	for text := range strings.Lines(src) {
		line++
		for _, m := range wantComment.FindAllStringSubmatch(text, -1) {
			marks = append(marks, mark{file, line, m[1]})
		}
	}
	return marks
}

// mended replaces each line that has a mend comment by the code that it names.
func mended(src string) string {
	var out strings.Builder
	for text := range strings.Lines(src) {
		line := strings.TrimSuffix(text, "\n")
		if m := mendComment.FindStringSubmatchIndex(line); m != nil {
			indent := line[:len(line)-len(strings.TrimLeft(line, "\t"))]
			line = indent + strings.TrimSpace(line[m[2]:m[3]])
		}
		out.WriteString(line + "\n")
	}
	return out.String()
}

// writeSources copies the services into a module of their own, mended or as they are. Both
// have the same paths, so that profiles of both name the same functions and files.
func writeSources(from, to string, mend bool) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	files, err := filepath.Glob(filepath.Join(from, "*.go"))
	if err != nil {
		return err
	}
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			return err
		}
		text := string(src)
		if mend {
			text = mended(text)
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(f)), []byte(text), 0o644); err != nil {
			return err
		}
	}
	return os.WriteFile(filepath.Join(to, "go.mod"), []byte("module example.com/services\n\ngo 1.26.0\n"), 0o644)
}

// A build is a toolchain and its experiments.
type build struct{ name, toolchain, experiment string }

func newBuild(name string) build {
	switch name {
	case "plain":
		return build{name: name}
	case "leakprofile":
		return build{name: name, experiment: "goroutineleakprofile"}
	}
	return build{name: name, toolchain: name}
}

func (b build) environ() []string {
	env := os.Environ()
	if b.toolchain != "" {
		env = append(env, "GOTOOLCHAIN="+b.toolchain)
	}
	if b.experiment != "" {
		env = append(env, "GOEXPERIMENT="+b.experiment)
	}
	return env
}

// available reports whether the toolchain is there or can be fetched.
func (b build) available(ctx context.Context) error {
	cmd := exec.CommandContext(ctx, "go", "version")
	cmd.Env = b.environ()
	if msg, err := cmd.CombinedOutput(); err != nil {
		first, _, _ := bufio.ScanLines(msg, true)
		return fmt.Errorf("%w: %s", err, msg[:min(first, len(msg))])
	}
	return nil
}

func goBuild(ctx context.Context, dir, pkg, out string, b build) error {
	// Like a program that was built elsewhere: the paths in its profiles are none of this machine.
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", out, pkg)
	cmd.Dir, cmd.Env = dir, b.environ()
	if msg, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", pkg, err, msg)
	}
	return nil
}
