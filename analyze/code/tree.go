package code

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"go-debug/analyze/evidence"
)

// maxFile bounds one source file; generated tables above it hold no goroutines.
const maxFile = 2 << 20

// A tree is the source directory. All access goes through an os.Root: nothing outside of
// it can be opened, and symbolic links inside it are refused.
type tree struct {
	root   *os.Root
	abs    []string // the directory's absolute names, with slashes
	module string   // of go.mod in the directory; empty without one
}

func openTree(dir string) (*tree, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open source directory: %w", err)
	}
	t := &tree{root: root}
	if abs, err := filepath.Abs(dir); err == nil {
		t.abs = append(t.abs, filepath.ToSlash(abs))
		if real, err := filepath.EvalSymlinks(abs); err == nil && real != abs {
			t.abs = append(t.abs, filepath.ToSlash(real))
		}
	}
	if mod, err := t.read("go.mod"); err == nil {
		t.module = ModulePath(mod)
	}
	return t, nil
}

func (t *tree) close() { t.root.Close() }

// ModulePath is the path that the text of a go.mod file declares, or "".
func ModulePath(gomod []byte) string {
	sc := bufio.NewScanner(strings.NewReader(string(gomod)))
	for sc.Scan() {
		line, _, _ := strings.Cut(sc.Text(), "//")
		f := strings.Fields(line)
		if len(f) != 2 || f[0] != "module" {
			continue
		}
		if p, err := strconv.Unquote(f[1]); err == nil {
			return p
		}
		return f[1]
	}
	return ""
}

// regular reports an existing regular file that is reached without a symbolic link.
func (t *tree) regular(name string) bool { return t.kind(name, 0) }

func (t *tree) isDir(name string) bool { return t.kind(name, fs.ModeDir) }

func (t *tree) kind(name string, want fs.FileMode) bool {
	if name == "." {
		return want == fs.ModeDir
	}
	if !fs.ValidPath(name) {
		return false
	}
	for i := 0; i <= len(name); i++ {
		if i < len(name) && name[i] != '/' {
			continue
		}
		mode := fs.FileMode(fs.ModeDir)
		if i == len(name) {
			mode = want
		}
		info, err := t.root.Lstat(name[:i])
		if err != nil || info.Mode().Type() != mode {
			return false
		}
	}
	return true
}

var errNotPlain = errors.New("no regular file of acceptable size")

// read returns a regular file of at most maxFile bytes.
func (t *tree) read(name string) ([]byte, error) {
	if !t.regular(name) {
		return nil, errNotPlain
	}
	f, err := t.root.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, errNotPlain
	}
	data, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFile {
		return nil, errNotPlain
	}
	return data, nil
}

// maxEntries bounds the listing of one directory.
const maxEntries = 4096

// list returns the entries of a directory, sorted by name.
func (t *tree) list(dir string) []fs.DirEntry {
	if !t.isDir(dir) {
		return nil
	}
	d, err := t.root.Open(dir)
	if err != nil {
		return nil
	}
	defer d.Close()
	entries, _ := d.ReadDir(maxEntries)
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries
}

// locate finds the file of a frame below the directory and returns its relative name. It
// is sure when the frame's path or import path names the file; a mere suffix of the path
// is a guess that the function and its line have to confirm.
func (t *tree) locate(f evidence.Frame) (name string, sure, ok bool) {
	file := strings.ReplaceAll(f.File, `\`, "/")
	if file == "" || f.Std() || !strings.HasSuffix(file, ".go") {
		return "", false, false
	}
	if name, ok := t.below(file); ok {
		return name, true, t.regular(name)
	}
	pkg := f.Package()
	if rest, ok := t.inModule(pkg); ok {
		if name := path.Join(rest, path.Base(file)); t.regular(name) {
			return name, true, true
		}
		if dir, ok := strings.CutSuffix(rest, "_test"); ok && t.regular(path.Join(dir, path.Base(file))) {
			return path.Join(dir, path.Base(file)), true, true
		}
	}
	if rest, ok := t.inModule(path.Dir(file)); ok { // as -trimpath writes package main
		if name := path.Join(rest, path.Base(file)); t.regular(name) {
			return name, true, true
		}
	}
	if name := path.Join("vendor", pkg, path.Base(file)); pkg != "main" && t.regular(name) {
		return name, true, true
	}
	name, ok = t.suffix(file, pkg)
	return name, false, ok
}

// below strips the directory's own absolute name.
func (t *tree) below(file string) (string, bool) {
	for _, abs := range t.abs {
		if name, ok := strings.CutPrefix(file, strings.TrimSuffix(abs, "/")+"/"); ok && fs.ValidPath(name) {
			return name, true
		}
	}
	return "", false
}

// inModule strips the module path from an import path.
func (t *tree) inModule(pkg string) (dir string, ok bool) {
	if t.module == "" {
		return "", false
	}
	if pkg == t.module {
		return ".", true
	}
	rest, ok := strings.CutPrefix(pkg, t.module+"/")
	return rest, ok && fs.ValidPath(rest)
}

// suffix tries the endings of an absolute path of another machine, the longest first.
// A file of a package other than main has to lie in a directory of the package's name.
func (t *tree) suffix(file, pkg string) (string, bool) {
	parts := strings.Split(strings.TrimPrefix(path.Clean(file), "/"), "/")
	if len(parts) > 64 {
		parts = parts[len(parts)-64:]
	}
	for i := range parts {
		name := strings.Join(parts[i:], "/")
		if pkg != "main" && !t.namedLike(path.Dir(name), pkg) {
			continue
		}
		if fs.ValidPath(name) && t.regular(name) {
			return name, true
		}
	}
	return "", false
}

// namedLike reports whether a directory can hold a package: its last element, and for
// the root the directory's own name, is the last one of the import path.
func (t *tree) namedLike(dir, pkg string) bool {
	last := path.Base(strings.TrimSuffix(pkg, "_test"))
	if dir != "." {
		return path.Base(dir) == last
	}
	return t.module == "" && len(t.abs) > 0 && path.Base(t.abs[0]) == last
}

// Belongs reports whether a frame is code of the module in dir (an absolute name): its
// import path, or for package main its file, says so.
func Belongs(f evidence.Frame, dir, module string) bool {
	if f.Std() {
		return false
	}
	file := strings.ReplaceAll(f.File, `\`, "/")
	within := func(p, root string) bool { return root != "" && (p == root || strings.HasPrefix(p, root+"/")) }
	return within(f.Package(), module) || within(path.Dir(file), module) || within(file, filepath.ToSlash(dir))
}
