package code

import (
	"go/ast"
	"go/types"
	"strconv"
)

// A use is all that the program does with one channel.
type use struct {
	*program
	m                       *value
	sends, receives, closes []*op
	buffer                  int
}

// use collects the operations on a channel. It reports false for channels that are not
// made in the program, that leave its sight, or whose buffer is not known.
func (p *program) use(m *value) (*use, bool) {
	if m == nil || m.kind != madeChan || p.values.escapes(m) {
		return nil, false
	}
	u := &use{program: p, m: m}
	if call, ok := m.node.(*ast.CallExpr); ok && len(call.Args) > 1 {
		n, ok := p.constant(call.Args[1])
		if !ok {
			return nil, false
		}
		u.buffer = n
	}
	for _, o := range p.ops[m] {
		switch {
		case o.kind == opSend:
			u.sends = append(u.sends, o)
		case o.kind == opClose:
			u.closes = append(u.closes, o)
		default:
			u.receives = append(u.receives, o)
		}
	}
	return u, true
}

func (u *use) call() *ast.CallExpr { return u.m.node.(*ast.CallExpr) }

// rootOf is the one function on whose activation operations run, or nil. Where the channel
// comes to be, itself or by a constructor, the way up ends.
func (u *use) rootOf(ops []*op) *fn {
	for _, home := range u.homes(u.m.in) {
		if u.commonRoot(ops, home) == home {
			return home
		}
	}
	return u.commonRoot(ops, u.m.in)
}

func (u *use) commonRoot(ops []*op, stop *fn) *fn {
	var found *fn
	for i, o := range ops {
		r := u.root(o.in, stop)
		if r == nil || i > 0 && r != found {
			return nil
		}
		found = r
	}
	return found
}

func nodesOf(ops []*op) []ast.Node {
	var out []ast.Node
	for _, o := range ops {
		out = append(out, o.node)
	}
	return out
}

// chanName is how a sentence calls a channel.
func chanName(e ast.Expr) string { return types.ExprString(e) }

// buffered says what a channel holds.
func (u *use) buffered() string {
	if u.buffer == 0 {
		return "which has no buffer"
	}
	return "whose buffer holds " + strconv.Itoa(u.buffer)
}

// sentByGoroutines reports that every send is made by a function that a go statement
// starts, or that is declared and called by a library: a handler. A literal that is given
// to somebody is called who knows when.
func (u *use) sentByGoroutines() bool {
	for _, o := range u.sends {
		roots, ok := u.roots(o.in)
		if !ok {
			return false
		}
		for _, r := range roots {
			if !u.spawned(r) && is[*ast.FuncLit](r.node) {
				return false
			}
		}
	}
	return true
}
