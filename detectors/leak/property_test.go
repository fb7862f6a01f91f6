package leak

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

var allWaits = []evidence.Wait{evidence.WaitChanSend, evidence.WaitChanRecv, evidence.WaitSelect, evidence.WaitMutex, evidence.WaitRWMutex,
	evidence.WaitCond, evidence.WaitWaitGroup, evidence.WaitSemaphore, evidence.WaitSleep, evidence.WaitIO, evidence.WaitSyscall, evidence.WaitOther}

// randomSet has groups that grow, shrink, stay and churn at random, beside goroutine 1 and a pool that never
// changes, with and without a trace.
func randomSet(rng *rand.Rand) *evidence.Set {
	set := &evidence.Set{}
	mainGroup := group(allWaits[rng.IntN(len(allWaits))], userStack("main.main", 3), 1)
	mainGroup.CreatedBy = evidence.Frame{}
	mainGroup.Leaked = rng.IntN(2)
	pool := group(allWaits[rng.IntN(len(allWaits))], userStack("main.pool", 4), ids(2, 2+uint64(rng.IntN(3000)))...)
	type walker struct {
		wait          evidence.Wait
		line          int
		alive         []uint64
		births, exits float64
	}
	var walkers []*walker
	for i := range 1 + rng.IntN(6) {
		walkers = append(walkers, &walker{allWaits[rng.IntN(len(allWaits))], 100 + i, nil, rng.Float64() * 40, rng.Float64() * rng.Float64()})
	}
	next := uint64(10_000)
	for i := range 2 + rng.IntN(7) {
		groups := []evidence.Group{mainGroup, pool}
		for _, w := range walkers {
			w.alive = slices.DeleteFunc(w.alive, func(uint64) bool { return rng.Float64() < w.exits })
			for range int(w.births * rng.Float64() * 2) {
				next += 1 + uint64(rng.IntN(3))
				w.alive = append(w.alive, next)
			}
			if len(w.alive) > 0 {
				groups = append(groups, group(w.wait, userStack("main.walk", w.line), slices.Clone(w.alive)...))
			}
		}
		for g := range groups {
			groups[g].IDs = slices.Clone(groups[g].IDs)
		}
		set.Snapshots = append(set.Snapshots, dump(i, groups...))
	}
	if rng.IntN(2) == 0 {
		w := walkers[rng.IntN(len(walkers))]
		open := slices.Clone(w.alive)
		slices.Sort(open)
		set.Trace = traceOf(w.wait, userStack("main.walk", w.line), open, rng.IntN(len(open)+1))
		poolTrace := traceOf(pool.Wait, pool.Stack, pool.IDs, len(pool.IDs))
		set.Trace = evidence.MergeTraces(set.Trace, poolTrace)
	}
	return set
}

func findingsOf(t *testing.T, set *evidence.Set) string {
	t.Helper()
	b, err := json.Marshal(analyzeSet(t, set).Findings)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// Goroutine 1 and a pool whose goroutines are always the same are never leaks, whatever else goes on.
func TestMainAndPoolsAreNeverLeaks(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 300 {
		for _, f := range analyzeSet(t, randomSet(rng)).Findings {
			if l := f.Location.Line; l == 3 || l == 4 {
				t.Fatalf("%s at line %d: %s", f.Confidence, l, f.Message)
			}
		}
	}
}

func TestOrderDoesNotMatter(t *testing.T) {
	rng := rand.New(rand.NewPCG(2, 2))
	found := 0
	for range 150 {
		set := randomSet(rng)
		want := findingsOf(t, evidence.Merge(set, &evidence.Set{}))
		parts := []*evidence.Set{{Trace: set.Trace}}
		for _, s := range set.Snapshots {
			s.Groups = slices.Clone(s.Groups)
			rng.Shuffle(len(s.Groups), func(i, j int) { s.Groups[i], s.Groups[j] = s.Groups[j], s.Groups[i] })
			parts = append(parts, snapshots(s))
		}
		rng.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
		merged := &evidence.Set{}
		for _, p := range parts {
			merged = evidence.Merge(p, merged)
		}
		if got := findingsOf(t, merged); got != want {
			t.Fatalf("merged in another order:\n%s\n%s", got, want)
		}
		if want != "null" {
			found++
		}
	}
	if found < 30 {
		t.Errorf("only %d of the sets have findings", found)
	}
}

// What ids and times are counted from says nothing.
func TestOriginsDoNotMatter(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	for range 100 {
		set := randomSet(rng)
		want := findingsOf(t, set)
		for i := range set.Snapshots {
			s := &set.Snapshots[i]
			s.At = s.At.Add(77 * time.Hour)
			for j := range s.Groups {
				for k, id := range s.Groups[j].IDs {
					if id > 1 {
						s.Groups[j].IDs[k] = id + 5000
					}
				}
			}
		}
		if set.Trace != nil {
			for i := range set.Trace.Blocks {
				b := &set.Trace.Blocks[i]
				for _, ids := range [][]uint64{b.OpenIDs, b.MovedIDs} {
					for k := range ids {
						ids[k] += 5000
					}
				}
			}
		}
		if got := findingsOf(t, set); got != want {
			t.Fatalf("moved:\n%s\n%s", got, want)
		}
	}
}

// More evidence of the same kind of harmlessness never raises a finding: goroutines that are seen to move
// in a trace are no surer leaks than without a trace.
func TestWakingIsNoEvidenceOfALeak(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	for range 150 {
		set := randomSet(rng)
		set.Trace = nil
		without := surest(analyzeSet(t, set))
		for i := range set.Snapshots[len(set.Snapshots)-1].Groups {
			g := &set.Snapshots[len(set.Snapshots)-1].Groups[i]
			set.Trace = evidence.MergeTraces(set.Trace, traceOf(g.Wait, g.Stack, g.IDs, 0))
		}
		if with := surest(analyzeSet(t, set)); with > without {
			t.Fatalf("%s without a trace, %s with one in which everybody moves", without, with)
		}
	}
}

func surest(res *analyze.Result) analyze.Confidence {
	var sure analyze.Confidence
	for _, f := range res.Findings {
		sure = max(sure, f.Confidence)
	}
	return sure
}
