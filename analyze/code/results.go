package code

import (
	"go/ast"
	"go/constant"
	"go/token"
	"go/types"
	"strconv"
	"strings"
)

// What a way knows of a value: of the last result of a function (the error, or the ok), of
// a variable that was set to a constant.
const (
	isNil   = "nil"
	isSome  = "some" // anything but nil
	isTrue  = "true"
	isFalse = "false"
)

// resultOf is what is known of the last result where a function is left.
func (w *walker) resultOf(at ast.Node, s state) string {
	ret, ok := at.(*ast.ReturnStmt)
	if !ok {
		return ""
	}
	if n := len(ret.Results); n > 0 {
		return w.valueOf(ret.Results[n-1], s.facts)
	}
	res := w.fn.typ.Results
	if res == nil || len(res.List) == 0 || s.defers != nil {
		return ""
	}
	names := res.List[len(res.List)-1].Names
	if len(names) == 0 {
		return ""
	}
	return w.valueOf(names[len(names)-1], s.facts)
}

// valueOf is what is known of an expression.
func (w *walker) valueOf(e ast.Expr, facts string) string {
	e = ast.Unparen(e)
	if tv, ok := w.p.info.Types[e]; ok && tv.Value != nil && tv.Value.Kind() == constant.Bool {
		return strconv.FormatBool(constant.BoolVal(tv.Value))
	}
	switch e := e.(type) {
	case *ast.UnaryExpr:
		if _, ok := e.X.(*ast.CompositeLit); ok && e.Op == token.AND {
			return isSome
		}
	case *ast.CallExpr:
		switch w.p.callName(e) {
		case "errors.New", "fmt.Errorf", "make", "new":
			return isSome
		}
		return returnedBy(facts, e)
	case *ast.Ident:
		if e.Name == "nil" {
			return isNil
		}
		return w.known(e, facts)
	}
	return ""
}

// known is what the facts say of a variable.
func (w *walker) known(e ast.Expr, facts string) string {
	name := w.operand(e)
	if name == "" {
		return ""
	}
	for key, values := range map[string][2]string{name: {isFalse, isTrue}, name + "==" + nilOperand: {isSome, isNil}} {
		switch {
		case strings.Contains(facts, "|"+key+"|1;"):
			return values[1]
		case strings.Contains(facts, "|"+key+"|0;"):
			return values[0]
		}
	}
	return ""
}

// nilOperand is nil as walker.operand writes it: an object without a place.
const nilOperand = "#0nil"

// returned adds what a call has returned to the facts, in place of what it returned before.
func returned(facts string, call *ast.CallExpr, result string) string {
	key := "ret@" + strconv.Itoa(int(call.Pos())) + ":"
	if i := strings.Index(facts, "|"+key); i >= 0 {
		j := strings.IndexByte(facts[i:], ';')
		facts = facts[:i] + facts[i+j+1:]
	}
	if result == "" {
		return facts
	}
	facts, _ = assume(facts, key+result, true)
	return facts
}

func returnedBy(facts string, call *ast.CallExpr) string {
	key := "|ret@" + strconv.Itoa(int(call.Pos())) + ":"
	i := strings.Index(facts, key)
	if i < 0 {
		return ""
	}
	rest := facts[i+len(key):]
	return rest[:strings.IndexByte(rest, '|')]
}

// mayReturn reports whether a condition on a call that was walked through can have an
// outcome: `if !s.start()`, `if s.start() != nil`.
func (w *walker) mayReturn(e ast.Expr, taken bool, s state) bool {
	switch e := ast.Unparen(e).(type) {
	case *ast.CallExpr:
		got := returnedBy(s.facts, e)
		return got == "" || got != strconv.FormatBool(!taken)
	case *ast.BinaryExpr:
		call, ok := ast.Unparen(e.X).(*ast.CallExpr)
		id, isIdent := ast.Unparen(e.Y).(*ast.Ident)
		if !ok || !isIdent || id.Name != "nil" || e.Op != token.EQL && e.Op != token.NEQ {
			return true
		}
		got := returnedBy(s.facts, call)
		if taken == (e.Op == token.EQL) {
			return got != isSome
		}
		return got != isNil
	}
	return true
}

// bind adds the facts that an assignment makes: of a constant, of nil, of the result of a
// call that was walked through.
func (w *walker) bind(lhs, rhs []ast.Expr, in []state) []state {
	if len(rhs) == 1 && len(lhs) > 1 {
		call, ok := ast.Unparen(rhs[0]).(*ast.CallExpr)
		if !ok {
			return in
		}
		return w.learn(in, lhs[len(lhs)-1], func(facts string) string { return returnedBy(facts, call) })
	}
	for i, e := range lhs {
		if i < len(rhs) {
			in = w.learn(in, e, func(facts string) string { return w.valueOf(rhs[i], facts) })
		}
	}
	return in
}

// bindNames is bind for a variable declaration, whose variables may be zero.
func (w *walker) bindNames(v *ast.ValueSpec, in []state) []state {
	lhs := make([]ast.Expr, len(v.Names))
	for i, name := range v.Names {
		lhs[i] = name
	}
	if len(v.Values) > 0 {
		return w.bind(lhs, v.Values, in)
	}
	for _, e := range lhs {
		in = w.learn(in, e, func(string) string { return zero(w.p.info.TypeOf(e)) })
	}
	return in
}

func zero(t types.Type) string {
	if unknown(t) {
		return ""
	}
	switch u := t.Underlying().(type) {
	case *types.Basic:
		if u.Kind() == types.Bool {
			return isFalse
		}
	case *types.Pointer, *types.Interface, *types.Chan, *types.Map, *types.Slice, *types.Signature:
		return isNil
	}
	return ""
}

// learn adds a fact about a variable that this function alone writes.
func (w *walker) learn(in []state, e ast.Expr, value func(facts string) string) []state {
	id, ok := ast.Unparen(e).(*ast.Ident)
	if !ok || id.Name == "_" || !w.ownVariable(id) {
		return in
	}
	name := w.operand(id)
	if asked := w.p.conditions(w.fn); asked[name]+asked[name+"=="+nilOperand] == 0 {
		return in
	}
	out := make([]state, 0, len(in))
	for _, s := range in {
		switch value(s.facts) {
		case isNil:
			s.facts, _ = assume(s.facts, name+"=="+nilOperand, true)
		case isSome:
			s.facts, _ = assume(s.facts, name+"=="+nilOperand, false)
		case isTrue:
			s.facts, _ = assume(s.facts, name, true)
		case isFalse:
			s.facts, _ = assume(s.facts, name, false)
		}
		out = append(out, s)
	}
	return w.distinct(out)
}

// ownVariable reports a local variable that no other function writes and whose address
// nobody takes.
func (w *walker) ownVariable(id *ast.Ident) bool {
	v, ok := w.p.object(id).(*types.Var)
	if !ok || v.IsField() || v.Pkg() == nil || v.Parent() == v.Pkg().Scope() {
		return false
	}
	for _, e := range w.p.writes[v] {
		if e.Pos() < w.fn.node.Pos() || e.Pos() >= w.fn.node.End() || w.p.enclosing(e) != w.fn || is[*ast.UnaryExpr](orNode(w.p.parent(e))) {
			return false
		}
	}
	return true
}
