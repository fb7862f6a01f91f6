package detectortest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"go-debug/analyze/signature"
)

// Signatures fails for each function that a signature names and that the toolchain at hand does not
// have: the runtime renames its functions now and then, and a signature that matches nothing any more
// looks like a clean program.
func Signatures(t *testing.T, signatures ...signature.Signature) {
	t.Helper()
	src := toolchain(t)
	declared := map[string]map[string]bool{}
	for _, s := range signatures {
		for _, name := range s.Names() {
			pkg, function := splitFunction(name)
			if declared[pkg] == nil {
				declared[pkg] = functionsOf(t, src, pkg)
			}
			if !declared[pkg][function] {
				t.Errorf("package %s of this toolchain has no function %s (list it in Gone and add its successor)", pkg, function)
			}
		}
	}
}

// Named fails for each string in a package's source, tests aside, that reads like a function of the Go
// distribution and names none of the toolchain at hand, nor the beginning of one. Names of older toolchains stand
// in a list called Gone, or on a line with the comment "// gone".
func Named(t *testing.T, dir string) {
	t.Helper()
	src := toolchain(t)
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	declared := map[string]map[string]bool{}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		for _, name := range sourceNames(t, src, file).functions {
			pkg, function := splitFunction(name.text)
			if declared[pkg] == nil {
				declared[pkg] = functionsOf(t, src, pkg)
			}
			begins := func(f string) bool { return strings.HasPrefix(f, strings.TrimSuffix(function, "*")) }
			if !slices.ContainsFunc(slices.Collect(maps.Keys(declared[pkg])), begins) {
				t.Errorf("%s: package %s of this toolchain has no function %s (mark it as gone and add its successor)", name.at, pkg, function)
			}
		}
	}
}

type functionName struct {
	text string
	at   token.Position
}

var functionLiteral = regexp.MustCompile(`^[a-z][a-z0-9/]*\.(\(\*\w+\)\.)?[A-Za-z_]\w*(\.\w+)*\*?$`)

// names are those of functions of the distribution that a file of source has in strings.
type names struct {
	functions []functionName  // that the toolchain at hand must have
	gone      map[string]bool // that it has not any more
}

// sourceNames are the strings of a file that read like functions of packages that the toolchain has. Closures
// and methods of values are left to the type or function that they belong to.
func sourceNames(t *testing.T, src, file string) names {
	t.Helper()
	set := token.NewFileSet()
	parsed, err := parser.ParseFile(set, file, nil, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	gone := map[int]bool{} // lines
	for _, group := range parsed.Comments {
		for _, c := range group.List {
			if strings.HasPrefix(c.Text, "// gone") {
				gone[set.Position(c.Pos()).Line] = true
			}
		}
	}
	old := map[string]bool{}
	ast.Inspect(parsed, func(n ast.Node) bool {
		if kv, ok := n.(*ast.KeyValueExpr); ok {
			if key, ok := kv.Key.(*ast.Ident); ok && key.Name == "Gone" {
				ast.Inspect(kv.Value, func(n ast.Node) bool {
					if lit, ok := n.(*ast.BasicLit); ok {
						old[unquoted(lit)] = true
					}
					return true
				})
			}
		}
		return true
	})
	out := names{gone: map[string]bool{}}
	ast.Inspect(parsed, func(n ast.Node) bool {
		lit, ok := n.(*ast.BasicLit)
		if !ok || lit.Kind != token.STRING {
			return true
		}
		text, at := unquoted(lit), set.Position(lit.Pos())
		if !functionLiteral.MatchString(text) {
			return true
		}
		if old[text] || gone[at.Line] {
			out.gone[text] = true
			return true
		}
		pkg, function := splitFunction(text)
		if !isPackage(src, pkg) {
			return true
		}
		if i := strings.Index(function, ".func"); i > 0 {
			text = pkg + "." + function[:i]
		}
		out.functions = append(out.functions, functionName{text, at})
		return true
	})
	return out
}

func unquoted(lit *ast.BasicLit) string {
	text, err := strconv.Unquote(lit.Value)
	if err != nil {
		return ""
	}
	return text
}

func isPackage(src, pkg string) bool {
	files, err := filepath.Glob(filepath.Join(src, filepath.FromSlash(pkg), "*.go"))
	return err == nil && len(files) > 0
}

// toolchain is the folder of the distribution's sources.
func toolchain(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Skipf("no toolchain to compare with: %v", err)
	}
	return filepath.Join(strings.TrimSpace(string(out)), "src")
}

// splitFunction parts "net/http.(*conn).serve" into package and function.
func splitFunction(name string) (pkg, function string) {
	slash := strings.LastIndexByte(name, '/')
	dot := slash + 1 + strings.IndexByte(name[slash+1:], '.')
	return name[:dot], name[dot+1:]
}

// functionsOf are the functions and methods that a package of the distribution declares in files for any
// platform, as stacks name them.
func functionsOf(t *testing.T, src, pkg string) map[string]bool {
	t.Helper()
	out := map[string]bool{}
	dir := filepath.Join(src, filepath.FromSlash(pkg))
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() && file != dir {
			return fs.SkipDir
		}
		if filepath.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil
		}
		for _, decl := range parsed.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok {
				out[receiver(f)+f.Name.Name] = true
			}
		}
		return nil
	})
	if err != nil || len(out) == 0 {
		t.Errorf("package %s is not in this toolchain: %v", pkg, err)
	}
	return out
}

func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil || len(f.Recv.List) == 0 {
		return ""
	}
	typ, pointer := f.Recv.List[0].Type, false
	if star, ok := typ.(*ast.StarExpr); ok {
		typ, pointer = star.X, true
	}
	if generic, ok := typ.(*ast.IndexExpr); ok {
		typ = generic.X
	}
	name, ok := typ.(*ast.Ident)
	switch {
	case !ok:
		return ""
	case pointer:
		return "(*" + name.Name + ")."
	}
	return name.Name + "."
}
