package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"go-debug/analyze/budget"
	"go-debug/analyze/decode/gostack"
	"go-debug/analyze/evidence"
)

// panicparseBytes is the memory that panicparse v2.5.0 was seen to take per goroutine.
const panicparseBytes = 16_000

// benchDump reads debug=2 dumps of as many goroutines as a leak makes in an hour and in a
// day, beside the least work there is (finding the line ends) and the library of the trade.
func benchDump(ctx context.Context, b *bench) error {
	pp := filepath.Join(b.dir, "panicparse")
	if err := b.must(ctx, "go", "-C", filepath.Join("scripts", "benchmark", "panicparse"), "build", "-o", pp, "."); err != nil {
		return err
	}
	for _, n := range []int64{100_000, 1_000_000} {
		file, err := b.generate(ctx, "gen-dump", fmt.Sprintf("bench%d.debug2.txt", n), n)
		if err != nil {
			return err
		}
		rows := []row{
			{"go-debug analyze", []string{b.goDebug, "analyze", "-f", "json", file}},
			{"its decoder alone", []string{b.self, "--decode-dump", file}},
			{"line scan (the limit)", []string{b.self, "--scan-lines", file}},
		}
		if free := availableMemory(); free > 0 && n*panicparseBytes*5/4 > free {
			fmt.Printf("\nno row of panicparse: it takes about %d GB, and %.1f GB are free\n", n*panicparseBytes/1e9, float64(free)/1e9)
		} else {
			rows = append(rows, row{"panicparse v2.5.0", []string{pp, file}})
		}
		if err := b.table(ctx, fmt.Sprintf("debug=2 dump of %d goroutines", n), file, rows); err != nil {
			return err
		}
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	return nil
}

// availableMemory is what the kernel says can be had without swapping, in bytes; 0 when it
// does not say.
func availableMemory() int64 {
	info, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(info, []byte("MemAvailable:"))
	line, _, _ := bytes.Cut(rest, []byte("kB"))
	kb, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 10, 64)
	if err != nil {
		return 0
	}
	return kb << 10
}

// decodeDump makes the evidence of a dump and nothing else: no hash of the input, no
// detectors, no report.
func decodeDump(ctx context.Context, file string, _ int64) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	set, err := gostack.Decode(ctx, f, evidence.Position{Source: file}, budget.Default())
	if err != nil {
		return err
	}
	s := &set.Snapshots[0]
	fmt.Println(s.Total, "goroutines in", len(s.Groups), "groups")
	return nil
}

// scanLines counts the lines of a file: the least that any reader of a text dump must do.
func scanLines(_ context.Context, file string, _ int64) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(make([]byte, 1<<20), 1<<20)
	lines := 0
	for s.Scan() {
		lines++
	}
	if err := s.Err(); err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	fmt.Println(lines, "lines")
	return nil
}
