package code

import (
	"go/ast"
	"go/token"
	"slices"
	"strings"

	"go-debug/analyze/evidence"
)

// A place is a site found in the source.
type place struct {
	*program
	site
	files  map[evidence.Frame]string
	frames []located
	at     int      // index in frames of the innermost frame that is part of the program
	fn     *fn      // the function of that frame
	node   ast.Node // what blocks: a send, receive, range, select or call
	others []site   // all blocked places of the capture
	entry  *fn      // what the goroutine started with; nil when that is not part of the program
	spawn  *spawn   // what started it; nil when unknown
}

// A located frame is one that was found in the source.
type located struct {
	fn   *fn
	call *ast.CallExpr // the call of the next inner frame; nil in the blocking frame
}

const differs = "source differs: "

// place finds a site's operation. The problem says why it could not, for people; ok is
// false when no frame belongs to the program at all.
func (p *program) place(s site, others []site, files map[evidence.Frame]string) (pl *place, problem string, ok bool) {
	pl = &place{program: p, site: s, others: others, files: files, frames: make([]located, len(s.stack)), at: -1}
	for i, f := range s.stack {
		name, ok := files[f]
		if !ok {
			continue
		}
		fn := p.find(name, f)
		if fn == nil {
			return pl, differs + "no " + f.Function + " at " + p.placeName(name, f.Line), true
		}
		pl.frames[i].fn = fn
		if pl.at >= 0 {
			pl.frames[i].call = pl.callOf(i)
			continue
		}
		pl.at, pl.fn = i, fn
		if pl.byRuntime() {
			return pl, "", true
		}
		if pl.node = pl.operation(); pl.node == nil {
			return pl, differs + "nothing at " + p.placeName(name, f.Line) + " can block like the goroutine does", true
		}
	}
	if pl.at < 0 {
		return nil, "", false
	}
	problem = pl.start()
	return pl, problem, true
}

func (p *program) placeName(file string, line int) string {
	f := evidence.Frame{Function: "main.x", File: file, Line: line}
	return f.ShortFile() + ":" + itoa(line)
}

// find is the function of a file that a frame names. Its line has to lie within it.
func (p *program) find(file string, f evidence.Frame) *fn {
	decl, depth := splitName(f.Function)
	var found *fn
	for _, g := range p.fileFns[file] {
		if p.line(g.node.Pos()) > f.Line || p.line(g.node.End()) < f.Line || g.depth() != depth || !names(decl, g) {
			continue
		}
		if found != nil {
			if len(p.opsAt(g, f.Line)) == 0 {
				continue
			}
		}
		found = g
	}
	return found
}

// depth is how many function literals a function is nested in, itself included.
func (f *fn) depth() int {
	n := 0
	for g := f; g != nil; g = g.parent {
		if _, ok := g.node.(*ast.FuncLit); ok {
			n++
		}
	}
	return n
}

// splitName splits a runtime function name without its package into the declaration and
// the number of literals in it: "(*Server).run.func1.2" is (*Server).run and 2. Wrappers
// that the compiler makes count as what they wrap.
func splitName(function string) (decl string, depth int) {
	name := evidence.NormalFunction(function)
	name = name[strings.LastIndexByte(name, '/')+1:]
	_, name, _ = strings.Cut(name, ".")
	name = strings.ReplaceAll(strings.TrimSuffix(name, "-fm"), "[...]", "")
	parts := strings.Split(name, ".")
	for i, part := range parts {
		if j := strings.Index(part, "-range"); j > 0 {
			part = part[:j]
		}
		if i > 0 && (part == "func" || strings.HasPrefix(part, "func") && digits(part[4:])) {
			depth++
			continue
		}
		if i > 0 && (part == "gowrap" || part == "deferwrap") {
			continue
		}
		if decl != "" {
			decl += "."
		}
		decl += part
	}
	return decl, depth
}

func digits(s string) bool { return strings.Trim(s, "0123456789") == "" }

// names reports whether a declaration's name as the runtime has it can be that of a
// function. A literal of an inlined function has its caller's name before it: main.fetch.
func names(decl string, f *fn) bool {
	if f.decl == nil {
		return decl == "init" || strings.HasPrefix(decl, "glob") || strings.HasPrefix(decl, "init.")
	}
	name := declName(f.decl)
	return decl == name || strings.HasSuffix(decl, "."+name)
}

// start finds how the goroutine began.
func (pl *place) start() string {
	for i := len(pl.stack) - 1; i >= pl.at && pl.entry == nil; i-- {
		if f := pl.frames[i].fn; f != nil && !isWrapper(pl.stack[i].Function) {
			if i == len(pl.stack)-1 || pl.spawned(f) {
				pl.entry = f
			}
			break
		}
		if !isWrapper(pl.stack[i].Function) && !strings.HasSuffix(evidence.NormalFunction(pl.stack[i].Function), ".Go.func") {
			break
		}
	}
	if pl.entry == nil {
		return ""
	}
	name, known := pl.files[pl.creator]
	var fits []*spawn
	indirect := false // a go statement there whose function nobody knows
	for _, s := range pl.spawns {
		at := pl.position(s.node.Pos())
		there := at.Filename == name && at.Line <= pl.creator.Line && pl.creator.Line <= pl.line(s.node.End())
		switch {
		case known && !there:
		case s.target == pl.entry:
			fits = append(fits, s)
		case known && s.target == nil:
			indirect = true
		}
	}
	if len(fits) == 1 {
		pl.spawn = fits[0]
	}
	if known && len(fits) == 0 && !indirect {
		return differs + "no go statement at " + pl.placeName(name, pl.creator.Line) + " starts " + title(pl.entry)
	}
	return ""
}

func isWrapper(function string) bool {
	i := strings.LastIndex(function, ".gowrap")
	return i >= 0 && digits(function[i+len(".gowrap"):])
}

// opsAt lists what may block on a line of a function, nested functions left out: sends,
// receives, ranges over channels, selects and calls.
func (p *program) opsAt(f *fn, line int) []ast.Node {
	var out []ast.Node
	within := func(from, to token.Pos) bool { return p.line(from) <= line && line <= p.line(to) }
	inspectBody(f, func(n ast.Node) {
		switch n := n.(type) {
		case *ast.SendStmt:
			if within(n.Pos(), n.Value.Pos()) {
				out = append(out, n)
			}
		case *ast.UnaryExpr:
			if n.Op == token.ARROW && within(n.Pos(), n.End()) {
				out = append(out, n)
			}
		case *ast.RangeStmt:
			if t := p.info.TypeOf(n.X); (t == nil || isChan(t)) && within(n.Pos(), n.X.End()) {
				out = append(out, n)
			}
		case *ast.SelectStmt:
			if p.line(n.Pos()) == line {
				out = append(out, n)
			}
		case *ast.CallExpr:
			if within(n.Pos(), n.End()) {
				out = append(out, n)
			}
		}
	})
	return out
}

// inspectBody visits the nodes of a function without those of the literals in it.
func inspectBody(f *fn, visit func(ast.Node)) {
	ast.Inspect(f.body, func(n ast.Node) bool {
		if _, ok := n.(*ast.FuncLit); ok {
			return false
		}
		if n != nil {
			visit(n)
		}
		return true
	})
}

// operation is what blocks in the innermost frame: the only thing on its line that can
// block as the goroutine does, or nil.
func (pl *place) operation() ast.Node {
	if isWrapper(pl.stack[pl.at].Function) {
		return pl.wrapped()
	}
	inner := pl.inner()
	var found []ast.Node
	for _, n := range pl.opsAt(pl.fn, pl.stack[pl.at].Line) {
		if pl.fits(n, inner) {
			found = append(found, n)
		}
	}
	return innermost(found)
}

// wrapped is the call of the go statement that a wrapper was made for.
func (pl *place) wrapped() ast.Node {
	var found ast.Node
	inspectBody(pl.fn, func(n ast.Node) {
		if g, ok := n.(*ast.GoStmt); ok && pl.line(g.Pos()) <= pl.stack[pl.at].Line && pl.stack[pl.at].Line <= pl.line(g.End()) {
			found = g.Call
		}
	})
	return found
}

// inner is the function that the innermost frame of the program waits in; empty when it
// waits in a channel operation of its own.
func (pl *place) inner() string {
	for i := pl.at - 1; i >= 0; i-- {
		if !ofRuntime(pl.stack[i]) {
			return pl.stack[i].Function
		}
	}
	if pl.wait == evidence.WaitSleep {
		return "time.Sleep"
	}
	return ""
}

func ofRuntime(f evidence.Frame) bool {
	pkg := f.Package()
	return pkg == "" || pkg == "runtime" || strings.HasPrefix(pkg, "internal/runtime/")
}

// byRuntime reports a wait that no operation of the program asks for: an allocation that
// helps the collector, a goroutine that waits for the world to be stopped.
func (pl *place) byRuntime() bool {
	if pl.inner() != "" {
		return false
	}
	switch pl.wait {
	case evidence.WaitChanSend, evidence.WaitChanRecv, evidence.WaitChan, evidence.WaitNilChan, evidence.WaitSelect, evidence.WaitNoCases, evidence.WaitSleep:
		return false
	}
	return true
}

func (pl *place) fits(n ast.Node, inner string) bool {
	if call, ok := n.(*ast.CallExpr); ok {
		if inner == "" {
			return false
		}
		called, depth := splitName(inner)
		if depth > 0 {
			return true // a literal of another package: whatever was called there
		}
		id := calleeIdent(call)
		return id != nil && id.Name == called[strings.LastIndexByte(called, '.')+1:]
	}
	if inner != "" {
		return false
	}
	switch pl.wait {
	case evidence.WaitChanSend:
		return is[*ast.SendStmt](n)
	case evidence.WaitChanRecv:
		return is[*ast.UnaryExpr](n) || is[*ast.RangeStmt](n)
	case evidence.WaitChan, evidence.WaitNilChan:
		return is[*ast.SendStmt](n) || is[*ast.UnaryExpr](n) || is[*ast.RangeStmt](n)
	case evidence.WaitSelect, evidence.WaitNoCases:
		return is[*ast.SelectStmt](n)
	}
	return false
}

func is[T ast.Node](n ast.Node) bool { _, ok := n.(T); return ok }

// innermost is the node that all others on the line contain, or nil when several stand
// side by side.
func innermost(list []ast.Node) ast.Node {
	var best ast.Node
	for _, n := range list {
		if best == nil || best.Pos() <= n.Pos() && n.End() <= best.End() {
			best = n
		}
	}
	for _, n := range list {
		if n != best && (n.Pos() > best.Pos() || best.End() > n.End()) {
			return nil
		}
	}
	return best
}

// callOf is the call in frame i that leads to the next inner frame of the program.
func (pl *place) callOf(i int) *ast.CallExpr {
	inner := pl.frames[i-1].fn
	if inner == nil {
		return nil
	}
	var found *ast.CallExpr
	for _, n := range pl.opsAt(pl.frames[i].fn, pl.stack[i].Line) {
		if call, ok := n.(*ast.CallExpr); ok && pl.callee(call) == inner {
			if found != nil {
				return nil
			}
			found = call
		}
	}
	return found
}

// stillThere counts the goroutines that are blocked in a function elsewhere than at the
// given nodes: they have not left it.
func (pl *place) stillThere(f *fn, except ...ast.Node) int64 {
	var n int64
	for _, s := range pl.others {
		for _, frame := range s.stack {
			name, ok := pl.files[frame]
			if !ok || pl.find(name, frame) != f {
				continue
			}
			waiting := slices.ContainsFunc(except, func(e ast.Node) bool {
				return pl.line(e.Pos()) <= frame.Line && frame.Line <= pl.line(e.End())
			})
			if !waiting {
				n += s.count
			}
			break
		}
	}
	return n
}

// oneEach reports that for each blocked goroutine there is about one of n others: those
// that it waits for have not returned, they are stuck. Under load there are others, and
// their number is another.
func (pl *place) oneEach(n int64) bool { return 10*n >= 9*pl.count && 9*n <= 10*pl.count }
