package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const fixturesDir = "fixtures"

// judgeFixtures judges the captures that the fixtures' folders hold, or new ones.
func (e *evaluation) judgeFixtures(ctx context.Context, t tool, res *results) error {
	names, err := e.fixtureNames()
	if err != nil {
		return err
	}
	captures, err := filepath.Abs(fixturesDir)
	if err != nil {
		return err
	}
	if e.anew && len(names) > 0 {
		captures = filepath.Join(e.bundles, "fixtures")
		if err := e.captureFixtures(ctx, names, captures); err != nil {
			return err
		}
	}
	byName := map[string]*trial{}
	for _, name := range names {
		tr, err := e.fixture(name, captures)
		if err != nil {
			return err
		}
		if _, err := os.Stat(filepath.Join(tr.bundle, "capture.json")); err != nil {
			res.Skipped = append(res.Skipped, tr.bundle+" holds no captures")
			continue
		}
		if err := e.judgeFixture(ctx, t, tr); err != nil {
			tr.Error = err.Error()
		}
		byName[name] = tr
		res.Trials = append(res.Trials, tr)
	}
	for _, name := range names {
		head, base := byName[name], byName[name+"-healthy"]
		if head == nil || base == nil || len(head.marks) == 0 || head.Error != "" || base.Error != "" {
			continue
		}
		g := gating{Name: name, Build: head.Build, Head: head.Pass, Fault: true}
		g.compare(ctx, t, head, base)
		res.Gates = append(res.Gates, g)
	}
	return context.Cause(ctx)
}

func (e *evaluation) fixtureNames() ([]string, error) {
	mains, err := filepath.Glob(filepath.Join(fixturesDir, "*", "main.go"))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, m := range mains {
		if name := filepath.Base(filepath.Dir(m)); e.only.MatchString(name) {
			names = append(names, name)
		}
	}
	return names, nil
}

// captureFixtures has gen-fixtures run the programs under their own loads.
func (e *evaluation) captureFixtures(ctx context.Context, names []string, dir string) error {
	args := append([]string{"run", "./scripts/gen-fixtures", "-tool", e.tool, "-C", dir}, names...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr // the standard output is the report's
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("gen-fixtures: %w", err)
	}
	return nil
}

// fixture reads what a fixture's source says of leaks.
func (e *evaluation) fixture(name, captures string) (*trial, error) {
	tr := &trial{Name: name, State: stateHealthy, Build: "fixtures", Pass: "stored",
		program: program{source: filepath.Join(fixturesDir, name)}, bundle: filepath.Join(captures, name), report: filepath.Join(e.work, name+".json")}
	if e.anew {
		tr.Pass = "anew"
	}
	files, err := filepath.Glob(filepath.Join(tr.program.source, "*.go"))
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		src, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		for _, m := range marksOf(filepath.Base(f), string(src)) {
			if strings.HasPrefix(m.Rule, "leak/") {
				tr.marks, tr.State = append(tr.marks, m), stateFaulty
			}
		}
	}
	return tr, nil
}

func (e *evaluation) judgeFixture(ctx context.Context, t tool, tr *trial) error {
	var err error
	if tr.Census, err = takeCensus(tr.bundle, tr.marks); err != nil {
		return err
	}
	v, err := t.analyze(ctx, "", tr.bundle, tr.report)
	tr.Findings = v.Findings
	return err
}
