package code

import (
	"go/ast"
	"go/types"

	"go-debug/analyze/evidence"
)

// A finding is what a judge says of a place. Without a pattern only why counts: what is
// known, or what stood in the way.
type finding struct {
	pattern       string
	why           string
	culprit       ast.Node
	fix           string
	before, after string
	certain       bool
}

// judge names the pattern of a place.
func (pl *place) judge() finding {
	switch n := pl.node.(type) {
	case *ast.SendStmt:
		return pl.judgeSend(n)
	case *ast.UnaryExpr:
		return pl.judgeReceive(n, n.X)
	case *ast.RangeStmt:
		return pl.judgeReceive(n, n.X)
	case *ast.SelectStmt:
		return pl.judgeSelect(n)
	case *ast.CallExpr:
		return pl.judgeCall(n)
	}
	return finding{}
}

func (pl *place) judgeCall(call *ast.CallExpr) finding {
	switch name := pl.callName(call); name {
	case "(*sync.Mutex).Lock", "(*sync.RWMutex).Lock", "(*sync.RWMutex).RLock", "(sync.Locker).Lock":
		return pl.judgeLock(call)
	case "(*sync.WaitGroup).Wait":
		return pl.judgeWait(call)
	case "time.Sleep":
		return pl.judgeLoop(call, "time.Sleep")
	}
	return pl.judgeLibrary(call)
}

// channel is the value that an expression of the blocked goroutine has, or nil. Where it is
// a parameter that several callers set, the stack says which one it was.
func (pl *place) channel(e ast.Expr) *value { return pl.resolve(e, pl.at) }

func (pl *place) resolve(e ast.Expr, frame int) *value {
	if v := pl.values.one(e); v != nil {
		return v
	}
	id, ok := ast.Unparen(e).(*ast.Ident)
	if !ok {
		return nil
	}
	obj := pl.info.ObjectOf(id)
	f := pl.frames[frame].fn
	for f != nil && obj != nil {
		if i := pl.parameter(f, obj); i >= 0 {
			return pl.argument(f, i, frame)
		}
		f = f.parent // a captured parameter
	}
	return nil
}

// argument is what the i-th parameter of a function on the stack was given.
func (pl *place) argument(f *fn, i, frame int) *value {
	if f == pl.entry {
		if pl.spawn == nil || pl.spawn.call == nil || i >= len(pl.spawn.call.Args) {
			return nil
		}
		return pl.values.one(pl.spawn.call.Args[i])
	}
	for next := frame + 1; next < len(pl.frames); next++ {
		if pl.frames[next].fn == nil {
			continue
		}
		call := pl.frames[next].call
		if call == nil || pl.callee(call) != f || i >= len(call.Args) {
			return nil
		}
		return pl.resolve(call.Args[i], next)
	}
	return nil
}

// parameter is the index of a parameter of a function, or -1.
func (p *program) parameter(f *fn, obj types.Object) int {
	params := p.values.signature(f).Params()
	for i := range params.Len() {
		if params.At(i) == obj {
			return i
		}
	}
	return -1
}

// absent reports an expression that no value of the program ever reaches: a channel that
// is never made.
func (p *program) absent(e ast.Expr) bool {
	return isChan(p.info.TypeOf(e)) && len(p.values.of(e)) == 0
}

// nilChannel speaks of a channel that is never made.
func (pl *place) nilChannel(e ast.Expr) finding {
	name := types.ExprString(e)
	reason := " is nil: nothing ever assigns a channel to it"
	if vs := pl.values.of(e); len(vs) > 0 { // the runtime has seen that it is nil
		reason = " is nil here, on a way that assigns no channel to it"
		if vs[0].node != nil {
			reason += " (" + pl.program.at(vs[0].node) + " does)"
		}
	}
	f := finding{pattern: evidence.PatternNilChannel, certain: true, culprit: pl.node, why: name + reason, fix: "make " + name + " before it is used"}
	v, ok := pl.object(e).(*types.Var)
	if !ok || pl.full && v.IsField() && v.Exported() {
		f.certain = false
		return f
	}
	spec, decl := pl.declaration(v)
	if spec == nil {
		return f
	}
	f.culprit = spec
	f.why = name + ", declared at " + pl.program.at(spec) + "," + reason
	if v.IsField() {
		f.fix = "make " + v.Name() + " where the struct is built"
	}
	vs, ok := spec.(*ast.ValueSpec)
	if !ok || decl == nil || !pl.absent(e) || len(vs.Names) != 1 || len(vs.Values) != 0 {
		return f
	}
	if typ, ok := vs.Type.(*ast.ChanType); ok {
		text := " = make(chan " + types.ExprString(typ.Value) + ")"
		if _, local := pl.parent(decl).(*ast.DeclStmt); local {
			f.before, f.after = pl.snippet(decl, decl, edit{decl.Pos(), decl.End(), v.Name() + " :" + text[1:]})
		} else {
			f.before, f.after = pl.snippet(decl, decl, edit{decl.Pos(), decl.End(), "var " + v.Name() + text})
		}
		f.fix = "make " + v.Name() + " where it is declared"
	}
	return f
}

// declaration is the field or variable specification of a variable, and the declaration
// that holds nothing else.
func (p *program) declaration(v *types.Var) (spec ast.Node, alone *ast.GenDecl) {
	file := p.sources[p.fset.File(v.Pos())]
	if file == nil {
		return nil, nil
	}
	ast.Inspect(file.ast, func(n ast.Node) bool {
		if n == nil || n.Pos() > v.Pos() || n.End() <= v.Pos() {
			return false
		}
		switch n := n.(type) {
		case *ast.GenDecl:
			if alone = nil; len(n.Specs) == 1 && !n.Lparen.IsValid() {
				alone = n
			}
		case *ast.ValueSpec, *ast.Field:
			spec = n
		}
		return true
	})
	return spec, alone
}
