// Command gen-fixtures makes the captures of the fixture programs anew: it builds each
// program, drives it on loopback with its scenario's load, runs go-debug capture against it,
// and stores the captures beside the program.
//
//	go run ./scripts/gen-fixtures [name…]
//
// Run it in the module's root. Without names it makes all of them. It listens and connects
// on 127.0.0.1 only, and bounds the requests in flight and the time that each fixture takes.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// perFixture bounds one fixture's making, build included.
const perFixture = 3 * time.Minute

func main() {
	keep := flag.String("C", "", "store the captures under this `directory` instead of the fixtures'")
	tool := flag.String("tool", "", "capture with this go-debug `binary` instead of building one")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, flag.Args(), *tool, *keep); err != nil {
		fmt.Fprintln(os.Stderr, "gen-fixtures:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, names []string, tool, keep string) error {
	if _, err := os.Stat(filepath.Join("fixtures", "internal", "service")); err != nil {
		return fmt.Errorf("not in the module's root: %w", err)
	}
	chosen, err := choose(names)
	if err != nil {
		return err
	}
	work, err := os.MkdirTemp("", "gen-fixtures-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if tool == "" {
		if tool, err = build(ctx, ".", "./cmd/go-debug", filepath.Join(work, "go-debug")); err != nil {
			return err
		}
	}
	for _, c := range chosen {
		dest := filepath.Join("fixtures", c.name)
		if keep != "" {
			dest = filepath.Join(keep, c.name)
		}
		fctx, cancel := context.WithTimeout(ctx, perFixture)
		err := c.generate(fctx, tool, work, dest)
		cancel()
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
	}
	return nil
}

// build compiles one program without the paths of this machine.
func build(ctx context.Context, dir, pkg, out string, env ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-o", out, pkg)
	cmd.Dir = dir
	// Static, so that the profiles' mappings name no library of this machine.
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0"), env...)
	if msg, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build %s: %w\n%s", pkg, err, msg)
	}
	return out, nil
}

// A fixture is one program of a scenario: the faulty one or its healthy twin.
type fixture struct {
	name string
	scenario
}

func (f fixture) build(ctx context.Context, work string) (string, error) {
	dir, pkg := ".", "./fixtures/"+f.name
	if f.module {
		dir, pkg = filepath.Join("fixtures", f.name), "."
	}
	var env []string
	if f.toolchain != "" {
		env = append(env, "GOTOOLCHAIN="+f.toolchain)
	}
	if f.cgo {
		env = append(env, "CGO_ENABLED=1", "CGO_LDFLAGS=-static")
	}
	if len(f.experiments) > 0 {
		env = append(env, "GOEXPERIMENT="+strings.Join(f.experiments, ","))
	}
	return build(ctx, dir, pkg, filepath.Join(work, f.name), env...)
}

func choose(names []string) ([]fixture, error) {
	var all []fixture
	for _, s := range scenarios {
		all = append(all, fixture{s.name, s}, fixture{s.name + "-healthy", s})
	}
	if len(names) == 0 {
		return all, nil
	}
	var chosen []fixture
	for _, n := range names {
		found := false
		for _, f := range all {
			if f.name == filepath.Base(n) {
				chosen, found = append(chosen, f), true
			}
		}
		if !found {
			return nil, fmt.Errorf("no scenario for %q", n)
		}
	}
	return chosen, nil
}
