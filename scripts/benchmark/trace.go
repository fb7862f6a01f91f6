package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
)

// traceSizes are those of the traces, in MiB.
var traceSizes = []int64{5, 60, 300}

// benchTrace measures the trace engine beside its limit and its peers on traces of several sizes. It reads no
// source, which the peers do not either, but for one row.
func benchTrace(ctx context.Context, b *bench) error {
	var sizes, costs []float64 // MB and CPU s
	for _, mib := range traceSizes {
		file, err := b.generate(ctx, "gen-trace", fmt.Sprintf("bench%d.trace", mib), mib<<20)
		if err != nil {
			return err
		}
		rows := []row{
			{"go-debug analyze", []string{b.goDebug, "analyze", "-f", "json", "--src=", file}},
			{"go-debug, one worker", []string{"env", "GOMAXPROCS=1", b.goDebug, "analyze", "-f", "json", "--src=", file}},
			{"go-debug, reading source", []string{b.goDebug, "analyze", "-f", "json", "--src=.", file}},
			{"varint scan (the limit)", []string{b.self, "--scan-trace", file}},
			{"bare x/exp/trace loop", []string{b.self, "--loop-trace", file}},
			{"same analysis, x/exp/trace", []string{b.self, "--ref-trace", file}},
		}
		if mib == 60 { // on the larger one it takes minutes and the machine's memory
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
		fmt.Printf("%.1f × the scan; the bare loop takes %.1f ×, the same analysis %.1f × as much\n",
			best[1].cpu.Seconds()/best[3].cpu.Seconds(), best[4].cpu.Seconds()/best[1].cpu.Seconds(), best[5].cpu.Seconds()/best[1].cpu.Seconds())
		sizes, costs = append(sizes, float64(info.Size())/1e6), append(costs, best[1].cpu.Seconds())
		if mib == traceSizes[0] {
			if err := b.manyTraces(ctx, file); err != nil {
				return err
			}
		}
		if err := os.Remove(file); err != nil {
			return err
		}
	}
	first, last := 0, len(sizes)-1
	slope := (costs[last] - costs[first]) / (sizes[last] - sizes[first])
	fmt.Printf("\none worker: %.3f CPU s for the process and %.2f for each 100 MB; between, at %.0f MB, that makes %.2f, and it took %.2f\n",
		costs[first]-slope*sizes[first], 100*slope, sizes[1], costs[first]+slope*(sizes[1]-sizes[first]), costs[1])
	return nil
}

// manyTraces measures what several traces in one run cost.
func (b *bench) manyTraces(ctx context.Context, file string) error {
	var rows []row
	for _, n := range []int{1, 10, 40, 120} {
		argv := []string{b.goDebug, "analyze", "-f", "json", "--src="}
		for i := range n {
			name := fmt.Sprintf("%s.%d", file, i)
			if err := os.Link(file, name); err != nil && !errors.Is(err, fs.ErrExist) {
				return err
			}
			argv = append(argv, name)
		}
		rows = append(rows, row{fmt.Sprintf("%d traces in one run", n), argv})
	}
	if _, err := b.measured(ctx, "many traces, each", file, rows); err != nil {
		return err
	}
	for i := range 120 {
		if err := os.Remove(fmt.Sprintf("%s.%d", file, i)); err != nil {
			return err
		}
	}
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
