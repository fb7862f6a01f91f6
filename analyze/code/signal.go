package code

import (
	"go/ast"
	"go/types"
	"slices"

	"go-debug/analyze/evidence"
)

// A signal is what would let a blocked goroutine go on: the close of a channel, a call of
// a cancel function. The judge asks whether some way leaves it out.
type signal struct {
	*place
	value   *value     // what is held by variables: the channel, or the cancel function
	made    ast.Node   // the expression that makes it
	in      *fn        // the function of made
	enders  []ast.Node // the operations that give the signal
	through ast.Expr   // how the blocked goroutine names it
	missing string     // "closes stop": what a way leaves out
	fix     string     // the statement to add where it is made: "defer close(stop)"
	pattern string     // for ways that leave it out; chosen by the place when empty
	leave   *fn        // that gets what the goroutine belongs to as an argument, and gives the signal; nil for methods of that
}

// judge decides between nobody at all (f tells of that), somebody who may return without
// it, and somebody who always does it.
func (s *signal) judge(f finding) finding {
	if s.values.escapes(s.value) {
		return finding{why: "who " + s.missing + " cannot be seen in the source"}
	}
	if s.stays(s.made) {
		return finding{why: "what it waits for is made once, at " + s.program.at(s.made) + ", for the life of the process"}
	}
	if len(s.enders) == 0 {
		return s.nobody(f)
	}
	for _, home := range s.homes(s.in) {
		if s.allIn(home) {
			return s.judgeHome(home)
		}
	}
	methods := 0
	var worker *fn
	for i, e := range s.enders {
		switch r := s.root(s.enclosing(e), s.in); {
		case s.byMethod(e):
			methods++
		case r != nil && s.spawned(r) && r != s.entry && (i == 0 || r == worker):
			worker = r
		default:
			return finding{why: "several functions may be the one that " + s.missing}
		}
	}
	switch {
	case methods == len(s.enders):
		return s.judgeStop()
	case methods == 0:
		return s.judgeWorker(worker)
	}
	return finding{why: "several functions may be the one that " + s.missing}
}

// allIn reports that a function, and what it calls, gives all of the signal, and not by
// methods: those are what somebody else is to call.
func (s *signal) allIn(home *fn) bool {
	return !slices.ContainsFunc(s.enders, func(e ast.Node) bool {
		f := s.enclosing(e)
		return s.root(f, home) != home || s.byMethod(e) && f.decl != home.decl
	})
}

// byMethod reports a signal that is given by a method, not where it is made: by Stop.
func (s *signal) byMethod(e ast.Node) bool {
	f := s.enclosing(e)
	for g := f; g != nil; g = g.parent {
		if s.spawned(g) {
			return false
		}
	}
	return f != nil && f.decl != nil && f.decl.Recv != nil && (s.in == nil || f.decl != s.in.decl)
}

// nobody speaks of a signal that no line of the program gives.
func (s *signal) nobody(f finding) finding {
	if s.in == nil {
		return finding{why: f.why + "; it belongs to a package variable, which lives as long as the process"}
	}
	f.certain = s.spawn != nil
	if f.culprit == nil {
		f.culprit = s.made
	}
	st := s.statement(s.made)
	if a, ok := st.(*ast.AssignStmt); ok && f.before == "" && s.local() && len(a.Lhs) == 1 && isSignal(s.info.TypeOf(a.Lhs[0])) {
		f.before, f.after = s.snippet(st, st, insert(st, "defer close("+chanName(a.Lhs[0])+")"))
	}
	return f
}

// local reports a value that variables of functions hold only.
func (s *signal) local() bool { return s.kept() == "" }

// kept is the field or package variable that holds the value, or "".
func (s *signal) kept() string {
	for _, obj := range s.values.holders(s.value) {
		v, ok := obj.(*types.Var)
		if ok && (v.IsField() || v.Pkg() != nil && v.Parent() == v.Pkg().Scope()) {
			return v.Name()
		}
	}
	return ""
}

// without walks a function from where the goroutine is started and lists the ways on which
// the signal is not given.
func (s *signal) without(f *fn, starts []ast.Node, enders []ast.Node) ([]way, bool) {
	nodes := slices.Concat(starts, enders)
	enter := s.around(nodes...)
	start := -1
	if len(starts) == 0 {
		start = 0
	}
	var ways []way
	visit := func(n ast.Node, st state) state {
		switch {
		case slices.Contains(enders, n):
			if st.n == 0 {
				st.n = 1
			}
		case slices.Contains(starts, n):
			st.n = 0
		}
		return st
	}
	branch := func(cond ast.Expr, taken bool, st state) (state, bool) {
		return st, st.n < 0 || !s.foundNil(cond, taken, s.value)
	}
	exits, ok := s.walk(f, &watcher{visit: visit, branch: branch, enters: func(g *fn) bool { return enter[g] }}, state{n: start})
	for _, e := range exits {
		if e.n == 0 {
			ways = append(ways, way{e, f})
		}
	}
	return ways, ok
}

// judgeHome looks at the function that makes the signal and gives it itself.
func (s *signal) judgeHome(home *fn) finding {
	if home != s.fn && s.oneEach(s.stillThere(home)) {
		return finding{why: title(home) + " " + s.missing + ", and is blocked itself"}
	}
	starts := []ast.Node{s.made}
	if s.spawn != nil {
		starts = []ast.Node{s.spawn.node}
	}
	ways, ok := s.without(home, starts, s.enders)
	if !ok {
		return finding{why: "the ways through " + title(home) + " are too many to follow"}
	}
	w, ok := earliest(ways)
	if !ok {
		return finding{why: "no way through " + title(home) + " was found that leaves out the line that " + s.missing}
	}
	f := finding{pattern: s.patternOr(evidence.PatternPrematureReturn), culprit: w.node(), certain: true,
		why: s.leaves(w) + " before it " + s.missing + ", for which the goroutine waits",
		fix: s.fix + " where it is made, in place of " + s.program.at(s.enders[0]) + ", so that every return does it"}
	if at := s.kept(); at != "" { // a later run may find it there
		f.certain = false
		f.why += "; it is kept in " + at + ", from where another may do it"
	}
	return f
}

// judgeWorker looks at another goroutine that gives the signal.
func (s *signal) judgeWorker(worker *fn) finding {
	sites := 0
	for _, sp := range s.spawns {
		if sp.target == worker {
			if sites++; len(s.loopsBetween(sp.node, nil)) > len(s.loopsBetween(s.made, nil)) {
				sites++
			}
		}
	}
	if sites != 1 {
		return finding{why: title(worker) + " is started several times; which of them " + s.missing + " cannot be seen in the source"}
	}
	if s.stillThere(worker) >= s.count {
		return finding{why: title(worker) + " " + s.missing + ", and is blocked itself"}
	}
	ways, ok := s.without(worker, nil, s.enders)
	if !ok {
		return finding{why: "the ways through " + title(worker) + " are too many to follow"}
	}
	w, ok := earliest(ways)
	if !ok {
		return finding{why: "no way through " + title(worker) + " was found that leaves out the line that " + s.missing}
	}
	return finding{pattern: s.patternOr(evidence.PatternPrematureReturn), culprit: w.node(), certain: true,
		why: s.leaves(w) + " before it " + s.missing + ", for which the goroutine waits",
		fix: "do it on every way: " + s.fix + " at the top of " + title(worker)}
}

func (s *signal) patternOr(p string) string {
	if s.pattern != "" {
		return s.pattern
	}
	return p
}

// isSignal reports a channel that carries no values: closing it is its only use.
func isSignal(t types.Type) bool {
	if !isChan(t) {
		return false
	}
	st, ok := t.Underlying().(*types.Chan).Elem().Underlying().(*types.Struct)
	return ok && st.NumFields() == 0
}
