package stats

import (
	"math"
	"math/rand/v2"
	"testing"

	"go-debug/analyze/evidence"
)

// On any window the areas balance, however bursty the arrivals and wherever the window cuts.
func TestLittleBalance(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 9))
	var spans []Span
	for at := 0.0; at < 100; at += rng.ExpFloat64() * 0.1 * (1.5 + math.Sin(at)) {
		s := Span{at, at + rng.ExpFloat64()*3}
		if rng.IntN(50) == 0 {
			s.End = math.Inf(1)
		}
		spans = append(spans, s)
	}
	for _, w := range [][2]float64{{0, 100}, {20, 21}, {37.5, 80}, {99, 300}, {-5, 0}} {
		b := LittleBalance(spans, w[0], w[1])
		near(t, "∫L dt", b.Area, b.Completed+b.AgesAtEnd-b.AgesAtStart, 1e-6)
		if b.AtStart+b.Arrived-b.Ended != b.AtEnd {
			t.Errorf("%v: %+v", w, b)
		}
	}
	// Fifty requests that each stay for a second, one after the other: L = X·W with no ages.
	spans = nil
	for i := range 50 {
		spans = append(spans, Span{float64(i), float64(i + 1)})
	}
	b := LittleBalance(spans, 0, 50)
	near(t, "area", b.Area, 50, 1e-9)
	near(t, "gap", b.Gap(50), 0, 1e-9)
	// Requests that never end leave everything unexplained.
	near(t, "gap of a leak", LittleBalance([]Span{{1, math.Inf(1)}, {2, math.Inf(1)}}, 0, 10).Gap(10), 1, 1e-9)
	near(t, "queued", Queued(100, 0.02, 0.1), 80, 1e-9)
	near(t, "queued of a fast one", Queued(100, 0.2, 0.1), 0, 0)
}

func TestUpperRank(t *testing.T) {
	for _, c := range []struct {
		n    int64
		q    float64
		rank int64
		ok   bool
	}{
		{298, 0.99, 299, false}, {299, 0.99, 299, true}, // 0.99^299 < 5 %
		{58, 0.95, 59, false}, {59, 0.95, 59, true},
		{1000, 0.99, 996, true}, // qbinom(0.95, 1000, 0.99) + 1
		{0, 0.99, 0, false}, {10, 1, 0, false},
	} {
		if rank, ok := UpperRank(c.n, c.q, 0.95); rank != c.rank || ok != c.ok {
			t.Errorf("UpperRank(%d, %v) = %d, %v; want %d, %v", c.n, c.q, rank, ok, c.rank, c.ok)
		}
	}
}

// The bound covers the true P99 in at least 95 % of samples.
func TestUpperRankCovers(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const runs, n = 2000, 400
	rank, _ := UpperRank(n, 0.99, 0.95)
	above := 0
	for range runs {
		exceed := 0 // samples over the true P99
		for range n {
			if rng.Float64() > 0.99 {
				exceed++
			}
		}
		if int64(exceed) > n-rank {
			above++
		}
	}
	if share := float64(above) / runs; share < 0.94 {
		t.Errorf("covered in %.3f of the runs", share)
	}
}

func TestSupports(t *testing.T) {
	group := func(n int, count int64, ms int64) evidence.Met {
		m := evidence.Met{InFlight: n}
		m.Latencies.AddN(ms*1e6, count)
		return m
	}
	rising := []evidence.Met{group(8, 1000, 10), group(16, 1000, 12), group(32, 1000, 30), group(64, 1000, 45), group(128, 1000, 200)}
	for _, c := range []struct {
		name    string
		groups  []evidence.Met
		limit   int64
		want    int
		limited bool
		ok      bool
	}{
		{"limited", rising, 50, 64, true, true},
		{"never reached", rising, 500, 128, false, true},
		{"not even alone", rising, 5, 0, false, false},
		{"too few", []evidence.Met{group(8, 298, 10)}, 50, 0, false, false},
		{"joined with the next", []evidence.Met{group(8, 200, 10), group(9, 100, 10)}, 50, 9, false, true},
		{"a slow tail of two in a hundred", func() []evidence.Met {
			g := group(8, 980, 10)
			g.Latencies.AddN(900e6, 20)
			return []evidence.Met{g}
		}(), 50, 0, false, false},
		{"too few at the end", append(rising[:4:4], group(128, 5, 2000)), 50, 64, false, true},
	} {
		s, ok := Supports(c.groups, c.limit*1e6)
		if ok != c.ok || s.InFlight != c.want || s.Limited != c.limited {
			t.Errorf("%s: %+v, %v", c.name, s, ok)
		}
	}
}

func TestOperationalBound(t *testing.T) {
	near(t, "few customers", OperationalBound(2, 0.5, 0.1), 4, 1e-9)
	near(t, "many customers", OperationalBound(100, 0.5, 0.1), 10, 1e-9)
	if !math.IsNaN(OperationalBound(0, 1, 1)) || !math.IsNaN(OperationalBound(1, 0, 1)) {
		t.Error("a bound of nothing")
	}
}

func TestKnee(t *testing.T) {
	var x, bent, line []float64
	for i := range 40 {
		n := float64(i + 1)
		x, bent, line = append(x, n), append(bent, OperationalBound(n, 0.1, 0.01)), append(line, 3*n)
	}
	i, ok := Knee(x, bent)
	if !ok || math.Abs(x[i]-10) > 1 {
		t.Errorf("knee at %v, %v; want 10", x[i], ok)
	}
	if _, ok := Knee(x, line); ok {
		t.Error("a line has a knee")
	}
	flat := make([]float64, len(x))
	if _, ok := Knee(x, flat); ok {
		t.Error("a flat curve has a knee")
	}
	if _, ok := Knee(x[:4], bent[:4]); ok {
		t.Error("four points have a knee")
	}
}

func TestFitUSL(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	truth := USL{Lambda: 900, Sigma: 0.03, Kappa: 0.0004}
	var n, x []float64
	for _, v := range []float64{1, 2, 4, 8, 12, 16, 24, 32, 48, 64} {
		n, x = append(n, v), append(x, truth.Throughput(v)*(1+0.01*rng.NormFloat64()))
	}
	u, ok := FitUSL(n, x)
	if !ok || math.Abs(u.Lambda/900-1) > 0.05 || math.Abs(u.Peak/math.Sqrt(0.97/0.0004)-1) > 0.1 {
		t.Errorf("%+v, %v", u, ok)
	}
	// A curve that the law does not describe is not forced into it.
	for i := range x {
		x[i] = 100 + 80*math.Sin(n[i])
	}
	if u, ok := FitUSL(n, x); ok {
		t.Errorf("fitted %+v", u)
	}
	if _, ok := FitUSL([]float64{4, 5, 6, 7, 8, 9}, []float64{4, 5, 6, 7, 8, 9}); ok {
		t.Error("fitted a range of a factor of two")
	}
}
