package code

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"

	"go-debug/analyze/evidence"
)

// A lockCall is one call of a method of a mutex.
type lockCall struct {
	mutex  types.Object // the variable or field that is the mutex
	name   string       // as the call writes it: "s.mu", "s" when embedded
	method string
}

// lockOf reads a call of a mutex method. Deferred calls and method calls through embedding
// count; mutexes reached through anything but fields and variables do not.
func (p *program) lockOf(call *ast.CallExpr) (lockCall, bool) {
	name := p.callName(call)
	i := strings.LastIndexByte(name, '.')
	if i < 0 || name[:i] != "(*sync.Mutex)" && name[:i] != "(*sync.RWMutex)" {
		return lockCall{}, false
	}
	sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if !ok {
		return lockCall{}, false
	}
	l := lockCall{mutex: p.object(sel.X), name: types.ExprString(sel.X), method: name[i+1:]}
	if s := p.info.Selections[sel]; s != nil && len(s.Index()) > 1 {
		l.mutex = embedded(s)
	}
	return l, l.mutex != nil
}

// embedded is the last field on the way to a promoted method.
func embedded(s *types.Selection) types.Object {
	t, last := s.Recv(), types.Object(nil)
	for _, i := range s.Index()[:len(s.Index())-1] {
		if ptr, ok := t.Underlying().(*types.Pointer); ok {
			t = ptr.Elem()
		}
		st, ok := t.Underlying().(*types.Struct)
		if !ok || i >= st.NumFields() {
			return nil
		}
		last = st.Field(i).Origin()
		t = st.Field(i).Type()
	}
	return last
}

// The counts of a lock walk: what the function itself holds.
const (
	notHeld = iota
	heldRead
	heldWrite
)

// judgeLock explains a goroutine that waits for a mutex by a function that returns with it
// locked.
func (pl *place) judgeLock(call *ast.CallExpr) finding {
	l, ok := pl.lockOf(call)
	if !ok {
		return finding{why: "which mutex this is cannot be seen in the source"}
	}
	m := &mutexUse{place: pl, mutex: l.mutex, users: pl.lockUsers(l.mutex)}
	f, ok := pl.locks[l.mutex]
	if !ok {
		f = m.judge(l)
		pl.locks[l.mutex] = f
	}
	if f.pattern == "" && pl.lockedBefore(call, m) {
		return finding{why: title(pl.fn) + " locks " + l.name + " again while it holds it"}
	}
	return f
}

func (m *mutexUse) judge(l lockCall) finding {
	pl := m.place
	if who := m.foreign(); who != nil {
		return finding{why: title(who) + " unlocks " + l.name + " for others; whether it always does cannot be seen in the source"}
	}
	left := m.left(m.users, m.leavesLocked)
	if len(left) == 0 { // those that lock by a helper
		callers := map[*fn]bool{}
		for f := range m.users {
			for _, c := range pl.callers[f] {
				callers[c.in] = !m.users[c.in]
			}
		}
		left = m.left(callers, m.leavesHelped)
	}
	if len(left) == 0 {
		return finding{why: "no function was found that returns with " + l.name + " locked"}
	}
	return left[0]
}

// left collects what is found in some functions, in the order of the source.
func (pl *mutexUse) left(among map[*fn]bool, look func(*fn) (finding, bool)) []finding {
	var out []finding
	for _, f := range pl.fns {
		if !among[f] {
			continue
		}
		if _, isDecl := f.node.(*ast.FuncDecl); !isDecl && !pl.spawned(f) && !pl.asHandler(f) {
			continue // part of the function around it, or run by somebody unknown
		}
		if found, ok := look(f); ok {
			out = append(out, found)
		}
	}
	return out
}

// leavesHelped walks a function that locks and unlocks by helpers.
func (pl *mutexUse) leavesHelped(f *fn) (finding, bool) {
	ways, ok := pl.lockedWays(f)
	var open []way
	unlocks := false // there is a way on which it does
	for _, w := range ways {
		if w.n != notHeld {
			open = append(open, w)
		}
		unlocks = unlocks || w.n == notHeld && w.via != nil && !w.unsure
	}
	w, found := earliest(open)
	if !ok || !found || !unlocks {
		return finding{}, false
	}
	return finding{pattern: evidence.PatternMutexLeftLocked, culprit: w.node(), certain: true,
		why: pl.leaves(w) + " with " + pl.mutex.Name() + " locked", fix: "unlock it before that return, or by a defer right after the lock"}, true
}

// asHandler reports a literal that is passed to somebody who will call it.
func (p *program) asHandler(f *fn) bool {
	call, ok := p.parent(f.node).(*ast.CallExpr)
	return ok && len(p.callers[f]) == 0 && !slices.Contains([]ast.Node{call.Fun}, f.node)
}

// lockedBefore reports that the blocked function may have locked the mutex itself.
func (pl *place) lockedBefore(call *ast.CallExpr, m *mutexUse) bool {
	found := false
	pl.walk(pl.fn, &watcher{visit: func(n ast.Node, s state) state {
		if c, ok := n.(*ast.CallExpr); ok {
			if l, ok := pl.lockOf(c); ok && l.mutex == m.mutex {
				found = found || c == call && s.n == heldWrite && !s.unsure
				s = locked(c, l.method, s)
			}
		}
		return s
	}}, state{})
	return found
}

// leavesLocked walks a function that locks a mutex.
func (pl *mutexUse) leavesLocked(f *fn) (finding, bool) {
	mutex := pl.mutex
	var locks []*ast.CallExpr
	opaque := false
	names := map[string]bool{}
	ast.Inspect(f.body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			l, ok := pl.lockOf(n)
			if !ok || l.mutex != mutex {
				return true
			}
			names[l.name] = true
			opaque = opaque || pl.several(n)
			if (l.method == "Lock" || l.method == "RLock") && pl.enclosing(n) == f {
				locks = append(locks, n)
			}
		case *ast.SelectorExpr:
			// A method value, or the mutex itself, may be handed to who unlocks it.
			opaque = opaque || pl.handsOver(n)
		}
		return true
	})
	if len(locks) == 0 || len(names) > 1 || opaque {
		return finding{}, false // two names are two mutexes of one field
	}
	w, ok := pl.lockedWays(f)
	if !ok {
		return finding{}, false
	}
	return pl.lockFinding(f, w, locks)
}

// several reports a mutex that is reached through a variable which is set more than once.
func (p *program) several(call *ast.CallExpr) bool {
	base := p.base(call.Fun)
	return base == nil || p.written[p.object(base)] > 1
}

// lockedWays are the ways on which a function returns with the mutex locked.
func (pl *mutexUse) lockedWays(f *fn) ([]way, bool) {
	uses, mutex := pl.users, pl.mutex
	visit := func(n ast.Node, s state) state {
		switch n := n.(type) {
		case *ast.CallExpr:
			if l, ok := pl.lockOf(n); ok && l.mutex == mutex {
				return locked(n, l.method, s)
			}
		case *ast.GoStmt: // may hold the mutex from here on
			if target := pl.callee(n.Call); target != nil && uses[target] {
				s.n = notHeld
			}
		case *ast.FuncLit:
			if g := pl.byNode[n]; uses[g] && !pl.spawned(g) {
				s.unsure = true
			}
		}
		return s
	}
	branch := func(cond ast.Expr, taken bool, s state) (state, bool) {
		if call, ok := ast.Unparen(cond).(*ast.CallExpr); ok {
			if l, ok := pl.lockOf(call); ok && l.mutex == mutex && strings.HasPrefix(l.method, "Try") && taken {
				s.n = heldWrite
				if l.method == "TryRLock" {
					s.n = heldRead
				}
			}
		}
		return s, true
	}
	exits, ok := pl.walk(f, &watcher{visit: visit, branch: branch, enters: func(g *fn) bool { return uses[g] }}, state{})
	var ways []way
	for _, e := range exits {
		if !e.panics {
			ways = append(ways, way{e, f})
		}
	}
	return ways, ok
}

// locked is the state after a call. A way's via is the call that unlocked last.
func locked(call ast.Node, method string, s state) state {
	switch method {
	case "Lock":
		s.unsure = s.unsure || s.n == heldWrite // nobody gets past locking twice
		s.n = heldWrite
	case "RLock":
		s.n = max(s.n, heldRead)
	case "Unlock", "RUnlock":
		s.unsure = s.unsure || s.n == notHeld // it was locked by the caller, who may want it so
		s.n, s.via = notHeld, call
	}
	return s
}

// lockFinding tells a forgotten Unlock from a function whose purpose it is to lock: one
// that never unlocks, while others unlock what they have not locked.
func (pl *mutexUse) lockFinding(f *fn, ways []way, locks []*ast.CallExpr) (finding, bool) {
	var open []way
	for _, w := range ways {
		if w.n != notHeld {
			open = append(open, w)
		}
	}
	w, ok := earliest(open)
	never := len(open) == len(ways) && !pl.unlocksIn(f)
	if !ok || never && (pl.namedLock(f) || pl.unlocksAlone()) {
		return finding{}, false
	}
	l, _ := pl.lockOf(locks[0])
	unlock := l.name + "." + map[string]string{"Lock": "Unlock", "RLock": "RUnlock"}[l.method] + "()"
	out := finding{pattern: evidence.PatternMutexLeftLocked, culprit: w.node(), certain: true, why: pl.leaves(w) + " with " + l.name + " locked"}
	if never {
		out.fix = "defer " + unlock + " right after the lock"
		if st, ok := pl.parent(locks[0]).(*ast.ExprStmt); ok {
			out.before, out.after = pl.snippet(st, st, insert(st, "defer "+unlock))
		}
		return out, true
	}
	out.fix = "call " + unlock + " before that return, or defer it right after the lock"
	if ret, ok := w.at.(*ast.ReturnStmt); ok {
		out.before, out.after = pl.beforeReturn(ret, unlock)
	}
	return out, true
}

// beforeReturn adds a statement before a return, shown with the if or case around it.
func (p *program) beforeReturn(ret *ast.ReturnStmt, text string) (before, after string) {
	var st ast.Node = ret
	if block, ok := p.parent(ret).(*ast.BlockStmt); ok {
		if outer, ok := p.parent(block).(*ast.IfStmt); ok {
			st = outer
			if up, ok := p.parent(outer).(*ast.IfStmt); ok && up.Else == ast.Stmt(outer) {
				st = up
			}
		}
	}
	return p.snippet(st, st, edit{ret.Pos(), ret.Pos(), text + "\n"})
}

// namedLock reports a function that says that it locks.
func (pl *place) namedLock(f *fn) bool {
	return f.decl != nil && strings.Contains(strings.ToLower(f.decl.Name.Name), "lock")
}
