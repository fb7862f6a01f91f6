package evidence

import (
	"path"
	"strings"
)

// Frame is one function on a stack.
type Frame struct {
	Function string `json:"function"` // as the runtime names it: net/http.(*conn).serve
	File     string `json:"file"`     // as the capture records it, often absolute
	Line     int    `json:"line"`     // 0 when unknown
	// Foreign is set for frames that a focus leaves out: see Set.Narrow.
	Foreign bool `json:"foreign,omitempty"`
}

// IsZero reports whether nothing is known of the frame.
func (f Frame) IsZero() bool { return f.Function == "" && f.File == "" && f.Line == 0 }

// Package is the import path of the frame's function: "net/http", "main",
// "example.com/app/store". The runtime escapes dots in the last path element as %2e. What the compiler makes to compare and
// to hash values (type:.eq.T) belongs to no package, of whichever T is.
func (f Frame) Package() string {
	name := f.Function
	if strings.HasPrefix(name, "type:.") || strings.HasPrefix(name, "type..") { // before go1.20
		return ""
	}
	if i := strings.IndexByte(name, '['); i >= 0 { // type arguments may hold slashes
		name = name[:i]
	}
	slash := strings.LastIndexByte(name, '/')
	dot := strings.IndexByte(name[slash+1:], '.')
	if dot < 0 {
		return ""
	}
	return strings.ReplaceAll(name[:slash+1+dot], "%2e", ".")
}

// ShortFile is the file as a person names it: the base name for package main, else the
// last element of the package path and the base name ("store/rows.go").
func (f Frame) ShortFile() string {
	file := strings.ReplaceAll(f.File, `\`, "/")
	if file == "" {
		return ""
	}
	base := path.Base(file)
	pkg := f.Package()
	if pkg == "" || pkg == "main" {
		return base
	}
	return path.Base(pkg) + "/" + base
}

// stdRoots are the first path elements of the standard library's packages.
var stdRoots = func() map[string]bool {
	m := map[string]bool{}
	for _, s := range strings.Fields(`archive bufio bytes cmp compress container context crypto database
		debug embed encoding errors expvar flag fmt go hash html image index internal io iter log maps
		math mime net os path plugin reflect regexp runtime slices sort strconv strings structs sync
		syscall testing text time unicode unique unsafe vendor weak`) {
		m[s] = true
	}
	return m
}()

// Std reports whether the frame belongs to the Go distribution (runtime and standard
// library). Frames without a package, such as assembly stubs, count as the runtime's.
func (f Frame) Std() bool {
	pkg := f.Package()
	if pkg == "" {
		return true
	}
	root, _, _ := strings.Cut(pkg, "/")
	return stdRoots[root]
}

// Stack is a call stack, the innermost frame first.
type Stack []Frame

// User is the innermost frame that is not the Go distribution's, or false.
func (s Stack) User() (Frame, bool) {
	for _, f := range s {
		if !f.Std() {
			return f, true
		}
	}
	return Frame{}, false
}

// Functions are the function names, innermost first.
func (s Stack) Functions() []string {
	out := make([]string, len(s))
	for i, f := range s {
		out[i] = f.Function
	}
	return out
}

// Contains reports whether any frame's function has the given name.
func (s Stack) Contains(function string) bool {
	for _, f := range s {
		if f.Function == function {
			return true
		}
	}
	return false
}

// NormalFunction strips what changes with an unrelated edit: the numbers of closures
// (f.func3.1 becomes f.func.func), of the bodies of range-over-func loops (f-range2) and of
// the compiler's wrappers (f.gowrap2, f.deferwrap1), and type arguments. Fingerprints and
// group keys use it.
func NormalFunction(name string) string {
	name = withoutTypeArguments(name)
	slash := strings.LastIndexByte(name, '/')
	parts := strings.Split(name[slash+1:], ".")
	for i := 1; i < len(parts); i++ {
		parts[i] = normalPart(parts[i])
	}
	return name[:slash+1] + strings.Join(parts, ".")
}

func withoutTypeArguments(name string) string {
	if strings.IndexByte(name, '[') < 0 {
		return name
	}
	var b strings.Builder
	depth := 0
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '[':
			if depth == 0 {
				b.WriteString("[...]")
			}
			depth++
		case c == ']' && depth > 0:
			depth--
		case depth == 0:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// normalPart takes the number off one part of a name that the compiler has numbered.
func normalPart(part string) string {
	head := strings.TrimRight(part, "0123456789")
	switch {
	case head == part:
		return part
	case head == "", head == "func":
		return "func"
	case head == "gowrap", head == "deferwrap", strings.HasSuffix(head, "-range"):
		head, loop := strings.CutSuffix(head, "-range")
		if !loop {
			return head
		}
		return normalPart(head) + "-range"
	}
	return part
}

// IsWrapper reports a function that the compiler made of a go or defer statement with
// arguments. Dumps show it or not depending on GOTRACEBACK, and on the Go version.
func (f Frame) IsWrapper() bool {
	i := strings.LastIndexByte(f.Function, '.')
	part := normalPart(f.Function[i+1:])
	return i > 0 && (part == "gowrap" || part == "deferwrap")
}
