package code

import (
	"go/ast"
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
	f.fix = "defer " + stopCall
	if len(calls) == 0 {
		f.why = title(o.fn) + " starts it at " + s.program.at(begin) + " and never calls " + title(stop) + ", which alone " + s.missing
	} else {
		f.why = s.leaves(w) + " without calling " + title(stop) + ", which alone " + s.missing
		f.culprit = w.node()
	}
	st := s.statement(begin)
	if a, ok := st.(*ast.AssignStmt); ok && len(a.Lhs) > 1 {
		return f // an error has to be looked at first
	}
	if st != nil && len(stop.typ.Params.List) == 0 {
		f.before, f.after = s.snippet(st, st, insert(st, "defer "+stopCall))
	}
	return f
}

// callsOn are the calls in an owner of a method of the name of one of the functions, on the
// handle: through whatever type it has.
func (s *signal) callsOn(o owner, stops []*fn) []ast.Node {
	var out []ast.Node
	ast.Inspect(o.fn.body, func(n ast.Node) bool {
		call, ok := n.(*ast.CallExpr)
		if !ok {
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
