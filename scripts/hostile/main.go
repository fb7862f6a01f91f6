// Command hostile attacks go-debug as a whole process: with bombs, endless streams, broken files and
// servers that misbehave, all made while it runs. It prints a table with the exit code, the time,
// the peak memory, the control bytes that reached a terminal and the files that were written where
// none should be, and fails when one of them breaks a promise.
//
//	go run ./scripts/hostile [-run REGEXP] [-memory MiB] [-quick] [-patience N]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"time"
)

func main() {
	filter := flag.String("run", "", "run only the attacks whose name matches this `REGEXP`")
	memory := flag.Int64("memory", 256, "value of --max-memory, in `MiB`")
	patience := flag.Int("patience", 1, "allow `N` times the time, on a machine that does other work as well")
	quick := flag.Bool("quick", false, "leave out the attacks that take long")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	broken, err := report(ctx, *filter, *memory<<20, *quick, time.Duration(max(*patience, 1)))
	if err != nil {
		fmt.Fprintln(os.Stderr, "hostile:", err)
		os.Exit(2)
	}
	if broken > 0 {
		fmt.Fprintf(os.Stderr, "hostile: %d attacks broke a promise\n", broken)
		os.Exit(1)
	}
}

func report(ctx context.Context, filter string, memory int64, quick bool, patience time.Duration) (broken int, err error) {
	match, err := regexp.Compile(filter)
	if err != nil {
		return 0, err
	}
	dir, err := os.MkdirTemp("", "go-debug-hostile-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	tool, err := build(ctx, dir)
	if err != nil {
		return 0, err
	}
	fmt.Printf("%-38s %5s %8s %8s %8s %8s %8s\n", "attack", "exit", "time s", "CPU s", "RSS MB", "control", "outside")
	n, worst := 0, &result{}
	for _, a := range attacks {
		if !match.MatchString(a.name) || quick && a.slow {
			continue
		}
		r, err := a.run(ctx, tool, filepath.Join(dir, "attack"), memory, patience)
		if err != nil {
			return broken, fmt.Errorf("%s: %w", a.name, err)
		}
		n++
		worst.rss, worst.cpu = max(worst.rss, r.rss), max(worst.cpu, r.cpu)
		fmt.Printf("%-38s %5d %8.2f %8.2f %8.0f %8d %8d\n", a.name, r.exit, r.took.Seconds(), r.cpu.Seconds(), float64(r.rss)/1e6, r.control, len(r.outside))
		if faults := r.faults(a, memory, patience); len(faults) > 0 {
			broken++
			for _, f := range faults {
				fmt.Printf("    BROKEN: %s\n", f)
			}
		}
	}
	fmt.Printf("%d attacks, %d broke a promise; at most %.0f MB of %.0f MB, and %.1f CPU s\n", n, broken,
		float64(worst.rss)/1e6, float64(memory)/1e6, worst.cpu.Seconds())
	return broken, nil
}

// build compiles the tool from the module at hand.
func build(ctx context.Context, dir string) (string, error) {
	tool := filepath.Join(dir, "go-debug")
	cmd := exec.CommandContext(ctx, "go", "build", "-o", tool, "go-debug/cmd/go-debug")
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	return tool, cmd.Run()
}

// faults are the promises that a result breaks.
func (r *result) faults(a attack, memory int64, patience time.Duration) []string {
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if want := a.exits(); !slices.Contains(want, r.exit) {
		add("exit code %d, want one of %v; it said: %.300q", r.exit, want, r.said)
	}
	if limit := memory + memory/5; r.rss > limit {
		add("peak memory of %d MB, the limit and a fifth are %d MB", r.rss/1e6, limit/1e6)
	}
	if most := a.most() * patience; r.took > most {
		add("it took %v, more than %v", r.took.Round(time.Millisecond), most)
	}
	if r.control > 0 {
		add("%d control bytes reached the terminal: %.200q", r.control, r.said)
	}
	for _, f := range r.outside {
		add("it wrote or changed %s", f)
	}
	if r.exit == 3 && !a.says.MatchString(r.said) {
		add("it says %.300q, want %v", r.said, a.says)
	}
	return out
}
