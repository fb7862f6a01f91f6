package code

import (
	"go/ast"
	"go/types"
	"slices"
)

// judgeMember explains a goroutine of what has joined something and is to be told off: the function that gives
// the signal gets the member as an argument, as the unregister of a hub does. Members are held by the functions that
// joined them; where others tell them off as well, or hold them, it is false.
func (s *signal) judgeMember() (finding, bool) {
	leave, arg := s.leaving()
	if leave == nil || s.spawn == nil || s.asValue[leave] || s.spawned(leave) || s.dynamic[leave.decl.Name.Name] ||
		s.full && exported(leave) && leave.unit.name != "main" {
		return finding{}, false
	}
	s.leave = leave
	join, owners, known := s.members()
	for _, c := range s.callers[leave] {
		if arg >= len(c.call.Args) || !s.isMember(c.call.Args[arg], join, owners) {
			return finding{}, false
		}
	}
	var found []finding
	for _, o := range owners {
		f := s.judgeOwner(o, []*fn{leave})
		if f.pattern == "" {
			return f, true
		}
		found = append(found, f)
	}
	if len(found) == 0 {
		return finding{}, false
	}
	found[0].certain = known
	return found[0], true
}

// members are who holds what has joined, and the function that it joined by. That is the function of the go
// statement, where it returns what the goroutine belongs to; or else the one that made the channel or context, which
// the goroutine's starter holds.
func (s *signal) members() (join *fn, owners []owner, known bool) {
	if id, ok := ast.Unparen(orNil(s.through)).(*ast.Ident); ok && s.fn == s.entry {
		obj := s.object(id)
		if i := s.parameter(s.entry, obj); i >= 0 && s.spawn.call != nil && i < len(s.spawn.call.Args) {
			obj = s.object(s.spawn.call.Args[i])
		}
		f := s.spawn.in
		if f == nil || obj == nil || obj.Pos() < f.body.Pos() || obj.Pos() > f.body.End() {
			return nil, nil, false
		}
		return s.in, []owner{{fn: f, handle: obj}}, true
	}
	join = s.spawn.in
	for join != nil && join.parent != nil {
		join = join.parent
	}
	if join == nil || !s.returns(join, s.handle()) {
		return nil, nil, false
	}
	owners, known = s.climbCallers(join, 0, s.assignedTo)
	return join, owners, known
}

// isMember reports an expression that is the member of an owner, or of somebody else who holds his own.
func (s *signal) isMember(e ast.Expr, join *fn, owners []owner) bool {
	obj := s.object(e)
	if obj == nil {
		return false
	}
	if slices.ContainsFunc(owners, func(o owner) bool { return o.handle == obj }) {
		return true
	}
	call, ok := ast.Unparen(orNil(s.initial[obj])).(*ast.CallExpr)
	return ok && join != nil && s.written[obj] == 1 && s.callee(call) == join
}

// leaving is the only function that gives the signal, and the parameter by which it gets what the goroutine belongs
// to.
func (s *signal) leaving() (leave *fn, arg int) {
	for _, e := range s.enders {
		f := s.enclosing(e)
		for f != nil && f.parent != nil {
			f = f.parent
		}
		base := s.base(enderOf(e))
		if f == nil || f.decl == nil || base == nil || leave != nil && leave != f {
			return nil, -1
		}
		i := s.parameter(f, s.object(base))
		if i < 0 || leave != nil && i != arg {
			return nil, -1
		}
		leave, arg = f, i
	}
	return leave, arg
}

// enderOf is the channel that an operation closes or sends on, or the cancel function that it calls.
func enderOf(n ast.Node) ast.Expr {
	switch n := n.(type) {
	case *ast.SendStmt:
		return n.Chan
	case *ast.CallExpr:
		if name, _ := builtin(n, true); name == "close" && len(n.Args) == 1 {
			return n.Args[0]
		}
		return n.Fun
	}
	return nil
}

// returns reports a function that hands a variable to its caller.
func (p *program) returns(f *fn, v types.Object) bool {
	found := false
	ast.Inspect(f.body, func(n ast.Node) bool {
		if r, ok := n.(*ast.ReturnStmt); ok {
			found = found || slices.ContainsFunc(r.Results, func(e ast.Expr) bool { return v != nil && p.object(e) == v })
		}
		return !found && !is[*ast.FuncLit](n)
	})
	return found
}
