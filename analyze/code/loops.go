package code

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// maxRounds bounds how often a loop is gone around until nothing new is seen.
const maxRounds = 32

func (w *walker) forStmt(s *ast.ForStmt, in []state, label string) []state {
	if s.Init != nil {
		in = w.stmt(s.Init, in, "")
	}
	head := func(in []state) (round, end []state) {
		if s.Cond == nil {
			return w.visit(s, in), nil
		}
		w.inHead = true
		defer func() { w.inHead = false }()
		round, end = w.cond(s.Cond, in)
		return w.visit(s, round), end
	}
	return w.loop(s, s.Body, in, label, head, func(in []state) []state {
		if s.Post != nil {
			in = w.stmt(s.Post, in, "")
		}
		return in
	})
}

func (w *walker) rangeStmt(s *ast.RangeStmt, in []state, label string) []state {
	in = w.exprs(in, s.X)
	forever := isChan(w.p.info.TypeOf(s.X)) && w.p.values.clocked(s.X)
	head := func(in []state) (round, end []state) {
		var vars []ast.Expr
		for _, e := range []ast.Expr{s.Key, s.Value} {
			if e != nil {
				vars = append(vars, e)
			}
		}
		if end = in; forever {
			end = nil
		}
		return w.assigned(w.visit(s, in), vars...), end
	}
	return w.loop(s, s.Body, in, label, head, func(in []state) []state { return in })
}

// maxUnrolled bounds the constant number of rounds that are gone one by one.
const maxUnrolled = 16

// loop goes around until no new state comes up, or as often as the loop does when that is
// a small constant. A loop that ends before its first round is unsure: what would have been
// waited for may not have been started either.
func (w *walker) loop(s ast.Stmt, body *ast.BlockStmt, in []state, label string, head func([]state) (round, end []state), post func([]state) []state) []state {
	sc := w.enter(label, true)
	defer w.leaveScope()
	round := func(start []state) []state {
		after := w.join(w.block(body.List, start), sc.continues)
		sc.continues = nil
		return post(after)
	}
	fixed := w.p.bound(s).fixed
	if 0 < fixed && fixed <= maxUnrolled {
		for range fixed {
			start, _ := head(in)
			in = w.distinct(round(start))
		}
		return w.join(w.visit(loopEnd{s}, in), sc.breaks)
	}
	var seen, out []state // seen at the head, after the first round
	fresh := in
	for n := 0; len(fresh) > 0 && !w.broken; n++ {
		if n > maxRounds {
			w.broken = true
			break
		}
		start, end := head(fresh)
		if n == 0 {
			if end = doubted(end, true); fixed > 0 {
				end = nil
			}
		}
		out = w.join(out, w.visit(loopEnd{s}, end))
		fresh = nil
		for _, st := range round(start) {
			if !slices.Contains(seen, st) {
				seen, fresh = append(seen, st), append(fresh, st)
			}
		}
	}
	return w.join(out, sc.breaks)
}

// A bound is how often a loop goes around when nothing leaves it early.
type bound struct {
	fixed int    // when constant
	text  string // else as an expression: "len(urls)"; "" when unknown
	// operands are the variables of text.
	operands []types.Object
}

func (b bound) known() bool { return b.fixed > 0 || b.text != "" }

func (p *program) bound(s ast.Stmt) bound {
	switch s := s.(type) {
	case *ast.RangeStmt:
		return p.rangeBound(s)
	case *ast.ForStmt:
		return p.countBound(s)
	}
	return bound{}
}

func (p *program) rangeBound(s *ast.RangeStmt) bound {
	if n, ok := p.constant(s.X); ok {
		return bound{fixed: n}
	}
	t := p.info.TypeOf(s.X)
	if t == nil {
		return bound{}
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		if u.Info()&types.IsInteger != 0 {
			return p.expression(s.X)
		}
	case *types.Array:
		return bound{fixed: int(min(u.Len(), 1<<30))}
	case *types.Slice, *types.Map:
		if b := p.expression(s.X); b.text != "" {
			b.text = "len(" + b.text + ")"
			return b
		}
	}
	return bound{}
}

// countBound reads `for i := 0; i < n; i++`.
func (p *program) countBound(s *ast.ForStmt) bound {
	init, ok1 := s.Init.(*ast.AssignStmt)
	cond, ok2 := s.Cond.(*ast.BinaryExpr)
	post, ok3 := s.Post.(*ast.IncDecStmt)
	if !ok1 || !ok2 || !ok3 || post.Tok != token.INC || len(init.Lhs) != 1 || len(init.Rhs) != 1 {
		return bound{}
	}
	from, ok := p.constant(init.Rhs[0])
	i := p.object(init.Lhs[0])
	if !ok || i == nil || p.object(cond.X) != i || p.object(post.X) != i || from > 1 {
		return bound{}
	}
	switch {
	case cond.Op == token.LSS && from == 0, cond.Op == token.LEQ && from == 1:
	default:
		return bound{}
	}
	if n, ok := p.constant(cond.Y); ok {
		return bound{fixed: n}
	}
	return p.expression(cond.Y)
}

// expression names a value that does not change: a variable written once, a field, or the
// length of one. A variable that holds the length of another is that length.
func (p *program) expression(e ast.Expr) bound {
	if id, ok := ast.Unparen(e).(*ast.Ident); ok {
		if obj := p.info.ObjectOf(id); obj != nil && p.written[obj] == 1 {
			if call, ok := ast.Unparen(orNil(p.initial[obj])).(*ast.CallExpr); ok && p.callName(call) == "len" {
				if b := p.steady(call); b.text != "" {
					return b
				}
			}
		}
	}
	return p.steady(e)
}

func (p *program) steady(e ast.Expr) bound {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		obj := p.info.ObjectOf(e)
		if obj == nil || p.written[obj] > 1 {
			return bound{}
		}
		return bound{text: e.Name, operands: []types.Object{obj}}
	case *ast.StarExpr:
		if b := p.steady(e.X); b.text != "" {
			b.text = "*" + b.text
			return b
		}
	case *ast.SelectorExpr:
		if b := p.steady(e.X); b.text != "" {
			b.text += "." + e.Sel.Name
			return b
		}
	case *ast.CallExpr:
		if p.callName(e) == "len" && len(e.Args) == 1 {
			if b := p.steady(e.Args[0]); b.text != "" {
				b.text = "len(" + b.text + ")"
				return b
			}
		}
	}
	return bound{}
}

// bounded reports a loop that ends by itself after a number of rounds: over a container or
// a number, or counting up to something.
func (p *program) bounded(s ast.Stmt) bool {
	switch s := s.(type) {
	case *ast.RangeStmt:
		t := p.info.TypeOf(s.X)
		if unknown(t) {
			return false
		}
		switch t.Underlying().(type) {
		case *types.Chan, *types.Signature:
			return false
		}
		return true
	case *ast.ForStmt:
		cond, ok := s.Cond.(*ast.BinaryExpr)
		post, steps := s.Post.(*ast.IncDecStmt)
		return ok && steps && p.object(post.X) != nil && (p.object(cond.X) == p.object(post.X) || p.object(cond.Y) == p.object(post.X))
	}
	return false
}

// loopsBetween are the loops around a node and inside another one (nil: the function),
// the innermost first.
func (p *program) loopsBetween(n, outer ast.Node) []ast.Stmt {
	var out []ast.Stmt
	for child, n := n, p.parent(n); n != nil && n != outer && p.byNode[n] == nil; child, n = n, p.parent(n) {
		switch s := n.(type) {
		case *ast.ForStmt:
			if child == s.Body {
				out = append(out, s)
			}
		case *ast.RangeStmt:
			if child == s.Body {
				out = append(out, s)
			}
		}
	}
	return out
}
