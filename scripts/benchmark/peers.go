package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	xtrace "golang.org/x/exp/trace"

	"go-debug/analyze/budget"
	"go-debug/analyze/decode/trace"
	"go-debug/analyze/evidence"
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

// referenceTrace makes the evidence of a trace by way of x/exp/trace.
func referenceTrace(ctx context.Context, file string, _ int64) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	set, err := trace.DecodeReference(ctx, f, evidence.Position{Source: file}, budget.Default())
	if err != nil {
		return err
	}
	fmt.Println(set.Trace.Windows[0].Events, "events")
	return nil
}

// scanTrace adds up every byte sequence of the file that reads as a varint: the least that any
// reader of a trace must do.
func scanTrace(_ context.Context, file string, _ int64) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	buf := make([]byte, 1<<20)
	var sum, v, numbers uint64
	shift := uint(0)
	for {
		n, err := f.Read(buf)
		for _, c := range buf[:n] {
			v |= uint64(c&0x7f) << (shift & 63)
			if shift += 7; c < 0x80 {
				sum += v
				numbers++
				v, shift = 0, 0
			}
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
	}
	fmt.Println(numbers, "numbers, sum", sum)
	return nil
}
