package code

import (
	_ "embed"
	"errors"
	"go/ast"
	"go/build"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// The bounds of one run. Beyond them packages count as unknown.
const (
	maxPackages  = 200
	maxTotal     = 8 << 20 // bytes of source
	maxImporters = 4       // packages between one on a stack and main
	maxScanned   = 10000   // directory entries looked at for packages that import others
)

//go:embed imports.txt
var importsText string

// declared holds the declarations of imports.txt by import path.
var declared = func() map[string]string {
	m := map[string]string{}
	for _, part := range strings.Split(importsText, "\n-- ")[1:] {
		name, text, _ := strings.Cut(part, " --\n")
		m[name] = text
	}
	return m
}()

// A unit is one package of the program.
type unit struct {
	path  string // import path, as functions of the package are named
	dir   string
	name  string
	files []*sourceFile
	types *types.Package
}

type sourceFile struct {
	name string // relative to the directory
	text []byte
	ast  *ast.File
	fns  []*fn // in the order of their beginnings
}

// A loader parses and checks packages below a tree, each once.
type loader struct {
	tree    *tree
	fset    *token.FileSet
	info    *types.Info
	units   map[string]*unit // by directory and package name
	order   []*unit
	own     map[*types.Package]bool // those of the units
	foreign map[string]*types.Package
	loading map[string]bool
	must    map[string][]string // files on the stacks, by directory
	bytes   int
	scanned int
	full    bool // a bound was met
}

func newLoader(t *tree) *loader {
	return &loader{tree: t, must: map[string][]string{}, own: map[*types.Package]bool{}, fset: token.NewFileSet(), units: map[string]*unit{}, foreign: map[string]*types.Package{}, loading: map[string]bool{},
		info: &types.Info{
			Types: map[ast.Expr]types.TypeAndValue{}, Defs: map[*ast.Ident]types.Object{}, Uses: map[*ast.Ident]types.Object{},
			Selections: map[*ast.SelectorExpr]*types.Selection{}, Implicits: map[ast.Node]types.Object{}, Instances: map[*ast.Ident]types.Instance{},
		}}
}

// require names a file of the tree that the program was built from, whatever its build
// constraints say. All are to be named before anything is loaded.
func (l *loader) require(name string) {
	dir := path.Dir(name)
	if base := path.Base(name); !slices.Contains(l.must[dir], base) {
		l.must[dir] = append(l.must[dir], base)
	}
}

// loadFile loads the package that a file belongs to.
func (l *loader) loadFile(name string) *unit {
	pkg := l.packageName(name)
	if pkg == "" {
		return nil
	}
	return l.load(path.Dir(name), pkg)
}

// packageName is the name in the package clause of a file, or "".
func (l *loader) packageName(name string) string {
	text, err := l.tree.read(name)
	if err != nil {
		return ""
	}
	f, err := parser.ParseFile(token.NewFileSet(), name, text, parser.PackageClauseOnly)
	if err != nil || f.Name == nil {
		return ""
	}
	return f.Name.Name
}

func (l *loader) importPath(dir string) string {
	switch {
	case l.tree.module == "":
		return strings.TrimPrefix(dir, "vendor/")
	case dir == ".":
		return l.tree.module
	}
	return strings.TrimPrefix(path.Join(l.tree.module, dir), l.tree.module+"/vendor/")
}

// load parses and checks the package of a name in a directory. Test files belong to it
// where one of them is on a stack.
func (l *loader) load(dir, name string) *unit {
	key := dir + "\x00" + name
	if u, ok := l.units[key]; ok {
		return u
	}
	if len(l.order) >= maxPackages || l.bytes >= maxTotal {
		l.full = true
		return nil
	}
	u := &unit{path: l.importPath(dir), dir: dir, name: name}
	if strings.HasSuffix(name, "_test") {
		u.path += "_test"
	}
	l.units[key] = u
	l.order = append(l.order, u)
	for _, f := range l.sources(dir) {
		l.parse(u, path.Join(dir, f))
	}
	l.check(u)
	return u
}

// sources are the files of a directory that a build for this machine would take.
func (l *loader) sources(dir string) []string {
	must := l.must[dir]
	tests := slices.ContainsFunc(must, func(name string) bool { return strings.HasSuffix(name, "_test.go") })
	ctx := build.Default
	ctx.CgoEnabled = true
	ctx.JoinPath = path.Join
	ctx.OpenFile = func(name string) (io.ReadCloser, error) {
		if !l.tree.regular(name) {
			return nil, fs.ErrNotExist
		}
		return l.tree.root.Open(name)
	}
	var out []string
	for _, e := range l.tree.list(dir) {
		name := e.Name()
		if !e.Type().IsRegular() || !strings.HasSuffix(name, ".go") || !tests && strings.HasSuffix(name, "_test.go") {
			continue
		}
		if ok, err := ctx.MatchFile(dir, name); ok || err != nil || slices.Contains(must, name) {
			out = append(out, name)
		}
	}
	return out
}

// parse adds one file to its package. Files with errors count as far as they were parsed.
func (l *loader) parse(u *unit, name string) {
	text, err := l.tree.read(name)
	if err != nil {
		return
	}
	if l.bytes += len(text); l.bytes > maxTotal {
		l.full = true
		return
	}
	f, _ := parser.ParseFile(l.fset, name, text, parser.SkipObjectResolution|parser.AllErrors)
	if f == nil || f.Name == nil || f.Name.Name != u.name {
		return
	}
	u.files = append(u.files, &sourceFile{name: name, text: text, ast: f})
}

func (l *loader) check(u *unit) {
	conf := types.Config{Importer: l, Error: func(error) {}, FakeImportC: true, DisableUnusedImportCheck: true}
	files := make([]*ast.File, len(u.files))
	for i, f := range u.files {
		files[i] = f.ast
	}
	l.loading[u.path] = true
	u.types, _ = conf.Check(u.path, l.fset, files, l.info)
	l.own[u.types] = u.types != nil
	delete(l.loading, u.path)
}

var errUnknownImport = errors.New("not part of the source")

// Import gives the checker a package of the tree, what imports.txt declares of a foreign
// one, or an error: the checker then takes whatever it holds as unknown.
func (l *loader) Import(importPath string) (*types.Package, error) {
	if p, ok := l.foreign[importPath]; ok {
		return p, nil
	}
	if text, ok := declared[importPath]; ok {
		f, err := parser.ParseFile(l.fset, importPath, text, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		conf := types.Config{Importer: l, IgnoreFuncBodies: true, Error: func(error) {}}
		p, err := conf.Check(importPath, l.fset, []*ast.File{f}, nil)
		l.foreign[importPath] = p
		return p, err
	}
	if l.loading[importPath] {
		return nil, errUnknownImport
	}
	dir, ok := l.tree.inModule(importPath)
	if !ok {
		dir = path.Join("vendor", importPath)
		if ok = l.tree.module == "" && fs.ValidPath(dir) && l.tree.isDir(dir); !ok {
			return nil, errUnknownImport
		}
	}
	u := l.loadDir(dir)
	if u == nil || u.types == nil {
		return nil, errUnknownImport
	}
	return u.types, nil
}

// loadDir loads the importable package of a directory.
func (l *loader) loadDir(dir string) *unit {
	for _, name := range l.sources(dir) {
		if pkg := l.packageName(path.Join(dir, name)); pkg != "" && pkg != "main" && !strings.HasSuffix(name, "_test.go") {
			return l.load(dir, pkg)
		}
	}
	return nil
}

// loadImporters loads the packages of the module that import, directly or not, one of those
// already there: who never calls a Stop method is to be found among them. Where the capture
// shows package main there is nothing to look for: the program is what main imports, and
// that is there. Of several other main packages nobody knows which one it is.
func (l *loader) loadImporters() {
	isMain := func(u *unit) bool { return u.name == "main" }
	for round := 0; round < maxImporters && l.tree.module != "" && !slices.ContainsFunc(l.order, isMain); round++ {
		wanted := map[string]bool{}
		for _, u := range l.order {
			wanted[strconv.Quote(u.path)] = true
		}
		mains := map[string]string{} // a file of each, by directory
		known := len(l.order)
		l.walk(".", func(name string) {
			switch {
			case !l.imports(name, wanted):
			case l.packageName(name) == "main":
				mains[path.Dir(name)] = name
			default:
				l.loadFile(name)
			}
		})
		switch {
		case len(mains) > 1:
			l.full = true
		case len(mains) == 1:
			for _, name := range mains {
				l.loadFile(name)
			}
		}
		if len(l.order) == known {
			return
		}
	}
}

// walk calls f with the non-test source files of the module.
func (l *loader) walk(dir string, f func(name string)) {
	for _, e := range l.tree.list(dir) {
		if l.scanned++; l.scanned > maxScanned || l.full {
			l.full = true
			return
		}
		name := path.Join(dir, e.Name())
		switch {
		case strings.HasPrefix(e.Name(), ".") || strings.HasPrefix(e.Name(), "_"):
		case e.IsDir():
			skip := e.Name() == "vendor" || e.Name() == "testdata" || l.tree.regular(path.Join(name, "go.mod"))
			if !skip && strings.Count(name, "/") < 32 {
				l.walk(name, f)
			}
		case e.Type().IsRegular() && strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go"):
			f(name)
		}
	}
}

func (l *loader) imports(name string, wanted map[string]bool) bool {
	text, err := l.tree.read(name)
	if err != nil {
		return false
	}
	f, _ := parser.ParseFile(token.NewFileSet(), name, text, parser.ImportsOnly)
	return f != nil && slices.ContainsFunc(f.Imports, func(s *ast.ImportSpec) bool { return wanted[s.Path.Value] })
}
