package main

import (
	"bufio"
	stdgzip "compress/gzip"
	"context"
	"fmt"
	"io"
	"os"

	"github.com/google/pprof/profile"
	"github.com/klauspost/compress/gzip"
)

// benchProfile measures the decoder of profiles. What no reader of a .pb.gz can do without
// is to decompress it: that is the limit.
func benchProfile(ctx context.Context, b *bench) error {
	for _, c := range []struct {
		what, mode, name string
		size             int64
	}{
		{"small CPU profile", "gen-profile", "small.cpu.pb.gz", 50 << 10},
		{"labelled CPU profile", "gen-profile", "1.cpu.pb.gz", 1 << 20},
		{"labelled CPU profile", "gen-profile", "33.cpu.pb.gz", 33_000_000},
		{"2.7 million samples, a label of its own on each", "gen-samples", "samples.cpu.pb.gz", 2_700_000},
		{"CPU profile of distinct stacks, uncompressed", "gen-distinct", "distinct.cpu.pb", 33 << 20},
	} {
		file, err := b.generate(ctx, c.mode, c.name, c.size)
		if err != nil {
			return err
		}
		rows := []row{
			{"go-debug analyze", []string{b.goDebug, "analyze", "-f", "json", file}},
			{"gunzip, klauspost (limit)", []string{b.self, "--gunzip", file}},
			{"gunzip, standard library", []string{b.self, "--std-gunzip", file}},
			{"profile.Parse + aggregate", []string{b.self, "--parse-profile", file}},
		}
		if c.mode != "gen-samples" { // which would take it a quarter of an hour and the machine's memory
			rows = append(rows, row{"go tool pprof -top", []string{"go", "tool", "pprof", "-top", "-symbolize=none", file}})
		}
		if err := b.table(ctx, c.what, file, rows); err != nil {
			return err
		}
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	return b.directories(ctx)
}

// directories shows what directories of many small profiles cost: time is to grow as their
// number does, memory not.
func (b *bench) directories(ctx context.Context) error {
	fmt.Printf("\ndirectories of heap profiles, 28 kB each\n%-28s %9s %9s %9s\n", "go-debug analyze", "CPU s", "wall s", "RSS MB")
	for _, n := range []int64{1000, 10_000} {
		dir, err := b.generate(ctx, "gen-profiles", fmt.Sprint("profiles", n), n)
		if err != nil {
			return err
		}
		const inconclusive = 4 // nobody has a question about such profiles alone
		u, err := measure(ctx, []string{b.goDebug, "analyze", "-f", "json", dir})
		if err != nil && u.code != inconclusive {
			return err
		}
		fmt.Printf("%-28d %9.2f %9.2f %9.0f\n", n, u.cpu.Seconds(), u.wall.Seconds(), float64(u.rss)/1e6)
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

// parseProfile sums a profile by function, flat and cumulative, by way of profile.Parse.
func parseProfile(_ context.Context, file string, _ int64) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	p, err := profile.Parse(f)
	if err != nil {
		return err
	}
	type sums struct{ flat, cum int64 }
	byFunction := map[string]*sums{}
	seen := map[string]bool{}
	for _, s := range p.Sample {
		clear(seen)
		v := s.Value[len(s.Value)-1]
		for i, l := range s.Location {
			for j, line := range l.Line {
				name := line.Function.Name
				sum := byFunction[name]
				if sum == nil {
					sum = &sums{}
					byFunction[name] = sum
				}
				if i == 0 && j == 0 {
					sum.flat += v
				}
				if !seen[name] {
					seen[name] = true
					sum.cum += v
				}
			}
		}
	}
	fmt.Println(len(byFunction), "functions")
	return nil
}

// gunzip and stdGunzip decompress a file, or read it where it is not compressed.
func gunzip(_ context.Context, file string, _ int64) error {
	return inflate(file, func(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) })
}

func stdGunzip(_ context.Context, file string, _ int64) error {
	return inflate(file, func(r io.Reader) (io.Reader, error) { return stdgzip.NewReader(r) })
}

func inflate(file string, open func(io.Reader) (io.Reader, error)) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	br := bufio.NewReaderSize(f, 64<<10)
	var r io.Reader = br
	if magic, _ := br.Peek(2); string(magic) == "\x1f\x8b" {
		if r, err = open(br); err != nil {
			return err
		}
	}
	n, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, r, make([]byte, 64<<10))
	fmt.Println(n, "bytes")
	return err
}
