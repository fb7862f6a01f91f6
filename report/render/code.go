package render

import (
	"fmt"
	"slices"

	"go-debug/report"
)

// sourcePhrase says how much of what the captures show the source has; empty when none was read.
func sourcePhrase(s *report.Source) string {
	if s == nil || s.Blocked == 0 {
		return ""
	}
	return fmt.Sprintf("%s of %s blocked places found in %s", integer(int64(s.Found)), integer(int64(s.Blocked)), s.Dir)
}

// codePhrase is the pattern with its reason, or what stood in the way of one.
func codePhrase(c *report.Code) string {
	switch {
	case c == nil:
		return ""
	case c.Pattern == "":
		return c.Why
	case c.Why == "":
		return string(c.Pattern)
	}
	return string(c.Pattern) + ": " + c.Why
}

// quoted is the line of the source that a finding names, where nothing more is said of it.
func quoted(c *report.Code) string {
	if c == nil || codePhrase(c) != "" || len(c.Before) != 1 || len(c.After) != 0 {
		return ""
	}
	return c.Before[0]
}

func unseenPhrase(c *report.Code) string {
	if c == nil || c.Invisible == "" {
		return ""
	}
	return "the runtime's leak profile cannot see this one, because " + c.Invisible
}

// A diffLine is a line of a change: ' ' stays, '-' goes, '+' comes.
type diffLine struct {
	sign byte
	text string
}

// diffOf is the change that the source analysis proposes, line by line.
func diffOf(c *report.Code) []diffLine {
	if c == nil || len(c.Before) == 0 || len(c.After) == 0 || max(len(c.Before), len(c.After)) > maxDiff {
		return nil
	}
	// common[i][j] is the length of the longest common subsequence of before[i:] and after[j:].
	common := make([][]int, len(c.Before)+1)
	for i := range common {
		common[i] = make([]int, len(c.After)+1)
	}
	for i := range slices.Backward(c.Before) {
		for j := range slices.Backward(c.After) {
			if common[i][j] = max(common[i+1][j], common[i][j+1]); c.Before[i] == c.After[j] {
				common[i][j] = common[i+1][j+1] + 1
			}
		}
	}
	var out []diffLine
	i, j := 0, 0
	for i < len(c.Before) || j < len(c.After) {
		switch {
		case i < len(c.Before) && j < len(c.After) && c.Before[i] == c.After[j]:
			out = append(out, diffLine{' ', c.Before[i]})
			i, j = i+1, j+1
		case j == len(c.After) || i < len(c.Before) && common[i+1][j] >= common[i][j+1]:
			out = append(out, diffLine{'-', c.Before[i]})
			i++
		default:
			out = append(out, diffLine{'+', c.After[j]})
			j++
		}
	}
	return out
}

// maxDiff bounds the lines of a stored report that are compared: source analysis shows far fewer.
const maxDiff = 200
