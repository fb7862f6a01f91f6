package code

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"go-debug/analyze/evidence"
)

// A group is a WaitGroup with everything that is done to it.
type group struct {
	*place
	name    string
	aliases map[types.Object]bool // the variable or field, and parameters that get its address
	dones   []ast.Node            // the calls of Done
	inside  map[*fn]bool          // the functions that lead to one
}

// groupCall reads a call of a method of a WaitGroup: the variable or field, and the method.
func (p *program) groupCall(call *ast.CallExpr) (wg types.Object, method string) {
	method, ok := strings.CutPrefix(p.callName(call), "(*sync.WaitGroup).")
	if !ok {
		return nil, ""
	}
	sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if !ok {
		return nil, ""
	}
	if s := p.info.Selections[sel]; s != nil && len(s.Index()) > 1 {
		return embedded(s), method
	}
	return p.object(sel.X), method
}

// judgeWait explains a goroutine that waits for a WaitGroup: a goroutine that ends without
// Done, or an Add that nobody answers.
func (pl *place) judgeWait(call *ast.CallExpr) finding {
	wg, _ := pl.groupCall(call)
	if wg == nil {
		return finding{why: "which WaitGroup this is cannot be seen in the source"}
	}
	g := &group{place: pl, name: types.ExprString(ast.Unparen(call.Fun).(*ast.SelectorExpr).X), aliases: map[types.Object]bool{wg: true}}
	// The copy is looked for first: it is no alias.
	for _, s := range g.spawns {
		if f, ok := g.copied(s); ok {
			return f
		}
	}
	if !g.follow(wg, 0) {
		return finding{why: "where " + g.name + " leads cannot be seen in the source"}
	}
	for _, c := range g.syncCalls {
		if g.calls(c.call, "Done") {
			g.dones = append(g.dones, c.call)
		}
	}
	g.inside = g.around(g.dones...)
	if f, ok := g.missingDone(); ok {
		return f
	}
	if f, ok := g.tooMuch(); ok {
		return f
	}
	return finding{why: "no goroutine was found that ends without calling Done on " + g.name}
}

// follow finds the parameters that get the address of the WaitGroup. It reports false when
// anything else gets it.
func (g *group) follow(wg types.Object, depth int) bool {
	for _, id := range g.syncUses[wg] {
		var e ast.Expr = id
		up := g.parent(e)
		if sel, ok := up.(*ast.SelectorExpr); ok && sel.Sel == id {
			e, up = sel, g.parent(sel)
		}
		if _, ok := up.(*ast.SelectorExpr); ok {
			continue // wg.Done
		}
		if u, ok := up.(*ast.UnaryExpr); ok && u.Op == token.AND {
			e, up = u, g.parent(u)
		}
		call, ok := up.(*ast.CallExpr)
		if !ok {
			return false
		}
		target := g.callee(call)
		i := slices.Index(call.Args, e)
		if target == nil || i < 0 || depth > 3 || i >= g.values.signature(target).Params().Len() {
			return false
		}
		if param := g.values.signature(target).Params().At(i); !g.aliases[param] {
			g.aliases[param] = true
			if !g.follow(param, depth+1) {
				return false
			}
		}
	}
	return true
}

// calls reports a call of a method of the WaitGroup.
func (g *group) calls(n ast.Node, method string) bool {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return false
	}
	wg, m := g.groupCall(call)
	return wg != nil && m == method && g.aliases[wg]
}

// copied finds a WaitGroup that is passed by value: Done on the copy is lost.
func (g *group) copied(s *spawn) (finding, bool) {
	if s.call == nil || s.target == nil {
		return finding{}, false
	}
	params := g.values.signature(s.target).Params()
	for i, arg := range s.call.Args {
		if i >= params.Len() || !g.aliases[g.object(arg)] || !isNamed(params.At(i).Type(), "sync", "WaitGroup") {
			continue
		}
		return finding{pattern: evidence.PatternMissingDone, culprit: arg, certain: true,
			why: title(s.target) + " gets a copy of " + g.name + " at " + g.program.at(arg) + ", so that its Done is lost",
			fix: "pass a pointer: &" + types.ExprString(arg)}, true
	}
	return finding{}, false
}

// missingDone looks for a goroutine that calls Done on some ways only.
func (g *group) missingDone() (finding, bool) {
	for _, s := range g.spawns {
		if s.target == nil || s.grouped || !g.inside[s.target] {
			continue
		}
		w, ok := earliest(g.without(s.target))
		if !ok {
			continue
		}
		f := finding{pattern: evidence.PatternMissingDone, culprit: w.node(), certain: true,
			why: g.leaves(w) + " without calling Done on " + g.name, fix: "defer " + g.name + ".Done() at the top of " + title(s.target)}
		f.before, f.after = g.deferDone(s.target)
		return f, true
	}
	return finding{}, false
}

// without lists the ways through a goroutine that never come to Done.
func (g *group) without(f *fn) []way {
	exits, ok := g.walk(f, &watcher{
		enters: func(u *fn) bool { return g.inside[u] },
		visit: func(n ast.Node, s state) state {
			switch {
			case slices.Contains(g.dones, n):
				s.n = 1
			case g.calls(n, "Wait"), g.calls(n, "Add"):
				s.unsure = true // it waits for others on this way, or answers for itself
			case is[*ast.FuncLit](n) && g.inside[g.byNode[n]], is[*ast.GoStmt](n) && g.inside[g.callee(n.(*ast.GoStmt).Call)]:
				s.unsure = true // somebody else may call it
			}
			return s
		},
	}, state{})
	var ways []way
	for _, e := range exits {
		if ok && e.n == 0 {
			ways = append(ways, way{e, f})
		}
	}
	return ways
}

// deferDone moves the only Done of a short literal to a defer at its top.
func (g *group) deferDone(f *fn) (before, after string) {
	var only *ast.ExprStmt
	n := 0
	inspectBody(f, func(m ast.Node) {
		if s, ok := m.(*ast.ExprStmt); ok && g.calls(s.X, "Done") {
			only = s
			n++
		}
	})
	st := g.statement(f.node)
	head := f.body.Lbrace + 1
	if n != 1 || st == nil || g.line(head) == g.line(f.body.List[0].Pos()) {
		return "", ""
	}
	return g.snippet(st, st, edit{head, head, "\ndefer " + types.ExprString(only.X)}, edit{only.Pos(), only.End(), ""})
}

// tooMuch looks for a function that adds more than it starts goroutines that are done.
func (g *group) tooMuch() (finding, bool) {
	adds := map[*fn][]*ast.CallExpr{}
	for _, c := range g.syncCalls {
		if g.calls(c.call, "Add") && c.in != nil && len(c.call.Args) == 1 {
			adds[c.in] = append(adds[c.in], c.call)
		}
	}
	for _, f := range g.fns {
		if len(adds[f]) == 0 {
			continue
		}
		if found, ok := g.balance(f, adds[f]); ok {
			return found, true
		}
	}
	return finding{}, false
}

// balance walks a function that adds. Each go statement whose goroutine is done takes one
// off; whatever is left at Wait or at a return is waited for in vain.
func (g *group) balance(f *fn, adds []*ast.CallExpr) (finding, bool) {
	b := &balance{group: g, f: f, amounts: map[ast.Node]int{}, loops: map[ast.Node]*ast.CallExpr{}}
	for _, a := range adds {
		if n, ok := g.constant(a.Args[0]); ok {
			b.amounts[a] = n
		} else if loop := b.loopFor(a); loop != nil {
			b.loops[loop] = a
		} else {
			return finding{}, false
		}
	}
	if len(b.loops) > 0 && len(b.amounts) > 0 {
		return finding{}, false
	}
	return b.run()
}
