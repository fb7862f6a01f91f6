package heapgrowth

import (
	"errors"
	"fmt"
	"slices"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/plant"
)

var plantings = []analyze.Planting{
	{Rules: []string{ruleRetained, ruleGrowing}, Most: analyze.Likely, Put: plantRetained},
	{Rules: []string{ruleConnections, ruleChannels, ruleGoroutines}, Most: analyze.Likely, Put: plantBuffers},
	{Rules: []string{ruleHuge, ruleMany}, Most: analyze.Weak, Put: plantHuge},
}

const (
	plantedGrowth = 64 << 20 // at least, over the window
	plantedPart   = 0.5      // of the heap in use, if that is more
	plantedObject = 4 << 10
)

var errNoProfile = errors.New("no heap profile")

// plantRetained has a line hold on to all that it allocates, for as long as the program allocates: in proportion
// to its work, so that the growth began long before the window if the program did.
func plantRetained(set *evidence.Set, at evidence.Frame) (string, error) {
	s := read(set)
	if len(s.points) < minPoints {
		return "", fmt.Errorf("too few states of the heap: %s", s.why)
	}
	first, last := &s.points[0], s.last()
	worked := last.allocated() - first.allocated()
	if worked <= 0 {
		return "", errors.New("the heap profiles do not show that anything was allocated between them")
	}
	givenBack := max(first.inUse()-last.inUse(), 0) // by others: a heap that shrinks all the same has no leak
	perByte := (max(plantedGrowth, plantedPart*first.inUse()) + givenBack) / worked
	points := s.points
	for _, i := range plant.Of(set, evidence.Heap) {
		for k := range points {
			// A profile of the same collection stays one.
			if points[k].Profile == set.Profiles[i] || slices.Equal(points[k].Totals, set.Profiles[i].Totals) {
				n := int64(perByte * points[k].allocated())
				plant.Values(set, i, evidence.Stack{at}, map[string]int64{
					"inuse_space": n, "inuse_objects": n / plantedObject, "alloc_space": n, "alloc_objects": n / plantedObject})
				break
			}
		}
	}
	return fmt.Sprintf("%s that one line allocates over the window and holds on to", bytesText(perByte*worked)), nil
}

// plantBuffers has each of many connections hold a large buffer.
func plantBuffers(set *evidence.Set, at evidence.Frame) (string, error) {
	all := plant.Of(set, evidence.Heap)
	if len(all) == 0 {
		return "", errNoProfile
	}
	const objects = 1000
	last := set.Profiles[all[len(all)-1]]
	size := max(plantedGrowth, last.Total(last.Column("inuse_space"))) / objects
	stack := append(plant.Runtime("bufio.NewReaderSize"), at)
	for _, i := range all {
		plant.Values(set, i, stack, map[string]int64{"inuse_space": objects * size, "inuse_objects": objects, "alloc_space": objects * size, "alloc_objects": objects})
	}
	reading := plant.Crowd{Wait: evidence.WaitIO, Stack: append(plant.Runtime("internal/poll.runtime_pollWait", "net.(*conn).Read"), at), CreatedBy: at}
	reading.Grow(set, objects, 0, evidence.Goroutine)
	return fmt.Sprintf("%d connections with a buffer of %s each", objects, bytesText(float64(size))), nil
}

// plantHuge has a line hold a few huge objects.
func plantHuge(set *evidence.Set, at evidence.Frame) (string, error) {
	all := plant.Of(set, evidence.Heap)
	if len(all) == 0 {
		return "", errNoProfile
	}
	const objects = 4
	last := set.Profiles[all[len(all)-1]]
	size := max(plantedGrowth, last.Total(last.Column("inuse_space")))
	for _, i := range all {
		plant.Values(set, i, evidence.Stack{at}, map[string]int64{
			"inuse_space": objects * size, "inuse_objects": objects, "alloc_space": objects * size, "alloc_objects": objects})
	}
	return fmt.Sprintf("%d objects of %s at one line", objects, bytesText(float64(size))), nil
}
