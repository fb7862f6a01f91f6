package hotpath

import (
	"errors"
	"fmt"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/plant"
)

// plantings has one for all rules: they differ in the functions whose samples are added up.
func plantings() []analyze.Planting {
	p := analyze.Planting{Most: analyze.Likely, Put: plantCompiling}
	for _, r := range rules {
		p.Rules = append(p.Rules, r.ID)
	}
	return []analyze.Planting{p}
}

// plantedShare is of the CPU.
const plantedShare = 0.5

// plantCompiling has a regular expression compiled for each request.
func plantCompiling(set *evidence.Set, at evidence.Frame) (string, error) {
	if !plant.CPU(set, plantedShare, append(plant.Runtime("regexp/syntax.(*parser).op", "regexp/syntax.parse", "regexp.compile", "regexp.Compile", "regexp.MustCompile"), at)) {
		return "", errors.New("no CPU profile")
	}
	return fmt.Sprintf("%.0f %% of the CPU in regexp.Compile", 100*plantedShare), nil
}
