package detectortest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"go-debug/analyze/signature"
)

// Signatures fails for each function that a signature names and that the toolchain at hand does not
// have: the runtime renames its functions now and then, and a signature that matches nothing any more
// looks like a clean program.
func Signatures(t *testing.T, signatures ...signature.Signature) {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Skipf("no toolchain to compare with: %v", err)
	}
	src := filepath.Join(strings.TrimSpace(string(out)), "src")
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
