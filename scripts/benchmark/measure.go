package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"
)

type bench struct {
	dir     string
	goDebug string
	self    string
}

// row is one command of a table.
type row struct {
	name string
	argv []string
}

// usage is what one process cost.
type usage struct {
	cpu, wall time.Duration
	rss       int64
	code      int
}

func (b *bench) must(ctx context.Context, argv ...string) error {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stderr = os.Stderr
	return cmd.Run()
}

func (b *bench) generate(ctx context.Context, mode, name string, size int64) (string, error) {
	file := filepath.Join(b.dir, name)
	if err := b.must(ctx, b.self, "--"+mode, file, fmt.Sprint(size)); err != nil {
		return "", fmt.Errorf("%s: %w", mode, err)
	}
	return file, nil
}

// measure runs a command once, its output discarded. Peak RSS is that of the largest single
// process; it starts from this process's own, which is why nothing large is done here.
func measure(ctx context.Context, argv []string) (usage, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	var stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.Discard, &stderr
	start := time.Now()
	err := cmd.Run()
	if cmd.ProcessState == nil {
		return usage{}, err
	}
	ru := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	u := usage{
		cpu:  cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(),
		wall: time.Since(start),
		rss:  ru.Maxrss << 10,
		code: cmd.ProcessState.ExitCode(),
	}
	if err != nil {
		return u, fmt.Errorf("%v: %w\n%s", argv, err, stderr.Bytes())
	}
	return u, nil
}

// runs is how often each row is measured, the rows in turn, so that what else the machine does falls
// on all of them alike. The run with the least CPU is shown, since noise only ever adds.
const runs = 3

// slow is the CPU time from which on one run of a peer says enough.
const slow = 20 * time.Second

func (b *bench) table(ctx context.Context, what, file string, rows []row) error {
	_, err := b.measured(ctx, what, file, rows)
	return err
}

// measured prints a table and returns the best run of each row.
func (b *bench) measured(ctx context.Context, what, file string, rows []row) ([]usage, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	best := make([]usage, len(rows))
	for n := range runs {
		for i, r := range rows {
			if n > 0 && best[i].cpu > slow {
				continue
			}
			u, err := measure(ctx, r.argv)
			if err != nil {
				return nil, err
			}
			if n == 0 || u.cpu < best[i].cpu {
				best[i] = u
			}
		}
	}
	mb := float64(info.Size()) / 1e6
	fmt.Printf("\n%s, %.1f MB (best of %d)\n", what, mb, runs)
	fmt.Printf("%-28s %9s %9s %9s %9s %8s\n", "", "CPU s", "wall s", "RSS MB", "MB/CPU s", "× CPU")
	for i, u := range best {
		fmt.Printf("%-28s %9.2f %9.2f %9.0f %9.0f %8.2f\n", rows[i].name, u.cpu.Seconds(), u.wall.Seconds(),
			float64(u.rss)/1e6, mb/u.cpu.Seconds(), u.cpu.Seconds()/best[0].cpu.Seconds())
	}
	return best, nil
}
