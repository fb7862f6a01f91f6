package code

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"time"
)

// longWait is from how long on a constant wait counts as one that does not end: whoever leaks
// goroutines faster than they come to their end runs out of memory all the same.
const longWait = 10 * time.Minute

// timed says what ends the wait by itself: a timer, a deadline, a sleep. It is empty when nothing does,
// or when the goroutine comes back to wait again.
func (pl *place) timed() string {
	if pl.calledAgain() {
		return ""
	}
	switch n := pl.node.(type) {
	case *ast.SelectStmt:
		again := pl.repeated(n)
		for _, c := range n.Body.List {
			cc := c.(*ast.CommClause)
			u, ok := commOp(cc.Comm).(*ast.UnaryExpr)
			if ok && (!again || endsIn[*ast.ReturnStmt](cc.Body)) && pl.clock(u.X) {
				return "the case at " + pl.program.at(cc)
			}
		}
	case *ast.UnaryExpr:
		if !pl.repeated(n) && pl.clock(n.X) {
			return chanName(n.X) + " at " + pl.program.at(n)
		}
	case *ast.CallExpr:
		if pl.callName(n) == "time.Sleep" && !pl.repeated(n) && !pl.long(n.Args) {
			return "the sleep at " + pl.program.at(n)
		}
	}
	return ""
}

// calledAgain reports a wait whose function is called in a loop.
func (pl *place) calledAgain() bool {
	for _, l := range pl.frames[pl.at+1:] {
		if l.call != nil && pl.repeated(l.call) {
			return true
		}
	}
	return false
}

// repeated reports a node in a loop of its function, or in the condition of one.
func (p *program) repeated(n ast.Node) bool {
	for child, n := n, p.parent(n); n != nil && p.byNode[n] == nil; child, n = n, p.parent(n) {
		switch s := n.(type) {
		case *ast.ForStmt:
			if child != ast.Node(s.Init) {
				return true
			}
		case *ast.RangeStmt:
			if child == ast.Node(s.Body) {
				return true
			}
		}
	}
	return false
}

func endsIn[T ast.Stmt](list []ast.Stmt) bool {
	if len(list) == 0 {
		return false
	}
	_, ok := list[len(list)-1].(T)
	return ok
}

// clock reports a channel on which time alone sends, or which it closes, before long.
func (pl *place) clock(ch ast.Expr) bool {
	vs := pl.values.of(ch)
	for _, v := range vs {
		if v.kind == doneChan && pl.deadline(v) || v.kind == timerChan && !pl.longTimer(v) {
			continue
		}
		return false
	}
	return len(vs) > 0
}

// deadline reports the Done channel of a context that its maker has given an end.
func (pl *place) deadline(done *value) bool {
	sel, ok := done.node.(*ast.CallExpr).Fun.(*ast.SelectorExpr)
	if !ok {
		return false
	}
	vs := pl.values.of(sel.X)
	for _, v := range vs {
		call, ok := v.node.(*ast.CallExpr)
		if !ok || v.kind != endingCtx {
			return false
		}
		switch pl.callName(call) {
		case "context.WithTimeout", "context.WithTimeoutCause":
			if pl.long(call.Args[1:]) {
				return false
			}
		case "context.WithDeadline", "context.WithDeadlineCause":
		default:
			return false
		}
	}
	return len(vs) > 0
}

// longTimer reports a timer or ticker of a constant time that is long, or that will not come.
func (pl *place) longTimer(v *value) bool {
	if call, ok := v.node.(*ast.CallExpr); ok {
		return pl.long(call.Args)
	}
	sel, ok := v.node.(*ast.SelectorExpr)
	if !ok {
		return true
	}
	timer := pl.object(sel.X)
	made, ok := ast.Unparen(orNil(pl.initial[timer])).(*ast.CallExpr)
	return ok && pl.long(made.Args) || pl.spent(timer)
}

// spent reports a timer that the waiting function may have stopped or drained before: nothing comes of
// it any more.
func (pl *place) spent(timer types.Object) bool {
	found := false
	ast.Inspect(pl.fn.body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.DeferStmt:
			return false
		case *ast.CallExpr:
			sel, ok := ast.Unparen(n.Fun).(*ast.SelectorExpr)
			found = found || ok && pl.callName(n) == "(*time.Timer).Stop" && pl.object(sel.X) == timer
		case *ast.UnaryExpr:
			sel, ok := ast.Unparen(n.X).(*ast.SelectorExpr)
			elsewhere := n.Pos() < pl.node.Pos() || n.Pos() >= pl.node.End()
			found = found || ok && elsewhere && n.Op == token.ARROW && sel.Sel.Name == "C" && pl.object(sel.X) == timer
		}
		return !found
	})
	return found
}

// long reports a constant duration, the first of some arguments, that is beyond longWait.
func (pl *place) long(args []ast.Expr) bool {
	if len(args) == 0 {
		return false
	}
	v := pl.info.Types[args[0]].Value
	if v == nil || v.Kind() != constant.Int {
		return false
	}
	return constant.Compare(v, token.GTR, constant.MakeInt64(int64(longWait)))
}
