package main

import (
	"bufio"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// A census is what the dumps of a bundle hold, counted without the tool under evaluation.
type census struct {
	Total  []int `json:"total,omitempty"`   // goroutines per dump
	AtMark []int `json:"at_mark,omitempty"` // of them, with a marked line on the stack
}

// made reports whether a leak happened at all in a run.
func (c census) made() bool { return gained(c.AtMark) >= 2 || gained(c.Total) >= 4 }

func gained(series []int) int {
	if len(series) < 2 {
		return 0
	}
	return series[len(series)-1] - series[0]
}

func takeCensus(bundle string, marks []mark) (census, error) {
	var c census
	files, err := filepath.Glob(filepath.Join(bundle, "goroutine.*.debug2.txt*"))
	if err != nil {
		return c, err
	}
	for _, f := range files { // the names sort by time
		total, marked, err := countDump(f, marks)
		if err != nil {
			return c, err
		}
		c.Total, c.AtMark = append(c.Total, total), append(c.AtMark, marked)
	}
	return c, nil
}

func countDump(name string, marks []mark) (total, marked int, err error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, 0, err
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(name, ".gz") {
		z, err := gzip.NewReader(f)
		if err != nil {
			return 0, 0, err
		}
		defer z.Close()
		r = z
	}
	return countGoroutines(r, marks)
}

// countGoroutines counts the goroutines of a debug=2 dump and those that have a marked line
// on the stack.
func countGoroutines(r io.Reader, marks []mark) (total, marked int, err error) {
	in := bufio.NewReader(r)
	open := false // the goroutine at hand has not shown a marked line yet
	for {
		line, err := in.ReadString('\n')
		switch {
		case strings.HasPrefix(line, "goroutine "):
			total++
			open = true
		case strings.HasPrefix(line, "created by "):
			open = false
		case open && isMarked(line, marks):
			marked++
			open = false
		}
		if errors.Is(err, io.EOF) {
			return total, marked, nil
		}
		if err != nil {
			return total, marked, err
		}
	}
}

// isMarked reports a line like "\t/src/services/early_return.go:21 +0x3c".
func isMarked(line string, marks []mark) bool {
	place, _, _ := strings.Cut(strings.TrimSpace(line), " ")
	file, number, ok := strings.Cut(filepath.Base(place), ":")
	if !ok {
		return false
	}
	n, err := strconv.Atoi(number)
	for _, m := range marks {
		if err == nil && m.File == file && m.Line == n {
			return true
		}
	}
	return false
}
