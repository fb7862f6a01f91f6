package mutexwait

import (
	"cmp"
	"errors"
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
	// windowS is the time over which the delays were added, 0 when unknown: noRate says why.
	windowS float64
	method  string
	noRate  string
}

type delaySample struct {
	stack      evidence.Stack
	delayNS, n int64
}

// readDelays adds up profiles that were taken over a time. Where there are none it takes the last
// total since the process began, less the first that it can be compared with.
func readDelays(profiles []*evidence.Profile) *delays {
	d := &delays{taken: len(profiles) > 0}
	var timed, totals []*evidence.Profile
	for _, p := range profiles {
		d.records += p.Records
		switch {
		case p.Column("delay") < 0: // no profile of delays
		case p.DurationNS > 0:
			timed = append(timed, p)
		case p.IsChange():
			d.noRate = "the profile has negative delays: it is the difference of two, over an unknown time"
		default:
			totals = append(totals, p)
		}
	}
	sum := map[string]*delaySample{}
	switch {
	case len(timed) > 0:
		d.method, d.noRate = "delays of profiles taken over a time, over that time", ""
		for _, p := range timed {
			addSamples(sum, p)
			d.windowS += float64(p.DurationNS) / 1e9
		}
	case len(totals) > 0:
		p, why := added(totals)
		if d.method = "last profile less the first"; why != "" {
			d.method, d.noRate = "total since the process began", why
		}
		d.windowS = float64(p.DurationNS) / 1e9
		addSamples(sum, p)
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

// added is what came to the totals between the first and the last profile of the process that the last one
// is of: earlier ones may be of the process before a restart. Else it is the last total, and why.
func added(totals []*evidence.Profile) (p *evidence.Profile, why string) {
	last := totals[len(totals)-1]
	why = "a single profile since the process began has no duration"
	for _, first := range totals[:len(totals)-1] {
		p, err := last.Since(first)
		switch {
		case err == nil && p.DurationNS > 0:
			return p, ""
		case err == nil:
			return p, "nobody recorded when the profiles were taken"
		case errors.Is(err, evidence.ErrFell):
			why = "the process was started anew between the profiles"
		default:
			why = "the profiles cannot be subtracted: " + err.Error()
		}
	}
	return last, why
}

func addSamples(sum map[string]*delaySample, p *evidence.Profile) {
	delay, count := p.Column("delay"), p.Column("contentions")
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
		have.delayNS += s.Values[delay]
		if count >= 0 && count < len(s.Values) {
			have.n += s.Values[count]
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
