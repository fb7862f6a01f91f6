package code

import (
	"go/ast"
	"go/types"
	"strings"
)

// constants notes the parameters of a goroutine that are given a constant.
func (g *valueGraph) constants(call *ast.CallExpr) {
	f := g.p.callee(call)
	if f == nil {
		return
	}
	params := g.signature(f).Params()
	for i, arg := range call.Args {
		if tv := g.p.info.Types[arg]; i < params.Len() && (tv.Value != nil || tv.IsNil()) {
			g.p.constantArgs[params.At(i)] = true
		}
	}
}

// addressed lets anything into a variable whose address is taken, and what it holds out.
func (g *valueGraph) addressed(e ast.Expr) {
	if v, ok := g.p.object(e).(*types.Var); ok && tracked(v.Type()) {
		g.edge(g.id(g.unseen), g.id(v))
		g.edge(g.id(v), g.out)
	}
}

// call passes arguments to the parameters of the functions that a call may run.
func (g *valueGraph) call(call *ast.CallExpr) {
	if g.p.info.Types[call.Fun].IsType() {
		return
	}
	targets := g.implementations(call)
	if f := g.p.callee(call); f != nil {
		targets = []*fn{f}
		if sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok {
			if recv := g.signature(f).Recv(); recv != nil && tracked(recv.Type()) { // type done chan struct{}
				g.flow(sel.X, []int{g.id(recv)}, recv.Type())
				if _, ptr := recv.Type().Underlying().(*types.Pointer); ptr {
					g.addressed(sel.X)
				}
			}
		}
	}
	name := g.p.callName(call)
	if len(targets) == 0 && (harmless[name] || starters[name] || strings.HasPrefix(name, "fmt.") || strings.HasPrefix(name, "log.")) {
		return
	}
	for i, arg := range call.Args {
		if t := g.p.info.TypeOf(arg); !tracked(t) && !unknown(t) {
			continue
		}
		if len(targets) == 0 || g.p.callee(call) == nil && !g.ownInterface(call) {
			if !isContext(g.p.info.TypeOf(arg)) { // nobody can end a context that he only has
				g.flow(arg, nil, nil)
			}
		}
		for _, f := range targets {
			g.pass(arg, i, f)
		}
	}
}

func (g *valueGraph) pass(arg ast.Expr, i int, f *fn) {
	sig := g.signature(f)
	params := sig.Params()
	if sig.Variadic() && i >= params.Len()-1 {
		i = params.Len() - 1
	}
	if i < params.Len() {
		dest := params.At(i)
		g.flow(arg, []int{g.id(dest)}, dest.Type())
	}
}

// harmless calls keep nothing of their arguments and call no function among them later.
var harmless = map[string]bool{
	"append": true, "cap": true, "clear": true, "close": true, "copy": true, "delete": true, "len": true, "make": true,
	"new": true, "panic": true, "print": true, "println": true, "(*sync.Once).Do": true, "sync.OnceFunc": true,
}

// implementations are the methods of the program that a call through an interface may run.
func (g *valueGraph) implementations(call *ast.CallExpr) []*fn {
	sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if !ok || !g.p.isDynamic(sel) {
		return nil
	}
	var out []*fn
	for _, f := range g.p.methods[sel.Sel.Name] {
		if g.signature(f).Params().Len() == len(call.Args) {
			out = append(out, f)
		}
	}
	return out
}

// ownInterface reports a call through an interface of the program. Others may have
// implementations that are not part of it.
func (g *valueGraph) ownInterface(call *ast.CallExpr) bool {
	sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if !ok {
		return false
	}
	s, ok := g.p.info.Selections[sel]
	if !ok || !types.IsInterface(s.Recv()) {
		return false
	}
	return g.p.own[s.Obj().Pkg()]
}

// outsiders lets unseen values into the parameters of functions that code outside of the
// program may call, and their results out.
func (g *valueGraph) outsiders(f *fn) {
	open := g.p.asValue[f] || len(g.p.callers[f]) == 0 && !g.p.spawned(f)
	if d, ok := f.node.(*ast.FuncDecl); ok {
		exported := d.Name.IsExported() && f.unit.name != "main"
		open = open || exported && g.p.full || d.Recv != nil && g.p.dynamic[d.Name.Name]
	}
	if !open {
		return
	}
	sig := g.signature(f)
	if recv := sig.Recv(); recv != nil && tracked(recv.Type()) {
		g.edge(g.id(g.unseen), g.id(recv))
	}
	for i := range sig.Params().Len() {
		if v := sig.Params().At(i); tracked(v.Type()) {
			g.edge(g.id(g.unseen), g.id(v))
		}
	}
	for i := range sig.Results().Len() {
		if v := sig.Results().At(i); tracked(v.Type()) {
			g.edge(g.id(v), g.out)
		}
	}
}
