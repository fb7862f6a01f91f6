package main

import (
	"context"
	"fmt"
)

// A gating is the gate's answer to one head, given its baseline.
type gating struct {
	Name  string `json:"name"`
	Build string `json:"build"`
	Head  string `json:"head"` // state and pass
	Fault bool   `json:"fault"`
	Live  bool   `json:"live"`
	Code  int    `json:"code"`
	Error string `json:"error,omitempty"`

	reason string
}

// right reports the answer that was due.
func (g *gating) right() bool {
	if g.Fault {
		return g.Code == exitFailed
	}
	return g.Code != exitFailed
}

// key is the same for all trials that the gate may compare.
func (t *trial) key() string { return t.Build + " " + t.Name }

// baselines are the healthy runs under load, by key.
func (r *results) baselines() map[string]*trial {
	out := map[string]*trial{}
	for _, t := range r.Trials {
		if t.State != stateFaulty && t.Pass == load.name {
			out[t.key()] = t
		}
	}
	return out
}

// compareAll lets the gate compare every service, healthy under load, with its faulty state
// under both passes, and with two more healthy runs.
func (e *evaluation) compareAll(ctx context.Context, t tool, res *results) error {
	baselines := res.baselines()
	for _, tr := range res.Trials {
		base := baselines[tr.key()]
		if base == nil || tr == base || tr.Error != "" || base.Error != "" {
			continue
		}
		g := gating{Name: tr.Name, Build: tr.Build, Head: tr.State + " " + tr.Pass, Fault: tr.State == stateFaulty}
		g.compare(ctx, t, tr, base)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		res.Gates = append(res.Gates, g)
	}
	return nil
}

func (g *gating) compare(ctx context.Context, t tool, head, base *trial) {
	code, err := t.gate(ctx, head.program.source, base.report, head.bundle)
	if g.Code = code; err != nil {
		g.Error = err.Error()
	}
	switch {
	case g.Code == exitInconclusive:
		g.reason = "inconclusive: " + head.Why
	case g.Fault:
		g.reason = head.outcome() + "; the baseline has " + base.outcome()
	default:
		g.reason = head.outcome()
	}
}

func (g *gating) String() string { return fmt.Sprintf("%s %s %s", g.Name, g.Head, g.Build) }
