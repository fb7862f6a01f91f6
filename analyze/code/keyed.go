package code

import (
	"go/ast"
	"go/token"
	"go/types"
)

// keyed names the map of which the goroutine serves an entry: it is started where a key is looked up and not
// found, and the key is stored then. There are meant to be as many as there are keys; how many those are, the
// source does not say. It is empty for all other goroutines, and where entries are deleted as well.
func (pl *place) keyed() string {
	if pl.spawn == nil {
		return ""
	}
	return pl.keyedIn(pl.spawn.node, pl.spawn.in, 0)
}

// keyedIn looks at the function of a node, which starts the goroutine, then at all that call it.
func (p *program) keyedIn(n ast.Node, f *fn, depth int) string {
	if f == nil || depth > maxDepth {
		return ""
	}
	for _, l := range p.lookups(f) {
		if !p.deletes(l.table) && p.stores(f, l) && p.onlyMissing(f, l, n) {
			return types.ExprString(l.in)
		}
	}
	if p.asValue[f] {
		return ""
	}
	table := ""
	for _, c := range p.callers[f] {
		if table = p.keyedIn(c.call, c.in, depth+1); table == "" {
			return ""
		}
	}
	return table
}

// A lookup is a question whether a map has a key.
type lookup struct {
	in    ast.Expr     // the map
	table types.Object // the field or package variable that it is
	key   string
	ok    types.Object // that says whether it was found, and value that is nil if not; nil where there is none
	value types.Object
}

// lookups are those of a function: "v, ok := m[k]", "v := m[k]", "v, ok := m.Load(k)" of a sync.Map.
func (p *program) lookups(f *fn) []lookup {
	var out []lookup
	ast.Inspect(f.body, func(n ast.Node) bool {
		a, isAssign := n.(*ast.AssignStmt)
		if !isAssign || len(a.Rhs) != 1 {
			return true
		}
		l, ok := p.tableOf(a.Rhs[0], "Load", "LoadOrStore")
		if !ok {
			return true
		}
		l.value = p.object(a.Lhs[0])
		if len(a.Lhs) == 2 {
			l.ok = p.object(a.Lhs[1])
		}
		out = append(out, l)
		return true
	})
	return out
}

// tableOf reads an element of a map that outlives the function, or the call of one of the methods of a sync.Map.
func (p *program) tableOf(e ast.Expr, methods ...string) (lookup, bool) {
	l := lookup{}
	switch e := ast.Unparen(e).(type) {
	case *ast.IndexExpr:
		t := p.info.TypeOf(e.X)
		if t == nil {
			return l, false
		}
		if _, ok := t.Underlying().(*types.Map); ok {
			l.in, l.key = e.X, types.ExprString(e.Index)
		}
	case *ast.CallExpr:
		sel, ok := ast.Unparen(e.Fun).(*ast.SelectorExpr)
		if !ok || len(e.Args) == 0 {
			return l, false
		}
		for _, m := range methods {
			if p.callName(e) == "(*sync.Map)."+m {
				l.in, l.key = sel.X, types.ExprString(e.Args[0])
			}
		}
	}
	if l.in == nil {
		return l, false
	}
	l.table = p.object(l.in)
	v, ok := l.table.(*types.Var)
	return l, ok && (v.IsField() || v.Pkg() != nil && v.Parent() == v.Pkg().Scope())
}

// stores reports that a function stores the key that it has looked up.
func (p *program) stores(f *fn, l lookup) bool {
	found := false
	ast.Inspect(f.body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for _, lhs := range n.Lhs {
				s, ok := p.tableOf(lhs)
				found = found || ok && s.table == l.table && s.key == l.key
			}
		case *ast.CallExpr:
			s, ok := p.tableOf(n, "Store", "LoadOrStore", "Swap")
			found = found || ok && s.table == l.table && s.key == l.key
		}
		return !found
	})
	return found
}

// deletes reports a map from which the program deletes entries.
func (p *program) deletes(table types.Object) bool {
	found := false
	for _, u := range p.order {
		for _, file := range u.files {
			ast.Inspect(file.ast, func(n ast.Node) bool {
				call, ok := n.(*ast.CallExpr)
				if !ok || found {
					return !found
				}
				if fn, _ := builtin(call, true); (fn == "delete" || fn == "clear") && len(call.Args) > 0 {
					found = p.object(call.Args[0]) == table
				}
				s, ok := p.tableOf(call, "Delete", "LoadAndDelete", "CompareAndDelete")
				found = found || ok && s.table == table
				return !found
			})
		}
	}
	return found
}

// What a way through a function knows of a key.
const (
	keyMissing = 1 + iota
	keyFound
)

// onlyMissing reports that each way to a node has found the key to be missing.
func (p *program) onlyMissing(f *fn, l lookup, n ast.Node) bool {
	seen, otherwise := false, false
	w := &watcher{
		visit: func(at ast.Node, s state) state {
			if at == n {
				seen, otherwise = true, otherwise || s.n != keyMissing
			}
			return s
		},
		branch: func(cond ast.Expr, taken bool, s state) (state, bool) {
			if found, asks := p.asks(cond, l); asks {
				s.n = keyFound
				if taken != found {
					s.n = keyMissing
				}
			}
			return s, true
		},
	}
	_, ok := p.walk(f, w, state{})
	return ok && seen && !otherwise
}

// asks reports a condition that says whether the key was found, and which of its sides does.
func (p *program) asks(cond ast.Expr, l lookup) (found, asks bool) {
	if obj := p.object(cond); obj != nil {
		return true, obj == l.ok
	}
	b, ok := ast.Unparen(cond).(*ast.BinaryExpr)
	if !ok || b.Op != token.EQL && b.Op != token.NEQ {
		return false, false
	}
	id, ok := ast.Unparen(b.Y).(*ast.Ident)
	return b.Op == token.NEQ, ok && id.Name == "nil" && l.value != nil && p.object(b.X) == l.value
}
