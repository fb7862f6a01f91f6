package code

import (
	"go/ast"
	"go/types"
	"slices"

	"go-debug/analyze/evidence"
)

// invisible says why the runtime's leak profile cannot see a goroutine that is blocked for
// ever at the place, or nothing: the profile reports only who waits for something that
// nothing alive refers to.
func (pl *place) invisible() string {
	switch pl.wait {
	case evidence.WaitIO, evidence.WaitSyscall:
		return "it waits for I/O, which may always come"
	case evidence.WaitSleep:
		return "it sleeps, and wakes again"
	case evidence.WaitNilChan:
		return ""
	}
	switch n := pl.node.(type) {
	case *ast.SendStmt:
		if why := pl.global(n.Chan); why != "" {
			return why
		}
		return pl.keptBySend(n)
	case *ast.UnaryExpr:
		return pl.global(n.X)
	case *ast.RangeStmt:
		return pl.global(n.X)
	case *ast.SelectStmt:
		for _, c := range n.Body.List {
			if o := commOp(c.(*ast.CommClause).Comm); o != nil {
				if why := pl.global(channelOf(o)); why != "" {
					return why
				}
			}
		}
	case *ast.CallExpr:
		if l, ok := pl.lockOf(n); ok {
			return pl.globalObject(l.mutex, l.name)
		}
		if wg, _ := pl.groupCall(n); wg != nil {
			return pl.globalObject(wg, wg.Name())
		}
	}
	return ""
}

func channelOf(n ast.Node) ast.Expr {
	switch n := n.(type) {
	case *ast.SendStmt:
		return n.Chan
	case *ast.UnaryExpr:
		return n.X
	}
	return nil
}

// global says that a channel can be reached from a package variable, or by the clock.
func (pl *place) global(ch ast.Expr) string {
	name := chanName(ch)
	for _, v := range pl.values.of(ch) {
		if v.kind == timerChan {
			return name + " is served by the clock"
		}
		for _, obj := range pl.values.holders(v) {
			if why := pl.globalObject(obj, name); why != "" {
				return why
			}
		}
	}
	return ""
}

// globalObject says that a variable is a package variable, or a field of what one holds.
func (pl *place) globalObject(obj types.Object, name string) string {
	v, ok := obj.(*types.Var)
	if !ok || v.Pkg() == nil {
		return ""
	}
	if !v.IsField() {
		if v.Parent() == v.Pkg().Scope() {
			return name + " can be reached from the package variable " + v.Name()
		}
		return ""
	}
	for _, g := range pl.packageVars() {
		if holdsField(g.Type(), v, 4) {
			return name + " can be reached from the package variable " + g.Name()
		}
	}
	return ""
}

// packageVars are the package variables of the program, in the order of the source.
func (p *program) packageVars() []*types.Var {
	if p.globals == nil {
		p.globals = []*types.Var{}
		for _, u := range p.order {
			if u.types == nil {
				continue
			}
			for _, name := range u.types.Scope().Names() {
				if v, ok := u.types.Scope().Lookup(name).(*types.Var); ok {
					p.globals = append(p.globals, v)
				}
			}
		}
		slices.SortFunc(p.globals, func(a, b *types.Var) int { return int(a.Pos() - b.Pos()) })
	}
	return p.globals
}

// holdsField reports a type whose values lead to a field, over a few pointers, containers
// and structs.
func holdsField(t types.Type, field *types.Var, depth int) bool {
	if depth == 0 {
		return false
	}
	switch u := t.Underlying().(type) {
	case *types.Pointer:
		return holdsField(u.Elem(), field, depth)
	case *types.Slice:
		return holdsField(u.Elem(), field, depth-1)
	case *types.Array:
		return holdsField(u.Elem(), field, depth-1)
	case *types.Map:
		return holdsField(u.Elem(), field, depth-1)
	case *types.Struct:
		for f := range u.Fields() {
			if f.Origin() == field || holdsField(f.Type(), field, depth-1) {
				return true
			}
		}
	}
	return false
}

// keptBySend says that a plain send keeps its own channel alive: the record of the wait
// points at the value, and where that lies in the closure (a captured variable that is
// never written again) or in the struct that holds the channel as well, the channel can be
// reached through it.
func (pl *place) keptBySend(n *ast.SendStmt) string {
	ch, value := ast.Unparen(n.Chan), ast.Unparen(n.Value)
	const kept = "the runtime's record of the waiting send points into "
	switch v := value.(type) {
	case *ast.Ident:
		if pl.capturedByValue(v) && pl.capturedByValue(pl.base(ch)) {
			return kept + "the closure, which holds " + v.Name + " and " + chanName(ch) + ", and so keeps the channel alive"
		}
	case *ast.SelectorExpr:
		base, own := pl.base(v), pl.base(ch)
		if base == nil || own == nil {
			return ""
		}
		if obj := pl.object(base); obj != nil && obj == pl.object(own) && isSelector(ch) && pl.behindPointer(v) {
			return kept + base.Name + ", which holds " + chanName(ch) + ", and so keeps the channel alive"
		}
	}
	return ""
}

func isSelector(e ast.Expr) bool { _, ok := e.(*ast.SelectorExpr); return ok }

// behindPointer reports a field of what a pointer points at.
func (pl *place) behindPointer(sel *ast.SelectorExpr) bool {
	t := pl.info.TypeOf(sel.X)
	if t == nil {
		return false
	}
	_, ok := t.Underlying().(*types.Pointer)
	return ok
}

// capturedByValue reports a variable of the function around a literal that the compiler
// copies into the closure: it is written once, before the literal.
func (pl *place) capturedByValue(id *ast.Ident) bool {
	if id == nil {
		return false
	}
	obj, ok := pl.object(id).(*types.Var)
	if !ok || obj.IsField() || pl.fn.parent == nil || pl.written[obj] > 1 {
		return false
	}
	return obj.Parent() != nil && obj.Parent() != obj.Pkg().Scope() && (obj.Pos() < pl.fn.node.Pos() || obj.Pos() > pl.fn.node.End())
}
