package sched

import (
	"errors"
	"fmt"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/plant"
)

// plantings has one: the rules are about how much of the CPU scheduling takes, and what for.
var plantings = []analyze.Planting{{
	Rules: []string{ruleChurn, ruleGosched, ruleRequestDelay, ruleRunQueue, ruleSpinning, ruleIdleWakeups, ruleThrottled, ruleThreads},
	Most:  analyze.Likely, Put: plantChurn,
}}

const (
	plantedShare    = 0.8       // of the CPU
	plantedSwitches = 1_000_000 // a second
)

// plantChurn has goroutines wait for each other all the time.
func plantChurn(set *evidence.Set, at evidence.Frame) (string, error) {
	if !plant.CPU(set, plantedShare, append(plant.Runtime("runtime.casgstatus", "runtime.execute", "runtime.schedule", "runtime.park_m", "runtime.mcall", "runtime.gopark", "runtime.chanrecv"), at)) {
		return "", errors.New("no CPU profile")
	}
	if t := set.Trace; t != nil && t.DurationNS() > 0 {
		n := max(t.DurationNS()*plantedSwitches/1e9, 1)
		plant.Waits(t, evidence.WaitChanRecv, append(plant.Runtime("runtime.chanrecv1"), at), n, max(t.DurationNS()/n, 1))
	}
	return fmt.Sprintf("%d switches of goroutines a second that take %.0f %% of the CPU", plantedSwitches, 100*plantedShare), nil
}
