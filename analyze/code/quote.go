package code

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"iter"
	"slices"
	"strings"

	"go-debug/analyze/evidence"
)

// Quote reads the lines of the source below dir at which frames stand, without comments at their end. A frame is left out whose file
// is not there, or whose line lies in no function of its name: then the source is another one's, or another
// version. It fails when dir cannot be opened.
func Quote(dir string, at []evidence.Frame) (map[evidence.Frame]string, error) {
	return readAt(dir, slices.Values(at), func(_ string, text []byte, f evidence.Frame) (string, bool) {
		line := quoteLine(text, f)
		return line, line != ""
	})
}

// Locate finds the files of the source below dir in which frames stand, by their names relative to dir with
// slashes, whatever the paths that the program was built with. A frame is left out like by Quote.
func Locate(dir string, at []evidence.Frame) (map[evidence.Frame]string, error) {
	return readAt(dir, slices.Values(at), func(name string, text []byte, f evidence.Frame) (string, bool) {
		return name, quoteLine(text, f) != ""
	})
}

// readAt asks of each frame whose file stands below dir, given by its name there and its text. A frame for which
// the answer is false is left out, like one without a file.
func readAt[T any](dir string, at iter.Seq[evidence.Frame], ask func(name string, text []byte, f evidence.Frame) (T, bool)) (out map[evidence.Frame]T, err error) {
	defer func() { // the parser reads what anybody may have written
		if r := recover(); r != nil {
			out, err = nil, fmt.Errorf("source below %s could not be read: %v at %s", dir, r, panicSite())
		}
	}()
	t, err := openTree(dir)
	if err != nil {
		return nil, err
	}
	defer t.close()
	out = map[evidence.Frame]T{}
	for f := range at {
		name, _, ok := t.locate(f)
		if !ok {
			continue
		}
		text, err := t.read(name)
		if err != nil {
			continue
		}
		if answer, ok := ask(name, text, f); ok {
			out[f] = answer
		}
	}
	return out, nil
}

// quoteLine is a frame's line of a file; empty where it lies in no function of the frame's name.
func quoteLine(text []byte, f evidence.Frame) string {
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, "", text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil || f.Line < 1 || f.Line > set.File(file.Pos()).LineCount() {
		return ""
	}
	names := namesOf(f.Function)
	lineOf := func(p token.Pos) int { return set.PositionFor(p, false).Line }
	if !slices.ContainsFunc(file.Decls, func(d ast.Decl) bool {
		decl, ok := d.(*ast.FuncDecl)
		return ok && lineOf(decl.Pos()) <= f.Line && f.Line <= lineOf(decl.End()) && slices.Contains(names, decl.Name.Name)
	}) {
		return ""
	}
	whole := set.File(file.Pos())
	from, to := whole.Offset(whole.LineStart(f.Line)), whole.Size()
	if f.Line < whole.LineCount() {
		to = whole.Offset(whole.LineStart(f.Line + 1))
	}
	for _, group := range file.Comments {
		for _, c := range group.List {
			if lineOf(c.Pos()) == f.Line && strings.HasPrefix(c.Text, "//") {
				to = whole.Offset(c.Pos())
			}
		}
	}
	return strings.TrimSpace(string(text[from:to]))
}

// namesOf are the parts of a function's name behind its package: of "a/b.(*T[...]).m.func1" they are T, m and func1.
func namesOf(function string) []string {
	i, j := strings.IndexByte(function, '['), strings.LastIndexByte(function, ']')
	if i >= 0 && j > i {
		function = function[:i] + function[j+1:]
	}
	function = function[strings.LastIndexByte(function, '/')+1:]
	_, function, _ = strings.Cut(function, ".")
	return strings.FieldsFunc(function, func(r rune) bool { return strings.ContainsRune(".(*)", r) })
}
