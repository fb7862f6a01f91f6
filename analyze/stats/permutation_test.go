package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// profiles makes runs of a program whose functions take shares of the CPU as sampled: correlated, since
// they sum to one, and overdispersed like real profiles.
func profiles(rng *rand.Rand, runs, functions int, grown map[int]float64) [][]float64 {
	out := make([][]float64, runs)
	for i := range out {
		out[i] = make([]float64, functions)
		sum := 0.0
		for v := range functions {
			mean := 1000 / float64(v+1)
			if f, ok := grown[v]; ok {
				mean *= f
			}
			out[i][v] = max(0, mean+rng.NormFloat64()*math.Sqrt(3*mean))
			sum += out[i][v]
		}
		for v := range functions {
			out[i][v] /= sum
		}
	}
	return out
}

func smallestP(r MaxTResult) float64 {
	p := 1.0
	for _, x := range r.Rises {
		p = min(p, x.P)
	}
	return p
}

// TestMaxTHoldsItsLevel compares a program with itself, and with one in which a function grew.
func TestMaxTHoldsItsLevel(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const trials = 60
	for _, n := range []int{5, 7} { // 8 can be dealt in four times as many ways
		alarms, found, other := 0, 0, 0
		for range trials {
			if smallestP(MaxT(profiles(rng, n, 100, nil), profiles(rng, n, 100, nil), 7)) <= 0.05 {
				alarms++
			}
			r := MaxT(profiles(rng, n, 100, nil), profiles(rng, n, 100, map[int]float64{4: 1.5}), 7)
			if r.Rises[4].P <= 0.05 {
				found++
			}
			if slices.ContainsFunc(r.Rises[50:], func(x Rise) bool { return x.P <= 0.05 }) {
				other++
			}
		}
		// 5 % of 60 are 3; 9 or more happen in less than one of two hundred tries at that rate.
		if alarms > 8 || other > 8 {
			t.Errorf("n = %d: %d and %d alarms in %d comparisons of a program with itself", n, alarms, other, trials)
		}
		if found < trials*n/10 {
			t.Errorf("n = %d: half more time in one function found in %d of %d", n, found, trials)
		}
	}
}

func TestMaxTIsExactForFewRuns(t *testing.T) {
	before, after := [][]float64{{1}, {2}, {3}}, [][]float64{{10}, {11}, {12}}
	r := MaxT(before, after, 1)
	if !r.Exact || r.Dealings != 20 || math.Abs(r.Rises[0].P-1.0/20) > 1e-12 {
		t.Errorf("%+v", r)
	}
	if r.Rises[0].Before != 2 || r.Rises[0].After != 11 || r.Rises[0].Change != 9 {
		t.Errorf("%+v", r.Rises[0])
	}
	if back := MaxT(after, before, 1); back.Rises[0].P < 0.9 {
		t.Errorf("a fall is called a rise: %+v", back.Rises[0])
	}
	if one := MaxT(before[:1], after, 1); one.Rises[0].P != 1 {
		t.Errorf("a single run has no variance: %+v", one.Rises[0])
	}
	if none := MaxT(nil, nil, 1); len(none.Rises) != 0 {
		t.Errorf("%+v", none)
	}
}

// The result depends on nothing but the runs and the seed.
func TestMaxTIsDeterministic(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	a, b := profiles(rng, 12, 30, nil), profiles(rng, 12, 30, nil)
	first := MaxT(a, b, 9)
	if first.Exact || first.Dealings != 10_000 {
		t.Errorf("exact %v, %d dealings", first.Exact, first.Dealings)
	}
	if second := MaxT(a, b, 9); !slices.EqualFunc(first.Rises, second.Rises, func(x, y Rise) bool { return x.P == y.P && x.T == y.T }) {
		t.Error("twice the same gave two results")
	}
}

func TestEqualRunsShowNothing(t *testing.T) {
	same := [][]float64{{5, 0}, {5, 0}, {5, 0}, {5, 0}}
	for _, r := range MaxT(same, same, 1).Rises {
		if r.P != 1 || r.T != 0 {
			t.Errorf("%+v", r)
		}
	}
}

func TestNeededRuns(t *testing.T) {
	// 3 against 3 can be dealt in 20 ways: one of them is 5 %.
	if n := NeededRuns(0.05); n != 3 || CanReach(2, 3, 0.05) || !CanReach(2, 6, 0.05) {
		t.Errorf("%d runs", n)
	}
	if n := NeededRuns(0.001); n != 7 {
		t.Errorf("%d runs for 0.1 %%", n)
	}
}

func TestShiftIntervalCovers(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	covered := 0
	const trials = 400
	for range trials {
		a, b := make([]float64, 8), make([]float64, 8)
		for i := range a {
			a[i], b[i] = rng.NormFloat64(), rng.NormFloat64()+1
		}
		shift, in := ShiftInterval(a, b, 0.95)
		if in == nil || shift < in[0] || shift > in[1] {
			t.Fatalf("shift %v outside of %v", shift, in)
		}
		if in[0] <= 1 && 1 <= in[1] {
			covered++
		}
	}
	if covered < trials*93/100 {
		t.Errorf("95 %% intervals covered the truth in %d of %d", covered, trials)
	}
	if _, in := ShiftInterval([]float64{1, 2}, []float64{3, 4}, 0.95); in != nil {
		t.Errorf("two runs against two have an interval: %v", in)
	}
}

func TestHolm(t *testing.T) {
	got := Holm([]float64{0.01, 0.04, 0.03, 0.005})
	want := []float64{0.03, 0.06, 0.06, 0.02}
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-12 {
			t.Errorf("%v, want %v", got, want)
			break
		}
	}
}
