package code

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strconv"
)

// many stands for more sends than can be counted.
const many = 4

// A sender is a go statement whose goroutine sends on the channel.
type sender struct {
	spawn *spawn
	// begin is where the sending begins, for the function that makes the channel: the go
	// statement, or what gives the channel to a goroutine that runs already.
	begin []ast.Node
	most  int   // sends on one way through the goroutine, many from that number on
	least int   // sends on the way with the fewest
	times bound // how often the go statement runs for one channel; fixed 1 outside of loops
}

// senders lists the go statements whose goroutines send on the channel. It reports false
// when somebody else sends as well, or nobody knows how often.
func (u *use) senders() ([]sender, bool) {
	var out []sender
	seen := map[*fn]bool{}
	for _, o := range u.sends {
		roots, ok := u.roots(o.in)
		if !ok {
			return nil, false
		}
		for _, r := range roots {
			if seen[r] {
				continue
			}
			seen[r] = true
			if !u.spawned(r) {
				return nil, false
			}
			started, ok := u.started(r, o)
			if !ok {
				return nil, false
			}
			out = append(out, started...)
		}
	}
	return out, true
}

// started lists the go statements of one function that sends.
func (u *use) started(r *fn, o *op) (out []sender, ok bool) {
	for _, s := range u.spawns {
		if s.target != r || !u.carries(s, o) {
			continue
		}
		snd, ok := u.sender(s, o)
		if !ok {
			return nil, false
		}
		out = append(out, snd)
	}
	return out, true
}

// carries reports a go statement whose goroutine may have this channel where the operation
// is. What a function gets by a parameter depends on who calls it.
func (u *use) carries(s *spawn, o *op) bool {
	i := -1
	if base, ok := ast.Unparen(o.ch).(*ast.Ident); ok {
		i = u.parameter(o.in, u.object(base))
	}
	if i < 0 {
		return true
	}
	var given [][]ast.Expr
	if o.in == s.target {
		given = append(given, argsOf(s))
	}
	for _, c := range u.callers[o.in] {
		if c.in == s.target {
			given = append(given, c.call.Args)
		}
	}
	return len(given) == 0 || slices.ContainsFunc(given, func(args []ast.Expr) bool {
		return i >= len(args) || slices.Contains(u.values.of(args[i]), u.m)
	})
}

func argsOf(s *spawn) []ast.Expr {
	if s.call == nil {
		return nil
	}
	return s.call.Args
}

func (u *use) sender(s *spawn, o *op) (snd sender, ok bool) {
	snd = sender{spawn: s, begin: []ast.Node{s.node}}
	if launch, made := u.meet(s); launch != nil {
		snd.times = u.times(launch, made)
		snd.least, snd.most, ok = u.count(s.target, nil, u.sends)
		return snd, ok
	}
	return snd, u.remote(o, &snd)
}

// remote reads a sender that has the channel from elsewhere, each time another one: in the
// requests of a loop over them, or as a parameter.
func (u *use) remote(o *op, snd *sender) (ok bool) {
	base := u.base(o.ch)
	if base == nil || u.m.in == nil {
		return false
	}
	obj := u.object(base)
	var loop ast.Stmt
	if u.parameter(o.in, obj) < 0 {
		for _, l := range u.loopsBetween(o.node, nil) {
			if obj != nil && l.Pos() <= obj.Pos() && obj.Pos() < l.End() {
				loop = l
			}
		}
		if loop == nil {
			return false
		}
	}
	if snd.begin = u.handOffs(); len(snd.begin) == 0 {
		return false
	}
	if snd.least, snd.most, ok = u.count(o.in, loop, u.sends); !ok {
		return false
	}
	snd.times = bound{fixed: 1}
	for _, n := range snd.begin {
		if t := u.times(n, u.m.node); t.fixed != 1 {
			snd.times = t
		}
	}
	return true
}

// handOffs are the statements of the function that makes the channel by which others get
// it: sends and calls of something that holds it.
func (u *use) handOffs() []ast.Node {
	local := map[types.Object]bool{}
	for _, obj := range u.values.holders(u.m) {
		if v, ok := obj.(*types.Var); ok && !v.IsField() && obj.Pos() >= u.m.in.node.Pos() && obj.Pos() < u.m.in.node.End() {
			local[obj] = true
		}
	}
	inspectBody(u.m.in, func(n ast.Node) { // q := query{reply: reply}
		if a, ok := n.(*ast.AssignStmt); ok && len(a.Lhs) == 1 && len(a.Rhs) == 1 && is[*ast.CompositeLit](pointee(a.Rhs[0])) && u.mentions(a.Rhs[0], local) {
			if obj := u.object(a.Lhs[0]); obj != nil {
				local[obj] = true
			}
		}
	})
	var out []ast.Node
	inspectBody(u.m.in, func(n ast.Node) {
		switch n := n.(type) {
		case *ast.SendStmt:
			if u.mentions(n.Value, local) {
				out = append(out, n)
			}
		case *ast.CallExpr:
			if name := u.callName(n); !harmless[name] && slices.ContainsFunc(n.Args, func(e ast.Expr) bool { return u.mentions(e, local) && !u.onlyReceives(e) }) {
				out = append(out, n)
			}
		}
	})
	return out
}

// onlyReceives reports an argument that is what was received.
func (u *use) onlyReceives(e ast.Expr) bool {
	x, ok := ast.Unparen(e).(*ast.UnaryExpr)
	return ok && x.Op == token.ARROW
}

// times is how often a node runs for one channel.
func (u *use) times(launch, made ast.Node) bound {
	shared := u.loopsBetween(made, nil)
	loops := slices.DeleteFunc(u.loopsBetween(launch, nil), func(l ast.Stmt) bool { return slices.Contains(shared, l) })
	switch len(loops) {
	case 0:
		return bound{fixed: 1}
	case 1:
		return u.bound(loops[0])
	}
	return bound{}
}

// meet finds the function in which the channel comes to be and the goroutine is started,
// both by itself or by one call: a constructor, a Start method. It returns the two nodes.
func (u *use) meet(s *spawn) (launch, made ast.Node) {
	homes := []*fn{s.in, u.m.in}
	for _, c := range u.callers[s.in] {
		homes = append(homes, c.in)
	}
	for _, h := range homes {
		if h == nil {
			continue
		}
		launch, made = u.within(h, s.in, s.node), u.within(h, u.m.in, u.m.node)
		if launch != nil && made != nil {
			return launch, made
		}
	}
	return nil, nil
}

// within is a node itself when its function is h, else the only call in h of its function.
func (p *program) within(h, in *fn, n ast.Node) ast.Node {
	if h == in {
		return n
	}
	var found ast.Node
	for _, c := range p.callers[in] {
		if c.in == h {
			if found != nil {
				return nil
			}
			found = c.call
		}
	}
	return found
}

// count bounds how many of some operations one way through a function performs, or one
// round of a loop in it.
func (u *use) count(f *fn, loop ast.Stmt, ops []*op) (least, most int, ok bool) {
	nodes := nodesOf(ops)
	inside := u.around(nodes...)
	least = many
	exits, ok := u.walk(f, &watcher{
		enters: func(g *fn) bool { return inside[g] },
		visit: func(n ast.Node, s state) state {
			switch {
			case slices.Contains(nodes, n):
				s.n = min(s.n+1, many)
			case loop != nil && n == ast.Node(loop), loop != nil && n == ast.Node(loopEnd{loop}):
				most, s.n = max(most, s.n), 0
			}
			return s
		},
	}, state{})
	if !ok {
		return 0, 0, false
	}
	for _, e := range exits {
		if !e.panics && !e.unsure {
			least = min(least, e.n)
		}
		most = max(most, e.n)
	}
	if loop == nil && len(exits) == 0 {
		most = many // it sends for ever, or never comes to an end
	}
	return least, most, true
}

// demand is how many receives the senders need.
type demand struct {
	fixed   int // when counted
	bound   bound
	endless bool // as many as they like
}

func demandOf(senders []sender) demand {
	total := 0
	started := map[*fn]int{}
	for _, s := range senders {
		started[s.spawn.target]++
	}
	for _, s := range senders {
		switch {
		case s.least < s.most && started[s.spawn.target] > 1: // which of them send, their arguments say
			return demand{endless: true}
		case s.most >= many || !s.times.known():
			return demand{endless: true}
		case s.times.fixed > 0:
			total += s.most * s.times.fixed
		case len(senders) == 1 && s.most == 1:
			return demand{bound: s.times}
		default:
			return demand{endless: true}
		}
	}
	return demand{fixed: total}
}

// size is the buffer that holds all sends, as an expression; empty when unknown.
func (d demand) size() string {
	if d.fixed > 0 {
		return strconv.Itoa(d.fixed)
	}
	return d.bound.text
}

// bufferFix gives the channel a buffer for everything that is sent.
func (u *use) bufferFix(f *finding, d demand, name string) {
	f.culprit = u.call()
	size := d.size()
	if size == "" || d.bound.text != "" && !u.visible(d.bound, u.m.node) {
		f.fix = "give " + name + " a buffer with room for every sender"
		return
	}
	f.fix = "make " + name + " with a buffer of " + size + ", so that no send has to wait"
	f.before, f.after = u.bufferEdit(u.call(), size)
}

func pointee(e ast.Expr) ast.Expr {
	if u, ok := ast.Unparen(e).(*ast.UnaryExpr); ok && u.Op == token.AND {
		return u.X
	}
	return ast.Unparen(e)
}
