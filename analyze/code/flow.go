package code

import (
	"go/ast"
	"go/token"
	"go/types"
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
