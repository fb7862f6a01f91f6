package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	xtrace "golang.org/x/exp/trace"
)

// loopTrace reads every event of a trace with x/exp/trace and does nothing with it.
func loopTrace(_ context.Context, file string, _ int64) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	r, err := xtrace.NewReader(bufio.NewReaderSize(f, 1<<20))
	if err != nil {
		return err
	}
	events := 0
	for {
		if _, err := r.ReadEvent(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		events++
	}
	fmt.Println(events, "events")
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
	fmt.Println(lines, "lines")
	return s.Err()
}
