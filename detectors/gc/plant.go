package gc

import (
	"errors"
	"fmt"
	"slices"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/plant"
)

var plantings = []analyze.Planting{
	{Rules: []string{ruleBackToBack}, Most: analyze.Likely, Put: plantBackToBack},
	{Rules: []string{ruleCPU, ruleForced, ruleAssist, ruleSweep, ruleAlloc, ruleFinalizers, ruleBarriers}, Most: analyze.Likely, Put: plantCPU},
	{Rules: []string{rulePause, ruleStretched, ruleStops}, Most: analyze.Likely, Put: plantPauses},
}

const (
	plantedShare  = 0.7 // of the CPU
	plantedCycles = 50  // a second
	plantedPause  = 50e6
)

var markingStack = plant.Runtime("runtime.gcDrain", "runtime.gcDrainMarkWorkerDedicated", "runtime.gcBgMarkWorker.func2", "runtime.systemstack", "runtime.gcBgMarkWorker")

// plantBackToBack has the collector mark nine tenths of the time, while the heap stays as it is.
func plantBackToBack(set *evidence.Set, at evidence.Frame) (string, error) {
	t := set.Trace
	switch {
	case t == nil || t.DurationNS() == 0:
		return "", errors.New("no trace")
	case !plant.CPU(set, plantedShare, markingStack):
		return "", errors.New("no CPU profile")
	}
	t.GC.Cycles += max(t.DurationNS()*plantedCycles/1e9, plantedCycles)
	t.GC.MarkNS = max(t.GC.MarkNS, t.DurationNS()/10*9)
	for i := range t.Windows {
		t.Windows[i].Series.HeapBytes = slices.Repeat([]int64{64 << 20}, len(t.Windows[i].Series.HeapBytes))
	}
	return fmt.Sprintf("%d collections a second that mark 90 %% of the time and take %.0f %% of the CPU", plantedCycles, 100*plantedShare), nil
}

// plantCPU has marking take most of the CPU.
func plantCPU(set *evidence.Set, at evidence.Frame) (string, error) {
	if !plant.CPU(set, plantedShare, markingStack) {
		return "", errors.New("no CPU profile")
	}
	return fmt.Sprintf("%.0f %% of the CPU in marking", 100*plantedShare), nil
}

// plantPauses has the collector stop the world for long, twice a second.
func plantPauses(set *evidence.Set, at evidence.Frame) (string, error) {
	t := set.Trace
	if t == nil || t.DurationNS() == 0 {
		return "", errors.New("no trace")
	}
	const kind = "GC mark termination"
	h := t.GC.STW[kind]
	stops := *h.Clone()
	stops.AddN(plantedPause, max(2*t.DurationNS()/1e9, 10))
	if t.GC.STW == nil {
		t.GC.STW = map[string]evidence.Histogram{}
	}
	t.GC.STW[kind] = stops
	// A line that copies memory in one piece, for which the pause is the program's doing, in a heap that has such pieces.
	for i := range t.Windows {
		heap := slices.Clone(t.Windows[i].Series.HeapBytes)
		for j, bytes := range heap {
			heap[j] = max(bytes, plantedPause*slowestCopy)
		}
		t.Windows[i].Series.HeapBytes = heap
	}
	plant.CPU(set, 0.2, append(plant.Runtime("runtime.memmove"), at))
	return fmt.Sprintf("pauses of %d ms by the collector", int64(plantedPause/1e6)), nil
}
