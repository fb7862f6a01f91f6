package trace

import (
	"slices"
	"strings"

	"go-debug/analyze/evidence"
)

// handler finds the route: the outermost frame of the program's own inside the innermost one that hands a
// request to a handler, which is behind router and middleware.
func (r *stackReader) handler(s *requestStack, inside []stackFrame) {
	if n := len(inside); n > 0 && inside[n-1].class&nameEnding != 0 {
		return
	}
	from, rank := len(inside), rankForeign+1
	var routers []string // packages of dependencies that serve HTTP
	outer := ""          // the program's own function since the request was last handed on
	for i := len(inside) - 1; i >= 0; i-- {
		f := inside[i]
		switch {
		case f.class&nameExcluded != 0:
			s.excluded = true
			continue
		case f.class&nameHijack != 0:
			s.role = roleHijack
			continue
		case f.class&nameDispatch == 0 && r.own(f):
			if outer == "" {
				outer = r.text(f.function)
			}
			continue
		case f.class&nameDispatch == 0 && !r.routes(inside[:i+1], &routers, outer):
			continue
		}
		from, outer = i, ""
		rank = min(rank+1, 200)
	}
	if r.label(s, inside[:from], rank) || r.label(s, inside, rankForeign+1) {
		return
	}
	r.label(s, inside, rankForeign)
}

// routes reports a dependency's frame, the last one, that hands the request on: its ServeHTTP, and from there on what
// else of its package calls a function of the program's own, as routers do that have their own kind of handler and
// middleware. A closure of the function that called it is no handler but part of one.
func (r *stackReader) routes(inside []stackFrame, routers *[]string, outer string) bool {
	last := len(inside) - 1
	f := inside[last]
	if !isLibrary(r.t.text(f.file)) {
		return false
	}
	name := r.text(f.function)
	pkg := evidence.Frame{Function: name}.Package()
	if strings.HasSuffix(name, ".ServeHTTP") {
		*routers = append(*routers, pkg)
		return true
	}
	if last == 0 || !slices.Contains(*routers, pkg) || !r.own(inside[last-1]) {
		return false
	}
	return outer == "" || !strings.HasPrefix(r.text(inside[last-1].function), outer+".")
}

// own reports a frame of the program's own code.
func (r *stackReader) own(f stackFrame) bool {
	name := r.text(f.function)
	return name != "" && !(evidence.Frame{Function: name}).Std() && !isLibrary(r.t.text(f.file))
}

func (r *stackReader) label(s *requestStack, inside []stackFrame, rank uint8) bool {
	for i := len(inside) - 1; i >= 0; i-- {
		f := inside[i]
		name := r.text(f.function)
		if name == "" || f.class&nameDispatch != 0 {
			continue
		}
		if rank != rankForeign && !r.own(f) {
			continue
		}
		s.route, s.rank = r.names.route(name), rank
		return true
	}
	return false
}
