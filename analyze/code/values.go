package code

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// A value is where a channel, a context or a function without arguments comes from: one
// expression of the program, which stands for all that it yields over time.
type value struct {
	kind valueKind
	node ast.Expr
	in   *fn // the function that holds node; nil in a package variable's initialiser
	fn   *fn // of a funcValue
}

type valueKind int

const (
	unseen     valueKind = iota // from code that is not part of the program
	madeChan                    // make(chan T, n)
	timerChan                   // time.After, time.Tick, the C of a timer or ticker
	doneChan                    // ctx.Done()
	rootCtx                     // context.Background(), context.TODO(): never done
	cancelCtx                   // context.WithCancel: done when its cancel is called
	endingCtx                   // ends by itself: a deadline, a request
	processCtx                  // signal.NotifyContext: ends with the process
	cancelFunc                  // the cancel function of a context
	funcValue                   // a function literal, or a function used as a value
)

// A valueGraph says which values each variable may hold. Variables of structs are told
// apart by their field, not by the struct; elements of a container are one variable.
type valueGraph struct {
	p       *program
	ids     map[any]int
	objects []types.Object // by id; nil for others than variables
	succ    [][]int
	has     []map[*value]bool
	byNode  map[ast.Node]*value
	cancels map[ast.Node]*value // the cancelFunc of a With… call
	out     int                 // what arrives here leaves the program's sight
	unseen  *value
}

// elements is the variable that stands for what is sent over all channels of one type.
type elements string

func newValueGraph(p *program) *valueGraph {
	g := &valueGraph{p: p, ids: map[any]int{}, byNode: map[ast.Node]*value{}, cancels: map[ast.Node]*value{}, unseen: &value{}}
	g.out = g.id("out")
	p.ops = map[*value][]*op{}
	var ops []*op
	for _, u := range p.order {
		for _, f := range u.files {
			ops = append(ops, g.scan(f)...)
		}
	}
	for _, f := range p.fns {
		g.outsiders(f)
	}
	g.propagate()
	for _, o := range ops {
		for _, v := range g.of(o.ch) {
			p.ops[v] = append(p.ops[v], o)
		}
	}
	return g
}

func (g *valueGraph) id(key any) int {
	if id, ok := g.ids[key]; ok {
		return id
	}
	id := len(g.succ)
	g.ids[key] = id
	obj, _ := key.(types.Object)
	g.objects = append(g.objects, obj)
	g.succ = append(g.succ, nil)
	g.has = append(g.has, map[*value]bool{})
	if v, ok := key.(*value); ok {
		g.has[id][v] = true
	}
	return id
}

func (g *valueGraph) edge(from, to int) {
	if from != to && !slices.Contains(g.succ[from], to) {
		g.succ[from] = append(g.succ[from], to)
	}
}

func (g *valueGraph) propagate() {
	var work []int
	for id := range g.has {
		if len(g.has[id]) > 0 {
			work = append(work, id)
		}
	}
	for len(work) > 0 {
		id := work[len(work)-1]
		work = work[:len(work)-1]
		for _, to := range g.succ[id] {
			grown := false
			for v := range g.has[id] {
				if !g.has[to][v] {
					g.has[to][v], grown = true, true
				}
			}
			if grown {
				work = append(work, to)
			}
		}
	}
}

// value is the one value of a node.
func (g *valueGraph) value(kind valueKind, node ast.Expr) *value {
	if v, ok := g.byNode[node]; ok {
		return v
	}
	v := &value{kind: kind, node: node, in: g.p.enclosing(node)}
	g.byNode[node] = v
	return v
}

// of lists the values that an expression may have, in the order of the source. The unseen
// value is among them when there may be others.
func (g *valueGraph) of(e ast.Expr) []*value {
	seen := map[*value]bool{}
	for _, id := range g.eval(e) {
		for v := range g.has[id] {
			seen[v] = true
		}
	}
	out := make([]*value, 0, len(seen))
	for v := range seen {
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b *value) int { return int(a.pos() - b.pos()) })
	return out
}

func (v *value) pos() token.Pos {
	if v.node == nil {
		return token.NoPos
	}
	return v.node.Pos()
}

// one is the only value of an expression, or nil.
func (g *valueGraph) one(e ast.Expr) *value {
	if vs := g.of(e); len(vs) == 1 && vs[0] != g.unseen {
		return vs[0]
	}
	return nil
}

// escapes reports a value that code outside of the program may get hold of.
func (g *valueGraph) escapes(v *value) bool { return g.has[g.out][v] }

// clocked reports a channel that the clock serves, and nothing closes.
func (g *valueGraph) clocked(e ast.Expr) bool {
	vs := g.of(e)
	return len(vs) > 0 && !slices.ContainsFunc(vs, func(v *value) bool { return v.kind != timerChan })
}

// holders are the variables that may hold a value.
func (g *valueGraph) holders(v *value) []types.Object {
	var out []types.Object
	for id, obj := range g.objects {
		if obj != nil && g.has[id][v] {
			out = append(out, obj)
		}
	}
	return out
}

// tracked reports the types whose values are followed.
func tracked(t types.Type) bool {
	if t == nil {
		return false
	}
	switch u := t.Underlying().(type) {
	case *types.Chan:
		return true
	case *types.Slice:
		return trackedElem(u.Elem())
	case *types.Array:
		return trackedElem(u.Elem())
	case *types.Map:
		return trackedElem(u.Elem())
	case *types.Pointer:
		return trackedElem(u.Elem())
	case *types.Signature:
		return u.Params().Len() == 0 && u.Results().Len() == 0 || isNamed(t, "context", "CancelCauseFunc")
	}
	return isContext(t)
}

// unknown reports the type of something of another package.
func unknown(t types.Type) bool { return t == nil || t == types.Typ[types.Invalid] }

func trackedElem(t types.Type) bool {
	switch t.Underlying().(type) {
	case *types.Chan, *types.Signature:
		return tracked(t)
	}
	return isContext(t)
}

func isContext(t types.Type) bool { return isNamed(t, "context", "Context") }

func isNamed(t types.Type, pkg, name string) bool {
	n, ok := t.(*types.Named)
	return ok && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == pkg && n.Obj().Name() == name
}

// eval lists the variables whose values an expression may have.
func (g *valueGraph) eval(e ast.Expr) []int {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		switch obj := g.p.info.ObjectOf(e).(type) {
		case *types.Var:
			return []int{g.id(origin(obj))}
		case *types.Func:
			return g.function(e, g.p.byObj[obj.Origin()])
		case *types.Nil:
			return nil
		}
	case *ast.SelectorExpr:
		return g.selector(e)
	case *ast.IndexExpr:
		return g.eval(e.X)
	case *ast.SliceExpr:
		return g.eval(e.X)
	case *ast.StarExpr:
		return g.eval(e.X)
	case *ast.UnaryExpr:
		if e.Op == token.AND {
			return g.eval(e.X)
		}
		if e.Op == token.ARROW {
			return []int{g.id(g.elementsOf(e.X))}
		}
	case *ast.FuncLit:
		return g.function(e, g.p.byNode[e])
	case *ast.CompositeLit:
		return g.container(e)
	case *ast.CallExpr:
		return g.result(e, 0)
	}
	return []int{g.id(g.unseen)}
}

func (g *valueGraph) function(e ast.Expr, f *fn) []int {
	if f == nil {
		return []int{g.id(g.unseen)}
	}
	v := g.value(funcValue, e)
	v.fn = f
	return []int{g.id(v)}
}

func (g *valueGraph) selector(e *ast.SelectorExpr) []int {
	obj := g.p.object(e)
	switch obj := obj.(type) {
	case *types.Var:
		if obj.Pkg() != nil && obj.Pkg().Path() == "time" && obj.Name() == "C" {
			return []int{g.id(g.value(timerChan, e))}
		}
		return []int{g.id(obj)}
	case *types.Func:
		return g.function(e, g.p.byObj[obj])
	}
	return []int{g.id(g.unseen)}
}

func (g *valueGraph) container(e *ast.CompositeLit) []int {
	var out []int
	for _, el := range e.Elts {
		if kv, ok := el.(*ast.KeyValueExpr); ok {
			el = kv.Value
		}
		if tracked(g.p.info.TypeOf(el)) {
			out = append(out, g.eval(el)...)
		}
	}
	return out
}

func (g *valueGraph) elementsOf(ch ast.Expr) any {
	if t := g.p.info.TypeOf(ch); isChan(t) {
		return elements(types.TypeString(t.Underlying().(*types.Chan).Elem(), nil))
	}
	return g.unseen
}

// result lists what the i-th result of a call may be.
func (g *valueGraph) result(call *ast.CallExpr, i int) []int {
	if tv := g.p.info.Types[call.Fun]; tv.IsType() && len(call.Args) == 1 {
		return g.eval(call.Args[0]) // a conversion
	}
	name := g.p.callName(call)
	if name == "append" {
		var out []int
		for _, a := range call.Args {
			out = append(out, g.eval(a)...)
		}
		return out
	}
	if v, ok := g.source(call, name, i); ok {
		return v
	}
	if f := g.p.callee(call); f != nil {
		if res := g.signature(f).Results(); i < res.Len() {
			return []int{g.id(res.At(i))}
		}
	}
	var out []int
	for _, f := range g.implementations(call) {
		if res := g.signature(f).Results(); i < res.Len() {
			out = append(out, g.id(res.At(i)))
		}
	}
	if len(out) == 0 || !g.ownInterface(call) {
		out = append(out, g.id(g.unseen))
	}
	return out
}

// source is the value of calls that make channels and contexts.
func (g *valueGraph) source(call *ast.CallExpr, name string, i int) ([]int, bool) {
	one := func(kind valueKind) ([]int, bool) { return []int{g.id(g.value(kind, call))}, true }
	switch name {
	case "make":
		if isChan(g.p.info.TypeOf(call)) {
			return one(madeChan)
		}
		return nil, true // an empty container
	case "new":
		return nil, true
	case "time.After", "time.Tick":
		return one(timerChan)
	case "(context.Context).Done":
		return one(doneChan)
	case "context.Background", "context.TODO", "context.WithoutCancel":
		return one(rootCtx)
	case "context.WithValue":
		if len(call.Args) > 0 {
			return g.eval(call.Args[0]), true
		}
	case "(*net/http.Request).Context":
		return one(endingCtx)
	case "golang.org/x/sync/errgroup.WithContext":
		return one(endingCtx)
	case "context.WithCancel", "context.WithCancelCause":
		if i == 0 {
			return one(cancelCtx)
		}
		return []int{g.id(g.cancel(call))}, true
	case "context.WithTimeout", "context.WithDeadline", "context.WithTimeoutCause", "context.WithDeadlineCause":
		if i == 0 {
			return one(endingCtx)
		}
		return []int{g.id(g.cancel(call))}, true
	case "os/signal.NotifyContext":
		if i == 0 {
			return one(processCtx)
		}
		return []int{g.id(g.cancel(call))}, true
	}
	return nil, false
}

func (g *valueGraph) cancel(call *ast.CallExpr) *value {
	v, ok := g.cancels[call]
	if !ok {
		v = &value{kind: cancelFunc, node: call, in: g.p.enclosing(call)}
		g.cancels[call] = v
	}
	return v
}
