package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path"
	"strings"
)

// frame is a place in a report.
type frame struct {
	Function string `json:"function"`
	File     string `json:"file"`
	Line     int    `json:"line"`
}

func (f frame) String() string { return fmt.Sprintf("%s:%d", path.Base(f.File), f.Line) }

// finding is what is read of a finding of the report's JSON contract.
type finding struct {
	Rule       string  `json:"rule"`
	Confidence string  `json:"confidence"`
	Message    string  `json:"message"`
	Location   frame   `json:"location"`
	CreatedBy  frame   `json:"created_by"`
	Stacks     []stack `json:"stacks,omitempty"`
}

// stack accepts whatever a stack is made of; only function names are of interest.
type stack []string

func (s *stack) UnmarshalJSON(data []byte) error {
	var frames []json.RawMessage
	if err := json.Unmarshal(data, &frames); err != nil {
		return nil
	}
	for _, raw := range frames {
		var name string
		var f frame
		switch {
		case json.Unmarshal(raw, &name) == nil:
			*s = append(*s, name)
		case json.Unmarshal(raw, &f) == nil:
			*s = append(*s, f.Function)
		}
	}
	return nil
}

// verdict is what is read of a report.
type verdict struct {
	Detectors []struct{ Name, State, Why string }
	Findings  []finding
}

// tool is the go-debug binary under evaluation.
type tool struct{ path string }

// run returns the exit code; an error means that the program gave none.
func (t tool) run(ctx context.Context, dir string, args ...string) (stdout []byte, code int, err error) {
	cmd := exec.CommandContext(ctx, t.path, args...)
	var out, msg bytes.Buffer
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, &out, &msg
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return nil, 0, context.Cause(ctx)
	case errors.As(err, &exit) && exit.Exited():
		code = exit.ExitCode()
		err = fmt.Errorf("go-debug %s: exit code %d: %s", args[0], code, lastLines(msg.String(), 3))
	case err != nil:
		return nil, 0, fmt.Errorf("go-debug %s: %w", args[0], err)
	}
	return out.Bytes(), code, err
}

// capture takes a bundle of a running program.
func (t tool) capture(ctx context.Context, base, bundle string, flags ...string) error {
	_, _, err := t.run(ctx, "", append([]string{"capture", base, "-o", bundle}, flags...)...)
	return err
}

// analyze asks the leak detector. dir is where the program's source is.
func (t tool) analyze(ctx context.Context, dir, input, report string) (verdict, error) {
	var v verdict
	_, code, err := t.run(ctx, dir, "analyze", "--only", "leak", "-q", "-o", report, input)
	if err != nil && code != exitInconclusive {
		return v, err
	}
	data, err := os.ReadFile(report)
	if err != nil {
		return v, err
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return v, fmt.Errorf("%s: %w", report, err)
	}
	return v, nil
}

// Exit codes of the gate that are answers.
const (
	exitPassed       = 0
	exitFailed       = 1
	exitInconclusive = 4
)

// gate judges the head by the report of the baseline.
func (t tool) gate(ctx context.Context, dir, baseline, head string, more ...string) (code int, err error) {
	_, code, err = t.run(ctx, dir, append([]string{"gate", "--only", "leak", "-q", "--baseline", baseline, head}, more...)...)
	switch code {
	case exitFailed, exitInconclusive:
		return code, nil
	}
	return code, err
}

func lastLines(s string, n int) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "; ")
}
