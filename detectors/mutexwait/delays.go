package mutexwait

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"go-debug/analyze/evidence"
)

// delays are the samples of the mutex or of the block profiles, made comparable: what was added
// over one known time where that can be told.
type delays struct {
	taken   bool
	records int64
	samples []delaySample
	totalNS int64
	// windowS is the time over which the delays were added, 0 when unknown.
	windowS float64
	method  string
}

type delaySample struct {
	stack      evidence.Stack
	delayNS, n int64
}

// readDelays adds up profiles that were taken over a time. Where there are none it takes
// the last total since the process began, less the first.
func readDelays(profiles []*evidence.Profile) *delays {
	d := &delays{taken: len(profiles) > 0}
	var timed, totals []*evidence.Profile
	for _, p := range profiles {
		d.records += p.Records
		if p.DurationNS > 0 {
			timed = append(timed, p)
		} else {
			totals = append(totals, p)
		}
	}
	sum := map[string]*delaySample{}
	switch {
	case len(timed) > 0:
		for _, p := range timed {
			addSamples(sum, p, 1)
			d.windowS += float64(p.DurationNS) / 1e9
		}
		d.method = "delays of profiles taken over a time, over that time"
	case len(totals) > 0:
		first, last := totals[0], totals[len(totals)-1]
		addSamples(sum, last, 1)
		d.method = "total since the process began"
		if len(totals) > 1 && subtractable(first, last) {
			addSamples(sum, first, -1)
			d.method = "last profile less the first"
			if !first.At.IsZero() {
				d.windowS = max(last.At.Sub(first.At).Seconds(), 0)
			}
		}
	}
	for _, s := range sum {
		if s.delayNS > 0 {
			d.samples = append(d.samples, *s)
			d.totalNS += s.delayNS
		}
	}
	slices.SortFunc(d.samples, func(a, b delaySample) int {
		return cmp.Or(cmp.Compare(b.delayNS, a.delayNS), strings.Compare(stackKey(a.stack), stackKey(b.stack)))
	})
	return d
}

// subtractable is false when totals fell: the process was started anew in between.
func subtractable(first, last *evidence.Profile) bool {
	was, is := map[string]*delaySample{}, map[string]*delaySample{}
	addSamples(was, first, 1)
	addSamples(is, last, 1)
	for k, s := range was {
		if now, ok := is[k]; !ok && s.delayNS > 0 || ok && now.delayNS < s.delayNS {
			return false
		}
	}
	return true
}

func addSamples(sum map[string]*delaySample, p *evidence.Profile, sign int64) {
	delay, count := p.Column("delay"), p.Column("contentions")
	if delay < 0 {
		return
	}
	for i := range p.Stacks {
		s := &p.Stacks[i]
		if delay >= len(s.Values) {
			continue
		}
		stack := p.Stack(s)
		k := stackKey(stack)
		have, ok := sum[k]
		if !ok {
			have = &delaySample{stack: stack}
			sum[k] = have
		}
		have.delayNS += sign * s.Values[delay]
		if count >= 0 && count < len(s.Values) {
			have.n += sign * s.Values[count]
		}
	}
}

func stackKey(s evidence.Stack) string {
	var b strings.Builder
	for _, f := range s {
		b.WriteString(f.Function)
		b.WriteByte(':')
		b.WriteString(f.File)
		b.WriteByte(':')
		b.WriteString(strconv.Itoa(f.Line))
		b.WriteByte('\n')
	}
	return b.String()
}
