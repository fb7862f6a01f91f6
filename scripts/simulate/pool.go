package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"go-debug/analyze/source"
)

// variant is the server with a regression of a known size.
type variant struct {
	name  string
	title string
	hold  float64 // times that of the healthy server
	leaks float64 // per 1,000 requests
}

// The variants. The first two are the program as it is.
var variants = []variant{
	{"healthy-a", "healthy", 1, 0},
	{"healthy-b", "healthy", 1, 0},
	{"delay-10", "lock held 10 % longer", 1.10, 0},
	{"delay-25", "lock held 25 % longer", 1.25, 0},
	{"delay-100", "lock held 100 % longer", 2, 0},
	{"leak-1", "1 leak per 1,000 requests", 1, 1},
	{"leak-5", "5 leaks per 1,000 requests", 1, 5},
	{"leak-20", "20 leaks per 1,000 requests", 1, 20},
}

// warmUp is how long a server is under load before it is captured.
const warmUp = time.Second

// capture adds rounds to the pool.
func capture(ctx context.Context, pool string, rounds int, window time.Duration) error {
	if pool == "" {
		return errors.New("give -pool, the directory of the captures")
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	other := exec.CommandContext(ctx, self, "noise")
	if err := other.Start(); err != nil {
		return err
	}
	defer func() { other.Process.Kill(); other.Wait() }()
	have, err := filepath.Glob(filepath.Join(pool, variants[0].name, "*.zip"))
	if err != nil {
		return err
	}
	for r := range rounds {
		name := fmt.Sprintf("%03d.zip", len(have)+r)
		var wg sync.WaitGroup
		failed := make([]error, len(variants))
		for i, v := range variants {
			wg.Go(func() { failed[i] = v.capture(ctx, self, filepath.Join(pool, v.name, name), window) })
		}
		wg.Wait()
		if err := errors.Join(failed...); err != nil {
			return fmt.Errorf("round %s: %w", name, err)
		}
		fmt.Fprintf(os.Stderr, "round %d of %d: %s\n", r+1, rounds, name)
	}
	return nil
}

func (v *variant) capture(ctx context.Context, self, output string, window time.Duration) error {
	if err := os.MkdirAll(filepath.Dir(output), 0o755); err != nil {
		return err
	}
	server := exec.CommandContext(ctx, self, "serve", "-hold", fmt.Sprint(time.Duration(v.hold*float64(holdNormally))), "-leaks", fmt.Sprint(v.leaks))
	server.Stderr = os.Stderr
	out, err := server.StdoutPipe()
	if err != nil {
		return err
	}
	if err := server.Start(); err != nil {
		return err
	}
	defer func() { server.Process.Kill(); server.Wait() }()
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return fmt.Errorf("%s says no address: %w", v.name, err)
	}
	url = strings.TrimSpace(url)
	loaded, end := context.WithCancel(ctx)
	var load sync.WaitGroup
	load.Go(func() { drive(loaded, url) })
	defer load.Wait()
	defer end()
	select {
	case <-time.After(warmUp):
	case <-ctx.Done():
		return ctx.Err()
	}
	_, err = source.Capture(ctx, url, source.CaptureOptions{For: window, Output: output})
	return err
}
