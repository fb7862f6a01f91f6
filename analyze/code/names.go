package code

import (
	"go/ast"
	"go/token"
	"path"
	"strconv"
	"strings"

	"go-debug/analyze/evidence"
)

// position ignores line directives: the text that is quoted is that of the file itself.
func (p *program) position(pos token.Pos) token.Position { return p.fset.PositionFor(pos, false) }

func (p *program) line(pos token.Pos) int { return p.position(pos).Line }

// frame is a node's place with the name of the function around it.
func (p *program) frame(n ast.Node) evidence.Frame {
	pos := p.position(n.Pos())
	f := evidence.Frame{File: pos.Filename, Line: pos.Line}
	in := p.byNode[n]
	if in == nil {
		in = p.enclosing(n)
	}
	if in != nil {
		f.Function = p.symbol(in)
	}
	return f
}

// at is a node's place as a sentence names it: "main.go:31", "store/rows.go:7".
func (p *program) at(n ast.Node) string { return p.atPos(n.Pos()) }

func (p *program) atPos(pos token.Pos) string {
	at := p.position(pos)
	name := path.Base(at.Filename)
	if f := p.sources[p.fset.File(pos)]; f != nil && f.ast.Name.Name != "main" {
		name = path.Join(path.Base(path.Dir(at.Filename)), name)
	}
	return name + ":" + strconv.Itoa(at.Line)
}

// symbol is the name that the runtime gives a function.
func (p *program) symbol(f *fn) string {
	if f.parent != nil {
		n := 1
		for _, g := range p.fns {
			if g.parent == f.parent && g.node.Pos() < f.node.Pos() {
				n++
			}
		}
		if f.parent.parent == nil {
			return p.symbol(f.parent) + ".func" + strconv.Itoa(n)
		}
		return p.symbol(f.parent) + "." + strconv.Itoa(n)
	}
	pkg := f.unit.path
	if f.unit.name == "main" {
		pkg = "main"
	} else if i := strings.LastIndexByte(pkg, '/') + 1; strings.Contains(pkg[i:], ".") {
		pkg = pkg[:i] + strings.ReplaceAll(pkg[i:], ".", "%2e")
	}
	if f.decl == nil {
		return pkg + ".init"
	}
	return pkg + "." + declName(f.decl)
}

// declName is a declaration's name within its package: "fetch", "(*Server).run", "Op.run",
// without type parameters.
func declName(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return d.Name.Name
	}
	typ := ast.Unparen(d.Recv.List[0].Type)
	star, pointer := typ.(*ast.StarExpr)
	if pointer {
		typ = ast.Unparen(star.X)
	}
	switch x := typ.(type) {
	case *ast.IndexExpr:
		typ = x.X
	case *ast.IndexListExpr:
		typ = x.X
	}
	name := "?"
	if id, ok := typ.(*ast.Ident); ok {
		name = id.Name
	}
	if pointer {
		name = "(*" + name + ")"
	}
	return name + "." + d.Name.Name
}

// title is a function as a sentence names it.
func title(f *fn) string {
	if f == nil {
		return "a package variable"
	}
	if f.decl == nil {
		return "a function literal"
	}
	if f.parent != nil {
		return "a function literal in " + short(f.decl)
	}
	return short(f.decl)
}

// short drops the receiver's pointer: "Server.run".
func short(d *ast.FuncDecl) string {
	return strings.NewReplacer("(*", "", ")", "").Replace(declName(d))
}

func itoa(n int) string { return strconv.Itoa(n) }
