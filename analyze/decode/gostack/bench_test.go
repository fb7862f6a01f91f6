package gostack

import (
	"bufio"
	"bytes"
	"context"
	"testing"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

// BenchmarkDecode and BenchmarkLineScan read the same dump of 100,000 goroutines: the
// decoder should take at most 2.5 times the CPU of finding the line ends.
func BenchmarkDecode(b *testing.B) {
	dump := manyGoroutines(b, 100_000)
	b.SetBytes(int64(len(dump)))
	b.ReportAllocs()
	for b.Loop() {
		set, err := Decode(context.Background(), bytes.NewReader(dump), evidence.Position{}, budget.Budget{})
		if err != nil || set.Snapshots[0].Total != 100_000 {
			b.Fatal(err, set.Snapshots[0].Total)
		}
	}
}

func BenchmarkLineScan(b *testing.B) {
	dump := manyGoroutines(b, 100_000)
	b.SetBytes(int64(len(dump)))
	b.ReportAllocs()
	for b.Loop() {
		lines := 0
		s := bufio.NewScanner(bytes.NewReader(dump))
		for s.Scan() {
			lines++
		}
		if s.Err() != nil || lines < 100_000 {
			b.Fatal(s.Err(), lines)
		}
	}
}

func BenchmarkReadSlice(b *testing.B) {
	dump := manyGoroutines(b, 100_000)
	b.SetBytes(int64(len(dump)))
	b.ReportAllocs()
	for b.Loop() {
		lines := 0
		r := bufio.NewReaderSize(bytes.NewReader(dump), bufferBytes)
		for {
			if _, err := r.ReadSlice('\n'); err != nil {
				break
			}
			lines++
		}
		if lines < 100_000 {
			b.Fatal(lines)
		}
	}
}
