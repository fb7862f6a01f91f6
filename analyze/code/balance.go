package code

import (
	"go/ast"
	"go/types"
	"slices"

	"go-debug/analyze/evidence"
)

// A balance compares what a function adds to a WaitGroup with the goroutines that it
// starts for it.
type balance struct {
	*group
	f       *fn
	amounts map[ast.Node]int           // Add calls of a constant
	loops   map[ast.Node]*ast.CallExpr // loops that go around as often as an Add before them counted
	short   []way
}

// maxPending bounds what a walk counts as added and not yet done.
const maxPending = 6

// loopFor is the loop of the function that goes around as often as an Add says.
func (b *balance) loopFor(add *ast.CallExpr) ast.Stmt {
	want := b.expression(add.Args[0])
	if want.text == "" {
		return nil
	}
	var found ast.Stmt
	inspectBody(b.f, func(n ast.Node) {
		s, ok := n.(ast.Stmt)
		if ok && found == nil && n.Pos() > add.Pos() && b.bound(s).text == want.text && b.startsIn(s) {
			found = s
		}
	})
	return found
}

func (b *balance) startsIn(loop ast.Stmt) bool {
	return slices.ContainsFunc(b.spawns, func(s *spawn) bool {
		return b.finishes(s) && loop.Pos() < s.node.Pos() && s.node.End() <= loop.End()
	})
}

// finishes reports a go statement whose goroutine calls Done.
func (b *balance) finishes(s *spawn) bool { return s.target != nil && !s.grouped && b.inside[s.target] }

func (b *balance) run() (finding, bool) {
	inside := map[ast.Node]bool{}
	for _, s := range b.spawns {
		if b.finishes(s) {
			inside[s.node] = true
		}
	}
	visit := b.visitConstant
	if len(b.loops) > 0 {
		visit = b.visitLoop
	}
	exits, ok := b.walk(b.f, &watcher{
		enters: func(u *fn) bool { return b.inside[u] },
		visit:  func(n ast.Node, s state) state { return visit(n, s, inside) },
	}, state{})
	if !ok {
		return finding{}, false
	}
	if !b.ownDones() {
		return finding{}, false
	}
	// Who returns before its own Wait does not wait, and who calls Done itself may be called
	// again for that.
	apart := !slices.ContainsFunc(b.syncCalls, func(c callSite) bool { return c.in == b.f && (b.calls(c.call, "Wait") || b.calls(c.call, "Done")) })
	for _, e := range exits {
		if e.n > 0 && len(b.loops) == 0 && apart {

			b.short = append(b.short, way{e, b.f})
		}
	}
	w, ok := earliest(b.short)
	if !ok {
		return finding{}, false
	}
	return b.report(w), true
}

// ownDones reports that the function calls Done itself or by goroutines which it starts, and
// nobody else does.
func (b *balance) ownDones() bool {
	for _, d := range b.dones {
		if b.enclosing(d) == b.f {
			continue
		}
		roots, ok := b.roots(b.enclosing(d))
		if !ok {
			return false
		}
		for _, r := range roots {
			if !slices.ContainsFunc(b.spawns, func(s *spawn) bool { return s.target == r && s.in == b.f }) {
				return false
			}
		}
	}
	return true
}

// visitConstant counts what is added and not yet taken up by a goroutine.
func (b *balance) visitConstant(n ast.Node, s state, starts map[ast.Node]bool) state {
	switch {
	case b.amounts[n] > 0:
		s.n = min(s.n+b.amounts[n], maxPending)
		s.via = n
	case starts[n] || slices.Contains(b.dones, n):
		if s.n >= maxPending {
			s.unsure = true // more than can be counted
		}
		s.n = max(s.n-1, 0)
	case b.calls(n, "Wait") && s.n > 0:
		b.short = append(b.short, way{exit{state: s, at: n}, b.f})
		s.n = 0
	}
	return s
}

// visitLoop marks a round of a counted loop until it starts its goroutine.
func (b *balance) visitLoop(n ast.Node, s state, starts map[ast.Node]bool) state {
	loop := n
	end, isEnd := n.(loopEnd)
	if isEnd {
		loop = end.Stmt
	}
	switch {
	case b.loops[loop] != nil:
		if s.n == 1 {
			b.short = append(b.short, way{exit{state: s, at: orLoop(s.via, loop)}, b.f})
		}
		s.n, s.via = 1, nil
		if isEnd {
			s.n = 0
		}
	case starts[n] || slices.Contains(b.dones, n):
		s.n = 0
	case is[*ast.BranchStmt](n) && s.n == 1:
		s.via = n
	}
	return s
}

func orLoop(via, loop ast.Node) ast.Node {
	if via != nil {
		return via
	}
	return loop
}

func (b *balance) report(w way) finding {
	f := finding{pattern: evidence.PatternMissingDone, certain: true, culprit: w.at}
	if len(b.loops) > 0 {
		f.why = title(b.f) + " adds one for every round of a loop, and a round that ends at " + b.program.at(w.at) + " starts no goroutine that calls Done"
		f.fix = "call " + b.name + ".Add(1) right before each go statement"
		return f
	}
	add := w.via.(*ast.CallExpr)
	f.culprit = add
	f.why = title(b.f) + " calls " + types.ExprString(add) + " at " + b.program.at(add) + " and comes to " + b.program.at(w.at) +
		" with fewer goroutines started that call Done"
	if len(b.dones) == 0 {
		f.why = title(b.f) + " calls " + types.ExprString(add) + " at " + b.program.at(add) + ", and nobody calls Done"
	}
	f.fix = "add exactly one for each goroutine, right before its go statement"
	return f
}
