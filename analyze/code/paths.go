package code

import (
	"go/ast"
	"go/token"
	"slices"
)

// A state is what is known at one point of one way through a function.
type state struct {
	n      int      // what the watcher counts
	via    ast.Node // where the watcher saw the way turn
	unsure bool     // nobody knows whether the way can be gone
	facts  string   // the conditions that hold on it
	defers *deferral
}

// A deferral is the list of deferred calls of a state, the last one first.
type deferral struct {
	call *ast.CallExpr
	next *deferral
}

// An exit is one way out of a function.
type exit struct {
	state
	at     ast.Node // the *ast.ReturnStmt, or the *ast.BlockStmt whose end is reached
	panics bool
	result string // what is known of the last result, see results.go
}

// A watcher says what a walk is about. Operations come in the order of evaluation:
// calls, receives (*ast.UnaryExpr), sends, go statements, assignments, returns, breaks;
// besides them *ast.CommClause when a case of a select is taken, a loop when a round of it
// begins, and loopEnd when it ends by its own condition.
type watcher struct {
	visit func(n ast.Node, s state) state
	// branch sees each side of a condition and may rule it out. Optional.
	branch func(cond ast.Expr, taken bool, s state) (state, bool)
	// enters says which functions of the program are walked into where they are called.
	enters func(*fn) bool
}

// loopEnd is visited when a loop ends other than by break or return.
type loopEnd struct{ ast.Stmt }

// The bounds of a walk. A walk that meets one is worthless.
const (
	maxStates = 256
	maxDepth  = 3
	maxVisits = 1 << 16
)

// A walker follows all ways through one function.
type walker struct {
	p      *program
	w      *watcher
	fn     *fn
	depth  int
	exits  []exit
	scopes []*scope
	// broken is set when the ways are too many, or go where they cannot be followed.
	broken bool
	inHead bool // the condition of a loop is being evaluated
	lists  map[deferral]*deferral
	visits *int // by this walker and those of the functions that it enters
	inner  map[inlined][]exit
}

// An inlined is one way into a function that was walked through where it is called.
type inlined struct {
	f     *fn
	start state
}

// A scope is a statement that break and continue can leave.
type scope struct {
	label        string
	loop         bool
	breaks       []state
	continues    []state
	fallthrough_ []state
}

// walk follows every way through a function from its beginning. It reports false when
// that could not be done.
func (p *program) walk(f *fn, w *watcher, start state) ([]exit, bool) {
	wk := &walker{p: p, w: w, fn: f, lists: map[deferral]*deferral{}, visits: new(int), inner: map[inlined][]exit{}}
	wk.run([]state{start})
	return wk.exits, !wk.broken
}

func (w *walker) run(in []state) {
	if out := w.block(w.fn.body.List, in); len(out) > 0 {
		w.leave(w.fn.body, out, false)
	}
}

// leave runs the deferred calls and records the exits.
func (w *walker) leave(at ast.Node, in []state, panics bool) {
	for _, s := range in {
		states, result := []state{s}, w.resultOf(at, s)
		for d := s.defers; d != nil; d = d.next {
			states = w.deferred(d.call, states)
		}
		for _, s := range states {
			s.defers, s.facts = nil, ""
			e := exit{state: s, at: at, panics: panics, result: result}
			if !slices.Contains(w.exits, e) {
				w.exits = append(w.exits, e)
			}
		}
	}
}

func (w *walker) deferred(call *ast.CallExpr, in []state) []state {
	return w.inline(call, w.visit(call, in))
}

func (w *walker) visit(n ast.Node, in []state) []state {
	if *w.visits += len(in); *w.visits > maxVisits {
		w.broken = true
		return nil
	}
	out := make([]state, 0, len(in))
	for _, s := range in {
		out = append(out, w.w.visit(n, s))
	}
	return w.distinct(out)
}

// distinct drops duplicates and gives up beyond maxStates.
func (w *walker) distinct(in []state) []state {
	if len(in) < 2 {
		return in
	}
	seen := make(map[state]bool, len(in))
	out := in[:0:0]
	for _, s := range in {
		if !seen[s] {
			seen[s] = true
			out = append(out, s)
		}
	}
	if len(out) > maxStates {
		w.broken = true
		return out[:1]
	}
	return out
}

func (w *walker) join(sets ...[]state) []state { return w.distinct(slices.Concat(sets...)) }

// inline walks into a called function where the watcher wants that.
func (w *walker) inline(call *ast.CallExpr, in []state) []state {
	f := w.p.runs(call)
	if f == nil || len(in) == 0 || w.w.enters == nil || !w.w.enters(f) {
		return in
	}
	if w.depth >= maxDepth {
		w.broken = true
		return in
	}
	var out []state
	for _, s := range in {
		for _, e := range w.through(f, s) {
			if !e.panics {
				out = append(out, state{n: e.n, via: e.via, unsure: e.unsure, facts: returned(s.facts, call, e.result), defers: s.defers})
			}
		}
	}
	return w.distinct(out)
}

// through lists the exits of a called function.
func (w *walker) through(f *fn, s state) []exit {
	start := state{n: s.n, via: s.via, unsure: s.unsure}
	if is[*ast.FuncLit](f.node) {
		start.facts = s.facts // about variables that it captures
	}
	key := inlined{f, start}
	exits, ok := w.inner[key]
	if !ok {
		sub := &walker{p: w.p, w: w.w, fn: f, depth: w.depth + 1, lists: w.lists, visits: w.visits, inner: w.inner}
		sub.run([]state{start})
		w.broken = w.broken || sub.broken
		exits = sub.exits
		w.inner[key] = exits
	}
	return exits
}

func (w *walker) block(list []ast.Stmt, in []state) []state {
	for _, s := range list {
		if len(in) == 0 || w.broken {
			return nil
		}
		in = w.stmt(s, in, "")
	}
	return in
}

func (w *walker) stmt(s ast.Stmt, in []state, label string) []state {
	switch s := s.(type) {
	case *ast.BlockStmt:
		return w.block(s.List, in)
	case *ast.LabeledStmt:
		return w.stmt(s.Stmt, in, s.Label.Name)
	case *ast.ExprStmt:
		return w.exprStmt(s, in)
	case *ast.SendStmt:
		return w.visit(s, w.exprs(in, s.Chan, s.Value))
	case *ast.IncDecStmt:
		return w.assigned(w.visit(s, w.exprs(in, s.X)), s.X)
	case *ast.AssignStmt:
		return w.bind(s.Lhs, s.Rhs, w.assigned(w.visit(s, w.exprs(w.exprs(in, s.Rhs...), indexed(s.Lhs)...)), s.Lhs...))
	case *ast.DeclStmt:
		return w.decl(s, in)
	case *ast.GoStmt:
		return w.visit(s, w.exprs(in, s.Call.Args...))
	case *ast.DeferStmt:
		return w.push(s.Call, w.visit(s, w.exprs(in, s.Call.Args...)))
	case *ast.ReturnStmt:
		w.leave(s, w.visit(s, w.exprs(in, s.Results...)), false)
		return nil
	case *ast.BranchStmt:
		w.jump(s, in)
		return nil
	case *ast.IfStmt:
		return w.ifStmt(s, in)
	case *ast.ForStmt:
		return w.forStmt(s, in, label)
	case *ast.RangeStmt:
		return w.rangeStmt(s, in, label)
	case *ast.SwitchStmt:
		return w.switchStmt(s, in, label)
	case *ast.TypeSwitchStmt:
		return w.typeSwitch(s, in, label)
	case *ast.SelectStmt:
		return w.selectStmt(s, in, label)
	}
	return in
}

func (w *walker) exprStmt(s *ast.ExprStmt, in []state) []state {
	in = w.exprs(in, s.X)
	if call, ok := ast.Unparen(s.X).(*ast.CallExpr); ok {
		switch w.p.ending(call) {
		case endsPanic:
			w.leave(s, in, true)
			return nil
		case endsProcess:
			return nil
		}
	}
	return in
}

func (w *walker) decl(s *ast.DeclStmt, in []state) []state {
	d, ok := s.Decl.(*ast.GenDecl)
	if !ok {
		return in
	}
	for _, spec := range d.Specs {
		if v, ok := spec.(*ast.ValueSpec); ok {
			in = w.bindNames(v, w.visit(v, w.exprs(in, v.Values...)))
		}
	}
	return in
}

// push adds a deferred call. A defer in a loop counts once: the state must stay finite.
func (w *walker) push(call *ast.CallExpr, in []state) []state {
	out := make([]state, 0, len(in))
	for _, s := range in {
		known := false
		for d := s.defers; d != nil; d = d.next {
			known = known || d.call == call
		}
		if !known {
			key := deferral{call, s.defers}
			if w.lists[key] == nil {
				w.lists[key] = &deferral{call, s.defers}
			}
			s.defers = w.lists[key]
		}
		out = append(out, s)
	}
	return out
}

// jump hands the states to the statement that a break or continue leaves.
func (w *walker) jump(s *ast.BranchStmt, in []state) {
	in = w.visit(s, in)
	for _, sc := range slices.Backward(w.scopes) {
		switch {
		case s.Tok == token.GOTO:
			w.broken = true
			return
		case s.Tok == token.FALLTHROUGH:
			sc.fallthrough_ = append(sc.fallthrough_, in...)
			return
		case s.Label != nil && s.Label.Name != sc.label || s.Tok == token.CONTINUE && !sc.loop:
			continue
		case s.Tok == token.CONTINUE:
			sc.continues = append(sc.continues, in...)
			return
		default:
			sc.breaks = append(sc.breaks, in...)
			return
		}
	}
	w.broken = true // a label of something else, or a goto without any scope
}

func (w *walker) enter(label string, loop bool) *scope {
	sc := &scope{label: label, loop: loop}
	w.scopes = append(w.scopes, sc)
	return sc
}

func (w *walker) leaveScope() { w.scopes = w.scopes[:len(w.scopes)-1] }

// indexed are the parts of assigned expressions that are evaluated.
func indexed(lhs []ast.Expr) []ast.Expr {
	var out []ast.Expr
	for _, e := range lhs {
		switch e := ast.Unparen(e).(type) {
		case *ast.IndexExpr:
			out = append(out, e.X, e.Index)
		case *ast.SelectorExpr:
			out = append(out, e.X)
		case *ast.StarExpr:
			out = append(out, e.X)
		}
	}
	return out
}

// exprs evaluates expressions in order.
func (w *walker) exprs(in []state, list ...ast.Expr) []state {
	for _, e := range list {
		if e != nil && len(in) > 0 {
			in = w.expr(e, in)
		}
	}
	return in
}

// expr visits the calls and receives of an expression, operands first. Function literals
// are not entered: they run elsewhere.
func (w *walker) expr(e ast.Expr, in []state) []state {
	switch e := e.(type) {
	case *ast.ParenExpr:
		return w.expr(e.X, in)
	case *ast.SelectorExpr:
		return w.expr(e.X, in)
	case *ast.StarExpr:
		return w.expr(e.X, in)
	case *ast.TypeAssertExpr:
		return w.expr(e.X, in)
	case *ast.KeyValueExpr:
		return w.exprs(in, e.Value)
	case *ast.IndexExpr:
		return w.exprs(in, e.X, e.Index)
	case *ast.SliceExpr:
		return w.exprs(in, e.X, e.Low, e.High, e.Max)
	case *ast.CompositeLit:
		return w.exprs(in, e.Elts...)
	case *ast.FuncLit:
		return w.visit(e, in)
	case *ast.UnaryExpr:
		in = w.expr(e.X, in)
		if e.Op == token.ARROW {
			in = w.visit(e, in)
		}
		return in
	case *ast.BinaryExpr:
		in = w.expr(e.X, in)
		if e.Op == token.LAND || e.Op == token.LOR {
			return w.join(in, w.expr(e.Y, in))
		}
		return w.expr(e.Y, in)
	case *ast.CallExpr:
		if _, ok := ast.Unparen(e.Fun).(*ast.FuncLit); !ok {
			in = w.expr(e.Fun, in)
		}
		in = w.exprs(in, e.Args...)
		return w.inline(e, w.visit(e, in))
	}
	return in
}
