package code

import (
	"go/ast"
	"go/types"
	"slices"

	"go-debug/analyze/evidence"
)

// judgeOwner walks an owner from the start of the goroutine to its returns.
func (s *signal) judgeOwner(o owner, stops []*fn) finding {
	stop := stops[0]
	starts := []ast.Node{s.spawn.node}
	begin := ast.Node(s.spawn.node)
	if o.start != nil {
		starts, begin = []ast.Node{o.start}, o.start
	}
	if s.stays(begin) {
		return finding{why: title(o.fn) + " starts the goroutine once"}
	}
	f := finding{pattern: evidence.PatternStartWithoutStop, culprit: begin, certain: true,
		fix: "call " + title(stop) + " when " + title(o.fn) + " is done with it"}
	if o.handle == nil {
		f.why = title(o.fn) + " starts it at " + s.program.at(begin) + " and drops what it would call " + title(stop) + " on"
		return f
	}
	calls := s.callsOn(o, stops)
	ways, ok := s.without(o.fn, starts, slices.Concat(calls, s.enders))
	if !ok {
		return finding{why: "the ways through " + title(o.fn) + " are too many to follow"}
	}
	w, ok := earliest(ways)
	if !ok {
		return finding{why: "no way through " + title(o.fn) + " was found that leaves out " + title(stop)}
	}
	stopCall := o.handle.Name() + "." + stop.decl.Name.Name + "()"
	if s.leave != nil && len(calls) > 0 {
		stopCall = types.ExprString(calls[0].(*ast.CallExpr))
	}
	if len(calls) == 0 {
		f.why = title(o.fn) + " starts it at " + s.program.at(begin) + " and never calls " + title(stop) + ", which alone " + s.missing
	} else {
		f.why = s.leaves(w) + " without calling " + title(stop) + ", which alone " + s.missing
		f.culprit = w.node()
	}
	if s.leave == nil || len(calls) > 0 {
		s.deferStop(&f, begin, stop, stopCall, calls)
	}
	return f
}

// deferStop has the fix of a finding call what stops the goroutine on every way, right behind its start. Calls that
// stand further down go: twice may be once too often, as a channel cannot be closed again.
func (s *signal) deferStop(f *finding, begin ast.Node, stop *fn, stopCall string, calls []ast.Node) {
	f.fix = "defer " + stopCall
	undone := slices.DeleteFunc(slices.Clone(calls), func(n ast.Node) bool { return is[*ast.DeferStmt](s.parent(n)) })
	if len(undone) > 0 {
		f.fix += " where it starts, in place of the call at " + s.program.at(undone[0])
	}
	st := s.statement(begin)
	if a, ok := st.(*ast.AssignStmt); st == nil || ok && len(a.Lhs) > 1 {
		return // an error has to be looked at first
	}
	if s.leave == nil && len(stop.typ.Params.List) > 0 {
		return // what it takes is not known
	}
	to, edits := st, []edit{insert(st, "defer "+stopCall)}
	if len(undone) > 0 {
		last := s.parent(undone[0])
		if len(undone) > 1 || !is[*ast.ExprStmt](last) || s.parent(last) != s.parent(st) || last.Pos() < st.End() {
			return
		}
		to, edits = last, append(edits, edit{last.Pos(), last.End(), ""})
	}
	f.before, f.after = s.snippet(st, to, edits...)
}

// callsOn are the calls in an owner of a method of the name of one of the functions, on the
// handle: through whatever type it has. Of a function that gets the handle they are those with it.
func (s *signal) callsOn(o owner, stops []*fn) []ast.Node {
	var out []ast.Node
	ast.Inspect(o.fn.body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
			return true
		}
		if s.leave != nil {
			if s.callee(call) == s.leave && slices.ContainsFunc(call.Args, func(a ast.Expr) bool { return s.object(a) == o.handle }) {
				out = append(out, call)
			}
			return true
		}
		sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
		if ok && s.object(sel.X) == o.handle && slices.ContainsFunc(stops, func(f *fn) bool { return f.decl != nil && f.decl.Name.Name == sel.Sel.Name }) {
			out = append(out, call)
		}
		return true
	})
	return out
}
