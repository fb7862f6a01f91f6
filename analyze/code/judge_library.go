package code

import (
	"go/ast"
	"go/types"
	"slices"
	"strings"

	"go-debug/analyze/evidence"
)

// judgeLibrary explains a goroutine that waits inside of a library: for the network without
// a deadline, or for a database connection that others have not given back.
func (pl *place) judgeLibrary(call *ast.CallExpr) finding {
	switch {
	case pl.stack.Contains("database/sql.(*DB).conn"):
		f := pl.unreleased(databaseHandles)
		if f.pattern != "" {
			f.why += ", so that the connections run out"
		}
		return f
	case pl.stack.Contains("net/http.(*Client).do") || pl.stack.Contains("net/http.(*Client).Do"):
		return pl.judgeRequest(call)
	case slices.ContainsFunc(connFunctions, pl.stack.Contains) && !pl.serves():
		return pl.judgeConn(call)
	}
	return finding{}
}

// connFunctions are on the stack of who waits for a network connection.
var connFunctions = []string{"net.(*conn).Read", "net.(*conn).Write", "net.(*netFD).Read", "net.(*netFD).Write", "net.Dial", "crypto/tls.(*Conn).Read"}

// serves reports a goroutine of an HTTP server, whose timeouts are the server's.
func (pl *place) serves() bool { return pl.stack.Contains("net/http.(*conn).serve") }

// judgeConn speaks of a connection on which nobody sets a deadline.
func (pl *place) judgeConn(call *ast.CallExpr) finding {
	if pl.callName(call) == "net.Dial" {
		return finding{pattern: evidence.PatternNoDeadline, culprit: call, why: "net.Dial at " + pl.program.at(call) + " waits as long as the peer lets it",
			fix: "use net.DialTimeout, or a net.Dialer with a context"}
	}
	if pl.names("SetDeadline", "SetReadDeadline", "SetWriteDeadline") {
		return finding{why: "the program sets deadlines; whether on this connection cannot be seen in the source"}
	}
	what, set := "read", "SetReadDeadline"
	if pl.stack.Contains("net.(*conn).Write") || pl.stack.Contains("net.(*netFD).Write") {
		what, set = "write", "SetWriteDeadline"
	}
	return finding{pattern: evidence.PatternNoDeadline, culprit: call,
		why: title(pl.fn) + " waits at " + pl.program.at(call) + " to " + what + ", and nothing in the program sets a deadline on a connection",
		fix: "call " + set + " on the connection before each " + what}
}

// names reports that one of the names is selected somewhere in the program.
func (p *program) names(list ...string) bool {
	for _, u := range p.order {
		for _, f := range u.files {
			found := false
			ast.Inspect(f.ast, func(n ast.Node) bool {
				if sel, ok := n.(*ast.SelectorExpr); ok {
					found = found || slices.Contains(list, sel.Sel.Name)
				}
				return !found
			})
			if found {
				return true
			}
		}
	}
	return false
}

// judgeRequest speaks of an HTTP request that neither its client nor its context bounds.
func (pl *place) judgeRequest(call *ast.CallExpr) finding {
	name := pl.callName(call)
	method, onClient := strings.CutPrefix(name, "(*net/http.Client).")
	if !onClient && (!strings.HasPrefix(name, "net/http.") || !isRequest[strings.TrimPrefix(name, "net/http.")]) || onClient && !isRequest[method] {
		return finding{why: "the request is made by another package"}
	}
	if method == "Do" && !pl.plainRequest(call) {
		return finding{why: "whether the request has a deadline cannot be seen in the source"}
	}
	literals, timed := pl.clients()
	if timed || onClient && !literals && !pl.defaultClient(call) {
		return finding{why: "whether the client has a timeout cannot be seen in the source"}
	}
	f := finding{pattern: evidence.PatternNoDeadline, culprit: call, fix: "give the http.Client a Timeout, or the request a context with one",
		why: title(pl.fn) + " makes a request at " + pl.program.at(call) + " with a client that has no Timeout"}
	return f
}

var isRequest = map[string]bool{"Get": true, "Head": true, "Post": true, "PostForm": true, "Do": true}

// plainRequest reports a request made by http.NewRequest in the same function, without a
// context.
func (pl *place) plainRequest(call *ast.CallExpr) bool {
	if len(call.Args) != 1 {
		return false
	}
	obj := pl.object(call.Args[0])
	made, ok := ast.Unparen(orNil(pl.initial[obj])).(*ast.CallExpr)
	if !ok && obj != nil { // req, err := http.NewRequest(…)
		made = pl.multiSource(obj)
	}
	return made != nil && pl.callName(made) == "net/http.NewRequest" && pl.written[obj] == 1
}

// multiSource is the call whose first result a variable was declared with.
func (p *program) multiSource(obj types.Object) *ast.CallExpr {
	file := p.sources[p.fset.File(obj.Pos())]
	if file == nil {
		return nil
	}
	var found *ast.CallExpr
	ast.Inspect(file.ast, func(n ast.Node) bool {
		a, ok := n.(*ast.AssignStmt)
		if ok && len(a.Rhs) == 1 && len(a.Lhs) > 1 && p.object(a.Lhs[0]) == obj {
			found, _ = ast.Unparen(a.Rhs[0]).(*ast.CallExpr)
		}
		return found == nil
	})
	return found
}

// clients looks at the http.Client literals of the program: whether there are any, and
// whether anything gives a client a timeout.
func (p *program) clients() (literals, timed bool) {
	for _, u := range p.order {
		for _, f := range u.files {
			ast.Inspect(f.ast, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CompositeLit:
					if isNamed(p.info.TypeOf(n), "net/http", "Client") {
						literals = true
						timed = timed || hasKey(n, "Timeout")
					}
					if isNamed(p.info.TypeOf(n), "net/http", "Transport") {
						timed = timed || hasKey(n, "ResponseHeaderTimeout")
					}
				case *ast.AssignStmt:
					for _, lhs := range n.Lhs {
						sel, ok := lhs.(*ast.SelectorExpr)
						timed = timed || ok && (sel.Sel.Name == "Timeout" || sel.Sel.Name == "ResponseHeaderTimeout")
					}
				}
				return true
			})
		}
	}
	return literals, timed
}

func hasKey(lit *ast.CompositeLit, key string) bool {
	return slices.ContainsFunc(lit.Elts, func(e ast.Expr) bool {
		kv, ok := e.(*ast.KeyValueExpr)
		if !ok {
			return false
		}
		id, ok := kv.Key.(*ast.Ident)
		return ok && id.Name == key
	})
}

// defaultClient reports a method call on http.DefaultClient.
func (p *program) defaultClient(call *ast.CallExpr) bool {
	sel, ok := ast.Unparen(call.Fun).(*ast.SelectorExpr)
	if !ok {
		return false
	}
	obj := p.object(sel.X)
	return obj != nil && obj.Name() == "DefaultClient" && obj.Pkg() != nil && obj.Pkg().Path() == "net/http"
}
