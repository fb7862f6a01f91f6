package stats

import (
	"math"
	"testing"
)

// The bounds are those of R's binom.test.
func TestClopperPearson(t *testing.T) {
	for _, c := range []struct {
		k, n   int64
		lo, hi float64
	}{
		{0, 200, 0, 0.01827534}, {200, 200, 0.9817247, 1}, {10, 200, 0.02424, 0.09003},
		{190, 200, 0.90997, 0.97576}, {1, 10, 0.002528579, 0.4450161}, {0, 0, 0, 1},
	} {
		lo, hi := ClopperPearson(c.k, c.n, 0.95)
		if math.Abs(lo-c.lo) > 5e-5 || math.Abs(hi-c.hi) > 5e-5 {
			t.Errorf("%d of %d: %v to %v, want %v to %v", c.k, c.n, lo, hi, c.lo, c.hi)
		}
	}
}
