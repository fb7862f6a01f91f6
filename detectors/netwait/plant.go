package netwait

import (
	"errors"
	"fmt"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/plant"
)

var plantings = []analyze.Planting{
	{Rules: []string{ruleOpen}, Most: analyze.Proven, Put: plantPools},
	{Rules: []string{rulePool}, Most: analyze.Likely, Put: plantStarved},
	{Rules: []string{ruleSlowClients}, Most: analyze.Likely, Put: plantClients},
	{Rules: []string{ruleHandshakes, rulePolling}, Most: analyze.Likely, Put: plantHandshakes},
}

const (
	plantedPools   = 20 // in the first snapshot, and as many more with each
	plantedWaiters = 50
	plantedShare   = 0.5 // of the CPU
)

var errNoDump = errors.New("no goroutine dump")

// plantPools has a pool of database/sql opened for each request.
func plantPools(set *evidence.Set, at evidence.Frame) (string, error) {
	c := plant.Crowd{Wait: evidence.WaitSelect, Stack: plant.Runtime("runtime.gopark", "runtime.selectgo", sqlOpener), CreatedBy: plant.Runtime(sqlOpenDB)[0]}
	if len(c.Grow(set, plantedPools, plantedPools, evidence.Goroutine)) == 0 {
		return "", errNoDump
	}
	for _, i := range plant.Of(set, evidence.Allocs) {
		plant.Values(set, i, append(plant.Runtime(sqlOpen), at), map[string]int64{"alloc_objects": 1 << 20, "alloc_space": 1 << 26})
	}
	return fmt.Sprintf("%d pools of database/sql, and as many more with each dump", plantedPools), nil
}

// plantStarved has queries wait for connections of a pool that is too small.
func plantStarved(set *evidence.Set, at evidence.Frame) (string, error) {
	waiting := plant.Crowd{Wait: evidence.WaitSelect, CreatedBy: at,
		Stack: append(plant.Runtime("runtime.gopark", "runtime.selectgo", sqlConn, "database/sql.(*DB).query", "database/sql.(*DB).QueryContext"), at)}
	busy := plant.Crowd{Wait: evidence.WaitIO, CreatedBy: at,
		Stack: append(plant.Runtime("internal/poll.runtime_pollWait", "net.(*conn).Read", "database/sql.(*Rows).Next"), at)}
	if len(waiting.Grow(set, plantedWaiters, 0, evidence.Goroutine)) == 0 {
		return "", errNoDump
	}
	busy.Grow(set, 2, 0, evidence.Goroutine)
	if t := set.Trace; t != nil && t.DurationNS() > 0 {
		plant.Waits(t, evidence.WaitSelect, waiting.Stack, 500, plantedWaiters*t.DurationNS()/500)
	}
	return fmt.Sprintf("%d queries that wait for one of 2 connections", plantedWaiters), nil
}

// plantClients has requests wait for clients that send nothing.
func plantClients(set *evidence.Set, at evidence.Frame) (string, error) {
	c := plant.Crowd{Wait: evidence.WaitIO,
		Stack: append(append(plant.Runtime("internal/poll.runtime_pollWait", "internal/poll.(*FD).Read", "net.(*conn).Read", clientWaits[0].function, "net/http.(*body).Read"), at), plant.Runtime(serve)...)}
	ids := c.Grow(set, plantedWaiters, 0, evidence.Goroutine)
	if len(ids) == 0 {
		return "", errNoDump
	}
	if set.Trace != nil {
		plant.Silent(set.Trace, evidence.WaitIO, c.Stack, ids[len(ids)-1])
	}
	return fmt.Sprintf("%d requests whose clients send nothing", plantedWaiters), nil
}

// plantHandshakes has a connection made for each request.
func plantHandshakes(set *evidence.Set, at evidence.Frame) (string, error) {
	if !plant.CPU(set, plantedShare, append(plant.Runtime("crypto/rsa.SignPKCS1v15", handshaking.Anywhere[0]), at)) {
		return "", errors.New("no CPU profile")
	}
	return fmt.Sprintf("%.0f %% of the CPU in handshakes", 100*plantedShare), nil
}
