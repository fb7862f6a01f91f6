package report

import (
	"strings"

	"go-debug/analyze/score"
)

// How many functions of the program two reports must show, each and together, for them to be recognised as of
// different programs.
const (
	minForeign     = 2
	minForeignBoth = 5
)

// foreign reports whether two reports are of different programs, as far as the functions tell that are seen to
// run, allocate or wait: none is in both, though both have several.
func foreign(a, b *Report) bool {
	x, y := a.programFunctions(), b.programFunctions()
	if min(len(x), len(y)) < minForeign || len(x)+len(y) < minForeignBoth {
		return false
	}
	for f := range x {
		if y[f] {
			return false
		}
	}
	return true
}

// programFunctions are functions of the program and its modules, without main.main, which all programs have.
func (r *Report) programFunctions() map[string]bool {
	out := map[string]bool{}
	add := func(function string) {
		pkg, _, _ := strings.Cut(function, ".")
		host, _, module := strings.Cut(function, "/")
		if function != "main.main" && (pkg == "main" || module && strings.Contains(host, ".")) {
			out[function] = true
		}
	}
	if r.Sites != nil {
		for _, s := range r.Sites.Sites {
			add(s.Function)
		}
	}
	for i := range r.Load {
		add(r.Load[i].Route)
	}
	for _, s := range r.Scores {
		switch score.Family(s.Family) {
		case score.CPU, score.Alloc, score.Delay:
			add(s.Name)
		}
	}
	return out
}
