package mutexwait

import (
	"strings"
	"testing"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

// stack builds a stack from "function@line" entries, innermost first.
func stack(entries ...string) evidence.Stack {
	var s evidence.Stack
	for _, e := range entries {
		fn, line, _ := strings.Cut(e, "@")
		f := evidence.Frame{Function: fn, File: "main.go"}
		for _, c := range line {
			f.Line = 10*f.Line + int(c-'0')
		}
		s = append(s, f)
	}
	return s
}

// sample is one stack of a mutex or block profile.
type sample struct {
	stack   evidence.Stack
	n       int64
	delayNS int64
}

func profile(kind evidence.Kind, duration time.Duration, samples ...sample) *evidence.Profile {
	p := &evidence.Profile{Kind: kind, DurationNS: int64(duration), Records: int64(len(samples)),
		SampleTypes: []evidence.ValueType{{Type: "contentions", Unit: "count"}, {Type: "delay", Unit: "nanoseconds"}},
		Totals:      []int64{0, 0}}
	for _, s := range samples {
		vs := evidence.ValueStack{Values: []int64{s.n, s.delayNS}, Count: 1}
		for _, f := range s.stack {
			vs.Frames = append(vs.Frames, int32(len(p.Frames)))
			p.Frames = append(p.Frames, f)
		}
		p.Stacks = append(p.Stacks, vs)
		p.Totals[0] += s.n
		p.Totals[1] += s.delayNS
	}
	return p
}

func cpuProfile(samples ...sample) *evidence.Profile {
	for i := range samples {
		samples[i].delayNS = samples[i].n * 1e7
	}
	p := profile(evidence.CPU, 4*time.Second, samples...)
	p.SampleTypes = []evidence.ValueType{{Type: "samples", Unit: "count"}, {Type: "cpu", Unit: "nanoseconds"}}
	return p
}

func at(p *evidence.Profile, seq int, when time.Time) *evidence.Profile {
	p.Position = evidence.Position{Seq: seq, At: when}
	return p
}

func snapshot(seq int, groups ...evidence.Group) evidence.Snapshot {
	return evidence.Snapshot{Position: evidence.Position{Seq: seq}, Kind: evidence.Goroutine, Groups: groups, Complete: true}
}

func sleepers(n int, s evidence.Stack) evidence.Group {
	return evidence.Group{Wait: evidence.WaitOf(s), Stack: s, Count: n}
}

func detect(t *testing.T, set *evidence.Set) ([]analyze.Finding, analyze.Outcome) {
	t.Helper()
	res, err := analyze.Run(t.Context(), set, []*analyze.Detector{Detector}, analyze.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if res.Outcomes[0].State == analyze.Failed {
		t.Fatal(res.Outcomes[0].Why)
	}
	return res.Findings, res.Outcomes[0]
}

func profiles(p ...*evidence.Profile) *evidence.Set { return &evidence.Set{Profiles: p} }

func measure(f analyze.Finding, name string) (float64, bool) {
	for _, m := range f.Measures {
		if m.Name == name {
			return m.Value, true
		}
	}
	return 0, false
}

// The two sides of one lock in main.(*store).put, and of others.
var (
	unlockPut    = stack("sync.(*Mutex).Unlock@65", "main.(*store).put@30", "main.handle@9")
	lockPut      = stack("sync.(*Mutex).Lock@46", "main.(*store).put@21", "main.handle@9")
	lockGet      = stack("sync.(*Mutex).Lock@46", "main.(*store).get@41", "main.handle@10")
	unlockWrite  = stack("sync.(*RWMutex).Unlock@216", "main.(*table).write@70", "main.reload@5")
	lockWrite    = stack("sync.(*Mutex).Lock@46", "sync.(*RWMutex).Lock@150", "main.(*table).write@66", "main.reload@5")
	lockRead     = stack("sync.(*RWMutex).RLock@74", "main.(*table).read@80", "main.handle@11")
	dumpPut      = stack("internal/sync.runtime_SemacquireMutex@95", "internal/sync.(*Mutex).lockSlow@149", "internal/sync.(*Mutex).Lock@70", "sync.(*Mutex).Lock@46", "main.(*store).put@21", "main.handle@9")
	unlockLog    = stack("sync.(*Mutex).Unlock@65", "log.(*Logger).output@240", "log.Printf@5", "main.handle@12")
	unlockLog2   = stack("sync.(*Mutex).Unlock@65", "log.(*Logger).output@240", "log.Printf@5", "main.audit@15")
	unlockTimer  = stack("runtime.unlock@261", "runtime.(*timers).unlock@300", "runtime.(*timer).modify@161", "time.AfterFunc@9", "main.produce@50")
	unlockChan   = stack("runtime.unlock@261", "runtime.chansend@300", "runtime.chansend1@161", "main.produce@50")
	waitGroup    = stack("sync.(*WaitGroup).Wait@206", "main.main@99")
	receive      = stack("runtime.chanrecv1@509", "main.worker@77")
	selectWait   = stack("runtime.selectgo@351", "main.loop@78")
	wrapped      = stack("sync.(*Mutex).Unlock@65", "main.(*spin).Unlock@3", "main.(*store).evict@55", "main.handle@9")
	deferred     = stack("sync.(*Mutex).Unlock@65", "main.(*store).put.deferwrap1@22", "main.(*store).put@25", "main.handle@9")
	onceInternal = stack("sync.(*Mutex).Lock@46", "sync.(*Once).doSlow@70", "sync.(*Once).Do@60", "main.config@33")
)

const second = int64(time.Second)
