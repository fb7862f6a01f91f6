package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// A trial is one captured run of a service, and what the detector makes of it.
type trial struct {
	Name     string    `json:"name"`
	State    string    `json:"state"`
	Build    string    `json:"build"`
	Pass     string    `json:"pass"`
	Census   census    `json:"census"`
	Why      string    `json:"why,omitempty"` // of a detector that did not simply run
	Findings []finding `json:"findings"`
	Error    string    `json:"error,omitempty"`

	program program
	pass    pass
	marks   []mark
	report  string // the JSON report, for the gate
	bundle  string
}

func (t *trial) String() string {
	return strings.Join([]string{t.Name, t.State, t.Build, t.Pass}, " ")
}

// outcome is a word or two for the progress.
func (t *trial) outcome() string {
	switch {
	case t.Error != "":
		return "error: " + t.Error
	case len(t.Findings) == 0:
		return "nothing found"
	}
	var out []string
	for i := range t.Findings {
		out = append(out, t.Findings[i].Confidence+" at "+t.Findings[i].Location.String())
	}
	return strings.Join(out, ", ")
}

// perform runs the service unless there is a bundle already, and analyses it.
func (e *evaluation) perform(ctx context.Context, t tool, tr *trial) error {
	tr.bundle = filepath.Join(e.bundles, strings.ReplaceAll(tr.String(), " ", "."))
	tr.report = tr.bundle + ".json"
	if _, err := os.Stat(tr.bundle); errors.Is(err, os.ErrNotExist) {
		// A capture that fails on a busy machine gets a second chance.
		if err := e.record(ctx, t, tr); err != nil {
			// What is not whole is kept by the capture, and would stand for a run the next time too.
			if err := errors.Join(os.RemoveAll(tr.bundle), e.record(ctx, t, tr)); err != nil {
				return err
			}
		}
	}
	var err error
	if tr.Census, err = takeCensus(tr.bundle, tr.marks); err != nil {
		return err
	}
	v, err := t.analyze(ctx, tr.program.source, tr.bundle, tr.report)
	if err != nil {
		return err
	}
	tr.Findings = v.Findings
	for _, d := range v.Detectors {
		if d.State != "ran" {
			tr.Why = d.State + ": " + d.Why
		}
	}
	return nil
}

// record runs a service under its requests and captures it.
func (e *evaluation) record(ctx context.Context, t tool, tr *trial) error {
	ctx, cancel := context.WithTimeout(ctx, e.lead+2*e.window+time.Minute)
	defer cancel()
	base, stop, err := e.start(ctx, tr)
	if err != nil {
		return err
	}
	defer stop()
	d := newDriver()
	driving, stopDriving := context.WithCancel(ctx)
	driven := make(chan struct{})
	go func() {
		defer close(driven)
		d.run(driving, base, tr.pass)
	}()
	sleep(ctx, e.lead)
	err = t.capture(ctx, base, tr.bundle, "--for", e.window.String())
	stopDriving()
	<-driven
	if err == nil && d.answered.Load() == 0 && d.open.Load() == 0 {
		return fmt.Errorf("no request was answered, %d failed", d.failed.Load())
	}
	return err
}

// start runs the service's process and reads its URL.
func (e *evaluation) start(ctx context.Context, tr *trial) (base string, stop func(), err error) {
	cmd := exec.CommandContext(ctx, tr.program.binary, "-service", tr.Name, "-upstream", e.peers.upstream, "-peer", e.peers.line)
	// The labels of goroutines are in the dumps of modules of go1.27; the services are of
	// go1.26, where toolchains before 1.27 know no such setting.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "GODEBUG=tracebacklabels=1"}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := cmd.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		cmd.Process.Signal(syscall.SIGKILL) // a leaking service has nothing to tidy up
		cmd.Wait()
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	base, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if !ok {
		stop()
		return "", nil, fmt.Errorf("%s does not say where it listens: %w", tr.Name, cmp.Or(err, errors.New(line)))
	}
	return base, stop, nil
}

// What a finding is, given where the faults are.
type judgement int

const (
	falseAlarm judgement = iota
	atLine               // names a marked line, as its place or as the go statement
	outsideOwn           // of a faulty service, but it names a line of a library
)

// judge tells a true finding from a false alarm.
func judge(f *finding, marks []mark, own func(file string) bool) judgement {
	if len(marks) == 0 {
		return falseAlarm
	}
	for _, m := range marks {
		for _, at := range []frame{f.Location, f.CreatedBy} {
			if filepath.Base(at.File) == m.File && at.Line == m.Line {
				return atLine
			}
		}
	}
	if !own(filepath.Base(f.Location.File)) {
		return outsideOwn
	}
	return falseAlarm
}

// own reports the files of a trial's program.
func (t *trial) own(file string) bool {
	_, err := os.Stat(filepath.Join(t.program.source, file))
	return err == nil
}

func (t *trial) judge(i int) judgement { return judge(&t.Findings[i], t.marks, t.own) }
