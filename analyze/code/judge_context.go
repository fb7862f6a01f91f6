package code

import (
	"go/ast"
	"go/types"

	"go-debug/analyze/evidence"
)

// judgeDone explains a goroutine that waits for a context to be done. All contexts that it
// may hold have to be ones that nobody ends.
func (pl *place) judgeDone(done *value, name string) finding {
	sel, ok := done.node.(*ast.CallExpr).Fun.(*ast.SelectorExpr)
	if !ok {
		return finding{}
	}
	var ctx []*value
	if v := pl.channel(sel.X); v != nil {
		ctx = []*value{v}
	} else {
		ctx = pl.values.of(sel.X)
	}
	if len(ctx) == 0 {
		return finding{why: "where " + chanName(sel.X) + " comes from cannot be seen in the source"}
	}
	var first finding
	for i, v := range ctx {
		f := pl.judgeContext(v, chanName(sel.X), 0)
		if f.pattern == "" {
			return f
		}
		if i == 0 {
			first = f
		}
	}
	first.certain = first.certain && len(ctx) == 1
	return first
}

// judgeContext says whether anybody ends a context.
func (pl *place) judgeContext(v *value, name string, depth int) finding {
	switch v.kind {
	case rootCtx:
		return pl.neverDone(v, name)
	case processCtx:
		return finding{why: name + " is that of the process (" + pl.program.at(v.node) + ")"}
	case cancelCtx:
		if depth > 4 {
			return finding{}
		}
	case endingCtx:
		return finding{why: name + " ends by itself"}
	default:
		return finding{why: "where " + name + " comes from cannot be seen in the source"}
	}
	call := v.node.(*ast.CallExpr)
	certain := true
	for _, parent := range pl.values.of(call.Args[0]) {
		switch parent.kind {
		case rootCtx, processCtx:
		case cancelCtx:
			if f := pl.judgeContext(parent, name, depth+1); f.pattern == "" {
				return f
			}
		case unseen:
			certain = false // whoever calls may end it
		default:
			return finding{why: name + " ends with the context that it is derived from"}
		}
	}
	f := pl.judgeCancel(call, name)
	f.certain = f.certain && certain
	if !certain && f.pattern != "" && !pl.dropped(call) {
		return finding{why: "who ends the context that " + name + " is derived from cannot be seen in the source"}
	}
	return f
}

// neverDone speaks of context.Background and its like.
func (pl *place) neverDone(v *value, name string) finding {
	root := chanName(v.node)
	if pl.spawn == nil || pl.stays(pl.spawn.node) {
		return finding{why: name + " is " + root + ", and the goroutine is started once, or nobody knows where"}
	}
	return finding{pattern: evidence.PatternForgottenCancel, culprit: v.node, certain: true,
		why: name + " is " + root + " (" + pl.program.at(v.node) + "), which nobody can cancel",
		fix: "derive the context with context.WithCancel and cancel it when the goroutine is no longer needed"}
}

// cancelVar is the variable that holds the cancel function of a call, nil when it is
// dropped, and the statement that sets it.
func (p *program) cancelVar(call *ast.CallExpr) (v types.Object, stmt *ast.AssignStmt, blank bool) {
	a, ok := p.parent(call).(*ast.AssignStmt)
	if !ok || len(a.Lhs) != 2 {
		return nil, nil, false
	}
	if isBlank(a.Lhs[1]) {
		return nil, a, true
	}
	return p.object(a.Lhs[1]), a, false
}

// dropped reports a cancel function that nobody keeps.
func (p *program) dropped(call *ast.CallExpr) bool {
	_, _, blank := p.cancelVar(call)
	return blank || len(p.cancels(call)) == 0
}

// cancels lists the calls of the cancel function of a With… call.
func (p *program) cancels(call *ast.CallExpr) []ast.Node {
	c := p.values.cancel(call)
	var out []ast.Node
	for _, fc := range p.funcCalls {
		for _, v := range p.values.of(fc.Fun) {
			if v == c {
				out = append(out, fc)
				break
			}
		}
	}
	return out
}

// judgeCancel says on which way the cancel function of a context is not called.
func (pl *place) judgeCancel(call *ast.CallExpr, name string) finding {
	_, stmt, blank := pl.cancelVar(call)
	who := title(pl.enclosing(call))
	s := &signal{place: pl, value: pl.values.cancel(call), made: call, in: pl.enclosing(call), enders: pl.cancels(call),
		missing: "cancels " + name, fix: "defer the call of its cancel function", pattern: evidence.PatternForgottenCancel}
	f := finding{pattern: evidence.PatternForgottenCancel, culprit: call,
		why: who + " makes " + name + " at " + pl.program.at(call) + " and nobody calls its cancel function", fix: "defer cancel() where the context is made"}
	if blank {
		f.why = who + " drops the cancel function of " + name + " at " + pl.program.at(call)
		f.before, f.after = pl.snippet(stmt, stmt, edit{stmt.Lhs[1].Pos(), stmt.Lhs[1].End(), "cancel"}, insert(stmt, "defer cancel()"))
		if pl.stays(call) {
			return finding{why: f.why + ", once"}
		}
		f.certain = true
		return f
	}
	if stmt != nil {
		cancel := chanName(stmt.Lhs[1])
		s.fix = "defer " + cancel + "()"
		f.fix = s.fix + " where the context is made"
		if !s.local() {
			f.fix = "call the cancel function that is kept in " + s.kept() + " when the goroutine is no longer needed"
		} else if len(s.enders) == 0 {
			f.before, f.after = pl.snippet(stmt, stmt, insert(stmt, "defer "+cancel+"()"))
		}
	}
	f = s.judge(f)
	if f.pattern == evidence.PatternForgottenCancel && f.before == "" && len(s.enders) > 0 && stmt != nil && s.local() {
		f.before, f.after = pl.snippet(stmt, stmt, insert(stmt, s.fix))
	}
	return f
}
