package mutexwait

import (
	"slices"
	"strings"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
	"go-debug/analyze/stats"
)

// cpu is the CPU profiles, as far as they concern locks.
type cpu struct {
	*signature.Profile
	profiles []*evidence.Profile
	samples  []cpuSample
	doubted  bool
	unusable string // why it says nothing of Go's functions; empty where it may
}

type cpuSample struct {
	call  lockCall
	stack evidence.Stack
	n     int64
	slow  bool // it fights for the lock, falls asleep at it or wakes somebody
}

func readCPU(set *evidence.Set) *cpu {
	out := &cpu{Profile: signature.Read(set)}
	switch {
	case !set.Has(evidence.CPU, 1):
		return out
	case !slices.ContainsFunc(set.ProfilesOf(evidence.CPU), signature.IsGo):
		out.unusable = "the CPU profile is not of a Go program"
	case slices.ContainsFunc(out.Doubts(), func(d signature.Doubt) bool { return d.Kind == signature.Difference }):
		out.unusable = "the CPU profile is the difference of two, and has no shares"
	}
	if out.unusable != "" {
		out.Profile = signature.Read(&evidence.Set{})
		return out
	}
	out.doubted = out.Doubted()
	out.profiles = set.ProfilesOf(evidence.CPU)
	for _, p := range out.profiles {
		column := p.Column("samples")
		if column < 0 {
			continue
		}
		locking := p.MaskWhere(func(f evidence.Frame) bool {
			return strings.Contains(f.Function, "sync.(*Mutex).") || strings.Contains(f.Function, "sync.(*RWMutex).")
		})
		for i := range p.Stacks {
			if s := &p.Stacks[i]; s.Any(locking) {
				out.add(p.Stack(s), s.Values[column])
			}
		}
	}
	return out
}

func (c *cpu) add(stack evidence.Stack, n int64) {
	call, ok := parseLock(stack)
	if !ok {
		return // a user's function runs inside sync, as in Once.Do and Pool.Get
	}
	slow := false
	for _, f := range stack {
		if !ofLocking(f) {
			break
		}
		slow = slow || slices.Contains(sigFighting.Anywhere, f.Function) || slices.Contains(sigAsleep.Anywhere, f.Function)
	}
	c.samples = append(c.samples, cpuSample{call: call, stack: stack, n: n, slow: slow})
}

func (t *lockTable) addCPU(c *cpu) {
	for _, s := range c.samples {
		l := t.lock(&s.call)
		switch {
		case s.slow:
			l.cpuSlow += s.n
		case s.call.reads:
			l.cpuReaders += s.n
		default:
			continue
		}
		at := place{frame: s.call.user, owner: s.call.owner, stack: s.stack, reads: s.call.reads, deferLine: s.call.deferLine, cost: s.n}
		if s.call.releases {
			l.holders = addPlace(l.holders, at)
		} else {
			l.waiters = addPlace(l.waiters, at)
		}
	}
}

// share is so many of the samples.
func (c *cpu) share(n int64) signature.Share {
	return signature.Share{Samples: n, Total: c.Samples, Cores: c.Cores(), WindowNS: c.WindowNS, Starved: c.Starved}
}

// high reports whether a share is above a parameter for sure, in a program that is not idle.
func (c *cpu) high(p *analyze.Pass, s signature.Share, param string, widen float64) bool {
	return s.Above(p.Param(param), widen) && (c.WindowNS == 0 || c.Cores() >= p.Param("min-cores"))
}

// lowered is a confidence less one where the profile's shares are to be distrusted.
func (c *cpu) lowered(sure analyze.Confidence) analyze.Confidence {
	if c.doubted && sure > analyze.Weak {
		return sure - 1
	}
	return sure
}

func (c *cpu) measure(name string, n int64, widen float64) stats.Measure {
	return c.share(n).Measure(name, widen)
}
