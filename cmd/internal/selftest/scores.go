package selftest

import (
	"context"
	"fmt"

	"go-debug/analyze/score"
	"go-debug/report"
)

// tryRuns supplies several runs on each side.
const tryRuns = "go-debug gate --runs 10 --base-rev main -- ./run.sh"

// plantScores tests all families of scores in one set of runs, and one comparison.
func (t *Test) plantScores(ctx context.Context) ([]report.Planting, error) {
	var out []report.Planting
	var asked []*score.Planting
	for i := range score.Plantings {
		p := &score.Plantings[i]
		if t.demanded(string(p.Family)) {
			asked = append(asked, p)
			out = append(out, report.Planting{Subject: fmt.Sprintf("%s (%s)", p.Family, p.What), State: report.PlantDead})
		}
	}
	all := func(state report.PlantState, why, try string) []report.Planting {
		for i := range out {
			out[i].State, out[i].Why, out[i].Try = state, why, try
		}
		return out
	}
	switch {
	case len(asked) == 0:
		return nil, nil
	case len(t.Trial.Before) < 2 || len(t.Sets) < 2:
		state := report.PlantNotGated
		if len(t.Demand) > 0 {
			state = report.PlantDead // it was asked for by name
		}
		return all(state, "scores are compared where both sides have several runs", tryRuns), nil
	case t.Trial.Policy.FailOn == 0:
		return all(report.PlantDead, "the policy fails on no change of a score", ""), nil
	}
	sets, at := t.copies()
	for i, p := range asked {
		for _, set := range sets {
			what, err := p.Put(set, at)
			if out[i].What = what; err != nil {
				out[i].Why, out[i].Try = "the evidence is absent: "+err.Error(), "go-debug capture http://localhost:6060 --for 30s"
				break
			}
		}
	}
	runs, err := t.reports(ctx, sets, t.Options)
	if err != nil {
		return nil, err
	}
	changes := report.CompareScores(t.Trial.Before, runs, t.Trial.Scores)
	for i, p := range asked {
		if out[i].Why == "" {
			out[i].State, out[i].Why = scored(p, changes)
		}
	}
	return out, nil
}

// scored says what the comparison made of what was planted for a family.
func scored(p *score.Planting, changes []report.ScoreChange) (report.PlantState, string) {
	why := "no score shows it"
	for i := range changes {
		c := &changes[i]
		if c.Family != string(p.Family) || !p.Scores(c.Name) {
			continue
		}
		if c.Direction == report.ScoreWorse {
			return report.PlantFails, ""
		}
		switch why = c.Why; {
		case why == "" && c.P != nil:
			why = fmt.Sprintf("the test does not tell it from chance: p = %.2g with %d and %d runs", *c.P, c.Runs[0], c.Runs[1])
		case c.Direction == report.ScoreOneSide:
			why = "there is nothing to compare with: " + c.Why
		}
	}
	return report.PlantDead, why
}
