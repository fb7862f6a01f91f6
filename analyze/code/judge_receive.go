package code

import (
	"go/ast"
	"slices"

	"go-debug/analyze/evidence"
)

// judgeReceive explains a goroutine that waits to receive: who was to send or to close,
// and on which way he does not.
func (pl *place) judgeReceive(n ast.Node, ch ast.Expr) finding {
	if pl.wait == evidence.WaitNilChan || pl.absent(ch) {
		return pl.nilChannel(ch)
	}
	name := chanName(ch)
	m := pl.channel(ch)
	if m == nil {
		return finding{why: "where " + name + " comes from cannot be seen in the source"}
	}
	switch m.kind {
	case timerChan:
		return pl.judgeLoop(n, name)
	case doneChan:
		return pl.judgeDone(m, name)
	}
	u, ok := pl.use(m)
	if !ok {
		return finding{why: "where " + name + " leads cannot be seen in the source"}
	}
	if is[*ast.RangeStmt](n) {
		return pl.judgeRange(u, ch)
	}
	missing := "sends on or closes "
	switch {
	case len(u.sends) == 0 && len(u.closes) > 0:
		missing = "closes "
	case len(u.closes) == 0 && len(u.sends) > 0:
		missing = "sends on "
	}
	s := &signal{place: pl, made: m.node, in: m.in, value: m, enders: nodesOf(slices.Concat(u.sends, u.closes)),
		through: ch, missing: missing + name, fix: "defer close(" + name + ")"}
	return s.judge(finding{pattern: evidence.PatternStartWithoutStop,
		why: "the goroutine waits for " + name + ", and nobody sends on it or closes it",
		fix: "close " + name + " when the goroutine is no longer needed"})
}

// judgeRange explains a loop over a channel that does not end.
func (pl *place) judgeRange(u *use, ch ast.Expr) finding {
	name := chanName(ch)
	s := &signal{place: pl, made: u.m.node, in: u.m.in, value: u.m, enders: nodesOf(u.closes), through: ch,
		missing: "closes " + name, fix: "defer close(" + name + ")", pattern: evidence.PatternRangeWithoutClose}
	f := finding{pattern: evidence.PatternRangeWithoutClose, why: "the loop over " + name + " ends when it is closed, and nobody closes it",
		fix: "close " + name + " after the last send"}
	if len(u.closes) == 0 {
		pl.closeInSender(u, &f, name)
	}
	f = s.judge(f)
	if at := s.kept(); len(u.closes) == 0 && f.certain && at != "" {
		f.why += "; it is kept in " + at + ", and the loop may be meant to serve as long as that is there"
		f.certain = false
	}
	return f
}

// closeInSender puts the missing close where the only sender ends.
func (pl *place) closeInSender(u *use, f *finding, name string) {
	sender := u.rootOf(u.sends)
	if sender == nil {
		return
	}
	f.fix = "close " + name + " in " + title(sender) + ", which sends"
	if sender == u.m.in {
		if st := pl.statement(u.m.node); st != nil {
			f.before, f.after = pl.snippet(st, st, insert(st, "defer close("+pl.boundTo(st, name)+")"))
		}
		return
	}
	s, ok := u.senders()
	if !ok || len(s) != 1 || s[0].times.fixed != 1 || len(sender.body.List) == 0 || !is[*ast.FuncLit](sender.node) {
		return
	}
	first := sender.body.List[0]
	head := sender.body.Lbrace + 1
	if pl.line(head) == pl.line(first.Pos()) {
		return
	}
	sent := chanName(u.sends[0].ch)
	if st := pl.statement(sender.node); st != nil {
		f.before, f.after = pl.snippet(st, st, edit{head, head, "\ndefer close(" + sent + ")"})
	}
}

// boundTo is the variable that a statement sets, if it is one, else a name.
func (p *program) boundTo(st ast.Node, name string) string {
	if a, ok := st.(*ast.AssignStmt); ok && len(a.Lhs) == 1 {
		return chanName(a.Lhs[0])
	}
	return name
}
