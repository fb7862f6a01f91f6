package code

import (
	"go/ast"
	"go/token"
	"slices"
)

// root is the function on whose activation another one runs: the start of a goroutine, a
// handler that a library calls, or stop. It is nil when there are several.
func (p *program) root(f, stop *fn) *fn { return p.rootWithin(f, stop, 4) }

// maxCallers bounds the callers of one function that are looked at: beyond them it has
// more than one root anyway.
const maxCallers = 32

func (p *program) rootWithin(f, stop *fn, depth int) *fn {
	if f == nil || f == stop {
		return f
	}
	callers := p.callers[f]
	if p.spawned(f) || p.asValue[f] {
		if len(callers) > 0 {
			return nil
		}
		return f
	}
	if len(callers) == 0 {
		return f
	}
	if depth == 0 || len(callers) > maxCallers {
		return nil
	}
	var found *fn
	for i, c := range callers {
		if c.in == f {
			continue // recursion
		}
		r := p.rootWithin(c.in, stop, depth-1)
		if r == nil || i > 0 && found != nil && r != found {
			return nil
		}
		found = r
	}
	return found
}

// roots are all the functions on whose activation another one runs. It reports false when
// they are too many, or not known.
func (p *program) roots(f *fn) ([]*fn, bool) {
	var out, list []*fn
	seen := map[*fn]bool{f: true}
	for list = append(list, f); len(list) > 0; list = list[1:] {
		g := list[0]
		if p.spawned(g) || p.asValue[g] || len(p.callers[g]) == 0 {
			out = append(out, g)
		}
		for _, c := range p.callers[g] {
			if c.in == nil || len(seen) > maxCallers {
				return nil, false
			}
			if !seen[c.in] {
				seen[c.in] = true
				list = append(list, c.in)
			}
		}
	}
	return out, f != nil
}

// homes are a function and those that call it, two levels up.
func (p *program) homes(in *fn) []*fn {
	if in == nil {
		return nil
	}
	homes, level := []*fn{in}, []*fn{in}
	for range 2 {
		var up []*fn
		for _, f := range level {
			for _, c := range p.callers[f] {
				if c.in != nil && !slices.Contains(homes, c.in) {
					homes, up = append(homes, c.in), append(up, c.in)
				}
			}
		}
		level = up
	}
	return homes
}

// around is the set of functions that hold one of the nodes, or call one that does, a few
// levels deep: those that a walk has to enter.
func (p *program) around(nodes ...ast.Node) map[*fn]bool {
	set := map[*fn]bool{}
	var list []*fn
	add := func(f *fn) {
		if f != nil && !set[f] {
			set[f] = true
			list = append(list, f)
		}
	}
	for _, n := range nodes {
		add(p.enclosing(n))
	}
	for range maxDepth {
		for _, f := range slices.Clone(list) {
			for _, c := range p.callers[f] {
				add(c.in)
			}
		}
	}
	return set
}

// atStart reports that a node runs a bounded number of times in the life of the process:
// what main and its like set up is meant to stay.
func (p *program) atStart(n ast.Node) bool {
	unbounded := func(l ast.Stmt) bool { return !p.bounded(l) }
	return !slices.ContainsFunc(p.loopsBetween(n, nil), unbounded) && p.runsAtStart(p.enclosing(n))
}

// runsAtStart is atStart for a function; nil stands for the initialisers of a package.
func (p *program) runsAtStart(f *fn) bool {
	if f == nil {
		return true
	}
	if known, ok := p.starting[f]; ok {
		return known
	}
	p.starting[f] = false // while it is looked at: recursion has no bound
	p.starting[f] = p.startedAtStart(f)
	return p.starting[f]
}

func (p *program) startedAtStart(f *fn) bool {
	if p.asValue[f] {
		return false
	}
	entered := false
	for _, s := range p.spawns {
		if s.target == f {
			if entered = true; !p.atStart(s.node) {
				return false
			}
		}
	}
	for _, c := range p.callers[f] {
		if entered = true; !p.atStart(c.call) {
			return false
		}
	}
	d, ok := f.node.(*ast.FuncDecl)
	return entered || ok && d.Recv == nil && (d.Name.Name == "init" || d.Name.Name == "main" && f.unit.name == "main")
}

// stays reports a goroutine that is meant to live as long as the process, as far as the
// source goes; what the runtime has found to be leaked is not.
func (pl *place) stays(n ast.Node) bool { return !pl.leaked && pl.atStart(n) }

// A way is one exit of a walk that leaves somebody waiting.
type way struct {
	exit
	in *fn
}

// earliest is the first of the ways in the source, those that nobody doubts only.
func earliest(ways []way) (way, bool) {
	best, found := way{}, false
	for _, w := range ways {
		if w.unsure || w.panics {
			continue
		}
		if !found || w.before(best) {
			best, found = w, true
		}
	}
	return best, found
}

// before prefers a way that is left on purpose to one that comes to the end of the function,
// then the earlier line.
func (w way) before(o way) bool {
	if a, b := is[closing](w.node()), is[closing](o.node()); a != b {
		return b
	}
	return w.pos() < o.pos() || w.pos() == o.pos() && w.n < o.n
}

// pos is where the way turns, or ends.
func (w way) pos() token.Pos { return w.node().Pos() }

// node is what to point at: the break, the case of a select or the return that ends the way.
func (w way) node() ast.Node {
	if is[*ast.BranchStmt](orNode(w.via)) {
		return w.via
	}
	if b, ok := w.at.(*ast.BlockStmt); ok {
		if w.via != nil {
			return w.via
		}
		return closing{b}
	}
	if _, ok := w.at.(ast.Expr); ok && w.via != nil { // the channel is made anew
		return w.via
	}
	return w.at
}

// closing is the closing brace of a body: where a function ends without a return.
type closing struct{ *ast.BlockStmt }

func (c closing) Pos() token.Pos { return c.Rbrace }

// leaves says in words how the way ends.
func (p *program) leaves(w way) string {
	who := title(w.in)
	switch n := w.node().(type) {
	case *ast.ReturnStmt:
		return who + " returns at " + p.at(n)
	case *ast.BranchStmt:
		return who + " leaves its loop at " + p.at(n)
	case *ast.CommClause:
		return who + " goes on at " + p.at(n)
	}
	return who + " ends at " + p.at(w.node())
}
