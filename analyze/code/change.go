package code

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/format"
	"go/parser"
	"go/printer"
	"go/token"
	"maps"
	"slices"
	"strings"

	"go-debug/analyze/evidence"
)

// Changed are lines of source before a change and after it.
type Changed struct{ Before, After string }

// Propose reads the source below dir and works the changes out that are asked for. A frame is left out where the
// source is not there or another one's, and where the change is not certain from the function's source alone: it
// knows no types, and so asks for forms that leave no doubt. It fails when dir cannot be opened.
func Propose(dir string, changes map[evidence.Frame]evidence.Change) (map[evidence.Frame]Changed, error) {
	return readAt(dir, maps.Keys(changes), func(_ string, text []byte, f evidence.Frame) (Changed, bool) {
		return propose(text, f, changes[f])
	})
}

// spot is a line of a function.
type spot struct {
	set  *token.FileSet
	decl *ast.FuncDecl
	line int
}

func propose(text []byte, f evidence.Frame, change evidence.Change) (Changed, bool) {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "", text, parser.SkipObjectResolution)
	if err != nil {
		return Changed{}, false
	}
	p := spot{set: set, line: f.Line}
	names := namesOf(f.Function)
	for _, d := range file.Decls {
		if decl, ok := d.(*ast.FuncDecl); ok && p.on(decl) && slices.Contains(names, decl.Name.Name) {
			p.decl = decl
		}
	}
	if p.decl == nil || p.decl.Body == nil {
		return Changed{}, false
	}
	var c Changed
	switch change {
	case evidence.CompileOnce:
		c = p.compileOnce()
	case evidence.MakeRoom:
		c = p.makeRoom()
	case evidence.BuildText:
		c = p.buildText()
	case evidence.ReuseTimer:
		c = p.reuseTimer()
	case evidence.BufferWrites:
		c = p.bufferWrites()
	}
	return c, c.After != "" && c.Before != c.After
}

// on reports whether a node lies on the place's line, or around it.
func (p spot) on(n ast.Node) bool {
	return p.set.Position(n.Pos()).Line <= p.line && p.line <= p.set.Position(n.End()).Line
}

// starts reports whether a node begins on the place's line.
func (p spot) starts(n ast.Node) bool { return p.set.Position(n.Pos()).Line == p.line }

// text is a node as gofmt has it.
func (p spot) text(n ast.Node) string {
	var b bytes.Buffer
	if err := printer.Fprint(&b, p.set, n); err != nil {
		return ""
	}
	return b.String()
}

// formatted is statements as gofmt has them, empty where they are none.
func formatted(lines ...string) string {
	out, err := format.Source([]byte(strings.Join(lines, "\n")))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(out))
}

// isCall reports a call of pkg.name.
func isCall(n ast.Node, pkg string, names ...string) (*ast.CallExpr, bool) {
	call, ok := n.(*ast.CallExpr)
	if !ok {
		return nil, false
	}
	sel, ok := call.Fun.(*ast.SelectorExpr)
	if !ok || !slices.Contains(names, sel.Sel.Name) {
		return nil, false
	}
	id, ok := sel.X.(*ast.Ident)
	return call, ok && id.Name == pkg
}

// find is the first node beneath another for which ok.
func find[N ast.Node](root ast.Node, ok func(N) bool) (found N) {
	done := false
	ast.Inspect(root, func(n ast.Node) bool {
		if x, is := n.(N); is && !done && ok(x) {
			found, done = x, true
		}
		return !done
	})
	return found
}

func (p spot) compileOnce() Changed {
	stmt := p.statement()
	call := find(p.decl.Body, func(c *ast.CallExpr) bool {
		_, ok := isCall(c, "regexp", "MustCompile", "MustCompilePOSIX", "Compile", "CompilePOSIX", "MatchString", "Match")
		return ok && p.starts(c) && len(c.Args) > 0
	})
	if stmt == nil || call == nil {
		return Changed{}
	}
	if lit, ok := call.Args[0].(*ast.BasicLit); !ok || lit.Kind != token.STRING {
		return Changed{} // the pattern may come from outside
	}
	name := call.Fun.(*ast.SelectorExpr).Sel.Name
	compile := "regexp.MustCompile"
	if strings.HasSuffix(name, "POSIX") {
		compile += "POSIX"
	}
	variable := func(name string) string {
		return fmt.Sprintf("// at package level:\nvar %s = %s(%s)", name, compile, p.text(call.Args[0]))
	}
	if assign, ok := stmt.(*ast.AssignStmt); ok && len(assign.Rhs) == 1 && assign.Rhs[0] == ast.Expr(call) && assign.Tok == token.DEFINE && strings.Contains(name, "Compile") {
		if id, ok := assign.Lhs[0].(*ast.Ident); ok {
			return Changed{p.text(stmt), formatted(variable(id.Name))}
		}
	}
	if !strings.HasPrefix(name, "MustCompile") {
		return Changed{} // its error is handled somewhere
	}
	line, compiled := p.text(p.head(stmt)), p.text(call)
	return Changed{line, formatted(variable("pattern")) + "\n" + strings.Replace(line, compiled, "pattern", 1)}
}

// statement is the innermost statement that begins on the line.
func (p spot) statement() (out ast.Stmt) {
	ast.Inspect(p.decl.Body, func(n ast.Node) bool {
		if s, ok := n.(ast.Stmt); ok && p.starts(s) {
			if _, block := s.(*ast.BlockStmt); !block && out == nil {
				out = s
			}
		}
		return n == nil || p.on(n)
	})
	return out
}

// head is a statement without its body.
func (p spot) head(s ast.Stmt) ast.Node {
	switch s := s.(type) {
	case *ast.IfStmt:
		return s.Cond
	case *ast.ForStmt, *ast.RangeStmt, *ast.SwitchStmt, *ast.TypeSwitchStmt, *ast.SelectStmt:
		return &ast.EmptyStmt{}
	}
	return s
}

// loop is the innermost loop around the line.
func (p spot) loop() (out ast.Stmt) {
	ast.Inspect(p.decl.Body, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.ForStmt:
			if p.on(n) && !p.starts(n) {
				out = n
			}
		case *ast.RangeStmt:
			if p.on(n) && !p.starts(n) {
				out = n
			}
		}
		return n == nil || p.on(n)
	})
	return out
}

// buildText takes a string that is added to in a loop and returned at the end, and used nowhere else.
func (p spot) buildText() Changed {
	add, ok := p.statement().(*ast.AssignStmt)
	if !ok || add.Tok != token.ADD_ASSIGN || len(add.Lhs) != 1 || p.loop() == nil {
		return Changed{}
	}
	id, ok := add.Lhs[0].(*ast.Ident)
	if !ok {
		return Changed{}
	}
	decl := find(p.decl.Body, func(s ast.Stmt) bool { return s.End() <= p.loop().Pos() && declares(s, id.Name) })
	if decl == nil || p.text(decl) != id.Name+` := ""` && p.text(decl) != "var "+id.Name+" string" {
		return Changed{}
	}
	uses := 0
	ast.Inspect(p.decl.Body, func(n ast.Node) bool {
		if x, ok := n.(*ast.Ident); ok && x.Name == id.Name {
			uses++
		}
		return true
	})
	ret := find(p.decl.Body, func(r *ast.ReturnStmt) bool { return len(r.Results) == 1 && p.text(r.Results[0]) == id.Name })
	if ret == nil || uses != 3 {
		return Changed{}
	}
	const rest = "// …"
	before := []string{p.text(decl), rest, p.text(add), rest, p.text(ret)}
	after := []string{"var " + id.Name + " strings.Builder", rest, id.Name + ".WriteString(" + p.text(add.Rhs[0]) + ")", rest, "return " + id.Name + ".String()"}
	return Changed{formatted(before...), formatted(after...)}
}

// reuseTimer takes case <-time.After(d) within a loop, where d is no call.
func (p spot) reuseTimer() Changed {
	call := find(p.decl.Body, func(c *ast.CallExpr) bool {
		_, ok := isCall(c, "time", "After")
		return ok && p.starts(c) && len(c.Args) == 1
	})
	clause := find(p.decl.Body, func(c *ast.CommClause) bool { return p.starts(c) && c.Comm != nil })
	if call == nil || clause == nil || p.loop() == nil || p.text(clause.Comm) != "<-"+p.text(call) {
		return Changed{}
	}
	d := p.text(call.Args[0])
	changes := find(call.Args[0], func(n ast.Node) bool {
		id, isName := n.(*ast.Ident)
		_, isCall := n.(*ast.CallExpr)
		return isCall || isName && setWithin(p.loop(), id.Name)
	})
	if changes != nil {
		return Changed{}
	}
	return Changed{
		"case <-" + p.text(call) + ":",
		"// before the loop:\ntimer := time.NewTimer(" + d + ")\ndefer timer.Stop()\n" +
			"// before each select, from go1.23 on:\ntimer.Reset(" + d + ")\ncase <-timer.C:",
	}
}

// setWithin reports a variable that a loop declares or sets.
func setWithin(loop ast.Stmt, name string) bool {
	is := func(e ast.Expr) bool {
		id, ok := e.(*ast.Ident)
		return ok && id.Name == name
	}
	return find(loop, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			return slices.ContainsFunc(n.Lhs, is)
		case *ast.RangeStmt:
			return is(n.Key) || is(n.Value)
		case *ast.ValueSpec:
			return slices.ContainsFunc(n.Names, func(id *ast.Ident) bool { return id.Name == name })
		case *ast.IncDecStmt:
			return is(n.X)
		}
		return false
	}) != nil
}

// bufferWrites takes a call of a method that writes to a variable, within a loop.
func (p spot) bufferWrites() Changed {
	call := find(p.decl.Body, func(c *ast.CallExpr) bool {
		sel, ok := c.Fun.(*ast.SelectorExpr)
		if !ok || !p.starts(c) || !slices.Contains([]string{"Write", "WriteString"}, sel.Sel.Name) {
			return false
		}
		_, ok = sel.X.(*ast.Ident)
		return ok
	})
	if call == nil || p.loop() == nil {
		return Changed{}
	}
	sel := call.Fun.(*ast.SelectorExpr)
	to := p.text(sel.X)
	changed := "buffered." + strings.TrimPrefix(p.text(call), to+".")
	return Changed{p.text(call), "// before the loop:\nbuffered := bufio.NewWriter(" + to + ")\n// in it:\n" + changed + "\n// behind it:\nerr := buffered.Flush()"}
}
