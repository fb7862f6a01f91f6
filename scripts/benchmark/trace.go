package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// benchTrace measures the trace engine beside its limit and its peers on traces of 5, 60 and 300 MB.
func benchTrace(ctx context.Context, b *bench) error {
	var rates []string
	for _, mb := range []int64{5, 60, 300} {
		file, err := b.generate(ctx, "gen-trace", fmt.Sprintf("bench%d.trace", mb), mb<<20)
		if err != nil {
			return err
		}
		rows := []row{
			{"go-debug analyze", []string{b.goDebug, "analyze", "-f", "json", file}},
			{"go-debug, one worker", []string{"env", "GOMAXPROCS=1", b.goDebug, "analyze", "-f", "json", file}},
			{"varint scan (the limit)", []string{b.self, "--scan-trace", file}},
			{"bare x/exp/trace loop", []string{b.self, "--loop-trace", file}},
			{"same analysis, x/exp/trace", []string{b.self, "--ref-trace", file}},
		}
		if mb == 60 { // on the larger one it takes minutes and the machine's memory
			rows = append(rows, row{"go tool trace -pprof=sync", []string{"go", "tool", "trace", "-pprof=sync", file}})
		}
		best, err := b.measured(ctx, "execution trace", file, rows)
		if err != nil {
			return err
		}
		events, err := b.events(ctx, file)
		if err != nil {
			return err
		}
		info, err := os.Stat(file)
		if err != nil {
			return err
		}
		cpu := best[0].cpu.Seconds()
		fmt.Printf("%.1f M events, %.1f M per CPU s; with two workers wall is %.2f of that of one\n",
			events/1e6, events/1e6/cpu, best[0].wall.Seconds()/best[1].wall.Seconds())
		rates = append(rates, fmt.Sprintf("%.0f MB: %.0f", float64(info.Size())/1e6, float64(info.Size())/1e6/cpu))
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	fmt.Printf("\nMB per CPU s by size, which is even where the cost is linear: %s\n", strings.Join(rates, ", "))
	return nil
}

// events counts the events of a trace as the bare loop does.
func (b *bench) events(ctx context.Context, file string) (float64, error) {
	out, err := exec.CommandContext(ctx, b.self, "--loop-trace", file).Output()
	if err != nil {
		return 0, err
	}
	var n float64
	if _, err := fmt.Sscan(string(out), &n); err != nil {
		return 0, fmt.Errorf("the loop says %q: %w", out, err)
	}
	return n, nil
}
