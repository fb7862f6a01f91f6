package code

import (
	"go/ast"
	"go/types"
	"slices"

	"go-debug/analyze/evidence"
)

// judgeSend explains a goroutine that waits to send: who was to receive, and on which way
// he does not.
func (pl *place) judgeSend(n *ast.SendStmt) finding {
	if pl.wait == evidence.WaitNilChan || pl.absent(n.Chan) {
		return pl.nilChannel(n.Chan)
	}
	name := chanName(n.Chan)
	u, ok := pl.use(pl.channel(n.Chan))
	if !ok {
		return finding{why: "where " + name + " leads cannot be seen in the source"}
	}
	if len(u.receives) == 0 {
		return finding{why: "nothing receives from " + name}
	}
	receiver := u.rootOf(u.receives)
	if receiver == nil {
		return finding{why: "several functions receive from " + name}
	}
	if !u.sentByGoroutines() {
		return finding{why: "who sends on " + name + " cannot be seen in the source"}
	}
	senders, ok := u.senders()
	d := demandOf(senders)
	if !ok {
		senders, d = nil, demand{endless: true}
	}
	if d.fixed > 0 && d.fixed <= u.buffer {
		return finding{why: "the buffer of " + name + " holds everything that is sent"}
	}
	r := &reception{use: u, place: pl, receiver: receiver, senders: senders, name: name}
	if !r.dedicated() {
		return finding{why: title(receiver) + " receives from " + name + ", and whether somebody goes on when it ends cannot be seen"}
	}
	if n := pl.stillThere(receiver, nodesOf(u.receives)...); !r.home() && n >= pl.count || r.home() && pl.oneEach(n) {
		return finding{why: title(receiver) + " receives from " + name + ", and is blocked elsewhere"}
	}
	if !r.follow() {
		return finding{why: "the ways through " + title(receiver) + " are too many to follow"}
	}
	return r.verdict(d)
}

// verdict compares what is sent with what is received on each way.
func (r *reception) verdict(d demand) finding {
	var short []way
	full, most := false, 0
	for _, w := range r.ways {
		if w.panics {
			continue
		}
		if w.n >= drained || d.fixed > 0 && w.n+r.buffer >= d.fixed {
			full = true
			continue
		}
		most = max(most, w.n)
		short = append(short, w)
	}
	if d.endless && r.place.stays(r.m.node) { // a receiver for the life of the process ends with it
		short = slices.DeleteFunc(short, func(w way) bool { return w.via != nil || !is[*ast.ReturnStmt](w.at) })
	}
	w, ok := earliest(short)
	switch {
	case !ok:
		return finding{why: "no way through " + title(r.receiver) + " was found that leaves " + r.name + " with a value to take"}
	case d.endless && (r.buffer > 0 || len(r.senders) == 0 && !r.streams() && w.n > 0):
		return finding{why: "how much is sent on " + r.name + " cannot be seen in the source"}
	case d.endless:
		return r.stopsEarly(w)
	case !full && most > 0 && !r.skips(short) && r.twice(w):
		return r.doubleSend(d, w)
	case !full && most > 0 && !r.skips(short):
		return r.nCast(d, w)
	}
	return r.early(d, w)
}

// streams reports a receiver that takes one value after the other.
func (r *reception) streams() bool {
	return slices.ContainsFunc(r.receives, func(o *op) bool { return o.kind == opRange || len(r.loopsBetween(o.node, nil)) > 0 })
}

// skips reports a way that is sure to receive nothing.
func (r *reception) skips(short []way) bool {
	return slices.ContainsFunc(short, func(w way) bool { return w.n == 0 && !w.unsure })
}

// early speaks of a receiver that goes without what the senders still have.
func (r *reception) early(d demand, w way) finding {
	f := finding{pattern: evidence.PatternPrematureReturn, certain: true}
	who := "the goroutine still sends on "
	if len(r.senders) > 1 || r.senders[0].times.fixed != 1 {
		who = "goroutines still send on "
	}
	f.why = r.leaves(w)
	if c, ok := w.via.(*ast.CommClause); ok {
		reason, ends := r.caseOf(c)
		if ends {
			f.pattern = evidence.PatternTimeout
		}
		f.why += reason
	}
	f.why += " while " + who + r.name + ", " + r.buffered()
	if !r.home() {
		f.culprit = w.node()
		f.fix = "let the sender give up when " + title(r.receiver) + " has ended: select on what ends it beside the send"
		return f
	}
	r.bufferFix(&f, d, r.name)
	return f
}

// caseOf says what a select's case waits for. It reports whether that is a timeout or the
// end of a context.
func (p *program) caseOf(c *ast.CommClause) (text string, ends bool) {
	if c.Comm == nil {
		return " by the default of its select", false
	}
	u, ok := commOp(c.Comm).(*ast.UnaryExpr)
	if !ok {
		return " after another send", false
	}
	text = " on " + types.ExprString(u.X)
	vs := p.values.of(u.X)
	ends = len(vs) > 0 && !slices.ContainsFunc(vs, func(v *value) bool { return v.kind != doneChan && v.kind != timerChan })
	if call, ok := ast.Unparen(u.X).(*ast.CallExpr); ok && !ends {
		sel, ok := call.Fun.(*ast.SelectorExpr) // a Done of some type of the program's own
		ends = ok && sel.Sel.Name == "Done" && len(call.Args) == 0
	}
	return text, ends
}

func (r *reception) nCast(d demand, w way) finding {
	many := d.size() + " goroutines send"
	if d.bound.text != "" {
		many = "one goroutine per round of the loop (" + d.size() + ") sends"
	}
	f := finding{pattern: evidence.PatternNCast, certain: true,
		why: many + " on " + r.name + ", " + r.buffered() + ", and " + title(r.receiver) + " receives " + times(w.n)}
	r.bufferFix(&f, d, r.name)
	return f
}

func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return itoa(n) + " times"
}

// blocked is the sender that the goroutine at the place is.
func (r *reception) blocked() sender {
	for _, s := range r.senders {
		if s.spawn.target == r.place.entry {
			return s
		}
	}
	return r.senders[0]
}

// twice reports that there is a receive for each goroutine, and the one that is blocked may
// send more often than once.
func (r *reception) twice(w way) bool {
	n := 0
	for _, s := range r.senders {
		n += s.times.fixed
	}
	return r.blocked().most > 1 && n > 0 && w.n >= n
}

// doubleSend speaks of one goroutine that sends more often than anybody receives.
func (r *reception) doubleSend(d demand, w way) finding {
	s := r.blocked()
	var sends []*op
	for _, o := range r.sends {
		if roots, _ := r.roots(o.in); slices.Contains(roots, s.spawn.target) {
			sends = append(sends, o)
		}
	}
	f := finding{pattern: evidence.PatternDoubleSend, certain: true, culprit: sends[0].node,
		fix: "return after the send at " + r.at(sends[0].node)}
	f.why = title(s.spawn.target) + " sends on " + r.name + " " + times(s.most) + " on one way (" + r.at(sends[0].node)
	if len(sends) > 1 {
		f.why += ", " + r.at(sends[len(sends)-1].node)
	}
	f.why += "), and " + title(r.receiver) + " receives " + times(w.n)
	if s.least == s.most {
		f.fix = "receive everything that is sent, or give " + r.name + " a buffer of " + itoa(d.fixed)
		return f
	}
	f.before, f.after = r.returnAfter(sends[0])
	return f
}

// returnAfter adds the missing return behind a send that ends the body of an if.
func (r *reception) returnAfter(o *op) (before, after string) {
	body, ok := r.parent(o.node).(*ast.BlockStmt)
	if !ok || body.List[len(body.List)-1] != ast.Stmt(o.node.(*ast.SendStmt)) {
		return "", ""
	}
	st, ok := r.parent(body).(*ast.IfStmt)
	if !ok || st.Else != nil || o.in.typ.Results != nil && len(o.in.typ.Results.List) > 0 {
		return "", ""
	}
	return r.snippet(st, st, insert(o.node, "return"))
}

// stopsEarly speaks of a receiver that leaves a stream of values.
func (r *reception) stopsEarly(w way) finding {
	if r.onValue(w) && len(r.closes) == 0 {
		return finding{why: r.leaves(w) + " on a value that it received; whether that was the last one the source does not say"}
	}
	f := finding{pattern: evidence.PatternPrematureReturn, culprit: w.node(), certain: !r.onValue(w)}
	if !f.certain && r.onError(w) {
		return finding{why: r.leaves(w) + " on an error that it received; whether that was the last value the source does not say"}
	}
	f.why = r.leaves(w)
	if c, ok := w.via.(*ast.CommClause); ok {
		reason, _ := r.caseOf(c)
		f.why += reason
	}
	f.why += " while the sender has more for " + r.name
	f.fix = "let the sender stop: select on a context beside the send, and cancel it when " + title(r.receiver) + " returns"
	return f
}
