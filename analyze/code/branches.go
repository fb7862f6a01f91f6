package code

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"slices"
)

func (w *walker) ifStmt(s *ast.IfStmt, in []state) []state {
	if s.Init != nil {
		in = w.stmt(s.Init, in, "")
	}
	yes, no := w.cond(s.Cond, in)
	yes = w.block(s.Body.List, yes)
	if s.Else != nil && len(no) > 0 {
		no = w.stmt(s.Else, no, "")
	}
	return w.join(yes, no)
}

// cond evaluates a condition and splits the states by its outcome.
func (w *walker) cond(e ast.Expr, in []state) (yes, no []state) {
	switch x := ast.Unparen(e).(type) {
	case *ast.UnaryExpr:
		if x.Op == token.NOT {
			no, yes = w.cond(x.X, in)
			return yes, no
		}
	case *ast.BinaryExpr:
		switch x.Op {
		case token.LAND:
			y1, n1 := w.cond(x.X, in)
			y2, n2 := w.cond(x.Y, y1)
			return y2, w.join(n1, n2)
		case token.LOR:
			y1, n1 := w.cond(x.X, in)
			y2, n2 := w.cond(x.Y, n1)
			return w.join(y1, y2), n2
		}
	}
	in = w.exprs(in, e)
	if tv, ok := w.p.info.Types[e]; ok && tv.Value != nil && tv.Value.Kind() == constant.Bool {
		if constant.BoolVal(tv.Value) {
			return in, nil
		}
		return nil, in
	}
	return w.side(e, true, in), w.side(e, false, in)
}

// side is the states for which a condition may have an outcome.
func (w *walker) side(e ast.Expr, taken bool, in []state) []state {
	key, negated := w.factKey(e)
	steps := !w.inHead && w.p.counts(e) || w.receiverNil(e, taken) || w.p.decided(e) || w.depth > 0 && w.onReceiver(e)
	var out []state
	again := w.p.conditions(w.fn)[key] > 1 // only then it is worth to be known
	for _, s := range in {
		if key != "" {
			facts, ok := assume(s.facts, key, taken != negated)
			if !ok {
				continue
			}
			if again {
				s.facts = facts
			}
		}
		if !w.mayReturn(e, taken, s) {
			continue
		}
		s.unsure = s.unsure || steps
		if w.w.branch != nil {
			var ok bool
			if s, ok = w.w.branch(e, taken, s); !ok {
				continue
			}
		}
		out = append(out, s)
	}
	return w.distinct(out)
}

// onReceiver reports a condition on a field of the receiver: in a method that another
// function calls it asks for a state that the caller may know.
func (w *walker) onReceiver(e ast.Expr) bool {
	recv := w.p.values.signature(w.fn).Recv()
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && recv != nil {
			id, ok := sel.X.(*ast.Ident)
			found = found || ok && w.p.object(id) == types.Object(recv)
		}
		return !found
	})
	return found
}

// How a call that does not return ends.
type ending int

const (
	endsNot ending = iota
	endsPanic
	endsProcess // or the goroutine, with its deferred calls, as the testing package does
)

func (p *program) ending(call *ast.CallExpr) ending {
	switch name := p.callName(call); name {
	case "panic":
		return endsPanic
	case "os.Exit", "runtime.Goexit", "syscall.Exit", "log.Fatal", "log.Fatalf", "log.Fatalln":
		return endsProcess
	case "log.Panic", "log.Panicf", "log.Panicln":
		return endsPanic
	case "":
		if sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok {
			switch sel.Sel.Name {
			case "Fatal", "Fatalf", "FailNow", "Skip", "Skipf", "SkipNow":
				return endsProcess
			}
		}
	}
	return endsNot
}

// A switch with a tag, or on a type, may cover all that there is without a default. Ways
// past all of its cases are unsure.
func (w *walker) switchStmt(s *ast.SwitchStmt, in []state, label string) []state {
	if s.Init != nil {
		in = w.stmt(s.Init, in, "")
	}
	in = w.exprs(in, s.Tag)
	sc := w.enter(label, false)
	defer w.leaveScope()
	rest, out := in, []state(nil)
	var bodies []*ast.CaseClause
	var starts [][]state
	var fallback *ast.CaseClause
	for _, c := range s.Body.List {
		cc := c.(*ast.CaseClause)
		if cc.List == nil {
			fallback = cc
			bodies, starts = append(bodies, cc), append(starts, nil)
			continue
		}
		var taken []state
		for _, e := range cc.List {
			var yes []state
			if s.Tag == nil {
				yes, rest = w.cond(e, rest)
			} else {
				cond := &ast.BinaryExpr{X: s.Tag, Op: token.EQL, Y: e}
				yes, rest = w.side(cond, true, rest), w.side(cond, false, rest)
			}
			taken = w.join(taken, yes)
		}
		bodies, starts = append(bodies, cc), append(starts, taken)
	}
	for i, cc := range bodies {
		start := starts[i]
		if cc == fallback {
			start = rest
		}
		start = w.join(start, sc.fallthrough_)
		sc.fallthrough_ = nil
		out = w.join(out, w.block(cc.Body, start))
	}
	if fallback == nil {
		out = w.join(out, doubted(rest, s.Tag != nil))
	}
	return w.join(out, sc.breaks)
}

func doubted(in []state, doubt bool) []state {
	out := slices.Clone(in)
	for i := range out {
		out[i].unsure = out[i].unsure || doubt
	}
	return out
}

func (w *walker) typeSwitch(s *ast.TypeSwitchStmt, in []state, label string) []state {
	if s.Init != nil {
		in = w.stmt(s.Init, in, "")
	}
	in = w.stmt(s.Assign, in, "")
	sc := w.enter(label, false)
	defer w.leaveScope()
	out, fallback := []state(nil), false
	for _, c := range s.Body.List {
		cc := c.(*ast.CaseClause)
		fallback = fallback || cc.List == nil
		out = w.join(out, w.block(cc.Body, in))
	}
	if !fallback {
		out = w.join(out, doubted(in, true))
	}
	return w.join(out, sc.breaks)
}

// selectStmt takes each case in turn. Without cases nothing ever goes on.
func (w *walker) selectStmt(s *ast.SelectStmt, in []state, label string) []state {
	sc := w.enter(label, false)
	defer w.leaveScope()
	var out []state
	for _, c := range s.Body.List {
		cc := c.(*ast.CommClause)
		states := w.visit(cc, in)
		if cc.Comm != nil {
			states = w.stmt(cc.Comm, states, "")
		}
		out = w.join(out, w.block(cc.Body, states))
	}
	return w.join(out, sc.breaks)
}

// constant is the value of an integer constant expression.
func (p *program) constant(e ast.Expr) (int, bool) {
	tv, ok := p.info.Types[e]
	if !ok || tv.Value == nil || tv.Value.Kind() != constant.Int {
		return 0, false
	}
	n, exact := constant.Int64Val(tv.Value)
	return int(n), exact && n >= 0 && n < 1<<30
}

func isChan(t types.Type) bool {
	if t == nil {
		return false
	}
	_, ok := t.Underlying().(*types.Chan)
	return ok
}
