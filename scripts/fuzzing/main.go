// Command fuzzing runs every fuzz target of the module, each for a given time, and prints a table of
// executions and findings. It fails when there is a finding, whose input go test leaves under
// testdata/fuzz of the package, to be run by every test from then on.
//
//	go run ./scripts/fuzzing [-run REGEXP] [DURATION]
package main

import (
	"cmp"
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"strconv"
	"time"
)

func main() {
	filter := flag.String("run", "", "run only the targets whose package and name match this `REGEXP`")
	flag.Parse()
	duration := 10 * time.Second
	match, err := regexp.Compile(*filter)
	if err == nil && flag.NArg() > 0 {
		duration, err = time.ParseDuration(flag.Arg(0))
	}
	if err != nil || flag.NArg() > 1 {
		fmt.Fprintln(os.Stderr, "fuzzing:", err)
		flag.Usage()
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	findings, err := report(ctx, match, duration)
	if err != nil {
		fmt.Fprintln(os.Stderr, "fuzzing:", err)
		os.Exit(2)
	}
	if findings > 0 {
		os.Exit(1)
	}
}

// report runs the targets one after another. All of them are run, whatever one finds.
func report(ctx context.Context, match *regexp.Regexp, duration time.Duration) (findings int, err error) {
	all, err := targets(".")
	if err != nil {
		return 0, err
	}
	n, executions := 0, 0
	fmt.Printf("%-24s %-18s %7s %11s %9s\n", "package", "target", "time s", "executions", "findings")
	for _, t := range all {
		if !match.MatchString(t.pkg + " " + t.name) {
			continue
		}
		start := time.Now()
		out, failed, err := run(ctx, t, duration)
		if err != nil {
			return findings, fmt.Errorf("%s %s: %w", t.pkg, t.name, err)
		}
		r := read(out, failed)
		n, executions, findings = n+1, executions+r.executions, findings+r.findings
		fmt.Printf("%-24s %-18s %7.1f %11d %9d\n", t.pkg, t.name, time.Since(start).Seconds(), r.executions, r.findings)
		if r.findings > 0 {
			fmt.Printf("\n%s\n", out)
		}
	}
	fmt.Printf("%d targets, %d executions, %d findings\n", n, executions, findings)
	return findings, nil
}

// run fuzzes one target. That it fails is no error.
func run(ctx context.Context, t target, duration time.Duration) (out []byte, failed bool, err error) {
	// Making an input smaller can take a minute, and tells nothing of whether there is one.
	cmd := exec.CommandContext(ctx, "go", "test", "./"+t.pkg, "-run", "^$", "-fuzz", "^"+t.name+"$",
		"-fuzztime", duration.String(), "-fuzzminimizetime", "1x")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	out, err = cmd.CombinedOutput()
	if ctx.Err() != nil {
		return out, false, ctx.Err()
	}
	if _, exited := err.(*exec.ExitError); exited {
		return out, true, nil
	}
	return out, false, err
}

// result is what the output of go test -fuzz tells.
type result struct{ executions, findings int }

var (
	executed = regexp.MustCompile(`execs: (\d+)|baseline coverage: (\d+)/`)
	// atTheEnd is how a run fails in which nothing was found: before go1.27 the end of the time may be
	// taken for the failure of a worker (golang.org/issue/75804).
	atTheEnd = regexp.MustCompile(`(?m)^--- FAIL: \S+ \(\S+\)\n\s+context deadline exceeded\nFAIL$`)
	found    = regexp.MustCompile(`(?i)failing input|seed corpus entry|panic:|\.go:\d+:`)
)

// read counts a failure as one finding, since the first one ends a run.
func read(out []byte, failed bool) (r result) {
	if all := executed.FindAllSubmatch(out, -1); len(all) > 0 {
		last := all[len(all)-1]
		r.executions, _ = strconv.Atoi(cmp.Or(string(last[1]), string(last[2])))
	}
	if failed && (found.Match(out) || !atTheEnd.Match(out)) {
		r.findings = 1
	}
	return r
}
