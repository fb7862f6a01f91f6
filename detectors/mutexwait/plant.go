package mutexwait

import (
	"errors"
	"fmt"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/plant"
)

// plantings: the rules for locks that are waited for are one fault (see family). Those for CPU spent in locks are
// decided by shares of samples.
var plantings = []analyze.Planting{
	{Rules: []string{ruleConvoy, ruleContended, ruleLog, ruleStarved}, Most: analyze.Proven, Put: plantConvoy},
	{Rules: []string{ruleBounce, ruleRuntime}, Most: analyze.Likely, Put: plantReaders},
}

const (
	// plantedDelay is how many goroutines wait for the lock on average.
	plantedDelay = 20
	// plantedWaits is how many waits that is, a second.
	plantedWaits = 1000
)

func plantConvoy(set *evidence.Set, at evidence.Frame) (string, error) {
	const ns = plantedDelay * 1e9
	rate := map[string]float64{"delay": ns, "contentions": plantedWaits}
	held := append(plant.Runtime("sync.(*Mutex).Unlock"), at)
	waiting := append(plant.Runtime("internal/sync.runtime_SemacquireMutex", "internal/sync.(*Mutex).lockSlow", "internal/sync.(*Mutex).Lock", "sync.(*Mutex).Lock"), at)
	planted := plant.Rate(set, evidence.Mutex, held, rate)
	planted = plant.Rate(set, evidence.Block, waiting[2:], rate) || planted
	if t := set.Trace; t != nil && t.DurationNS() > 0 {
		n := max(t.DurationNS()*plantedWaits/1e9, 100)
		plant.Waits(t, evidence.WaitMutex, waiting, n, plantedDelay*t.DurationNS()/n)
		planted = true
	}
	asleep := plant.Crowd{Wait: evidence.WaitMutex, Stack: waiting, CreatedBy: at}
	planted = len(asleep.Grow(set, plantedDelay, 0, evidence.Goroutine)) > 0 || planted
	if !planted {
		return "", errors.New("no mutex or block profile, trace or goroutine dump")
	}
	return fmt.Sprintf("%d goroutines that wait for one lock all the time", plantedDelay), nil
}

// plantedShare is of the CPU: three times what healthy programs come near to.
const plantedShare = 0.6

func plantReaders(set *evidence.Set, at evidence.Frame) (string, error) {
	if !plant.CPU(set, plantedShare, append(plant.Runtime("sync.(*RWMutex).RLock"), at)) {
		return "", errors.New("no CPU profile")
	}
	return fmt.Sprintf("%.0f %% of the CPU in RLock", 100*plantedShare), nil
}
