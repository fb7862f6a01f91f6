package code

import (
	"go/ast"
	"go/types"
	"strings"
)

func (p *program) connectCall(call *ast.CallExpr, in *fn, g *ast.GoStmt) {
	if sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok && p.isDynamic(sel) {
		p.dynamic[sel.Sel.Name] = true
	}
	if strings.HasPrefix(p.callName(call), "(*sync.") {
		p.syncCalls = append(p.syncCalls, callSite{call, in})
	}
	if p.callName(call) == "" && !p.info.Types[call.Fun].IsType() && tracked(p.info.TypeOf(call.Fun)) {
		p.funcCalls = append(p.funcCalls, call)
	}
	target := p.runs(call)
	if g != nil {
		p.spawns = append(p.spawns, &spawn{node: g, call: call, target: target, in: in})
		return
	}
	if starters[p.callName(call)] && len(call.Args) > 0 {
		p.spawns = append(p.spawns, &spawn{node: call, target: p.function(call.Args[len(call.Args)-1]), in: in, grouped: true})
	}
	if target != nil {
		p.callers[target] = append(p.callers[target], callSite{call: call, in: in})
	}
}

// starters run their argument on a goroutine of its own and count it done.
var starters = map[string]bool{
	"(*sync.WaitGroup).Go":                      true,
	"(*golang.org/x/sync/errgroup.Group).Go":    true,
	"(*golang.org/x/sync/errgroup.Group).TryGo": true,
}

// isDynamic reports a method call whose target depends on a value: through an interface,
// or on something of unknown type.
func (p *program) isDynamic(sel *ast.SelectorExpr) bool {
	if id, ok := sel.X.(*ast.Ident); ok {
		if _, ok := p.info.Uses[id].(*types.PkgName); ok {
			return false
		}
	}
	s, ok := p.info.Selections[sel]
	return !ok || s.Kind() == types.MethodVal && types.IsInterface(s.Recv())
}

func calleeIdent(call *ast.CallExpr) *ast.Ident {
	fun := ast.Unparen(call.Fun)
	switch x := fun.(type) {
	case *ast.IndexExpr:
		fun = x.X
	case *ast.IndexListExpr:
		fun = x.X
	}
	switch x := fun.(type) {
	case *ast.Ident:
		return x
	case *ast.SelectorExpr:
		return x.Sel
	}
	return nil
}

// callee is the function of the program that a call runs, or nil.
func (p *program) callee(call *ast.CallExpr) *fn {
	if lit, ok := ast.Unparen(call.Fun).(*ast.FuncLit); ok {
		return p.byNode[lit]
	}
	id := calleeIdent(call)
	if id == nil {
		return nil
	}
	switch obj := p.info.Uses[id].(type) {
	case *types.Func:
		return p.byObj[obj.Origin()]
	case *types.Var:
		return p.literal[obj]
	}
	return nil
}

// runs is the function of the program whose body a call goes through: its callee, or what
// a sync.Once is told to do.
func (p *program) runs(call *ast.CallExpr) *fn {
	if p.callName(call) == "(*sync.Once).Do" && len(call.Args) == 1 {
		return p.function(call.Args[0])
	}
	return p.callee(call)
}

// function is the function of the program that an expression denotes, or nil.
func (p *program) function(e ast.Expr) *fn {
	return p.callee(&ast.CallExpr{Fun: e})
}

// callName is the full name of what a call runs: "time.After", "(*sync.Mutex).Lock",
// "make", or "" for function values and for methods of unknown types.
func (p *program) callName(call *ast.CallExpr) string {
	id := calleeIdent(call)
	if id == nil {
		return ""
	}
	switch obj := p.info.Uses[id].(type) {
	case *types.Func:
		return obj.Origin().FullName()
	case *types.Builtin:
		return obj.Name()
	}
	if sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr); ok {
		if x, ok := sel.X.(*ast.Ident); ok {
			if pkg, ok := p.info.Uses[x].(*types.PkgName); ok {
				return pkg.Imported().Path() + "." + id.Name
			}
		}
	}
	return ""
}

// object is the variable or field that an expression names, or nil.
func (p *program) object(e ast.Expr) types.Object {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		if obj := p.info.ObjectOf(e); obj != nil && e.Name != "_" {
			return origin(obj)
		}
	case *ast.SelectorExpr:
		if s, ok := p.info.Selections[e]; ok {
			return origin(s.Obj())
		}
		if obj := p.info.Uses[e.Sel]; obj != nil {
			return obj
		}
	case *ast.StarExpr:
		return p.object(e.X)
	}
	return nil
}

// origin maps a field or method of an instantiated type to that of its declaration.
func origin(obj types.Object) types.Object {
	switch o := obj.(type) {
	case *types.Var:
		return o.Origin()
	case *types.Func:
		return o.Origin()
	}
	return obj
}
