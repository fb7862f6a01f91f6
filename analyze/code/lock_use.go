package code

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"
)

// A mutexUse is a mutex with the functions that call its methods.
type mutexUse struct {
	*place
	mutex types.Object
	users map[*fn]bool
}

// handsOver reports a use of a mutex, or of a method of it, that is no call.
func (pl *mutexUse) handsOver(sel *ast.SelectorExpr) bool {
	p, mutex := pl.program, pl.mutex
	up := p.parent(sel)
	if call, ok := up.(*ast.CallExpr); ok && call.Fun == ast.Expr(sel) {
		return false
	}
	if p.object(sel) == mutex { // s.mu in s.mu.Lock() is fine, &s.mu is not
		_, fine := up.(*ast.SelectorExpr)
		return !fine
	}
	if f := p.function(sel); f != nil {
		return pl.around(pl.unlockers()...)[f] // a method of the program's own that unlocks
	}
	if name := sel.Sel.Name; name != "Unlock" && name != "RUnlock" {
		return false
	}
	return p.object(sel.X) == mutex
}

// lockUsers are the functions that call a method of the mutex.
func (p *program) lockUsers(mutex types.Object) map[*fn]bool {
	out := map[*fn]bool{}
	for _, c := range p.syncCalls {
		if l, ok := p.lockOf(c.call); ok && l.mutex == mutex && c.in != nil {
			out[c.in] = true
		}
	}
	return out
}

// unlocksIn reports a function that unlocks the mutex somewhere, itself or by a literal that
// it calls or defers.
func (pl *mutexUse) unlocksIn(f *fn) bool {
	for g := range pl.users {
		if g != f && (g.parent != f || pl.spawned(g) || len(pl.callers[g]) == 0) {
			continue
		}
		if _, unlocks := pl.touches(g); unlocks {
			return true
		}
	}
	return false
}

// touches reports what a function itself does to the mutex.
func (pl *mutexUse) touches(f *fn) (locks, unlocks bool) {
	inspectBody(f, func(n ast.Node) {
		if call, ok := n.(*ast.CallExpr); ok {
			if m, ok := pl.lockOf(call); ok && m.mutex == pl.mutex {
				locks = locks || strings.HasSuffix(m.method, "Lock")
				unlocks = unlocks || strings.HasSuffix(m.method, "nlock")
			}
		}
	})
	return locks, unlocks
}

// unlockers are the calls that unlock the mutex.
func (pl *mutexUse) unlockers() []ast.Node {
	var out []ast.Node
	for _, c := range pl.syncCalls {
		if l, ok := pl.lockOf(c.call); ok && l.mutex == pl.mutex && strings.HasSuffix(l.method, "nlock") {
			out = append(out, c.call)
		}
	}
	return out
}

// unlocksAlone reports that some function unlocks the mutex without locking it.
func (pl *mutexUse) unlocksAlone() bool {
	return slices.ContainsFunc(pl.fns, func(f *fn) bool { return pl.users[f] && pl.alone(f) })
}

func (pl *mutexUse) alone(f *fn) bool {
	locks, unlocks := pl.touches(f)
	return unlocks && !locks && !pl.users[f.parent]
}

// foreign is a function that unlocks what neither it nor a caller of it has locked: the
// mutex is held from one function to the next on purpose.
func (pl *mutexUse) foreign() *fn {
	for _, f := range pl.fns {
		if !pl.users[f] || !pl.alone(f) {
			continue
		}
		if len(pl.callers[f]) == 0 || pl.asValue[f] {
			return f
		}
		for _, c := range pl.callers[f] {
			if c.in == nil || !pl.locksWithin(c.in) {
				return f
			}
		}
	}
	return nil
}

// locksWithin reports a function that locks the mutex, itself or by one that it calls.
func (pl *mutexUse) locksWithin(f *fn) bool {
	found := false
	ast.Inspect(f.body, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			l, isLock := pl.lockOf(call)
			found = found || isLock && l.mutex == pl.mutex && strings.HasSuffix(l.method, "Lock")
			if g := pl.callee(call); g != nil && pl.users[g] {
				locks, _ := pl.touches(g)
				found = found || locks
			}
		}
		return !found
	})
	return found
}
