// Command panicparse groups the goroutines of a dump with the library panicparse, as its
// command pp does: a peer of scripts/bench.
package main

import (
	"fmt"
	"io"
	"os"

	"github.com/maruel/panicparse/v2/stack"
)

func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "panicparse:", err)
		os.Exit(1)
	}
}

func run(file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	// Without options it guesses no paths, names no arguments and reads no source: grouping
	// needs none of that.
	s, _, err := stack.ScanSnapshot(f, io.Discard, &stack.Opts{})
	if err != nil && err != io.EOF {
		return err
	}
	if s == nil {
		return fmt.Errorf("no goroutines in %s", file)
	}
	a := s.Aggregate(stack.AnyPointer)
	fmt.Println(len(s.Goroutines), "goroutines in", len(a.Buckets), "buckets")
	return nil
}
