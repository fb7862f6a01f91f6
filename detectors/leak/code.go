package leak

import (
	"slices"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

// readsCode asks for the source where there may be a candidate that it explains. Dumps nearly always have
// one; a trace alone has none unless goroutines are made in it that do not end.
func readsCode(p *analyze.Pass) bool {
	if len(p.Evidence.Snapshots) > 0 {
		return true
	}
	return slices.ContainsFunc(livesOf(p.Evidence, nil), func(l *life) bool {
		s := newSurvey(p, l)
		s.readTrace()
		return len(s.candidates) > 0
	})
}

// codeOf finds what the source says about a site: by a function and line of its stack, the innermost
// first, and by the creator where both know it.
func codeOf(code []evidence.CodeSite, at *site) *evidence.CodeSite {
	for _, f := range at.stack {
		var best *evidence.CodeSite
		for i := range code {
			c := &code[i]
			if c.Function != f.Function || c.Line != f.Line || c.File != f.File {
				continue
			}
			if c.Creator != "" && !at.creator.IsZero() && c.Creator != at.creator.Function {
				continue
			}
			if best == nil || weight(c) > weight(best) {
				best = c
			}
		}
		if best != nil {
			return best
		}
	}
	return nil
}

// weight orders what the source says: a certain pattern, a pattern, a remark.
func weight(c *evidence.CodeSite) int {
	switch {
	case c.Certain:
		return 3
	case c.Pattern != "":
		return 2
	}
	return 1
}

// explained is what the source says, without a reason why the runtime cannot see goroutines that it saw.
func (c *candidate) explained() *evidence.CodeSite {
	if c.code == nil || c.leaked == 0 || c.code.Invisible == "" {
		return c.code
	}
	seen := *c.code
	seen.Invisible = ""
	return &seen
}
