// Command simulate measures how often the gate fails a healthy program, and how often it finds a regression of a
// known size.
//
//	go run ./scripts/simulate capture [-rounds n] [-for d] -pool DIR
//	go run ./scripts/simulate judge [-gates n] [-runs n,n] [-only regexp] [-json] -pool DIR
//
// capture starts a small server in eight variants at once: twice as it is, with its lock held 10, 25 and 100 %
// longer, and leaking 1, 5 and 20 goroutines per 1,000 requests. It drives each by closed-loop clients, while a
// noise process takes a core now and then, and captures each as go-debug capture does: one capture of each variant
// a round. It adds to what the pool holds, so that it may run in pieces.
//
// judge draws runs from the pool and has the gate judge them as it would directories of captures: healthy
// against healthy, and each variant against healthy. It prints how many of the gates failed, by what, with the exact
// interval (Clopper–Pearson). Gates drawn from one pool share captures, so the intervals are those of the draws.
//
// It listens and connects on 127.0.0.1 only.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		fmt.Fprintf(os.Stderr, "simulate: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return errors.New("give a command: capture or judge")
	}
	f := flag.NewFlagSet(args[0], flag.ExitOnError)
	switch args[0] {
	case "serve":
		hold := f.Duration("hold", 0, "how long the lock is held")
		leaks := f.Float64("leaks", 0, "goroutines that leak per 1,000 requests")
		f.Parse(args[1:])
		return serve(*hold, *leaks)
	case "noise":
		return noise(ctx)
	case "capture":
		pool := f.String("pool", "", "the directory of the captures")
		rounds := f.Int("rounds", 10, "captures of each variant to add")
		window := f.Duration("for", 10*time.Second, "length of a capture")
		f.Parse(args[1:])
		return capture(ctx, *pool, *rounds, *window)
	case "judge":
		pool := f.String("pool", "", "the directory of the captures")
		gates := f.Int("gates", 200, "gates for each variant and size")
		runs := f.String("runs", "5,8,10", "runs on each side")
		only := f.String("only", "", "regular expression for the names of the variants")
		asJSON := f.Bool("json", false, "print JSON")
		f.Parse(args[1:])
		sizes, err := numbers(*runs)
		if err != nil {
			return err
		}
		which, err := regexp.Compile(*only)
		if err != nil {
			return err
		}
		return judge(ctx, *pool, *gates, sizes, which, *asJSON)
	}
	return fmt.Errorf("unknown command %q: capture or judge", args[0])
}

func numbers(list string) ([]int, error) {
	var out []int
	for _, s := range strings.Split(list, ",") {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q is no number of runs", s)
		}
		out = append(out, n)
	}
	return out, nil
}
