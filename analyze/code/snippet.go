package code

import (
	"cmp"
	"go/ast"
	"go/format"
	"go/token"
	"slices"
	"strings"
)

// maxSnippet bounds the lines of a snippet.
const maxSnippet = 12

// An edit replaces the text from one position to another.
type edit struct {
	from, to token.Pos
	text     string
}

// insert adds a line of code behind a statement.
func insert(after ast.Node, text string) edit {
	return edit{after.End(), after.End(), "\n" + text}
}

// snippet is the lines of a statement (or of several in a row) and the same lines changed.
// Both are empty when they would be too long or the change does not parse.
func (p *program) snippet(from, to ast.Node, edits ...edit) (before, after string) {
	file := p.sourceOf(from)
	if file == nil || file != p.sourceOf(to) {
		return "", ""
	}
	tf := p.fset.File(from.Pos())
	base := tf.LineStart(p.line(from.Pos()))
	end := token.Pos(tf.Base() + tf.Size())
	if line := p.line(to.End()); line < tf.LineCount() {
		end = tf.LineStart(line + 1)
	}
	text := file.text[base-token.Pos(tf.Base()) : min(int(end)-tf.Base(), len(file.text))]
	if strings.Count(strings.TrimRight(string(text), "\n"), "\n") >= maxSnippet {
		return "", ""
	}
	slices.SortFunc(edits, func(a, b edit) int { return cmp.Compare(b.from, a.from) })
	changed := string(text)
	for _, e := range edits {
		i, j := int(e.from-base), int(e.to-base)
		if i < 0 || j < i || j > len(changed) {
			return "", ""
		}
		if e.text == "" { // a whole statement goes, and its line with it
			i = len(strings.TrimRight(changed[:i], " \t\n"))
		}
		changed = changed[:i] + e.text + changed[j:]
	}
	formatted, err := format.Source([]byte(dedent(changed)))
	if err != nil {
		return "", ""
	}
	return dedent(string(text)), dedent(string(formatted))
}

// dedent drops the indentation that all lines have.
func dedent(text string) string {
	lines := strings.Split(strings.Trim(text, "\n"), "\n")
	tabs := -1
	for _, l := range lines {
		if strings.TrimSpace(l) == "" {
			continue
		}
		if n := len(l) - len(strings.TrimLeft(l, "\t")); tabs < 0 || n < tabs {
			tabs = n
		}
	}
	for i, l := range lines {
		lines[i] = strings.TrimRight(l[min(max(tabs, 0), len(l)-len(strings.TrimLeft(l, "\t"))):], " \t")
	}
	return strings.Join(lines, "\n") + "\n"
}

// statement is the statement or declaration of a block that a node belongs to; nil for
// nodes in a header, such as the condition of an if.
func (p *program) statement(n ast.Node) ast.Node {
	for ; n != nil; n = p.parent(n) {
		switch p.parent(n).(type) {
		case *ast.BlockStmt, *ast.File, *ast.CaseClause, *ast.CommClause:
			if c, ok := p.parent(n).(*ast.CommClause); ok && c.Comm == n {
				return nil
			}
			return n
		case *ast.FuncDecl, nil:
			return nil
		}
	}
	return nil
}

// bufferEdit gives a make(chan T) call a buffer, or another one.
func (p *program) bufferEdit(call *ast.CallExpr, size string) (before, after string) {
	st := p.statement(call)
	if st == nil || len(call.Args) == 0 {
		return "", ""
	}
	return p.snippet(st, st, edit{call.Args[0].End(), call.Rparen, ", " + size})
}

// visible reports that all the variables of a bound are declared, in the same function,
// before a node.
func (p *program) visible(b bound, at ast.Node) bool {
	home := p.enclosing(at)
	for _, obj := range b.operands {
		if obj.Pos() >= at.Pos() || obj.Parent() == nil {
			return false
		}
		if home != nil && obj.Parent() != obj.Pkg().Scope() && (obj.Pos() < home.node.Pos() || obj.Pos() > home.node.End()) {
			return false
		}
		if scope := obj.Parent(); scope != obj.Pkg().Scope() && !scope.Contains(at.Pos()) {
			return false
		}
	}
	return true
}
