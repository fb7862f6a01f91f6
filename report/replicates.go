package report

// Replicates prepares the trial for several runs of one program, of which the last stands for all and is returned. A
// finding has to fail in each of them, so the others are judged by it first; their scores are compared together.
func (t *Trial) Replicates(runs []*Report) *Report {
	last := len(runs) - 1
	for _, r := range runs[:last] {
		r.ApplyGate(Trial{Baseline: t.Baseline, Growth: t.Growth, Policy: t.Policy})
	}
	t.Earlier, t.Runs = runs[:last], runs
	return runs[last]
}

// Against sets the runs that were before, of which the last stands for all.
func (t *Trial) Against(name string, runs []*Report) {
	t.Before, t.Baseline = runs, &Baseline{Name: name, Report: runs[len(runs)-1]}
}
