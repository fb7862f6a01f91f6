package main

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
)

// target is a fuzz target: its package's folder and its name.
type target struct{ pkg, name string }

// targets are those of the module in a directory, by package and name.
func targets(root string) ([]target, error) {
	var out []target
	err := eachFile(root, func(path string, f *ast.File) {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && strings.HasPrefix(fn.Name.Name, "Fuzz") && strings.HasSuffix(path, "_test.go") {
				out = append(out, target{filepath.ToSlash(filepath.Dir(path)), fn.Name.Name})
			}
		}
	})
	slices.SortFunc(out, func(a, b target) int { return cmp.Or(cmp.Compare(a.pkg, b.pkg), cmp.Compare(a.name, b.name)) })
	return out, err
}

// eachFile parses the Go files of a module, which are named by their path in it. Fixtures and test data are
// none of its own.
func eachFile(root string, f func(path string, file *ast.File)) error {
	return filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			if rel == "fixtures" || d.Name() == "testdata" || strings.HasPrefix(d.Name(), ".") && rel != "." {
				return filepath.SkipDir
			}
			return nil
		}
		if filepath.Ext(path) != ".go" {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err == nil {
			f(rel, file)
		}
		return err
	})
}
