package code

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"
)

// drained is the count of a receiver that took everything: its loop ended by itself.
const drained = 1 << 10

// The counts before anything can be received.
const (
	notStarted = -1 // the channel is made, nobody sends yet
	noChannel  = -2
)

// A reception is what the receiver of a channel does on each way, counted from the start
// of the senders.
type reception struct {
	*use
	place    *place // of the blocked sender
	receiver *fn
	senders  []sender
	name     string
	ways     []way
}

// follow walks the receiver. A way's n is how many values it took; ways on which no sender
// was started are dropped. The channel made anew ends the way of the old one.
func (r *reception) follow() bool {
	nodes := nodesOf(r.receives)
	inside := append(slices.Clone(nodes), r.m.node)
	launches := map[ast.Node]bool{}
	for _, s := range r.senders {
		inside = append(inside, s.begin...)
		for _, n := range s.begin {
			launches[n] = true
		}
	}
	enter := r.around(inside...)
	// Who neither makes the channel nor starts its senders meets them running.
	home := r.home()
	start, first := 0, 0
	if home {
		start = noChannel
		if len(launches) > 0 {
			first = notStarted
		}
	}
	replaced := home && r.replaced()
	var abandoned []way
	visit := func(n ast.Node, s state) state {
		switch {
		case launches[n]:
			s.n = max(s.n, 0)
		case n == ast.Node(r.m.node) && home:
			if s.n >= 0 && replaced {
				abandoned = append(abandoned, way{exit{state: s, at: n}, r.receiver})
			}
			s.n, s.via = first, nil
		case s.n >= 0:
			s = r.step(n, s)
		}
		return s
	}
	oks := r.oks()
	branch := func(cond ast.Expr, taken bool, s state) (state, bool) {
		if !taken && s.n >= 0 && oks[r.object(cond)] {
			s.n = drained // the channel is closed
		}
		return s, s.n < 0 || !r.foundNil(cond, taken, r.m)
	}
	exits, ok := r.walk(r.receiver, &watcher{visit: visit, branch: branch, enters: func(f *fn) bool { return enter[f] }}, state{n: start})
	for _, e := range exits {
		if e.n >= 0 {
			r.ways = append(r.ways, way{e, r.receiver})
		}
	}
	r.ways = append(r.ways, abandoned...)
	return ok
}

// oks are the variables that say whether the channel was open: ok in v, ok := <-ch.
func (r *reception) oks() map[types.Object]bool {
	set := map[types.Object]bool{}
	for _, o := range r.receives {
		if a, ok := r.parent(o.node).(*ast.AssignStmt); ok && len(a.Lhs) == 2 && len(a.Rhs) == 1 {
			set[r.object(a.Lhs[1])] = true
		}
	}
	delete(set, nil)
	return set
}

// step counts receives, and remembers where the way turned off from one.
func (r *reception) step(n ast.Node, s state) state {
	switch n := n.(type) {
	case *ast.UnaryExpr, *ast.RangeStmt:
		if r.isReceive(n) {
			s.n = min(s.n+1, many)
		}
	case loopEnd:
		if r.receivesIn(n.Stmt) {
			b := r.bound(n.Stmt)
			if b.fixed > 0 && s.n < drained {
				s.n = b.fixed
			} else {
				s.n = drained
			}
		}
	case *ast.CommClause:
		if o := r.beside(n); o != nil {
			s.via = n
		}
	case *ast.BranchStmt:
		if n.Tok == token.BREAK && r.leavesReceiving(n) && !is[*ast.CommClause](orNode(s.via)) {
			s.via = n
		}
	}
	return s
}

func orNode(n ast.Node) ast.Node {
	if n == nil {
		return (*ast.BadStmt)(nil)
	}
	return n
}

func (r *reception) isReceive(n ast.Node) bool {
	return slices.ContainsFunc(r.receives, func(o *op) bool { return o.node == n })
}

// receivesIn reports a loop whose every round may receive.
func (r *reception) receivesIn(loop ast.Stmt) bool {
	return slices.ContainsFunc(r.receives, func(o *op) bool {
		return o.in == r.enclosing(loop) && loop.Pos() <= o.node.Pos() && o.node.End() <= loop.End()
	})
}

// beside is the receive in another case of the same select, when this case is none.
func (r *reception) beside(c *ast.CommClause) *op {
	var other *op
	for _, o := range r.receives {
		if o.clause == c {
			return nil
		}
		if o.sel != nil && slices.Contains(o.sel.Body.List, ast.Stmt(c)) {
			other = o
		}
	}
	return other
}

// leavesReceiving reports a break out of a loop that receives.
func (r *reception) leavesReceiving(b *ast.BranchStmt) bool {
	for _, l := range r.loopsBetween(b, nil) {
		if r.receivesIn(l) {
			return true
		}
	}
	return false
}

// calls reports that one function calls another, at most two levels deep.
func (p *program) calls(f, callee *fn) bool {
	for _, c := range p.callers[callee] {
		if c.in == f {
			return true
		}
		for _, c := range p.callers[c.in] {
			if c.in == f {
				return true
			}
		}
	}
	return false
}

// replaced reports that a channel which is made anew, in a loop of the receiver, leaves
// nobody with the old one: no container and no variable of another function has it.
func (r *reception) replaced() bool {
	for _, obj := range r.values.holders(r.m) {
		v, ok := obj.(*types.Var)
		switch {
		case !ok || v.IsField() && !r.heldHere(v):
			return false
		case !v.IsField() && !isChan(v.Type()):
			return false
		}
	}
	return true
}

// heldHere reports that the receiver has the struct of a field in variables of its own,
// and gives it to nobody.
func (r *reception) heldHere(field *types.Var) bool {
	found := false
	own := true
	ast.Inspect(r.receiver.node, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok {
			return true
		}
		if v, ok := r.info.Defs[id].(*types.Var); ok && !v.IsField() && holdsField(v.Type(), field, 1) {
			found = true
			own = own && r.keeps(r.receiver, v, nil) == kept
		}
		return true
	})
	return found && own
}

// foundNil reports a side of a condition on which a variable that holds a value is nil.
func (p *program) foundNil(cond ast.Expr, taken bool, v *value) bool {
	b, ok := ast.Unparen(cond).(*ast.BinaryExpr)
	if !ok || b.Op != token.EQL && b.Op != token.NEQ || taken != (b.Op == token.EQL) {
		return false
	}
	id, ok := ast.Unparen(b.Y).(*ast.Ident)
	return ok && id.Name == "nil" && tracked(p.info.TypeOf(b.X)) && slices.Contains(p.values.of(b.X), v)
}

// home reports a receiver that makes the channel, itself or by a constructor: when it
// returns, nobody is left to receive.
func (r *reception) home() bool { return r.m.in == r.receiver || r.calls(r.receiver, r.m.in) }

// dedicated reports a receiver that belongs to the channel: its home, or a goroutine that
// is started where the channel is made. Any other may be called again and go on.
func (r *reception) dedicated() bool {
	if r.home() {
		return true
	}
	for _, s := range r.spawns {
		if s.target == r.receiver {
			if launch, _ := r.meet(s); launch != nil {
				return true
			}
		}
	}
	return false
}

// onValue reports a way that ends on a condition about a value received.
func (r *reception) onValue(w way) bool {
	return r.conditioned(w, func(e ast.Expr) bool { return r.mentions(e, r.received(w.in)) })
}

// onError reports a way that ends on a condition about an error.
func (r *reception) onError(w way) bool {
	return r.conditioned(w, func(e ast.Expr) bool {
		found := false
		ast.Inspect(e, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok {
				found = found || strings.Contains(strings.ToLower(id.Name), "err")
			}
			return !found
		})
		return found
	})
}

// conditioned reports that one of the conditions around the end of a way is of a kind.
func (r *reception) conditioned(w way, kind func(ast.Expr) bool) bool {
	for child, n := w.node(), r.parent(w.node()); n != nil && r.byNode[n] == nil; child, n = n, r.parent(n) {
		switch s := n.(type) {
		case *ast.IfStmt:
			if child != ast.Node(s.Cond) && kind(s.Cond) {
				return true
			}
		case *ast.SwitchStmt:
			if s.Tag != nil && kind(s.Tag) {
				return true
			}
		case *ast.CaseClause:
			if slices.ContainsFunc(s.List, kind) {
				return true
			}
		}
	}
	return false
}

// received are the variables of a function that hold what was received, or what follows
// from it.
func (r *reception) received(f *fn) map[types.Object]bool {
	vars := map[types.Object]bool{}
	add := func(lhs ...ast.Expr) {
		for _, e := range lhs {
			if obj := r.object(e); obj != nil {
				vars[obj] = true
			}
		}
	}
	for _, o := range r.receives {
		if s, ok := o.node.(*ast.RangeStmt); ok && s.Key != nil {
			add(s.Key)
		}
	}
	for range 3 {
		inspectBody(f, func(n ast.Node) {
			s, ok := n.(*ast.AssignStmt)
			if !ok {
				return
			}
			for _, rhs := range s.Rhs {
				if u, ok := ast.Unparen(rhs).(*ast.UnaryExpr); ok && r.isReceive(u) || r.mentions(rhs, vars) {
					add(s.Lhs...)
				}
			}
		})
	}
	return vars
}

func (p *program) mentions(e ast.Expr, vars map[types.Object]bool) bool {
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			obj := p.info.ObjectOf(id)
			found = found || obj != nil && vars[obj]
		}
		return !found
	})
	return found
}
