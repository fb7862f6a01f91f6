package leak

import "go-debug/analyze/evidence"

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
