package code

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"

	"go-debug/analyze/evidence"
)

// judgeSelect explains a goroutine that waits in a select. What counts are the cases that
// let it end: each has to be one that never comes.
func (pl *place) judgeSelect(n *ast.SelectStmt) finding {
	if len(n.Body.List) == 0 {
		return finding{why: "a select without cases waits for ever"}
	}
	leaving, ok := pl.leavingCases(n)
	if !ok {
		return finding{why: "the ways out of the loop around the select are too many to follow"}
	}
	if len(leaving) == 0 {
		return pl.endless(n)
	}
	var best finding
	for _, l := range leaving {
		f := pl.judgeCase(l)
		if f.pattern == "" {
			return f
		}
		if best.pattern == "" || rank(f.pattern) < rank(best.pattern) {
			best = f
		}
	}
	return best
}

// rank prefers the case that is there to end the goroutine.
func rank(pattern string) int {
	order := []string{evidence.PatternForgottenCancel, evidence.PatternStartWithoutStop, evidence.PatternRangeWithoutClose}
	if i := slices.Index(order, pattern); i >= 0 {
		return i
	}
	return len(order)
}

// A leaving is a case of a select after which the goroutine may end without waiting in
// that select again.
type leaving struct {
	clause *ast.CommClause
	closed bool // it ends only when the case's channel is closed: `if !ok { return }`
}

// afterClose marks a state in which the last case found its channel closed.
const afterClose = 1 << 16

func (pl *place) leavingCases(n *ast.SelectStmt) ([]leaving, bool) {
	root := pl.entry
	if root == nil {
		root = pl.outermost()
	}
	chain := map[*fn]bool{}
	for _, l := range pl.frames {
		if l.fn != nil {
			chain[l.fn] = true
		}
	}
	visit := func(c ast.Node, s state) state {
		if i := slices.IndexFunc(n.Body.List, func(b ast.Stmt) bool { return b == c }); i >= 0 {
			s.n = i + 1
		}
		return s
	}
	branch := func(cond ast.Expr, taken bool, s state) (state, bool) {
		if s.n > 0 && s.n < afterClose && !taken && pl.object(cond) != nil && pl.object(cond) == pl.okOf(n.Body.List[s.n-1]) {
			s.n += afterClose
		}
		return s, true
	}
	exits, ok := pl.walk(root, &watcher{visit: visit, branch: branch, enters: func(f *fn) bool { return chain[f] }}, state{})
	if !ok {
		return nil, false
	}
	closed := make([]int, len(n.Body.List)) // 0 unknown, 1 by close only, 2 otherwise
	for _, e := range exits {
		switch {
		case e.n >= afterClose:
			closed[e.n-afterClose-1] = max(closed[e.n-afterClose-1], 1)
		case e.n > 0:
			closed[e.n-1] = 2
		}
	}
	var out []leaving
	for i, c := range closed {
		if c > 0 {
			out = append(out, leaving{n.Body.List[i].(*ast.CommClause), c == 1})
		}
	}
	return out, true
}

// okOf is the variable of a case that says whether its channel is open, or nil.
func (p *program) okOf(c ast.Stmt) types.Object {
	if a, ok := c.(*ast.CommClause).Comm.(*ast.AssignStmt); ok && len(a.Lhs) == 2 {
		return p.object(a.Lhs[1])
	}
	return nil
}

// outermost is the outermost function on the stack that is part of the program.
func (pl *place) outermost() *fn {
	for _, l := range slices.Backward(pl.frames) {
		if l.fn != nil {
			return l.fn
		}
	}
	return pl.fn
}

// judgeCase says why the goroutine never gets on by a case; without a pattern it may.
func (pl *place) judgeCase(l leaving) finding {
	switch n := commOp(l.clause.Comm).(type) {
	case *ast.SendStmt:
		return pl.judgeSend(n)
	case *ast.UnaryExpr:
		if pl.absent(n.X) {
			return finding{why: chanName(n.X) + " is nil"}
		}
		m := pl.channel(n.X)
		if m != nil && m.kind == timerChan {
			return finding{why: "the case at " + pl.program.at(l.clause) + " comes with time"}
		}
		if u, ok := pl.use(m); ok && l.closed {
			return pl.judgeRange(u, n.X)
		}
		return pl.judgeReceive(n, n.X)
	}
	return finding{why: "the select has a default"}
}

// endless speaks of a loop around a select that nothing leaves.
func (pl *place) endless(n *ast.SelectStmt) finding {
	for _, c := range n.Body.List {
		u, ok := commOp(c.(*ast.CommClause).Comm).(*ast.UnaryExpr)
		if !ok {
			continue
		}
		if m := pl.channel(u.X); m != nil && m.kind == timerChan {
			return pl.judgeLoop(n, chanName(u.X))
		}
	}
	return finding{why: "no case of the select leaves the loop around it"}
}

// judgeLoop speaks of a goroutine that wakes by the clock, over and over, and has no way
// to end.
func (pl *place) judgeLoop(n ast.Node, what string) finding {
	root := pl.entry
	if root == nil {
		return finding{}
	}
	chain := pl.around(n)
	exits, ok := pl.walk(root, &watcher{visit: func(_ ast.Node, s state) state { return s }, enters: func(f *fn) bool { return chain[f] }}, state{})
	if !ok {
		return finding{}
	}
	if len(exits) > 0 {
		return pl.triesAgain(n, what, root)
	}
	if pl.spawn == nil || pl.stays(pl.spawn.node) {
		return finding{why: "the goroutine is started once, or nobody knows where"}
	}
	loop := pl.loopAround(n)
	if loop == nil {
		return finding{why: "the loop around " + what + " cannot be seen"}
	}
	f := finding{pattern: evidence.PatternTickerOrphan, culprit: loop, certain: true,
		why: title(root) + ", which " + title(pl.spawn.in) + " starts, loops on " + what + " and has no way to end"}
	f.fix = "give the goroutine a context or a stop channel, and select on it beside " + what
	if t := pl.ticker(n); t != nil {
		f.fix = "give the goroutine a context or a stop channel, select on it beside " + what + ", and stop the ticker with defer"
	}
	f.before, f.after = pl.stoppable(n, loop)
	if queue := pl.queue(); queue != "" {
		f.why += "; it serves " + queue + " as well, and may be meant to stay"
		f.certain = false
	}
	return f
}

// triesAgain speaks of a loop that wakes by the clock and ends when something has come true.
func (pl *place) triesAgain(n ast.Node, what string, root *fn) finding {
	if pl.loopAround(n) == nil || pl.spawn == nil || pl.stays(pl.spawn.node) {
		return finding{}
	}
	return finding{why: title(root) + " loops on " + what + " until something has come true; whether it ever does cannot be seen in the source",
		fix: "bound the loop: give up after some rounds, or when a context ends that is selected on beside " + what}
}

// queue is a channel that the functions on the stack receive from besides the clock and the contexts, and
// that was there before the goroutine: its workers stay on purpose. It is empty when there is none.
func (pl *place) queue() string {
	onStack := map[*fn]bool{}
	for _, l := range pl.frames {
		onStack[l.fn] = l.fn != nil
	}
	var found *op
	for v, ops := range pl.ops {
		if v.kind == timerChan || v.kind == doneChan || v.in == pl.spawn.in {
			continue
		}
		for _, o := range ops {
			receives := o.kind == opReceive || o.kind == opRange
			if receives && onStack[o.in] && (found == nil || o.node.Pos() < found.node.Pos()) {
				found = o
			}
		}
	}
	if found == nil {
		return ""
	}
	return chanName(found.ch)
}

// loopAround is the innermost loop that a node stands in, or is.
func (pl *place) loopAround(n ast.Node) ast.Stmt {
	if r, ok := n.(*ast.RangeStmt); ok {
		return r
	}
	if loops := pl.loopsBetween(n, nil); len(loops) > 0 {
		return loops[0]
	}
	return nil
}

// ticker is the timer channel of a select, receive or range.
func (pl *place) ticker(n ast.Node) *ast.SelectorExpr {
	var found *ast.SelectorExpr
	ast.Inspect(n, func(n ast.Node) bool {
		if sel, ok := n.(*ast.SelectorExpr); ok && sel.Sel.Name == "C" && found == nil {
			found = sel
		}
		return found == nil
	})
	return found
}

// stoppable rewrites a loop over a ticker so that a context ends it, where a context is in
// scope.
func (pl *place) stoppable(n ast.Node, loop ast.Stmt) (before, after string) {
	r, ok := loop.(*ast.RangeStmt)
	ctx := pl.contextAt(loop)
	if !ok || loop != n || r.Key != nil || ctx == "" || pl.hasBreak(r) {
		return "", ""
	}
	from, to := r.Body.Lbrace+1, r.Body.Rbrace
	return pl.snippet(r, r,
		edit{r.Pos(), from, "for {\nselect {\ncase <-" + ctx + ".Done():\nreturn\ncase <-" + chanName(r.X) + ":"},
		edit{to, to + 1, "}\n}"})
}

// hasBreak reports breaks and results that a select around the body would change.
func (pl *place) hasBreak(r *ast.RangeStmt) bool {
	found := pl.fn.typ.Results != nil && len(pl.fn.typ.Results.List) > 0
	ast.Inspect(r.Body, func(n ast.Node) bool {
		b, ok := n.(*ast.BranchStmt)
		found = found || ok && b.Tok == token.BREAK
		return !found
	})
	return found
}

// contextAt is a context parameter of the functions around a node, or "".
func (p *program) contextAt(n ast.Node) string {
	for f := p.enclosing(n); f != nil; f = f.parent {
		params := p.values.signature(f).Params()
		for i := range params.Len() {
			if v := params.At(i); isContext(v.Type()) && v.Name() != "" && v.Name() != "_" {
				return v.Name()
			}
		}
	}
	return ""
}
