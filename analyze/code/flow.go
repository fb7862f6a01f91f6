package code

import (
	"go/ast"
	"go/token"
	"go/types"
	"strings"
)

// An op is one use of a channel.
type op struct {
	kind   opKind
	node   ast.Node // *ast.SendStmt, *ast.UnaryExpr, *ast.RangeStmt or *ast.CallExpr
	ch     ast.Expr
	in     *fn
	clause *ast.CommClause // in a select
	sel    *ast.SelectStmt
}

type opKind int

const (
	opSend opKind = iota
	opReceive
	opRange
	opClose
)

// scan adds what one file assigns, passes, returns, stores and sends to the graph, and
// lists its channel operations.
func (g *valueGraph) scan(file *sourceFile) []*op {
	var ops []*op
	clauses := map[ast.Node]*op{} // the operation of a select's case
	ast.Inspect(file.ast, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectStmt:
			for _, c := range n.Body.List {
				cc := c.(*ast.CommClause)
				if node := commOp(cc.Comm); node != nil {
					clauses[node] = &op{clause: cc, sel: n}
				}
			}
		case *ast.AssignStmt:
			g.assign(n.Lhs, n.Rhs)
		case *ast.ValueSpec:
			lhs := make([]ast.Expr, len(n.Names))
			for i, name := range n.Names {
				lhs[i] = name
			}
			g.assign(lhs, n.Values)
		case *ast.ReturnStmt:
			g.returned(n)
		case *ast.CallExpr:
			g.call(n)
			if g.p.callName(n) == "close" && len(n.Args) == 1 {
				ops = append(ops, g.op(opClose, n, n.Args[0], clauses))
			}
		case *ast.GoStmt:
			g.constants(n.Call)
		case *ast.CompositeLit:
			g.fields(n)
		case *ast.SendStmt:
			ops = append(ops, g.op(opSend, n, n.Chan, clauses))
			g.flow(n.Value, []int{g.id(g.elementsOf(n.Chan))}, nil)
		case *ast.UnaryExpr:
			switch n.Op {
			case token.ARROW:
				ops = append(ops, g.op(opReceive, n, n.X, clauses))
			case token.AND:
				g.addressed(n.X)
			}
		case *ast.CaseClause:
			if v, ok := g.p.info.Implicits[n].(*types.Var); ok && tracked(v.Type()) { // switch v := x.(type)
				g.edge(g.id(g.unseen), g.id(v))
			}
		case *ast.RangeStmt:
			if isChan(g.p.info.TypeOf(n.X)) {
				ops = append(ops, g.op(opRange, n, n.X, clauses))
			}
			g.rangeOver(n)
		}
		return true
	})
	return ops
}

// commOp is the send or receive of a select's case.
func commOp(s ast.Stmt) ast.Node {
	switch s := s.(type) {
	case *ast.SendStmt:
		return s
	case *ast.ExprStmt:
		return receiveOf(s.X)
	case *ast.AssignStmt:
		if len(s.Rhs) == 1 {
			return receiveOf(s.Rhs[0])
		}
	}
	return nil
}

func receiveOf(e ast.Expr) ast.Node {
	if u, ok := ast.Unparen(e).(*ast.UnaryExpr); ok && u.Op == token.ARROW {
		return u
	}
	return nil
}

func (g *valueGraph) op(kind opKind, node ast.Node, ch ast.Expr, clauses map[ast.Node]*op) *op {
	o := clauses[node]
	if o == nil {
		o = &op{}
	}
	o.kind, o.node, o.ch, o.in = kind, node, ch, g.p.enclosing(node)
	return o
}

// flow lets the values of an expression into variables. Where the destination has a type
// that is not followed (an interface), or there is none, they leave the program's sight.
func (g *valueGraph) flow(e ast.Expr, to []int, dest types.Type) {
	t := g.p.info.TypeOf(e)
	if unknown(t) { // of another package: it may well be a channel
		for _, id := range to {
			g.edge(g.id(g.unseen), id)
		}
		return
	}
	if !tracked(t) {
		return
	}
	if len(to) == 0 || dest != nil && !tracked(dest) {
		to = []int{g.out}
	}
	for _, from := range g.eval(e) {
		for _, id := range to {
			g.edge(from, id)
		}
	}
}

// target lists the variables that an assignment to an expression writes.
func (g *valueGraph) target(e ast.Expr) []int {
	switch e := ast.Unparen(e).(type) {
	case *ast.IndexExpr:
		return g.target(e.X)
	case *ast.StarExpr:
		return g.target(e.X)
	}
	if v, ok := g.p.object(e).(*types.Var); ok {
		return []int{g.id(v)}
	}
	return nil
}

func isBlank(e ast.Expr) bool {
	id, ok := e.(*ast.Ident)
	return ok && id.Name == "_"
}

func (g *valueGraph) assign(lhs, rhs []ast.Expr) {
	switch {
	case len(lhs) == len(rhs):
		for i, e := range lhs {
			if !isBlank(e) {
				g.flow(rhs[i], g.target(e), g.p.info.TypeOf(e))
			}
		}
	case len(rhs) == 1:
		call, ok := ast.Unparen(rhs[0]).(*ast.CallExpr)
		for i, e := range lhs {
			if t := g.p.info.TypeOf(e); isBlank(e) || !tracked(t) && !unknown(t) {
				continue
			}
			from := []int{g.id(g.unseen)}
			if ok {
				from = g.result(call, i)
			} else if i == 0 { // v, ok := <-ch, m[k] or x.(T)
				from = g.eval(rhs[0])
			}
			for _, f := range from {
				for _, to := range g.target(e) {
					g.edge(f, to)
				}
			}
		}
	}
}

func (g *valueGraph) returned(s *ast.ReturnStmt) {
	f := g.p.enclosing(s)
	if f == nil {
		return
	}
	res := g.signature(f).Results()
	if len(s.Results) == 1 && res.Len() > 1 {
		if call, ok := ast.Unparen(s.Results[0]).(*ast.CallExpr); ok {
			for i := range res.Len() {
				if tracked(res.At(i).Type()) {
					for _, from := range g.result(call, i) {
						g.edge(from, g.id(res.At(i)))
					}
				}
			}
		}
		return
	}
	for i, e := range s.Results {
		if i < res.Len() {
			g.flow(e, []int{g.id(res.At(i))}, res.At(i).Type())
		}
	}
}

// signature is the signature of a function, without parameters when the checker has none.
func (g *valueGraph) signature(f *fn) *types.Signature {
	var t types.Type
	switch n := f.node.(type) {
	case *ast.FuncDecl:
		if obj := g.p.info.Defs[n.Name]; obj != nil {
			t = obj.Type()
		}
	case *ast.FuncLit:
		t = g.p.info.TypeOf(n)
	}
	if sig, ok := t.(*types.Signature); ok {
		return sig
	}
	return types.NewSignatureType(nil, nil, nil, nil, nil, false)
}

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

// fields stores the elements of a struct literal.
func (g *valueGraph) fields(lit *ast.CompositeLit) {
	t := g.p.info.TypeOf(lit)
	if t == nil {
		return
	}
	if ptr, ok := t.Underlying().(*types.Pointer); ok { // an element of []*T{{…}}
		t = ptr.Elem()
	}
	st, ok := t.Underlying().(*types.Struct)
	for i, el := range lit.Elts {
		kv, keyed := el.(*ast.KeyValueExpr)
		switch {
		case !ok && keyed && !tracked(t):
			g.flow(kv.Value, nil, nil)
		case !ok && !keyed && !tracked(t):
			g.flow(el, nil, nil)
		case !ok:
		case keyed:
			if id, isID := kv.Key.(*ast.Ident); isID {
				if f, isVar := g.p.info.Uses[id].(*types.Var); isVar {
					g.flow(kv.Value, []int{g.id(f.Origin())}, f.Type())
				}
			}
		case i < st.NumFields():
			g.flow(el, []int{g.id(st.Field(i).Origin())}, st.Field(i).Type())
		}
	}
}

func (g *valueGraph) rangeOver(s *ast.RangeStmt) {
	t := g.p.info.TypeOf(s.X)
	if isChan(t) {
		if s.Key != nil && tracked(g.p.info.TypeOf(s.Key)) {
			for _, to := range g.target(s.Key) {
				g.edge(g.id(g.elementsOf(s.X)), to)
			}
		}
		return
	}
	if s.Key != nil && !isBlank(s.Key) && tracked(g.p.info.TypeOf(s.Key)) { // over a map's keys, or a function
		for _, to := range g.target(s.Key) {
			g.edge(g.id(g.unseen), to)
		}
	}
	if s.Value != nil && !isBlank(s.Value) && tracked(g.p.info.TypeOf(s.Value)) {
		from := []int{g.id(g.unseen)}
		if tracked(t) {
			from = g.eval(s.X)
		}
		for _, f := range from {
			for _, to := range g.target(s.Value) {
				g.edge(f, to)
			}
		}
	}
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
