package code

import (
	"fmt"
	"go/ast"
	"go/token"
	"strings"
)

// makeRoom takes a loop over a slice or map: of two variables, over what is no call, it can hardly be anything else.
func (p spot) makeRoom() Changed {
	over, ok := p.loop().(*ast.RangeStmt)
	if !ok || over.Value == nil || !isPath(over.X) {
		return Changed{}
	}
	length := "len(" + p.text(over.X) + ")"
	target := p.filled()
	if target == "" {
		return Changed{}
	}
	decl := find(p.decl.Body, func(s ast.Stmt) bool { return s.End() <= over.Pos() && declares(s, target) })
	if decl == nil {
		return Changed{}
	}
	typ := p.madeType(decl)
	after := ""
	switch {
	case strings.HasPrefix(typ, "[]"):
		after = fmt.Sprintf("%s := make(%s, 0, %s)", target, typ, length)
	case strings.HasPrefix(typ, "map["):
		after = fmt.Sprintf("%s := make(%s, %s)", target, typ, length)
	default:
		return Changed{}
	}
	return Changed{p.text(decl), formatted(after)}
}

// isPath reports a variable, or a field of one.
func isPath(e ast.Expr) bool {
	switch e := e.(type) {
	case *ast.Ident:
		return true
	case *ast.SelectorExpr:
		return isPath(e.X)
	}
	return false
}

// filled is the variable that the line appends to, or sets an element of.
func (p spot) filled() string {
	assign, ok := p.statement().(*ast.AssignStmt)
	if !ok || len(assign.Lhs) != 1 || len(assign.Rhs) != 1 {
		return ""
	}
	switch to := assign.Lhs[0].(type) {
	case *ast.Ident:
		call, ok := assign.Rhs[0].(*ast.CallExpr)
		if fn, is := builtin(call, ok); !is || fn != "append" || len(call.Args) == 0 || p.text(call.Args[0]) != to.Name || call.Ellipsis.IsValid() {
			return ""
		}
		return to.Name
	case *ast.IndexExpr:
		if id, ok := to.X.(*ast.Ident); ok {
			return id.Name
		}
	}
	return ""
}

// builtin is the name of a function that is called by no more than a name.
func builtin(call *ast.CallExpr, ok bool) (string, bool) {
	if !ok {
		return "", false
	}
	id, ok := call.Fun.(*ast.Ident)
	if !ok {
		return "", false
	}
	return id.Name, true
}

// declares reports a statement that makes a variable and nothing else.
func declares(s ast.Stmt, name string) bool {
	switch s := s.(type) {
	case *ast.AssignStmt:
		id, ok := s.Lhs[0].(*ast.Ident)
		return ok && len(s.Lhs) == 1 && s.Tok == token.DEFINE && id.Name == name
	case *ast.DeclStmt:
		d, ok := s.Decl.(*ast.GenDecl)
		if !ok || d.Tok != token.VAR || len(d.Specs) != 1 {
			return false
		}
		v, ok := d.Specs[0].(*ast.ValueSpec)
		return ok && len(v.Names) == 1 && v.Names[0].Name == name && len(v.Values) == 0
	}
	return false
}

// madeType is the type of a variable that is declared empty: var x []T, x := []T{}, x := map[K]V{}, x := make(map[K]V),
// x := make([]T, 0); empty for all others.
func (p spot) madeType(s ast.Stmt) string {
	switch s := s.(type) {
	case *ast.DeclStmt:
		typ := p.text(s.Decl.(*ast.GenDecl).Specs[0].(*ast.ValueSpec).Type)
		if strings.HasPrefix(typ, "map[") {
			return "" // nil, and filled later on
		}
		return typ
	case *ast.AssignStmt:
		switch made := s.Rhs[0].(type) {
		case *ast.CompositeLit:
			if len(made.Elts) == 0 && made.Type != nil {
				return p.text(made.Type)
			}
		case *ast.CallExpr:
			fn, ok := builtin(made, true)
			if ok && fn == "make" && (len(made.Args) == 1 || len(made.Args) == 2 && p.text(made.Args[1]) == "0") {
				return p.text(made.Args[0])
			}
		}
	}
	return ""
}
