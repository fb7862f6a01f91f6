package selectwait

import (
	"errors"
	"fmt"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/plant"
)

var plantings = []analyze.Planting{
	{Rules: []string{ruleHerd}, Most: analyze.Likely, Put: plantHerd},
	{Rules: []string{ruleChannelCPU, ruleSelectCPU, ruleBusyPoll, ruleFanIn, ruleBackpressure}, Most: analyze.Likely, Put: plantChannels},
}

const (
	plantedCrowd = 2000
	plantedShare = 0.6 // of the CPU
)

var errNoCPU = errors.New("no CPU profile")

// plantHerd has a crowd parked in a select that takes most of the CPU.
func plantHerd(set *evidence.Set, at evidence.Frame) (string, error) {
	parked := plant.Crowd{Wait: evidence.WaitSelect, Stack: append(plant.Runtime("runtime.gopark", "runtime.selectgo"), at), CreatedBy: at}
	crowds := len(parked.Grow(set, plantedCrowd, 0, evidence.Goroutine))
	if t := set.Trace; t != nil {
		b := evidence.BlockSite{Stack: plant.Stack(t, parked.Stack), Wait: evidence.WaitSelect}
		b.Open.AddN(t.DurationNS()/2, plantedCrowd)
		t.Blocks = append(t.Blocks, b)
		crowds++
	}
	switch {
	case crowds == 0:
		return "", errors.New("no goroutine dump and no trace")
	case !plant.CPU(set, plantedShare, append(plant.Runtime("runtime.sellock", "runtime.selectgo"), at)):
		return "", errNoCPU
	}
	return fmt.Sprintf("%d goroutines parked in a select that takes %.0f %% of the CPU", plantedCrowd, 100*plantedShare), nil
}

func plantChannels(set *evidence.Set, at evidence.Frame) (string, error) {
	if !plant.CPU(set, plantedShare, append(plant.Runtime("runtime.chansend", "runtime.chansend1"), at)) {
		return "", errNoCPU
	}
	return fmt.Sprintf("%.0f %% of the CPU in sends", 100*plantedShare), nil
}
