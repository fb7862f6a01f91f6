package stats

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"go-debug/analyze/evidence"
)

func near(t *testing.T, what string, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s = %v, want %v ± %v", what, got, want, tolerance)
	}
}

func TestNearestRank(t *testing.T) {
	for _, c := range []struct {
		q    float64
		n    int64
		want int64
	}{{0.5, 0, 0}, {0.5, 1, 1}, {0.5, 2, 1}, {0.5, 3, 2}, {0.07, 100, 7}, {0.29, 100, 29}, {0.95, 20, 19}, {0.99, 100, 99},
		{0.99, 101, 100}, {0, 10, 1}, {1, 10, 10}} {
		if got := NearestRank(c.q, c.n); got != c.want {
			t.Errorf("NearestRank(%v, %d) = %d, want %d", c.q, c.n, got, c.want)
		}
	}
}

func TestQuantileRanks(t *testing.T) {
	for _, c := range []struct {
		n      int64
		q      float64
		lo, hi int64
		ok     bool
	}{
		{10, 0.5, 2, 9, true},     // P(Bin(10,½) ≤ 1) = 0.0107
		{100, 0.5, 40, 61, true},  // tabulated by Hahn and Meeker
		{5, 0.5, 0, 0, false},     // 2·½⁵ > 0.05
		{6, 0.5, 1, 6, true},      // 2·½⁶ ≤ 0.05
		{367, 0.99, 0, 0, false},  // 0.99³⁶⁷ > 0.025
		{368, 0.99, 0, 368, true}, // 0.99³⁶⁸ ≤ 0.025
		{0, 0.5, 0, 0, false},
	} {
		lo, hi, ok := QuantileRanks(c.n, c.q, 0.95)
		if ok != c.ok {
			t.Errorf("QuantileRanks(%d, %v) ok = %v", c.n, c.q, ok)
		}
		if ok && (c.lo > 0 && lo != c.lo || hi != c.hi) {
			t.Errorf("QuantileRanks(%d, %v) = %d, %d, want %d, %d", c.n, c.q, lo, hi, c.lo, c.hi)
		}
	}
	// A billion samples must neither hang nor lose the rank itself.
	lo, hi, ok := QuantileRanks(1e9, 0.99, 0.95)
	if !ok || lo > 990_000_000 || hi < 990_000_000 || hi-lo > 20_000 {
		t.Errorf("QuantileRanks(1e9, 0.99) = %d, %d, %v", lo, hi, ok)
	}
}

// The interval must hold the true quantile about as often as it claims.
func TestQuantileIntervalCoverage(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	const runs = 2000
	hit := 0
	for range runs {
		x := make([]float64, 60)
		for i := range x {
			x[i] = rng.Float64()
		}
		slices.Sort(x)
		q := SampleQuantile(x, 0.75, 0.95)
		if q.Lo <= 0.75 && 0.75 <= q.Hi {
			hit++
		}
	}
	if share := float64(hit) / runs; share < 0.94 {
		t.Errorf("covers %.3f of the time, want at least 0.94", share)
	}
}

func TestFromHistogram(t *testing.T) {
	var h evidence.Histogram
	for v := int64(1); v <= 1000; v++ {
		h.Add(v * 1000)
	}
	m := FromHistogram("block time", "ns", &h, 0.95)
	near(t, "value", m.Value, 950_000, 950_000*0.017)
	near(t, "p50", *m.P50, 500_000, 500_000*0.017)
	if *m.Max != 1_000_000 || m.N != 1000 || m.Interval == nil || m.Method == "" {
		t.Errorf("measure = %+v", m)
	}
	if !(m.Interval[0] <= m.Value && m.Value <= m.Interval[1]) {
		t.Errorf("interval %v does not hold %v", m.Interval, m.Value)
	}
	one := evidence.Histogram{}
	one.Add(7)
	if m := FromHistogram("x", "ns", &one, 0.99); m.Interval != nil || len(m.Warnings) == 0 || m.Value != 7 {
		t.Errorf("one sample: %+v", m)
	}
	if m := FromHistogram("x", "ns", &evidence.Histogram{}, 0.5); m.P50 != nil || len(m.Warnings) == 0 {
		t.Errorf("no sample: %+v", m)
	}
}

func TestWilson(t *testing.T) {
	// Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
	for _, c := range []struct {
		k, n   int64
		lo, hi float64
	}{{81, 263, 0.2553, 0.3662}, {15, 148, 0.0624, 0.1605}, {0, 20, 0, 0.1611}, {1, 29, 0.0061, 0.1718}, {29, 29, 0.8830, 1}, {0, 0, 0, 1}} {
		lo, hi := Wilson(c.k, c.n, 0.95)
		near(t, "lo", lo, c.lo, 6e-5)
		near(t, "hi", hi, c.hi, 6e-5)
	}
}

func TestPoissonRate(t *testing.T) {
	// Garwood's table, 95 %.
	for _, c := range []struct {
		k      int64
		lo, hi float64
	}{{0, 0, 3.6889}, {1, 0.0253, 5.5716}, {10, 4.7954, 18.3904}, {100, 81.3640, 121.6270}} {
		lo, hi := PoissonRate(c.k, 1, 0.95)
		near(t, "lo", lo, c.lo, 2e-3)
		near(t, "hi", hi, c.hi, 2e-3)
		lo2, hi2 := PoissonRate(c.k, 10, 0.95)
		near(t, "lo per ten", lo2, lo/10, 1e-12)
		near(t, "hi per ten", hi2, hi/10, 1e-12)
	}
	if lo, _ := PoissonRate(3, 0, 0.95); !math.IsNaN(lo) {
		t.Error("a rate without exposure must be NaN")
	}
}

func TestMannKendall(t *testing.T) {
	up := []float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}
	for _, c := range []struct {
		name           string
		y              []float64
		s, v, z, tau   float64
		p, pUp, within float64
	}{
		// Var = 10·9·25/18 = 125; the one order of 10! that rises throughout.
		{"rising", up, 45, 125, 44 / math.Sqrt(125), 1, 2.0 / 3628800, 1.0 / 3628800, 1e-12},
		// Kendall 1975: P(S ≥ 10 | n = 5) = 1/120, P(S ≥ 8) = 5/120.
		{"five", []float64{1, 2, 3, 4, 5}, 10, 16.6667, 9 / math.Sqrt(50.0/3), 1, 2.0 / 120, 1.0 / 120, 1e-12},
		{"five, one swap", []float64{2, 1, 3, 4, 5}, 8, 16.6667, 7 / math.Sqrt(50.0/3), 0.8, 10.0 / 120, 5.0 / 120, 1e-12},
		// Var = (4·3·13 − 2·1·9)/18 = 138/18.
		{"tie", []float64{1, 2, 2, 3}, 5, 138.0 / 18, 4 / math.Sqrt(138.0/18), 5 / math.Sqrt(30), 0.1486, 0.0743, 1e-4},
		{"flat", []float64{4, 4, 4, 4}, 0, 0, 0, 0, 1, 1, 0},
		{"two", []float64{1, 2}, 0, 0, 0, 0, 1, 1, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := MannKendall(c.y)
			near(t, "S", g.S, c.s, 0)
			near(t, "Var", g.Var, c.v, 1e-3)
			near(t, "Z", g.Z, c.z, 1e-6)
			near(t, "Tau", g.Tau, c.tau, 1e-9)
			near(t, "P", g.P, c.p, c.within)
			near(t, "PUp", g.PUp, c.pUp, c.within)
		})
	}
}

func TestTrendProperties(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	rejected := 0
	const runs = 400
	for range runs {
		n := 3 + rng.IntN(40)
		x, y, neg := make([]float64, n), make([]float64, n), make([]float64, n)
		for i := range y {
			x[i], y[i] = float64(i), math.Floor(rng.Float64()*20)
			neg[i] = -y[i]
		}
		a, b := MannKendall(y), MannKendall(neg)
		if a.S != -b.S || math.Abs(a.P-b.P) > 1e-12 || a.P < 0 || a.P > 1 || math.Abs(a.Tau) > 1+1e-12 {
			t.Fatalf("not antisymmetric: %+v %+v", a, b)
		}
		if a.P < 0.05 {
			rejected++
		}
		s := TheilSen(x, y, 0.95)
		if !math.IsNaN(s.Lo) && !(s.Lo <= s.Value && s.Value <= s.Hi) {
			t.Fatalf("slope outside its interval: %+v", s)
		}
	}
	if rejected > runs/10 {
		t.Errorf("rejected %d of %d series without a trend", rejected, runs)
	}
}

func TestTheilSen(t *testing.T) {
	x := []float64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	y := []float64{1, 3, 5, 7, 9, 11, 13, 15, 17, 1000} // one wild value
	s := TheilSen(x, y, 0.95)
	near(t, "slope", s.Value, 2, 1e-12)
	near(t, "intercept", s.Intercept, 1, 1e-12)
	// y = 1,2,4,5: slopes 1,1,1.5,4/3,1.5,2 → median (4/3+1.5)/2.
	near(t, "hand", TheilSen([]float64{0, 1, 2, 3}, []float64{1, 2, 4, 5}, 0.95).Value, (4.0/3+1.5)/2, 1e-12)
	if s := TheilSen([]float64{1, 1}, []float64{1, 2}, 0.95); !math.IsNaN(s.Value) {
		t.Errorf("one x: %+v", s)
	}
	long := make([]float64, 5000)
	for i := range long {
		long[i] = float64(i)
	}
	near(t, "thinned", TheilSen(long, long, 0.95).Value, 1, 1e-9)
}

func TestQuantileBracket(t *testing.T) {
	buckets := []evidence.LatencyBucket{{LE: 0.1, Count: 50}, {LE: 0.25, Count: 95}, {LE: 0.5, Count: 99}, {LE: math.MaxFloat64, Count: 100}}
	for _, c := range []struct{ q, lo, hi float64 }{{0.5, 0, 0.1}, {0.51, 0.1, 0.25}, {0.95, 0.1, 0.25}, {0.96, 0.25, 0.5}, {1, 0.5, math.Inf(1)}} {
		b, ok := QuantileBracket(buckets, c.q)
		if !ok || b.Lo != c.lo || b.Hi != c.hi {
			t.Errorf("q %v: %+v %v, want (%v, %v]", c.q, b, ok, c.lo, c.hi)
		}
	}
	for name, bad := range map[string][]evidence.LatencyBucket{"none": nil, "empty": {{LE: 1}}, "descending": {{LE: 1, Count: 5}, {LE: 2, Count: 3}},
		"nan": {{LE: 1, Count: math.NaN()}}} {
		if _, ok := QuantileBracket(bad, 0.5); ok {
			t.Errorf("%s: a bracket from nothing", name)
		}
	}
}

// Whatever the sample, its quantile lies in the bracket of the histogram made from it.
func TestQuantileBracketHoldsQuantile(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	bounds := []float64{0.005, 0.01, 0.05, 0.1, 0.5, 1, math.MaxFloat64}
	for range 300 {
		x := make([]float64, 1+rng.IntN(200))
		for i := range x {
			x[i] = rng.ExpFloat64() * 0.2
		}
		slices.Sort(x)
		buckets := make([]evidence.LatencyBucket, len(bounds))
		for i, le := range bounds {
			n, _ := slices.BinarySearchFunc(x, le, func(v, le float64) int {
				if v <= le {
					return -1
				}
				return 1
			})
			buckets[i] = evidence.LatencyBucket{LE: le, Count: float64(n)}
		}
		q := []float64{0.5, 0.9, 0.95, 0.99}[rng.IntN(4)]
		v := SampleQuantile(x, q, 0.95).Value
		if b, ok := QuantileBracket(buckets, q); !ok || v <= b.Lo && v > 0 && b.Lo > 0 || v > b.Hi {
			t.Fatalf("quantile %v of %d lies outside %+v", v, len(x), b)
		}
	}
}

func TestLittle(t *testing.T) {
	near(t, "concurrency", Concurrency(950, 0.112), 106.4, 1e-9)
	near(t, "residence", Residence(12400, 950), 13.05, 0.01)
	if !math.IsNaN(Residence(5, 0)) || !math.IsNaN(LittleGap(1, 0, 1)) || !math.IsNaN(LittleGap(1, 1, 0)) {
		t.Error("what is not known must be NaN")
	}
	near(t, "steady", LittleGap(950*0.1*10, 10, 95), 0, 1e-12)
	near(t, "leak", LittleGap(1, 10, 100), 0.999, 1e-12)
	near(t, "arrivals", Arrivals(100, 50, 10), 105, 1e-12)
	near(t, "draining", Arrivals(1, -50, 10), 0, 0)
}

var limits = DivergenceLimits{Fold: 1.5, P: 0.01, Delta: 0.9, FinalL: 3, MinBins: 12}

func TestDiverge(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	noise := func(v float64) float64 { return v * (1 + 0.05*rng.NormFloat64()) }
	series := func(n int, f func(i float64) (l, lambda float64)) (ls, lambdas []float64) {
		for i := range n {
			l, a := f(float64(i) / float64(n))
			ls, lambdas = append(ls, noise(l)), append(lambdas, noise(a))
		}
		return
	}
	for _, c := range []struct {
		name     string
		n        int
		f        func(x float64) (float64, float64)
		diverges bool
		tested   bool
	}{
		{"flat", 60, func(float64) (float64, float64) { return 95, 950 }, false, true},
		{"ramp", 60, func(x float64) (float64, float64) { return 10 + 90*x, 100 + 900*x }, false, true},
		{"growing queue", 60, func(x float64) (float64, float64) { return 95 + 3000*x, 950 }, true, true},
		{"burst and recovery", 60, func(x float64) (float64, float64) {
			if x > 0.4 && x < 0.6 {
				return 900, 950
			}
			return 95, 950
		}, false, true},
		{"too small to matter", 60, func(x float64) (float64, float64) { return 0.1 + 2*x, 1 }, false, true},
		{"few bins", 9, func(x float64) (float64, float64) { return 95 + 3000*x, 950 }, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			l, a := series(c.n, c.f)
			d := Diverge(l, a, limits)
			if d.Diverges != c.diverges || d.Tested != c.tested {
				t.Errorf("%+v", d)
			}
		})
	}
	if d := Diverge(nil, nil, limits); d.Tested || d.Diverges {
		t.Errorf("nothing: %+v", d)
	}
	if d := Diverge(slices.Concat(slices.Repeat([]float64{5}, 8), slices.Repeat([]float64{50}, 8)), slices.Repeat([]float64{10}, 16), limits); !d.Diverges {
		t.Errorf("a step between constants: %+v", d)
	}
}

// A stable but busy queue is strongly autocorrelated; the test must not take its waves for growth.
func TestDivergeOnStableQueues(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	fired := 0
	const runs = 100
	for range runs {
		l, lambda := stableQueue(rng, 0.9, 60)
		if Diverge(l, lambda, limits).Diverges {
			fired++
		}
	}
	if fired > runs/20 {
		t.Errorf("fired on %d of %d stable queues", fired, runs)
	}
}

// stableQueue scrapes an M/M/1 queue of 100 services a second once a second.
func stableQueue(rng *rand.Rand, utilisation float64, seconds int) (l, lambda []float64) {
	const service = 100.0
	now, n, arrived := -100.0, 0, 0.0 // a warm-up, then scrapes from 0
	next := 0.0
	for len(l) < seconds {
		rate := service * utilisation
		if n > 0 {
			rate += service
		}
		now += rng.ExpFloat64() / rate
		for now >= next && len(l) < seconds {
			l, lambda = append(l, float64(n)), append(lambda, arrived)
			arrived, next = 0, next+1
		}
		if rng.Float64()*rate < service*utilisation {
			n++
			arrived++
		} else {
			n--
		}
	}
	lambda[0] = service * utilisation // the warm-up's arrivals
	return l, lambda
}
