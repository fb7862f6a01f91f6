package leak

import (
	"errors"
	"fmt"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/plant"
)

// plantings has one for all rules: which it is depends on what a goroutine waits for, whether it leaks does not.
func plantings() []analyze.Planting {
	p := analyze.Planting{Most: analyze.Proven, Put: plantLeak}
	for _, r := range rules {
		p.Rules = append(p.Rules, r.ID)
	}
	return []analyze.Planting{p}
}

const (
	// plantedFirst and plantedStep are goroutines that leak before the first dump, and from one to the next.
	plantedFirst = 40
	plantedStep  = 40
)

// plantLeak has goroutines stay in a channel send.
func plantLeak(set *evidence.Set, at evidence.Frame) (string, error) {
	send := plant.Crowd{Wait: evidence.WaitChanSend, CreatedBy: at,
		Stack: append(plant.Runtime("runtime.gopark", "runtime.chansend", "runtime.chansend1"), at)}
	dumps := set.SnapshotsOf(evidence.Goroutine)
	settled := len(set.SnapshotsOf(evidence.Survivors))
	switch {
	case len(dumps) == 1 && settled == 0 && dumps[0].HasStates:
		send.Wait, send.Stack = evidence.WaitNilChan, evidence.Stack{at}
		send.Grow(set, plantedFirst, 0, evidence.Goroutine)
		return fmt.Sprintf("%d goroutines on a nil channel: one dump shows no growth", plantedFirst), nil
	case len(dumps)+settled > 0:
		ids := send.Grow(set, plantedFirst, plantedStep, evidence.Goroutine, evidence.Survivors)
		if t := set.Trace; t != nil && len(dumps) > 0 {
			if k := plant.Before(set, evidence.Goroutine); k > 0 {
				plant.Silent(t, evidence.WaitChanSend, send.Stack, ids[k-1])
			}
		}
		return fmt.Sprintf("%d goroutines that stay in a channel send, and %d more with each dump", plantedFirst, plantedStep), nil
	case set.Has(evidence.GoroutineLeak, 1):
		send.Grow(set, plantedFirst, 0, evidence.GoroutineLeak)
		return fmt.Sprintf("%d goroutines in the runtime's leak profile", plantedFirst), nil
	}
	return "", errors.New("no goroutine dump")
}
