// Command benchmark measures go-debug beside its peers as whole processes, on load that it
// generates in the same run: CPU seconds (user and system), wall seconds and peak RSS. Its
// output is a report and no test: the machine's noise is the reader's to judge, which is why
// every row carries its ratio to go-debug.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
)

// suite is one table: inputs to generate and the commands to run on each.
type suite struct {
	name string
	run  func(ctx context.Context, b *bench) error
}

var suites = []suite{
	{"trace", benchTrace},
	{"profile", benchProfile},
	{"dump", benchDump},
	{"capture", benchCapture},
	{"gate", benchGate},
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	args := os.Args[1:]
	// The generators and the peers that are loops of our own run as child processes of this
	// same binary, so that their memory does not count for another row.
	if len(args) > 0 && len(args[0]) > 2 && args[0][:2] == "--" {
		if err := child(ctx, args[0][2:], args[1:]); err != nil {
			fail(err)
		}
		return
	}
	if err := report(ctx, args); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "benchmark:", err)
	os.Exit(1)
}

func report(ctx context.Context, want []string) error {
	for _, w := range want {
		if !slices.ContainsFunc(suites, func(s suite) bool { return s.name == w }) {
			return fmt.Errorf("unknown suite %q (have trace, profile, dump, capture, gate)", w)
		}
	}
	dir, err := os.MkdirTemp("", "go-debug-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{dir: dir, goDebug: filepath.Join(dir, "go-debug")}
	if b.self, err = os.Executable(); err != nil {
		return err
	}
	if err := b.must(ctx, "go", "build", "-o", b.goDebug, "./cmd/go-debug"); err != nil {
		return err
	}
	for _, s := range suites {
		if len(want) > 0 && !slices.Contains(want, s.name) {
			continue
		}
		if err := s.run(ctx, b); err != nil {
			return fmt.Errorf("%s: %w", s.name, err)
		}
	}
	return nil
}

// child runs one of the modes that the suites start as processes of their own.
func child(ctx context.Context, mode string, args []string) error {
	modes := map[string]func(context.Context, string, int64) error{
		"gen-trace":     generateTrace,
		"gen-profile":   generateProfile,
		"gen-samples":   generateSamples,
		"gen-distinct":  generateDistinct,
		"gen-profiles":  generateDirectory,
		"gunzip":        gunzip,
		"std-gunzip":    stdGunzip,
		"parse-profile": parseProfile,
		"gen-dump":      generateDump,
		"decode-dump":   decodeDump,
		"loop-trace":    loopTrace,
		"scan-trace":    scanTrace,
		"ref-trace":     referenceTrace,
		"scan-lines":    scanLines,
		"serve":         serve,
	}
	run, ok := modes[mode]
	if !ok || len(args) == 0 {
		return fmt.Errorf("unknown mode %q", mode)
	}
	var size int64
	if len(args) > 1 {
		if _, err := fmt.Sscan(args[1], &size); err != nil {
			return err
		}
	}
	return run(ctx, args[0], size)
}
