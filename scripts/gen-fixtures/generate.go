package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// generate makes one fixture's captures and stores them in dest.
func (f fixture) generate(ctx context.Context, tool, work, dest string) error {
	program, err := f.build(ctx, work)
	if err != nil {
		return err
	}
	args := f.args
	if f.dependency != nil {
		dep, err := startDependency(f.dependency)
		if err != nil {
			return err
		}
		defer dep.Close()
		args = append(args[:len(args):len(args)], "-"+f.dependencyFlag, dep.URL)
	}
	base, stop, err := start(ctx, program, args, f.scenario)
	if err != nil {
		return err
	}
	defer stop()
	gen := newGenerator(base, f.load)
	if f.prepare != nil {
		if err := f.prepare(ctx, gen); err != nil {
			return fmt.Errorf("prepare: %w", err)
		}
	}

	bundle := filepath.Join(work, f.name+".bundle")
	loadCtx, endLoad := context.WithCancel(ctx)
	defer endLoad()
	result := make(chan summary, 1)
	go func() { result <- gen.run(loadCtx) }()
	if !wait(ctx, f.lead) {
		return ctx.Err()
	}
	err = capture(ctx, tool, base, bundle, f.capture)
	endLoad()
	sum := <-result
	if err != nil {
		return err
	}
	if sum.failed > 0 {
		return fmt.Errorf("%d of %d requests failed: %w", sum.failed, sum.sent, sum.firstError)
	}
	size, err := store(bundle, dest, work)
	if err != nil {
		return err
	}
	fmt.Printf("%-24s %s; captures %d kB\n", f.name, sum, size>>10)
	return nil
}

func wait(ctx context.Context, d time.Duration) bool {
	select {
	case <-time.After(d):
		return true
	case <-ctx.Done():
		return false
	}
}

// start runs a fixture program and reads the URL that it prints.
func start(ctx context.Context, program string, args []string, sc scenario) (base string, stop func(), err error) {
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Stderr = os.Stderr
	// The capture is of the program as anybody would run it, whatever this shell has set.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "GODEBUG=" + sc.debug}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	release := func() {}
	stop = func() {
		defer func() { release() }()
		cmd.Process.Signal(syscall.SIGTERM)
		kill := time.AfterFunc(5*time.Second, func() { cmd.Process.Kill() })
		defer kill.Stop()
		cmd.Wait()
	}
	if sc.quota > 0 {
		remove, err := limitCPU(cmd.Process.Pid, sc.quota)
		if err != nil {
			stop()
			return "", nil, err
		}
		release = remove
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	base, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !ok {
		stop()
		return "", nil, fmt.Errorf("%s does not say where it listens (%q): %w", filepath.Base(program), line, cmp.Or(err, errors.New("unexpected output")))
	}
	return base, stop, nil
}

// capture runs the tool as a user would.
func capture(ctx context.Context, tool, base, bundle string, flags []string) error {
	args := append([]string{"capture", base, "-o", bundle}, flags...)
	cmd := exec.CommandContext(ctx, tool, args...)
	if msg, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go-debug %s: %w\n%s", strings.Join(args, " "), err, msg)
	}
	return nil
}

// A dependency is a service that the fixture calls; it lives in this process so that the
// captures show the fixture alone.
type dependency struct {
	URL string
	srv *http.Server
}

func startDependency(h http.Handler) (*dependency, error) {
	l, err := listenLoopback()
	if err != nil {
		return nil, err
	}
	d := &dependency{URL: "http://" + l.Addr().String(), srv: &http.Server{Handler: h}}
	go d.srv.Serve(l)
	return d, nil
}

// Close ends the dependency's open calls too.
func (d *dependency) Close() error { return d.srv.Close() }
