package code

import (
	"go/ast"
	"go/types"
	"slices"

	"go-debug/analyze/evidence"
)

// An owner is a function that holds, in a variable of its own, the thing whose goroutine
// is blocked: nobody else can stop it.
type owner struct {
	fn     *fn
	start  *ast.CallExpr // of the constructor or Start method; nil when the go statement is in fn
	handle types.Object  // nil when the constructor's result is dropped
}

// judgeStop explains a goroutine that is ended by a method of what it belongs to: an owner
// who does not call it on every way, or nobody who calls it at all.
func (s *signal) judgeStop() finding {
	stops := s.stopsOf()
	if len(stops) == 0 {
		return finding{why: "who " + s.missing + " cannot be seen in the source"}
	}
	owners, known := s.owners()
	var found []finding
	for _, o := range owners {
		f := s.judgeOwner(o, stops)
		if f.pattern == "" {
			return f
		}
		found = append(found, f)
	}
	if len(found) > 0 {
		found[0].certain = known
		return found[0]
	}
	if f, ok := s.judgeMember(); ok {
		return f
	}
	if s.anyCalled(stops) {
		return finding{why: title(stops[0]) + " " + s.missing + "; whether it is called for this goroutine cannot be seen in the source"}
	}
	f := finding{pattern: evidence.PatternStartWithoutStop, culprit: s.made, certain: true,
		why: "only " + title(stops[0]) + " " + s.missing + ", and nobody calls it", fix: "call " + title(stops[0]) + " when the goroutine is no longer needed"}
	if s.spawn != nil {
		f.culprit = s.spawn.node
	}
	return f
}

// stopsOf are the declared functions that give the signal, and methods that call them; the
// exported ones first.
func (s *signal) stopsOf() []*fn {
	var out []*fn
	add := func(f *fn) {
		for f != nil && f.parent != nil {
			f = f.parent
		}
		if f != nil && !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	for _, e := range s.enders {
		add(s.enclosing(e))
	}
	for range 2 {
		for _, f := range slices.Clone(out) {
			for _, c := range s.callers[f] {
				if c.in != nil && c.in.decl != nil && f.decl != nil && c.in.decl.Recv != nil && receiverName(c.in.decl) == receiverName(f.decl) {
					add(c.in)
				}
			}
		}
	}
	slices.SortStableFunc(out, func(a, b *fn) int {
		switch x, y := exported(a), exported(b); {
		case x == y:
			return 0
		case x:
			return -1
		}
		return 1
	})
	return out
}

func exported(f *fn) bool { return f.decl != nil && f.decl.Name.IsExported() }

func receiverName(d *ast.FuncDecl) string {
	name := short(d)
	return name[:len(name)-len(d.Name.Name)]
}

// anyCalled reports that one of the functions may be called at all.
func (p *program) anyCalled(stops []*fn) bool {
	return slices.ContainsFunc(stops, func(f *fn) bool {
		if f.decl == nil {
			return true
		}
		outside := slices.ContainsFunc(p.callers[f], func(c callSite) bool { return !slices.Contains(stops, c.in) })
		return outside || p.spawned(f) || p.asValue[f] || p.dynamic[f.decl.Name.Name] || p.full && exported(f) && f.unit.name != "main"
	})
}

// owners climbs from the go statement to the functions that hold the handle. It reports
// false when some of them cannot be known.
func (s *signal) owners() ([]owner, bool) {
	if s.spawn == nil {
		return nil, false
	}
	handle := s.handle()
	if handle == nil {
		return nil, false
	}
	return s.climb(s.spawn.in, nil, handle, 0)
}

// handle is the variable, in the function of the go statement, of what the goroutine
// belongs to: s for s.stop. Where the goroutine names no struct it is the variable there
// whose type has the field.
func (s *signal) handle() types.Object {
	if _, ok := ast.Unparen(orNil(s.through)).(*ast.SelectorExpr); ok {
		return s.handleOf(s.through)
	}
	if sel, ok := s.receiver(s.spawn.call); ok {
		if obj := s.object(sel); obj != nil && s.holds(obj.Type()) {
			return obj
		}
	}
	return s.localHolder(s.spawn.in)
}

func (s *signal) receiver(call *ast.CallExpr) (*ast.Ident, bool) {
	if call == nil {
		return nil, false
	}
	sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if !ok {
		return nil, false
	}
	base := s.base(sel.X)
	return base, base != nil
}

// holds reports a struct, or a pointer to one, with a field that holds the value.
func (s *signal) holds(t types.Type) bool {
	for _, obj := range s.values.holders(s.value) {
		if v, ok := obj.(*types.Var); ok && v.IsField() && holdsField(t, v, 1) {
			return true
		}
	}
	return false
}

// localHolder is the only variable of a function that holds the value in a field.
func (s *signal) localHolder(f *fn) types.Object {
	var found types.Object
	several := false
	for ; f != nil; f = f.parent {
		ast.Inspect(f.node, func(n ast.Node) bool {
			id, ok := n.(*ast.Ident)
			if !ok {
				return true
			}
			if v, ok := s.info.Defs[id].(*types.Var); ok && !v.IsField() && s.holds(v.Type()) {
				several = several || found != nil && found != types.Object(v)
				found = v
			}
			return true
		})
	}
	if several {
		return nil
	}
	return found
}

// handleOf follows the root of an expression of the blocked goroutine to the function that
// started it: through the receivers of the methods on its stack.
func (s *signal) handleOf(e ast.Expr) types.Object {
	base := s.base(e)
	if base == nil {
		return nil
	}
	obj := s.object(base)
	for frame := s.at; frame < len(s.frames); frame++ {
		f := s.frames[frame].fn
		if f == nil {
			continue
		}
		recv := s.values.signature(f).Recv()
		if recv == nil || obj != types.Object(recv) {
			break
		}
		call := s.spawn.call
		if f != s.entry {
			call = nil
			for next := frame + 1; next < len(s.frames) && call == nil; next++ {
				call = s.frames[next].call
			}
		}
		base, ok := s.receiver(call)
		if !ok {
			return nil
		}
		if obj = s.object(base); f == s.entry {
			break
		}
	}
	return obj
}

// base is the variable at the root of a selector: s of s.opts.stop.
func (p *program) base(e ast.Expr) *ast.Ident {
	for {
		switch x := ast.Unparen(e).(type) {
		case *ast.SelectorExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.Ident:
			return x
		case *ast.CallExpr: // s.ctx.Done()
			sel, ok := x.Fun.(*ast.SelectorExpr)
			if !ok {
				return nil
			}
			e = sel.X
		default:
			return nil
		}
	}
}

// climb follows a handle to whoever has it in a local variable and gives it to nobody.
func (s *signal) climb(f *fn, start *ast.CallExpr, handle types.Object, depth int) ([]owner, bool) {
	if f == nil || depth > 3 {
		return nil, false
	}
	decl := f
	for decl.parent != nil {
		decl = decl.parent
	}
	sig := s.values.signature(decl)
	if recv := sig.Recv(); recv != nil && handle == types.Object(recv) {
		return s.climbCallers(decl, depth, func(c callSite) (types.Object, bool) {
			sel, ok := ast.Unparen(c.call.Fun).(*ast.SelectorExpr)
			if !ok {
				return nil, false
			}
			base, ok := ast.Unparen(sel.X).(*ast.Ident)
			if !ok {
				return nil, false
			}
			return s.object(base), true
		})
	}
	if handle == nil || handle.Parent() == nil || handle.Pkg() != nil && handle.Parent() == handle.Pkg().Scope() || s.parameter(decl, handle) >= 0 {
		return nil, false
	}
	if handle.Pos() < f.node.Pos() || handle.Pos() > f.node.End() {
		return nil, false // captured: it lives on when f returns
	}
	switch s.keeps(decl, handle, s.leave) {
	case kept:
		return []owner{{fn: f, start: start, handle: handle}}, true
	case handedUp:
		return s.climbCallers(decl, depth, s.assignedTo)
	}
	return nil, false
}

func (s *signal) climbCallers(f *fn, depth int, handleOf func(callSite) (types.Object, bool)) ([]owner, bool) {
	var out []owner
	all := len(s.callers[f]) > 0 && !s.asValue[f]
	for _, c := range s.callers[f] {
		handle, ok := handleOf(c)
		switch {
		case !ok || c.in == nil:
			all = false
		case handle == nil:
			out = append(out, owner{fn: c.in, start: c.call})
		default:
			more, known := s.climb(c.in, c.call, handle, depth+1)
			out, all = append(out, more...), all && known
		}
	}
	return out, all
}

// assignedTo is the variable that takes the first result of a call; nil when it is dropped.
func (s *signal) assignedTo(c callSite) (types.Object, bool) {
	switch st := s.parent(c.call).(type) {
	case *ast.ExprStmt:
		return nil, true
	case *ast.AssignStmt:
		if len(st.Rhs) != 1 {
			return nil, false
		}
		if isBlank(st.Lhs[0]) {
			return nil, true
		}
		if id, ok := ast.Unparen(st.Lhs[0]).(*ast.Ident); ok {
			return s.object(id), true
		}
	case *ast.ValueSpec:
		if len(st.Values) == 1 {
			return s.object(st.Names[0]), true
		}
	}
	return nil, false
}

// What a function does with a handle.
type keeping int

const (
	kept     keeping = iota // uses it, and nothing else
	handedUp                // hands it to its caller
	given                   // hands it to somebody else
)

// keeps says what a function does with a handle. Giving it to one function, that leave is, does not count.
func (p *program) keeps(f *fn, handle types.Object, leave *fn) keeping {
	k := kept
	ast.Inspect(f.body, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok || p.info.Uses[id] != handle {
			return true
		}
		switch up := p.parent(id).(type) {
		case *ast.SelectorExpr:
			return true
		case *ast.BinaryExpr:
			return true
		case *ast.CallExpr:
			if leave != nil && p.callee(up) == leave {
				return true
			}
		case *ast.ReturnStmt:
			k = max(k, handedUp)
			return true
		case *ast.AssignStmt:
			if slices.Contains(up.Lhs, ast.Expr(id)) {
				return true
			}
		}
		k = given
		return true
	})
	return k
}
