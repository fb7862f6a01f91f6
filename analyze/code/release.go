package code

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"go-debug/analyze/evidence"
)

// A handle is something that a call returns and that has to be closed.
type handle struct {
	pattern string
	thing   string   // in sentences: "the response body"
	stays   string   // "stays open", "stay open"
	makers  []string // full names of the calls
	field   string   // what of the result is closed: Body; empty for the result itself
	closers []string // methods that close it
	next    string   // the method that closes it when it says false
	drains  []string // functions that read it to the end, which does as well
	reads   []string // functions that may be given it and keep nothing of it
}

var responseBody = handle{
	pattern: evidence.PatternBodyNotClosed, thing: "the response body", stays: "stays open", field: "Body", closers: []string{"Close"},
	makers: []string{"net/http.Get", "net/http.Head", "net/http.Post", "net/http.PostForm", "(*net/http.Client).Do", "(*net/http.Client).Get",
		"(*net/http.Client).Head", "(*net/http.Client).Post", "(*net/http.Client).PostForm", "(*net/http.Transport).RoundTrip"},
	drains: []string{"io.ReadAll", "io.Copy", "io/ioutil.ReadAll"},
	reads: []string{"encoding/json.NewDecoder", "encoding/xml.NewDecoder", "bufio.NewReader", "bufio.NewScanner", "io.LimitReader", "io.CopyN",
		"io.ReadFull", "compress/gzip.NewReader", "fmt.Println", "log.Println"},
}

var databaseHandles = []handle{
	{pattern: evidence.PatternRowsNotClosed, thing: "the rows", stays: "stay open", closers: []string{"Close"}, next: "Next",
		makers: []string{"(*database/sql.DB).Query", "(*database/sql.DB).QueryContext", "(*database/sql.Tx).Query", "(*database/sql.Tx).QueryContext",
			"(*database/sql.Stmt).Query", "(*database/sql.Stmt).QueryContext", "(*database/sql.Conn).QueryContext"}},
	{pattern: evidence.PatternRowsNotClosed, thing: "the transaction", stays: "stays open", closers: []string{"Commit", "Rollback"},
		makers: []string{"(*database/sql.DB).Begin", "(*database/sql.DB).BeginTx", "(*database/sql.Conn).BeginTx"}},
	{pattern: evidence.PatternRowsNotClosed, thing: "the connection", stays: "stays open", closers: []string{"Close"}, makers: []string{"(*database/sql.DB).Conn"}},
}

// unreleased looks through the program for a function that leaves a handle open on some
// way. The first in the source is named, the others are counted.
func (p *program) unreleased(handles []handle) finding {
	var all []finding
	for i := range handles {
		for _, f := range p.fns {
			inspectBody(f, func(n ast.Node) {
				call, ok := n.(*ast.CallExpr)
				if ok && slices.Contains(handles[i].makers, p.callName(call)) {
					h := &holding{program: p, handle: &handles[i], fn: f, call: call}
					if found, ok := h.judge(); ok {
						all = append(all, found)
					}
				}
			})
		}
	}
	if len(all) == 0 {
		return finding{}
	}
	slices.SortStableFunc(all, func(a, b finding) int { return int(a.culprit.Pos() - b.culprit.Pos()) })
	if n := len(all) - 1; n > 0 {
		all[0].why += " (and " + itoa(n) + " more like it)"
	}
	return all[0]
}

// A holding is one call that returns a handle.
type holding struct {
	*program
	*handle
	fn   *fn
	call *ast.CallExpr
	stmt *ast.AssignStmt
	held types.Object // the variable with the result; nil when it is dropped
	err  types.Object
}

// The counts of a walk: whether the handle is open.
const (
	closed     = iota
	open       // for sure
	openUnless // unless the error, not looked at yet, says otherwise
)

func (h *holding) judge() (finding, bool) {
	switch up := h.parent(h.call).(type) {
	case *ast.ExprStmt:
		return h.report(h.program.at(h.call)+" drops it", nil), true
	case *ast.AssignStmt:
		if len(up.Lhs) != 2 {
			return finding{}, false
		}
		h.stmt, h.held, h.err = up, h.object(up.Lhs[0]), h.object(up.Lhs[1])
		if isBlank(up.Lhs[0]) {
			return h.report("the call at "+h.program.at(h.call)+" drops it", nil), true
		}
	default:
		return finding{}, false
	}
	if v, ok := h.held.(*types.Var); !ok || v.IsField() || h.leavesHands() {
		return finding{}, false
	}
	exits, ok := h.walk(h.fn, &watcher{visit: h.visit, branch: h.branch, enters: func(f *fn) bool {
		return f.parent == h.fn && h.closesIn(f)
	}}, state{})
	if !ok {
		return finding{}, false
	}
	var ways []way
	for _, e := range exits {
		if e.n != closed {
			ways = append(ways, way{e, h.fn})
		}
	}
	w, ok := earliest(ways)
	if !ok {
		return finding{}, false
	}
	return h.report(h.leaves(w)+" without closing", w.node()), true
}

// leavesHands reports that the handle goes where it may be closed unseen.
func (h *holding) leavesHands() bool {
	out := false
	ast.Inspect(h.fn.body, func(n ast.Node) bool {
		id, ok := n.(*ast.Ident)
		if !ok || h.info.Uses[id] != h.held || slices.Contains(h.stmt.Lhs, ast.Expr(id)) {
			return true
		}
		var e ast.Expr = id
		sel, selected := h.parent(id).(*ast.SelectorExpr)
		if h.field != "" && selected {
			if sel.Sel.Name != h.field {
				return true
			}
			e = sel
			_, selected = h.parent(sel).(*ast.SelectorExpr)
		}
		out = out || !selected && !h.harmless(e)
		return true
	})
	return out
}

// harmless reports a use of the handle, not of a method of it, that nobody can close it by.
func (h *holding) harmless(e ast.Expr) bool {
	switch up := h.parent(e).(type) {
	case *ast.BinaryExpr: // compared with nil
		return true
	case *ast.CallExpr:
		name := h.callName(up)
		return slices.Contains(h.drains, name) || slices.Contains(h.reads, name)
	}
	return false
}

// closesIn reports a literal of the function that closes the handle: a deferred one.
func (h *holding) closesIn(f *fn) bool {
	found := false
	inspectBody(f, func(n ast.Node) {
		call, ok := n.(*ast.CallExpr)
		found = found || ok && h.closes(call)
	})
	return found
}

func (h *holding) closes(call *ast.CallExpr) bool {
	if name := h.callName(call); slices.Contains(h.drains, name) {
		return slices.ContainsFunc(call.Args, h.is)
	}
	sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	return ok && slices.Contains(h.closers, sel.Sel.Name) && h.is(sel.X)
}

// is reports an expression that is what has to be closed.
func (h *holding) is(e ast.Expr) bool {
	if h.field != "" {
		sel, ok := ast.Unparen(e).(*ast.SelectorExpr)
		if !ok || sel.Sel.Name != h.field {
			return false
		}
		e = sel.X
	}
	id, ok := ast.Unparen(e).(*ast.Ident)
	return ok && h.info.ObjectOf(id) == h.held
}

func (h *holding) visit(n ast.Node, s state) state {
	switch n := n.(type) {
	case *ast.AssignStmt:
		switch {
		case n == h.stmt:
			s.n = openUnless
		case s.n == openUnless && slices.ContainsFunc(n.Lhs, func(e ast.Expr) bool { return h.err != nil && h.object(e) == h.err }):
			s.n = open
		case s.n != closed && slices.ContainsFunc(n.Lhs, func(e ast.Expr) bool { return h.object(e) == h.held }):
			s.unsure = true // the variable holds something else now
		}
	case *ast.CallExpr:
		if h.closes(n) {
			s.n = closed
		}
	case *ast.FuncLit:
		if f := h.byNode[n]; f != nil && h.closesIn(f) {
			s.unsure = true
		}
	}
	return s
}

// branch follows what conditions say of the error, of the handle and of the next row.
func (h *holding) branch(cond ast.Expr, taken bool, s state) (state, bool) {
	switch c := ast.Unparen(cond).(type) {
	case *ast.BinaryExpr:
		id, isNil := ast.Unparen(c.Y).(*ast.Ident)
		if !isNil || id.Name != "nil" || c.Op != token.EQL && c.Op != token.NEQ {
			return s, true
		}
		isNilHere := taken == (c.Op == token.EQL)
		switch obj := h.object(c.X); {
		case obj == nil:
		case obj == h.err && s.n == openUnless:
			if s.n = closed; isNilHere {
				s.n = open
			}
		case obj == h.held && isNilHere && s.n != closed:
			s.n = closed
		}
	case *ast.CallExpr:
		sel, ok := ast.Unparen(c.Fun).(*ast.SelectorExpr)
		if ok && !taken && h.next != "" && sel.Sel.Name == h.next && h.is(sel.X) {
			s.n = closed
		}
	}
	return s, true
}

func (h *holding) report(how string, at ast.Node) finding {
	name := "resp"
	if h.held != nil {
		name = h.held.Name()
	} else if h.field == "" {
		name = "rows"
	}
	if h.field != "" {
		name += "." + h.field
	}
	f := finding{pattern: h.pattern, culprit: h.call, certain: true,
		why: h.thing + " of " + types.ExprString(h.call.Fun) + " at " + h.program.at(h.call) + " " + h.stays + ": " + how}
	last := h.closers[len(h.closers)-1]
	f.fix = "defer " + name + "." + last + "() after the error is looked at"
	if h.held == nil && strings.HasPrefix(h.thing, "the rows") {
		f.fix = "use Exec, or close the rows"
	}
	if h.stmt == nil || h.held == nil {
		return f
	}
	if check := h.errorCheck(); check != nil {
		f.before, f.after = h.snippet(h.stmt, check, insert(check, "defer "+name+"."+last+"()"))
	}
	return f
}

// errorCheck is the `if err != nil` that follows the call.
func (h *holding) errorCheck() *ast.IfStmt {
	block, ok := h.parent(h.stmt).(*ast.BlockStmt)
	if !ok {
		return nil
	}
	i := slices.Index(block.List, ast.Stmt(h.stmt))
	if i < 0 || i+1 >= len(block.List) {
		return nil
	}
	check, ok := block.List[i+1].(*ast.IfStmt)
	if !ok || check.Else != nil || !h.mentions(check.Cond, map[types.Object]bool{h.err: true}) {
		return nil
	}
	return check
}
