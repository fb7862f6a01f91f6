package report

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"go-debug/analyze/evidence"
	"go-debug/analyze/score"
	"go-debug/analyze/stats"
)

// Score is one number by which runs of a program are compared.
type Score struct {
	Family string  `json:"family" jsonschema:"load, runtime, cpu, alloc, delay or wait"`
	Name   string  `json:"name" jsonschema:"what is measured, or the function"`
	Unit   string  `json:"unit" jsonschema:"of value; values of different units are not compared"`
	Value  float64 `json:"value" jsonschema:"divided by the work done, where the capture knows it"`
	N      *int64  `json:"n" jsonschema:"samples behind the value; null when not known"`
	Better string  `json:"better" jsonschema:"lower or higher"`
}

func newScores(all []score.Score) []Score {
	var out []Score
	for _, s := range all {
		if s.Value-s.Value != 0 {
			continue // neither a number that JSON can hold nor one to compare
		}
		better := "lower"
		if s.Higher {
			better = "higher"
		}
		out = append(out, Score{Family: string(s.Family), Name: s.Name, Unit: s.Unit, Value: s.Value, N: positive(s.N), Better: better})
	}
	return out
}

// ScoreRules say when a score has changed.
type ScoreRules struct {
	Level     float64 // the chance that any score of any family is called worse when none is; and as much for better
	MinEffect float64 // share of the value before
	MinPoints float64 // share of the largest of the family, for those with a score for each function
	Seed      uint64
	families  int // that share the level; 0 is one
	// Least is the smallest change that matters to anybody, by family and unit.
	Least map[string]float64
	// Skip are families that are not compared.
	Skip map[string]bool
}

// DefaultScoreRules are 5 %, and at least 10 % and one point. A wait or a pause that is 50 µs longer is
// within what a timer or a wake-up on another processor costs, and 10 ms of lock delay a second, or 1 µs a
// request, is what an uncontended program has.
func DefaultScoreRules() ScoreRules {
	return ScoreRules{Level: 0.05, MinEffect: 0.1, MinPoints: 0.01, Seed: 1, Least: map[string]float64{
		"wait ns": 50e3, "runtime ns": 50e3, "load ns": 50e3, "delay ns_per_s": 10e6, "delay ns_per_request": 1e3, "runtime ratio": 0.01,
	}}
}

// level is that of one family.
func (rules *ScoreRules) level() float64 { return rules.Level / float64(max(rules.families, 1)) }

// Direction is what became of a score.
type Direction string

// The directions.
const (
	ScoreWorse   Direction = "worse"
	ScoreBetter  Direction = "better"
	ScoreSteady  Direction = "~"        // no difference could be shown
	ScoreUntold  Direction = "untold"   // too few runs for a difference to be shown, however large
	ScoreOneSide Direction = "one side" // there on one side only, or in another unit
)

// ScoreChange is one score before and after.
type ScoreChange struct {
	Family    string      `json:"family" jsonschema:"load, runtime, cpu, alloc, delay or wait"`
	Name      string      `json:"name" jsonschema:"what is measured, or the function"`
	Unit      string      `json:"unit" jsonschema:"of before, after and interval"`
	Direction Direction   `json:"direction" jsonschema:"worse or better: shown by the test, and large enough; ~: no difference could be shown; untold: too few runs for the test; one side: nothing to compare with"`
	Before    *float64    `json:"before" jsonschema:"median of the runs before"`
	After     *float64    `json:"after" jsonschema:"median of the runs now"`
	Interval  *[2]float64 `json:"interval" jsonschema:"95 % interval of the change"`
	P         *float64    `json:"p" jsonschema:"chance of such a change in any score of the family if nothing had changed"`
	Runs      [2]int      `json:"runs" jsonschema:"runs before and now"`
	Method    string      `json:"method" jsonschema:"how p was found"`
	Slight    bool        `json:"slight" jsonschema:"whether the change is too small to matter, however sure it is"`
	Why       string      `json:"why" jsonschema:"what the direction follows from, where p does not say it"`
	// RunsBefore and RunsAfter are kept of changes that were shown, in the order of the runs.
	RunsBefore []float64 `json:"runs_before" jsonschema:"the value of each run before, where a change was shown over several"`
	RunsAfter  []float64 `json:"runs_after" jsonschema:"the value of each run now"`
}

// CompareScores compares two groups of runs score by score, worse ones first, in each family those that grew
// most out of proportion first. Neither group may be empty.
func CompareScores(before, after []*Report, rules ScoreRules) []ScoreChange {
	var all []variable
	// Each family is tested at its part of the level, or a gate of six families would fail one healthy program
	// in four.
	rules.families = sharedFamilies(before, after)
	for _, family := range score.Families {
		if rules.Skip[string(family)] {
			continue
		}
		all = append(all, compareFamily(string(family), family.Many(), before, after, rules)...)
	}
	rank := map[Direction]int{ScoreWorse: 0, ScoreBetter: 1, ScoreUntold: 2, ScoreSteady: 3, ScoreOneSide: 4}
	slices.SortStableFunc(all, func(a, b variable) int {
		return cmp.Or(cmp.Compare(rank[a.Direction], rank[b.Direction]), cmp.Compare(b.weight, a.weight))
	})
	out := make([]ScoreChange, len(all))
	for i := range all {
		out[i] = all[i].ScoreChange
		if d := out[i].Direction; (d == ScoreWorse || d == ScoreBetter) && len(all[i].before)+len(all[i].after) > 2 {
			out[i].RunsBefore, out[i].RunsAfter = all[i].before, all[i].after
		}
	}
	return out
}

// sharedFamilies is the number of families of which both sides have scores.
func sharedFamilies(before, after []*Report) int {
	n := 0
	for _, family := range score.Families {
		if vars, _ := variables(string(family), family.Many(), before, after); len(vars) > 0 {
			n++
		}
	}
	return n
}

// maxGrowth is where growth stops to count for more: what was not there before grew without bound.
const maxGrowth = 10

// weigh sets how much the change is worth a look: what it makes out in its family, times how far out of
// proportion it is. A function and its callers grow by the same amount, and the function by the larger
// share.
func (v *variable) weigh(largest float64) {
	change, growth := math.Abs(*v.After-*v.Before), float64(maxGrowth)
	if before := math.Abs(*v.Before); change < maxGrowth*before {
		growth = change / before
	}
	if largest > 0 {
		v.weight = growth * change / largest
	}
}

// variable is one score of a family over the runs of both sides.
type variable struct {
	ScoreChange
	higher        bool
	weight        float64 // see weigh
	before, after []float64
	n             [2]int64 // samples, where each side is one run
}

func compareFamily(family string, many bool, before, after []*Report, rules ScoreRules) []variable {
	vars, alone := variables(family, many, before, after)
	switch {
	case len(vars) == 0:
	case len(before) == 1 && len(after) == 1:
		testSamples(vars, rules)
	case many:
		testTogether(vars, rules)
	default:
		testEach(vars, rules)
	}
	largest := 0.0
	for i := range vars {
		largest = max(largest, math.Abs(*vars[i].Before), math.Abs(*vars[i].After))
	}
	for i := range vars {
		v := &vars[i]
		why := rules.small(v, many, largest)
		v.Slight = why != ""
		v.weigh(largest)
		if v.Slight && (v.Direction == ScoreWorse || v.Direction == ScoreBetter) {
			v.Direction, v.Why = ScoreSteady, why
		}
		alone = append(alone, *v)
	}
	return alone
}

// small says why a change does not matter, however sure it is; empty when it does.
func (rules *ScoreRules) small(v *variable, many bool, largest float64) string {
	change := math.Abs(*v.After - *v.Before)
	least := rules.Least[v.Family+" "+v.Unit]
	switch {
	case change <= rules.MinEffect*math.Abs(*v.Before):
		return fmt.Sprintf("the change is smaller than %g %%", 100*rules.MinEffect)
	case many && change < rules.MinPoints*largest:
		return fmt.Sprintf("the change is smaller than %g %% of all", 100*rules.MinPoints)
	case change < least:
		return fmt.Sprintf("the change is smaller than %g %s", least, v.Unit)
	}
	return ""
}

// variables lines the scores of all runs up. A function that is not among a run's scores had less than a
// sliver there, which counts as none; what else is missing in a run cannot be compared.
func variables(family string, many bool, before, after []*Report) (vars, alone []variable) {
	type key struct{ name, unit string }
	found := map[key]*variable{}
	var order []key
	for side, runs := range [][]*Report{before, after} {
		for i, r := range runs {
			for _, s := range r.Scores {
				if s.Family != family {
					continue
				}
				k := key{s.Name, s.Unit}
				v := found[k]
				if v == nil {
					v = &variable{ScoreChange: ScoreChange{Family: family, Name: s.Name, Unit: s.Unit, Runs: [2]int{len(before), len(after)}},
						higher: s.Better == "higher", before: missing(len(before)), after: missing(len(after))}
					found[k] = v
					order = append(order, k)
				}
				if [][]float64{v.before, v.after}[side][i] = s.Value; s.N != nil {
					v.n[side] = *s.N
				}
			}
		}
	}
	// A side that measured the family and has nothing of it has as little as nothing of each score.
	looked := [2]bool{captured(before, family), captured(after, family)}
	sides := map[string][2]bool{} // units that each side has
	for _, k := range order {
		v, has := found[k], sides[k.unit]
		sides[k.unit] = [2]bool{has[0] || present(v.before) > 0, has[1] || present(v.after) > 0}
	}
	for _, k := range order {
		v := found[k]
		other := func(side int) bool { return sides[k.unit][side] || looked[side] && !otherUnit(sides, k.unit, side) }
		if many && other(0) && other(1) {
			zeroMissing(v.before)
			zeroMissing(v.after)
		}
		if present(v.before) < len(v.before) || present(v.after) < len(v.after) {
			v.Direction, v.Why = ScoreOneSide, fmt.Sprintf("it is known for %d of %d runs before and for %d of %d now", present(v.before), len(v.before), present(v.after), len(v.after))
			alone = append(alone, *v)
			continue
		}
		v.Before, v.After = new(stats.Median(v.before)), new(stats.Median(v.after))
		vars = append(vars, *v)
	}
	return vars, alone
}

// kindOf is the kind of input that the scores of a family come from.
var kindOf = map[string]evidence.Kind{
	string(score.CPU): evidence.CPU, string(score.Alloc): evidence.Allocs, string(score.Delay): evidence.Mutex, string(score.Wait): evidence.Execution,
}

// captured reports whether each run read what the scores of a family come from.
func captured(runs []*Report, family string) bool {
	for _, r := range runs {
		if !slices.ContainsFunc(r.Inputs, func(in Input) bool { return in.Kind == kindOf[family] && in.Complete }) {
			return false
		}
	}
	return true
}

// otherUnit reports whether a side has the family in another unit.
func otherUnit(sides map[string][2]bool, unit string, side int) bool {
	for u, has := range sides {
		if u != unit && has[side] {
			return true
		}
	}
	return false
}

func missing(n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = math.NaN()
	}
	return out
}

func present(x []float64) int {
	n := 0
	for _, v := range x {
		if !math.IsNaN(v) {
			n++
		}
	}
	return n
}

func zeroMissing(x []float64) {
	for i, v := range x {
		if math.IsNaN(v) {
			x[i] = 0
		}
	}
}

// testTogether is the test for many scores.
func testTogether(vars []variable, rules ScoreRules) {
	res := maxT(vars, rules.Seed)
	method := fmt.Sprintf("permutation max-T over the %d scores of the family, one-sided, %d dealings", len(vars), res.Dealings)
	for i := range vars {
		vars[i].decide(res.Rises[i], res.Rises[i].P, res.Rises[i].Fall, method, rules, rules.level())
	}
}

// testEach is the test for a few scores.
func testEach(vars []variable, rules ScoreRules) {
	res := maxT(vars, rules.Seed)
	up, down := make([]float64, len(vars)), make([]float64, len(vars))
	for i, r := range res.Rises {
		up[i], down[i] = r.Alone, r.AloneFall
	}
	up, down = stats.Holm(up), stats.Holm(down)
	method := fmt.Sprintf("permutation test, one-sided, %d dealings, Holm over the %d scores of the family", res.Dealings, len(vars))
	for i := range vars {
		vars[i].decide(res.Rises[i], up[i], down[i], method, rules, rules.level()/float64(len(vars)))
	}
}

// maxT compares the runs of the two sides.
func maxT(vars []variable, seed uint64) stats.MaxTResult {
	runs := func(of func(*variable) []float64) [][]float64 {
		out := make([][]float64, len(of(&vars[0])))
		for i := range out {
			for v := range vars {
				out[i] = append(out[i], of(&vars[v])[i])
			}
		}
		return out
	}
	return stats.MaxT(runs(func(v *variable) []float64 { return v.before }), runs(func(v *variable) []float64 { return v.after }), seed)
}

// advisedRuns is from which size of both groups on a test does more than happen to fire: it shows a rise by
// half in one of 100 functions in four of five comparisons.
const advisedRuns = 8

// decide takes the smaller of the chances of the two directions, each tested at the family's level. least is the level
// that one score by itself has to reach before the others of its family are allowed for.
func (v *variable) decide(rise stats.Rise, pRise, pFall float64, method string, rules ScoreRules, least float64) {
	v.Method, v.Interval = method, rise.Interval
	p, direction := pRise, ScoreWorse
	if pFall < p {
		p, direction = pFall, ScoreBetter
	}
	if v.higher && direction == ScoreWorse {
		direction = ScoreBetter
	} else if v.higher {
		direction = ScoreWorse
	}
	v.P = &p
	switch {
	case !stats.CanReach(v.Runs[0], v.Runs[1], least):
		n := stats.NeededRuns(least)
		v.Direction, v.P = ScoreUntold, nil
		v.Why = fmt.Sprintf("%d and %d runs cannot show any change at %g %%: need n ≥ %d on each side (below %d the test cannot fire at all)",
			v.Runs[0], v.Runs[1], 100*rules.Level, max(n, advisedRuns), n)
	case p <= rules.level():
		v.Direction = direction
	default:
		v.Direction = ScoreSteady
	}
}
