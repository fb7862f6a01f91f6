package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"

	"go-debug/analyze"
	"go-debug/analyze/budget"
	"go-debug/analyze/decode"
	"go-debug/analyze/source"
	"go-debug/analyze/stats"
	"go-debug/detectors"
	"go-debug/report"
)

// outcome is what became of the gates of one variant and size.
type outcome struct {
	Variant string     `json:"variant"`
	Runs    int        `json:"runs"`
	Gates   int        `json:"gates"`
	Failed  int        `json:"failed"`
	Share   float64    `json:"share"`
	CI      [2]float64 `json:"ci"`
	// ByLeak failed on a finding of the exact family, ByScore on a score, ByOther on another finding.
	ByLeak  int `json:"by_leak"`
	ByScore int `json:"by_score"`
	ByOther int `json:"by_other"`
	// Other is what was neither passed nor failed: exit codes 3 and 4.
	Other int `json:"other"`
	// By counts the gates by each family of scores and each rule that failed them.
	By map[string]int `json:"by"`
}

// judge has the gate judge runs drawn from the pool.
func judge(ctx context.Context, pool string, gates int, sizes []int, only *regexp.Regexp, asJSON bool) error {
	reports := map[string][]*report.Report{}
	for _, v := range variants {
		rs, err := readAll(ctx, filepath.Join(pool, v.name))
		if err != nil {
			return err
		}
		reports[v.name] = rs
	}
	rounds := len(reports[variants[0].name])
	for _, rs := range reports {
		rounds = min(rounds, len(rs))
	}
	var out []outcome
	for _, v := range variants[1:] {
		if !only.MatchString(v.name) {
			continue
		}
		for _, n := range sizes {
			if n > rounds {
				return fmt.Errorf("%d runs a side of a pool of %d rounds", n, rounds)
			}
			o, err := judgeVariant(ctx, v, n, gates, rounds, reports)
			if err != nil {
				return err
			}
			out = append(out, o)
			fmt.Fprintf(os.Stderr, "%s, %d runs: %d of %d failed %v\n", v.title, n, o.Failed, o.Gates, o.By)
		}
	}
	if len(out) == 0 {
		return fmt.Errorf("no variant is called %s", only)
	}
	if asJSON {
		return json.NewEncoder(os.Stdout).Encode(out)
	}
	printTable(os.Stdout, out, rounds)
	return nil
}

// readAll makes a report of each capture of a variant, in the order of the rounds.
func readAll(ctx context.Context, dir string) ([]*report.Report, error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.zip"))
	if err != nil || len(names) == 0 {
		return nil, errors.Join(err, fmt.Errorf("%s holds no captures: run simulate capture first", dir))
	}
	slices.Sort(names)
	out, failed := make([]*report.Report, len(names)), make([]error, len(names))
	each(len(names), func(i int) { out[i], failed[i] = read(ctx, names[i]) })
	return out, errors.Join(failed...)
}

// read is the report of one capture. What was read once is kept beside it.
func read(ctx context.Context, name string) (*report.Report, error) {
	stored := strings.TrimSuffix(name, ".zip") + ".json"
	if f, err := os.Open(stored); err == nil {
		defer f.Close()
		return report.Read(f)
	}
	scratch := &source.Scratch{}
	defer scratch.Close()
	items, problems := source.Resolve(ctx, []string{name}, source.Options{Scratch: scratch})
	for _, p := range problems {
		if p.Fatal {
			return nil, fmt.Errorf("%s: %w", p.Name, p.Err)
		}
	}
	set := decode.All(ctx, items, budget.Default())
	res, err := analyze.Run(ctx, set, detectors.All, analyze.Options{})
	if err != nil {
		return nil, err
	}
	r := report.New(set, res, report.Tool{Name: "go-debug"})
	var buf bytes.Buffer
	if err := report.Write(&buf, r); err != nil {
		return nil, err
	}
	return r, os.WriteFile(stored, buf.Bytes(), 0o600)
}

// each calls f for 0 to n-1 on all processors.
func each(n int, f func(i int)) {
	next := make(chan int)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// judgeVariant has the gate judge n runs of a variant against n of the healthy program. Runs come in rounds, which
// were captured at the same time: base and head of a gate are of the same rounds, as when they take turns. Which
// of the two healthy captures of a round is the base is drawn, too.
func judgeVariant(ctx context.Context, v variant, n, gates, rounds int, reports map[string][]*report.Report) (outcome, error) {
	o := outcome{Variant: v.title, Runs: n, Gates: gates, By: map[string]int{}}
	verdicts := make([]*report.Report, gates)
	each(gates, func(i int) {
		if ctx.Err() != nil {
			return
		}
		rng := rand.New(rand.NewPCG(uint64(n), uint64(i)))
		var base, head []*report.Report
		for _, round := range rng.Perm(rounds)[:n] {
			other := rng.IntN(2)
			b, h := variants[other].name, v.name
			if v.name == variants[1].name {
				h = variants[1-other].name
			}
			base, head = append(base, fresh(reports[b][round])), append(head, fresh(reports[h][round]))
		}
		verdicts[i] = gate(base, head)
	})
	if ctx.Err() != nil {
		return o, context.Cause(ctx)
	}
	for _, r := range verdicts {
		o.count(r)
	}
	o.Share = float64(o.Failed) / float64(o.Gates)
	o.CI[0], o.CI[1] = stats.ClopperPearson(int64(o.Failed), int64(o.Gates), 0.95)
	return o, nil
}

// fresh is a report that a gate may write into.
func fresh(r *report.Report) *report.Report {
	c := *r
	return &c
}

// gate judges as go-debug gate does where both sides are directories of captures.
func gate(base, head []*report.Report) *report.Report {
	t := report.Trial{Growth: report.DefaultGrowth(), Policy: report.GatePolicy(), Scores: report.DefaultScoreRules()}
	t.Against("base", base)
	r := t.Replicates(head)
	r.ApplyGate(t)
	return r
}

func (o *outcome) count(r *report.Report) {
	switch r.Gate.ExitCode {
	case report.ExitOK:
		return
	case report.ExitFindings:
		o.Failed++
	default:
		o.Other++
		return
	}
	seen := map[string]bool{}
	for _, c := range r.Gate.Findings.All() {
		if c.Fails {
			seen[c.Rule] = true
		}
	}
	if r.Diff != nil {
		for _, c := range r.Diff.Scores {
			if c.Direction == report.ScoreWorse {
				seen[c.Family] = true
			}
		}
	}
	leak, score, other := false, false, false
	for by := range seen {
		o.By[by]++
		leak = leak || strings.HasPrefix(by, "leak/")
		score = score || !strings.Contains(by, "/")
		other = other || strings.Contains(by, "/") && !strings.HasPrefix(by, "leak/")
	}
	for _, c := range []struct {
		is    bool
		count *int
	}{{leak, &o.ByLeak}, {score, &o.ByScore}, {other, &o.ByOther}} {
		if c.is {
			*c.count++
		}
	}
}

// printTable prints Markdown, for the documentation.
func printTable(w *os.File, all []outcome, rounds int) {
	fmt.Fprintf(w, "%d gates for each line, drawn from a pool of %d rounds\n\n", all[0].Gates, rounds)
	fmt.Fprintln(w, "| head | runs a side | gates that fail | 95 % interval | by a leak | by scores | by other findings | no verdict |")
	fmt.Fprintln(w, "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |")
	for _, o := range all {
		fmt.Fprintf(w, "| %s | %d | %.1f %% | %.1f–%.1f %% | %d | %d | %d | %d |\n", o.Variant, o.Runs, 100*o.Share, 100*o.CI[0], 100*o.CI[1], o.ByLeak, o.ByScore, o.ByOther, o.Other)
	}
}
