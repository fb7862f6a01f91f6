package source

import (
	"slices"
	"testing"
	"time"

	"go-debug/analyze/evidence"
)

func TestCompareNatural(t *testing.T) {
	// Each list is in the order that people expect; every pair is checked both ways.
	for _, list := range [][]string{
		{"goroutine.0.txt", "goroutine.2.txt", "goroutine.10.txt"},
		{"goroutine.00.debug0.pb.gz", "goroutine.00.debug2.txt", "goroutine.01.debug2.txt", "goroutine.11.debug2.txt"},
		{"a", "a1", "a01", "a2", "a10", "ab"},
		{"", "0", "00", "1", "9", "10", "a"},
		{"t9b", "t10a", "t10b"},
		{"x99999999999999999999998", "x99999999999999999999999", "x100000000000000000000000"},
	} {
		for i, a := range list {
			for j, b := range list {
				if got, want := sign(compareNatural(a, b)), sign(i-j); got != want {
					t.Errorf("compareNatural(%q, %q) = %d, want %d", a, b, got, want)
				}
			}
		}
	}
}

func sign(n int) int { return min(1, max(-1, n)) }

func FuzzCompareNatural(f *testing.F) {
	f.Add("goroutine.2", "goroutine.10", "goroutine.02")
	f.Add("a0", "a", "a00")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if compareNatural(a, b) != -compareNatural(b, a) {
			t.Errorf("not antisymmetric: %q %q", a, b)
		}
		if (compareNatural(a, b) == 0) != (a == b) {
			t.Errorf("equal without being the same: %q %q", a, b)
		}
		if compareNatural(a, b) <= 0 && compareNatural(b, c) <= 0 && compareNatural(a, c) > 0 {
			t.Errorf("not transitive: %q %q %q", a, b, c)
		}
	})
}

func TestMergeOrdered(t *testing.T) {
	at := func(s int) time.Time {
		if s == 0 {
			return time.Time{}
		}
		return time.Unix(int64(s), 0)
	}
	list := func(ts ...any) (out []Item) {
		for i := 0; i < len(ts); i += 2 {
			out = append(out, Item{Position: evidence.Position{Source: ts[i].(string), At: at(ts[i+1].(int))}})
		}
		return out
	}
	for _, tc := range []struct {
		name  string
		lists [][]Item
		want  []string
	}{
		{"times interleave", [][]Item{list("a/x", 1, "a/y", 3), list("b/x", 2, "b/y", 4)}, []string{"a/x", "b/x", "a/y", "b/y"}},
		{"without times by base name", [][]Item{list("z/g.1", 0, "z/g.10", 0), list("a/g.2", 0)}, []string{"z/g.1", "a/g.2", "z/g.10"}},
		{"a list keeps its order whatever its names", [][]Item{list("b", 1, "a", 2), list("c", 0)}, []string{"b", "a", "c"}},
		{"same name, first argument first", [][]Item{list("z/g", 0), list("a/g", 0)}, []string{"z/g", "a/g"}},
		{"nothing", nil, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got := mergeOrdered(tc.lists)
			if !slices.Equal(names(got), tc.want) {
				t.Errorf("got %v, want %v", names(got), tc.want)
			}
			for i, it := range got {
				if it.Seq != i {
					t.Errorf("%s has Seq %d, want %d", it.Source, it.Seq, i)
				}
			}
		})
	}
}

func names(items []Item) (out []string) {
	for _, it := range items {
		out = append(out, it.Source)
	}
	return out
}
