package report

import (
	"cmp"
	"fmt"
	"slices"

	"go-debug/analyze"
	"go-debug/analyze/stats"
)

// Goroutines that leak are few in one short run, and not every run shows them for sure. Those that stay at one site
// are counted over all runs of each side instead, and compared once: exactly, by the conditional test of two Poisson
// rates.

// pooledLevel is the chance that any of the sites is called risen when none is.
const pooledLevel = 0.05

// pool is what all runs of both sides say of one site.
type pool struct {
	site    string
	found   int     // runs of the head with a finding there that is possible or surer
	finding *Change // the surest of them
	base    counted
	head    counted
	p       float64
}

// counted is survivors over an exposure: requests or seconds.
type counted struct {
	n        int64
	exposure float64
}

func (c counted) rate() float64 { return float64(c.n) / c.exposure }

// pooled adds findings of the exact detectors that stand in half of the runs and at whose site significantly more
// goroutines stay than did before, over all runs. all are the changes of the last run.
func (t *Trial) pooled(all []Change) []Change {
	if !t.replicated() {
		return all
	}
	exposures, basis := t.exposures()
	if exposures == nil {
		return all
	}
	var pools []*pool
	for _, pl := range t.sitesFound(all) {
		if 2*pl.found >= len(t.Runs) && pl.count(t, exposures) {
			pools = append(pools, pl)
		}
	}
	p := make([]float64, len(pools))
	for i, pl := range pools {
		p[i] = stats.RateRise(pl.base.n, pl.base.exposure, pl.head.n, pl.head.exposure)
	}
	for i, adjusted := range stats.Holm(p) {
		pl := pools[i]
		if pl.p = adjusted; pl.p > pooledLevel || pl.head.rate() <= pl.base.rate()*(1+t.Growth.MinEffect) {
			continue
		}
		all = pl.mark(all, basis, len(t.Runs))
	}
	return all
}

// sitesFound are the sites at which a run of the head has a finding of an exact detector, by their ID.
func (t *Trial) sitesFound(last []Change) []*pool {
	bySite := map[string]*pool{}
	for k, r := range t.Runs {
		changes := last
		if k < len(t.Runs)-1 {
			changes = r.Gate.Findings.All()
		}
		here := map[string]bool{}
		for i := range r.Findings {
			f := &r.Findings[i]
			s, ok := f.site()
			at := slices.IndexFunc(changes, func(c Change) bool {
				return c.Print == f.Fingerprint && c.Class != ClassFixed && c.Class != ClassUnchecked
			})
			if !ok || at < 0 || !t.Growth.isExact(f.Rule) || f.Confidence < analyze.Possible {
				continue
			}
			pl := bySite[s.ID]
			if pl == nil {
				pl = &pool{site: s.ID}
				bySite[s.ID] = pl
			}
			if !here[s.ID] {
				here[s.ID] = true
				pl.found++
			}
			if ch := changes[at]; pl.finding == nil || ch.Confidence >= pl.finding.Confidence {
				pl.finding = &ch
			}
		}
	}
	out := make([]*pool, 0, len(bySite))
	for _, pl := range bySite {
		out = append(out, pl)
	}
	slices.SortFunc(out, func(a, b *pool) int { return cmp.Compare(a.site, b.site) })
	return out
}

// count adds the survivors of all runs up; false where a run does not count them.
func (pl *pool) count(t *Trial, exposures map[*Report]float64) bool {
	for _, side := range []struct {
		runs []*Report
		to   *counted
	}{{t.Before, &pl.base}, {t.Runs, &pl.head}} {
		for _, r := range side.runs {
			side.to.exposure += exposures[r]
			s := r.siteOf(pl.site)
			switch {
			case s == nil: // nobody waits there
			case s.Survivors == nil:
				return false
			default:
				side.to.n += int64(*s.Survivors)
			}
		}
	}
	return true
}

// exposures are what the survivors of each run are divided by: requests where all runs count them, else seconds;
// nil where a run says neither.
func (t *Trial) exposures() (map[*Report]float64, Basis) {
	out, basis := map[*Report]float64{}, PerRequest
	for _, r := range slices.Concat(t.Before, t.Runs) {
		if r.Sites == nil || r.Sites.WindowS == nil || *r.Sites.WindowS <= 0 {
			return nil, Total
		}
		if r.requestRate() <= 0 {
			basis = PerSecond
		}
	}
	for _, r := range slices.Concat(t.Before, t.Runs) {
		out[r] = *r.Sites.WindowS
		if basis == PerRequest {
			out[r] *= r.requestRate()
		}
	}
	return out, basis
}

// requestRate is the requests per second that metrics count; 0 when unknown.
func (r *Report) requestRate() float64 {
	for _, l := range r.Load {
		if l.Source == "metrics" && l.Route == "all" && l.QPS != nil {
			return *l.QPS
		}
	}
	return 0
}

// mark makes the finding fail, in the list of the last run's, to which it is added where that run does not have it.
func (pl *pool) mark(all []Change, basis Basis, runs int) []Change {
	i := slices.IndexFunc(all, func(c Change) bool {
		return c.Print == pl.finding.Print && c.Class != ClassFixed && c.Class != ClassUnchecked
	})
	if i < 0 {
		all = append(all, *pl.finding)
		i = len(all) - 1
	}
	ch := &all[i]
	before, after, n := pl.base.rate(), pl.head.rate(), pl.base.n+pl.head.n
	lo, hi := stats.PoissonRate(pl.base.n, pl.base.exposure, 0.95)
	ch.Pooled, ch.Fails, ch.Unconfirmed = true, false, false
	ch.Confidence = max(ch.Confidence, pl.finding.Confidence)
	ch.Measure, ch.Unit, ch.Basis = survivorsMeasure, "count", basis
	ch.Before, ch.After, ch.P, ch.N, ch.Interval = &before, &after, &pl.p, &n, &[2]float64{lo, hi}
	ch.Method = stats.RateRatioMethod + ", over all runs, Holm over the sites with findings"
	ch.Why = fmt.Sprintf("%d survivors in %d runs, %d in those before%s, p = %.2g; found in %d", pl.head.n, runs, pl.base.n, basis.words(), pl.p, pl.found)
	if ch.Class == ClassKnown {
		ch.Class = ClassGrown
	}
	return all
}
