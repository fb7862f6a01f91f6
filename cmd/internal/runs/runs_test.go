//go:build unix

package runs

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Each side runs as often early as late: the sums of the places are the same for every even number of runs.
func TestOrder(t *testing.T) {
	if got := Order(4, 2); !slices.Equal(got, []int{0, 1, 1, 0, 0, 1, 1, 0}) {
		t.Errorf("%v", got)
	}
	for n := 2; n <= 20; n += 2 {
		places := [2]int{}
		for i, side := range Order(n, 2) {
			places[side] += i
		}
		if places[0] != places[1] {
			t.Errorf("%d runs: places %v", n, places)
		}
	}
	if got := Order(3, 1); !slices.Equal(got, []int{0, 0, 0}) {
		t.Errorf("%v", got)
	}
}

func quiet(string, ...any) {}

// A run that is interrupted takes all that it started with it, and so does one that fails.
func TestNothingIsLeftRunning(t *testing.T) {
	for title, script := range map[string]string{
		"interrupted":                    `sleep 1000 & echo $! > pid; echo ready > started; wait`,
		"interrupted, deaf to interrupt": `trap '' INT; sleep 1000 & echo $! > pid; echo ready > started; wait`,
		"failed":                         `sleep 1000 & echo $! > pid; echo told; exit 3`,
	} {
		dir := t.TempDir()
		ctx, interrupt := context.WithCancel(t.Context())
		defer interrupt()
		go func() {
			for ctx.Err() == nil {
				if _, err := os.Stat(filepath.Join(dir, "started")); err == nil {
					interrupt()
				}
				time.Sleep(5 * time.Millisecond)
			}
		}()
		p := Plan{Runs: 1, Root: filepath.Join(dir, "runs"), Note: quiet, Grace: 100 * time.Millisecond, Sides: []Side{{Name: "head", Command: []string{"sh", "-c", script}, Dir: dir}}}
		_, err := p.Drive(ctx)
		var f *Failure
		switch {
		case title == "failed":
			if !errors.As(err, &f) || !strings.Contains(f.Output, "told") || !strings.Contains(err.Error(), "run 1 of 1 (head 1): the command failed: exit status 3") {
				t.Errorf("%s: %v", title, err)
			}
		case !errors.Is(err, context.Canceled):
			t.Errorf("%s: %v", title, err)
		}
		text, err := os.ReadFile(filepath.Join(dir, "pid"))
		if err != nil {
			t.Fatal(err)
		}
		pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			t.Fatal(err)
		}
		if !gone(pid) {
			t.Errorf("%s: the child %d still runs", title, pid)
		}
	}
}

// gone waits for a process to end, for who kills it does not reap it.
func gone(pid int) bool {
	for range 500 {
		if err := syscall.Kill(pid, 0); errors.Is(err, syscall.ESRCH) || zombie(pid) {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

func zombie(pid int) bool {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	return err == nil && strings.Contains(string(stat), ") Z ")
}

// A program that is captured is interrupted afterwards, and may take its leave.
func TestCapturedThenInterrupted(t *testing.T) {
	dir := t.TempDir()
	captured := 0
	p := Plan{Runs: 2, Root: filepath.Join(dir, "runs"), Note: quiet,
		Capture: func(_ context.Context, out string) error {
			captured++
			for { // until it has started
				if _, err := os.Stat(filepath.Join(dir, "started"+strconv.Itoa(captured))); err == nil {
					return os.Mkdir(out, 0o700)
				}
				time.Sleep(5 * time.Millisecond)
			}
		},
		Sides: []Side{{Name: "head", Dir: dir, Command: []string{"sh", "-c", `trap 'echo $GO_DEBUG_SIDE $GO_DEBUG_RUN >> ended; exit 0' INT; echo > started$GO_DEBUG_RUN; while :; do sleep 0.05; done`}}}}
	dirs, err := p.Drive(t.Context())
	if err != nil || captured != 2 || len(dirs["head"]) != 2 {
		t.Errorf("%v, %d captured, %v", err, captured, dirs)
	}
	if text, err := os.ReadFile(filepath.Join(dir, "ended")); err != nil || string(text) != "head 1\nhead 2\n" {
		t.Errorf("%q, %v", text, err)
	}
}

// Only the end of what a command prints is kept.
func TestTail(t *testing.T) {
	w := &tail{most: 10}
	for range 1000 {
		w.Write([]byte("0123456789abcdef\n"))
	}
	if got := w.String(); got != "…789abcdef" {
		t.Errorf("%q", got)
	}
}
