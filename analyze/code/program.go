package code

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
)

// A fn is one function with a body: a declaration or a literal.
type fn struct {
	node   ast.Node // *ast.FuncDecl or *ast.FuncLit
	typ    *ast.FuncType
	body   *ast.BlockStmt
	decl   *ast.FuncDecl // the declaration around it; nil for a literal of a package variable
	parent *fn           // of a literal: the function that it stands in
	unit   *unit
	file   *sourceFile
}

// A callSite is a call of a known function.
type callSite struct {
	call *ast.CallExpr
	in   *fn // nil in the initialiser of a package variable
}

// A spawn is a statement that starts a goroutine.
type spawn struct {
	node    ast.Node      // *ast.GoStmt, or the *ast.CallExpr of errgroup.Go and its like
	call    *ast.CallExpr // whose arguments the goroutine gets; nil for errgroup.Go
	target  *fn           // nil when it is not part of the program
	in      *fn
	grouped bool // the starter itself counts it done: errgroup.Go, WaitGroup.Go
}

// A program is the loaded packages with what connects their functions.
type program struct {
	*loader
	fns     []*fn
	fileFns map[string][]*fn // by the name of their file
	byNode  map[ast.Node]*fn
	byObj   map[*types.Func]*fn
	callers map[*fn][]callSite
	asValue map[*fn]bool     // used without being called: callers are unknown
	methods map[string][]*fn // by name
	dynamic map[string]bool  // names of methods called without knowing whose
	spawns  []*spawn
	// funcCalls are the calls of function values without arguments: cancel functions.
	funcCalls    []*ast.CallExpr
	syncCalls    []callSite                    // calls of methods of package sync
	syncUses     map[types.Object][]*ast.Ident // of variables and fields of types of package sync
	literal      map[types.Object]*fn          // variables that hold one literal for ever
	initial      map[types.Object]ast.Expr     // what a variable was first set to
	written      map[types.Object]int          // assignments of a variable, its declaration with a value included
	writes       map[types.Object][]ast.Expr   // the same, as they are written
	stepped      map[types.Object][]ast.Node   // where a variable is stepped: i++, n -= 1
	parents      map[*sourceFile]map[ast.Node]ast.Node
	sources      map[*token.File]*sourceFile
	asked        map[*fn]map[string]int   // see conditions
	locks        map[types.Object]finding // what is known of the users of a mutex
	constantArgs map[types.Object]bool    // parameters for which a caller gives a constant
	starting     map[*fn]bool             // see runsAtStart
	values       *valueGraph
	ops          map[*value][]*op
	globals      []*types.Var
}

func newProgram(l *loader) *program {
	p := &program{loader: l, fileFns: map[string][]*fn{}, byNode: map[ast.Node]*fn{}, byObj: map[*types.Func]*fn{}, callers: map[*fn][]callSite{},
		asValue: map[*fn]bool{}, methods: map[string][]*fn{}, dynamic: map[string]bool{}, literal: map[types.Object]*fn{}, initial: map[types.Object]ast.Expr{}, written: map[types.Object]int{}, writes: map[types.Object][]ast.Expr{}, stepped: map[types.Object][]ast.Node{},
		parents: map[*sourceFile]map[ast.Node]ast.Node{}, sources: map[*token.File]*sourceFile{}, syncUses: map[types.Object][]*ast.Ident{}, starting: map[*fn]bool{}, asked: map[*fn]map[string]int{}, locks: map[types.Object]finding{}, constantArgs: map[types.Object]bool{}}
	for _, u := range l.order {
		for _, f := range u.files {
			p.sources[l.fset.File(f.ast.Pos())] = f
			p.collect(u, f)
		}
	}
	for _, u := range l.order {
		for _, f := range u.files {
			p.assignments(f.ast)
		}
	}
	for _, u := range l.order {
		for _, f := range u.files {
			p.connect(f)
		}
	}
	p.values = newValueGraph(p)
	return p
}

// collect registers the functions of a file.
func (p *program) collect(u *unit, file *sourceFile) {
	var within []*fn
	var stack []ast.Node
	ast.Inspect(file.ast, func(n ast.Node) bool {
		if n == nil {
			last := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			if len(within) > 0 && within[len(within)-1].node == last {
				within = within[:len(within)-1]
			}
			return true
		}
		stack = append(stack, n)
		var f *fn
		switch n := n.(type) {
		case *ast.FuncDecl:
			if n.Body == nil {
				return true
			}
			f = &fn{node: n, typ: n.Type, body: n.Body, decl: n}
			if obj, ok := p.info.Defs[n.Name].(*types.Func); ok {
				p.byObj[obj] = f
			}
			if n.Recv != nil {
				p.methods[n.Name.Name] = append(p.methods[n.Name.Name], f)
			}
		case *ast.FuncLit:
			f = &fn{node: n, typ: n.Type, body: n.Body}
			if len(within) > 0 {
				f.parent = within[len(within)-1]
				f.decl = f.parent.decl
			}
		default:
			return true
		}
		f.unit, f.file = u, file
		p.fns = append(p.fns, f)
		file.fns = append(file.fns, f)
		p.fileFns[file.name] = append(p.fileFns[file.name], f)
		p.byNode[n] = f
		within = append(within, f)
		return true
	})
}

// assignments counts how often variables are written, and finds those that hold one
// function literal.
func (p *program) assignments(file *ast.File) {
	write := func(lhs, rhs ast.Expr) {
		obj := p.object(lhs)
		if obj == nil {
			return
		}
		if p.written[obj]++; p.written[obj] == 1 {
			p.initial[obj] = rhs
		}
		p.writes[obj] = append(p.writes[obj], lhs)
		if lit, ok := ast.Unparen(orNil(rhs)).(*ast.FuncLit); ok && p.written[obj] == 1 {
			p.literal[obj] = p.byNode[lit]
		} else {
			delete(p.literal, obj)
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.AssignStmt:
			for i, lhs := range n.Lhs {
				if len(n.Lhs) == len(n.Rhs) {
					write(lhs, n.Rhs[i])
				} else {
					write(lhs, nil)
				}
				if n.Tok != token.ASSIGN && n.Tok != token.DEFINE {
					p.stepped[p.object(lhs)] = append(p.stepped[p.object(lhs)], n)
				}
			}
		case *ast.IncDecStmt:
			write(n.X, nil)
			p.stepped[p.object(n.X)] = append(p.stepped[p.object(n.X)], n)
		case *ast.RangeStmt:
			if n.Key != nil {
				write(n.Key, nil)
			}
			if n.Value != nil {
				write(n.Value, nil)
			}
		case *ast.ValueSpec:
			for i, name := range n.Names {
				if i < len(n.Values) {
					write(name, n.Values[i])
				} else if len(n.Values) > 0 {
					write(name, nil)
				}
			}
		case *ast.FuncType:
			for _, field := range n.Params.List {
				for _, name := range field.Names {
					write(name, nil)
				}
			}
		case *ast.UnaryExpr:
			if n.Op == token.AND {
				write(n.X, nil) // may be written through the pointer
			}
		}
		return true
	})
	delete(p.stepped, nil)
}

func orNil(e ast.Expr) ast.Expr {
	if e == nil {
		return (*ast.BadExpr)(nil)
	}
	return e
}

// connect finds the calls and go statements of a file.
func (p *program) connect(file *sourceFile) {
	var within []ast.Node
	var in []*fn
	spawned := map[*ast.CallExpr]*ast.GoStmt{}
	called := map[*ast.Ident]bool{}
	ast.Inspect(file.ast, func(n ast.Node) bool {
		if n == nil {
			if p.byNode[within[len(within)-1]] != nil {
				in = in[:len(in)-1]
			}
			within = within[:len(within)-1]
			return true
		}
		within = append(within, n)
		if f := p.byNode[n]; f != nil {
			in = append(in, f)
		}
		switch n := n.(type) {
		case *ast.GoStmt:
			spawned[n.Call] = n
		case *ast.CallExpr:
			var caller *fn
			if len(in) > 0 {
				caller = in[len(in)-1]
			}
			if id := calleeIdent(n); id != nil {
				called[id] = true
			}
			if name := p.callName(n); starters[name] || name == "(*sync.Once).Do" {
				for _, arg := range n.Args {
					if id := calleeIdent(&ast.CallExpr{Fun: arg}); id != nil {
						called[id] = true
					}
				}
			}
			p.connectCall(n, caller, spawned[n])
		case *ast.Ident:
			if v, ok := p.info.Uses[n].(*types.Var); ok && inSync(v.Type()) {
				p.syncUses[v.Origin()] = append(p.syncUses[v.Origin()], n)
			}
			if obj, ok := p.info.Uses[n].(*types.Func); ok && !called[n] {
				if f := p.byObj[obj.Origin()]; f != nil {
					p.asValue[f] = true
				}
			}
			if f := p.literal[p.info.Uses[n]]; f != nil && !called[n] {
				p.asValue[f] = true
			}
		}
		return true
	})
}

// parentsOf maps the nodes of a file to those around them. It is made for the few files
// that a place leads to.
func (p *program) parentsOf(file *sourceFile) map[ast.Node]ast.Node {
	if file == nil {
		return nil
	}
	if m, ok := p.parents[file]; ok {
		return m
	}
	m := map[ast.Node]ast.Node{}
	var stack []ast.Node
	ast.Inspect(file.ast, func(n ast.Node) bool {
		if n == nil {
			stack = stack[:len(stack)-1]
			return true
		}
		if len(stack) > 0 {
			m[n] = stack[len(stack)-1]
		}
		stack = append(stack, n)
		return true
	})
	p.parents[file] = m
	return m
}

// parent is the node around another one of the same file.
func (p *program) parent(n ast.Node) ast.Node { return p.parentsOf(p.sourceOf(n))[n] }

func (p *program) sourceOf(n ast.Node) *sourceFile { return p.sources[p.fset.File(n.Pos())] }

// enclosing is the function around a node; nil outside of functions.
func (p *program) enclosing(n ast.Node) *fn {
	file := p.sourceOf(n)
	if file == nil {
		return nil
	}
	for _, f := range slices.Backward(file.fns) { // in the order of their beginnings
		if f.node != n && f.node.Pos() <= n.Pos() && n.Pos() < f.node.End() {
			return f
		}
	}
	return nil
}

// spawned reports a function that some statement starts as a goroutine.
func (p *program) spawned(f *fn) bool {
	return slices.ContainsFunc(p.spawns, func(s *spawn) bool { return s.target == f })
}

func inSync(t types.Type) bool {
	if ptr, ok := t.(*types.Pointer); ok {
		t = ptr.Elem()
	}
	n, ok := t.(*types.Named)
	return ok && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == "sync"
}
