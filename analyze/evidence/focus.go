package evidence

import "strings"

// Narrow marks all frames of a set outside of some packages as foreign, for which the nearest frame that is not is
// blamed. A package stands for those below it: "example.com/shop" for example.com/shop/cart, too. Frames of the
// distribution are nobody's in any case, and left alone. keep are frames that stay what they are.
func (s *Set) Narrow(packages []string, keep func(Frame) bool) {
	foreign := map[string]bool{} // by package
	mark := func(f *Frame) {
		if f.Std() || keep != nil && keep(*f) {
			return
		}
		pkg := f.Package()
		out, known := foreign[pkg]
		if !known {
			out = !within(pkg, packages)
			foreign[pkg] = out
		}
		f.Foreign = out
	}
	for _, list := range [][]*Profile{s.Profiles, s.Sums} {
		for _, p := range list {
			for i := range p.Frames {
				mark(&p.Frames[i])
			}
		}
	}
	if s.Trace != nil {
		for i := range s.Trace.Frames {
			mark(&s.Trace.Frames[i])
		}
	}
	for i := range s.Snapshots {
		for j := range s.Snapshots[i].Groups {
			g := &s.Snapshots[i].Groups[j]
			for k := range g.Stack {
				mark(&g.Stack[k])
			}
		}
	}
}

// within reports whether a package is one of others or below it.
func within(pkg string, packages []string) bool {
	for _, p := range packages {
		if rest, ok := strings.CutPrefix(pkg, strings.TrimSuffix(p, "/")); ok && (rest == "" || rest[0] == '/') {
			return true
		}
	}
	return false
}
