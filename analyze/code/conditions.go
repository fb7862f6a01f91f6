package code

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strconv"
	"strings"
)

// decided reports a condition on a parameter for which a go statement gives a constant: the
// condition may be no question at all.
func (p *program) decided(e ast.Expr) bool {
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			if v, ok := p.info.Uses[id].(*types.Var); ok {
				found = found || p.constantArgs[v.Origin()]
			}
		}
		return !found
	})
	return found
}

// receiverNil reports the side of a condition on which the receiver of the method is nil:
// methods that look at that do without it.
func (w *walker) receiverNil(e ast.Expr, taken bool) bool {
	b, ok := ast.Unparen(e).(*ast.BinaryExpr)
	if !ok || b.Op != token.EQL && b.Op != token.NEQ || taken != (b.Op == token.EQL) {
		return false
	}
	id, ok := ast.Unparen(b.Y).(*ast.Ident)
	recv := w.p.values.signature(w.fn).Recv()
	return ok && id.Name == "nil" && recv != nil && w.p.object(b.X) == types.Object(recv)
}

// counts reports a condition on a variable of the function that is stepped somewhere, or on
// anything that is stepped before it in the function or in a loop around it: which way it goes in
// which round is beyond this analysis.
func (p *program) counts(e ast.Expr) bool {
	found := false
	ast.Inspect(e, func(n ast.Node) bool {
		if id, ok := n.(*ast.Ident); ok {
			if v, ok := p.info.Uses[id].(*types.Var); ok {
				found = found || p.stepsAround(v.Origin(), e)
			}
		}
		return !found
	})
	return found
}

func (p *program) stepsAround(v *types.Var, e ast.Expr) bool {
	steps := p.stepped[v]
	if len(steps) > 0 && !v.IsField() && v.Parent() != v.Pkg().Scope() {
		return true
	}
	for _, s := range steps {
		if p.enclosing(s) == p.enclosing(e) && s.Pos() < e.Pos() {
			return true
		}
		for _, l := range p.loopsBetween(e, nil) {
			if l.Pos() <= s.Pos() && s.End() <= l.End() {
				return true
			}
		}
	}
	return false
}

// conditions counts how often each condition is asked in a declared function and the
// literals in it.
func (p *program) conditions(f *fn) map[string]int {
	for f.parent != nil {
		f = f.parent
	}
	if known, ok := p.asked[f]; ok {
		return known
	}
	counts := map[string]int{}
	w := &walker{p: p, fn: f}
	var ask func(e ast.Expr)
	ask = func(e ast.Expr) {
		switch x := ast.Unparen(e).(type) {
		case *ast.UnaryExpr:
			if x.Op == token.NOT {
				ask(x.X)
				return
			}
		case *ast.BinaryExpr:
			if x.Op == token.LAND || x.Op == token.LOR {
				ask(x.X)
				ask(x.Y)
				return
			}
		}
		if key, _ := w.factKey(e); key != "" {
			counts[key]++
		}
	}
	ast.Inspect(f.body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.IfStmt:
			ask(n.Cond)
		case *ast.ForStmt:
			if n.Cond != nil {
				ask(n.Cond)
			}
		case *ast.SwitchStmt:
			for _, c := range n.Body.List {
				for _, e := range c.(*ast.CaseClause).List {
					if n.Tag != nil {
						e = &ast.BinaryExpr{X: n.Tag, Op: token.EQL, Y: e}
					}
					ask(e)
				}
			}
		case *ast.ReturnStmt: // the caller may ask
			if len(n.Results) > 0 {
				last := n.Results[len(n.Results)-1]
				if name := w.operand(last); name != "" {
					counts[name]++
					counts[name+"=="+nilOperand]++
				}
			}
		}
		return true
	})
	p.asked[f] = counts
	return counts
}

// factKey names a condition so that two equal ones on one way have one outcome. It is empty
// for conditions with calls or receives, which may differ each time.
func (w *walker) factKey(e ast.Expr) (key string, negated bool) {
	if b, ok := ast.Unparen(e).(*ast.BinaryExpr); ok && b.Op == token.NEQ {
		x, y := w.operand(b.X), w.operand(b.Y)
		if x == "" || y == "" {
			return "", false
		}
		return x + "==" + y, true
	}
	return w.operand(e), false
}

func (w *walker) operand(e ast.Expr) string {
	switch e := ast.Unparen(e).(type) {
	case *ast.Ident:
		if obj := w.p.info.ObjectOf(e); obj != nil {
			return "#" + strconv.Itoa(int(obj.Pos())) + e.Name
		}
		return e.Name
	case *ast.BasicLit:
		return e.Kind.String() + strings.NewReplacer(";", "_", "=", "_").Replace(e.Value)
	case *ast.SelectorExpr:
		if x := w.operand(e.X); x != "" {
			return x + "." + e.Sel.Name
		}
	case *ast.StarExpr:
		if x := w.operand(e.X); x != "" {
			return "*" + x
		}
	case *ast.UnaryExpr:
		if x := w.operand(e.X); x != "" && e.Op != token.ARROW {
			return e.Op.String() + x
		}
	case *ast.BinaryExpr:
		x, y := w.operand(e.X), w.operand(e.Y)
		if x != "" && y != "" {
			return x + e.Op.String() + y
		}
	}
	return ""
}

// assume adds a fact to a list of facts, or reports that the list holds its opposite.
func assume(facts, key string, value bool) (string, bool) {
	yes, no := "|"+key+"|1;", "|"+key+"|0;"
	if !value {
		yes, no = no, yes
	}
	switch {
	case strings.Contains(facts, no):
		return "", false
	case strings.Contains(facts, yes):
		return facts, true
	}
	list := append(strings.SplitAfter(facts, ";"), yes)
	slices.Sort(list)
	return strings.Join(list, ""), true
}

// assigned forgets the facts about variables that are written.
func (w *walker) assigned(in []state, lhs ...ast.Expr) []state {
	var names []string
	for _, e := range lhs {
		if name := w.operand(e); name != "" {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return in
	}
	out := make([]state, 0, len(in))
	for _, s := range in {
		if s.facts != "" {
			kept := ""
			for _, f := range strings.SplitAfter(s.facts, ";") {
				if !slices.ContainsFunc(names, func(n string) bool { return strings.Contains(f, n) }) {
					kept += f
				}
			}
			s.facts = kept
		}
		out = append(out, s)
	}
	return w.distinct(out)
}
