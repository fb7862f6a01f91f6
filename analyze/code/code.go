package code

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"go-debug/analyze/evidence"
)

// Result is what the source says about the blocked goroutines of a capture.
type Result struct {
	Sites []evidence.CodeSite // sorted
	// Blocked counts the places of the capture at which code of a program (not of the
	// standard library alone) is blocked, Found those of them that were found in the source.
	Blocked, Found int
}

// Inspect looks for the places at which goroutines of a capture are blocked in the source
// below dir, and says what is wrong there. The capture stays as it is. It fails when dir
// cannot be opened; source that cannot be parsed counts as not there.
func Inspect(ctx context.Context, set *evidence.Set, dir string) (res *Result, err error) {
	defer func() { // the parser and the checker read what anybody may have written
		if r := recover(); r != nil {
			res, err = nil, fmt.Errorf("source below %s could not be analysed: %v at %s", dir, r, panicSite())
		}
	}()
	t, err := openTree(dir)
	if err != nil {
		return nil, err
	}
	defer t.close()
	in := &inspection{ctx: ctx, tree: t, sites: sitesOf(set), files: map[evidence.Frame]string{}, sure: map[string]bool{}}
	in.locate(set)
	if len(in.files) == 0 {
		return in.result(nil), nil
	}
	return in.result(in.load()), nil
}

// panicSite is the line of this package at which a panic began.
func panicSite() string {
	for line := range strings.Lines(string(debug.Stack())) {
		if at, ok := strings.CutPrefix(strings.TrimSpace(line), "/"); ok && strings.Contains(at, "analyze/code/") && !strings.Contains(at, "/code.go:") {
			at, _, _ = strings.Cut(at, " ")
			return at[strings.LastIndex(at, "/")+1:]
		}
	}
	return "an unknown place"
}

// An inspection is one run of Inspect.
type inspection struct {
	ctx   context.Context
	tree  *tree
	sites []site
	files map[evidence.Frame]string // frames of the capture whose file is below the directory
	sure  map[string]bool           // files that a path or import path named
}

// locate maps the frames of the capture. Those of goroutines that are not blocked count as
// well: their packages may hold who forgets to stop the others.
func (in *inspection) locate(set *evidence.Set) {
	seen := map[evidence.Frame]bool{}
	look := func(f evidence.Frame) {
		if seen[f] || f.Std() || len(seen) > 100_000 {
			return
		}
		seen[f] = true
		if name, sure, ok := in.tree.locate(f); ok {
			in.files[f] = name
			in.sure[name] = in.sure[name] || sure
		}
	}
	for i := range set.Snapshots {
		for j := range set.Snapshots[i].Groups {
			g := &set.Snapshots[i].Groups[j]
			for _, f := range g.Stack {
				look(f)
			}
			look(g.CreatedBy)
		}
	}
	for _, s := range in.sites {
		for _, f := range s.stack {
			look(f)
		}
		look(s.creator)
	}
}

func (in *inspection) load() *program {
	l := newLoader(in.tree)
	names := make([]string, 0, len(in.files))
	for _, name := range in.files {
		names = append(names, name)
	}
	slices.Sort(names)
	names = slices.Compact(names)
	for _, name := range names {
		l.require(name)
	}
	for _, name := range names {
		l.loadFile(name)
	}
	l.loadImporters()
	return newProgram(l)
}

// result judges every place. Nothing is said of the same place twice.
func (in *inspection) result(p *program) *Result {
	res := &Result{}
	for i := range in.sites {
		s := in.sites[i]
		if in.ctx.Err() != nil {
			break
		}
		if _, user := s.stack.User(); user {
			res.Blocked++
		}
		if p == nil {
			continue
		}
		site, ok := in.judge(p, s)
		if !ok {
			continue
		}
		if _, user := s.stack.User(); user {
			res.Found++
		}
		if site.Pattern != "" || site.Why != "" || site.Invisible != "" || site.Timed != "" || site.Keyed != "" {
			res.Sites = append(res.Sites, site)
		}
	}
	evidence.SortCode(res.Sites)
	res.Sites = slices.Compact(res.Sites)
	return res
}

// judge looks at one place; ok is false when it is not part of the source.
func (in *inspection) judge(p *program, s site) (out evidence.CodeSite, ok bool) {
	at := s.blocking()
	out = evidence.CodeSite{Function: at.Function, File: at.File, Line: at.Line, Creator: s.creator.Function}
	if f, ok := in.judgeForeign(p, s); ok {
		p.fill(&out, f)
		return out, f.pattern != ""
	}
	pl, problem, ok := p.place(s, in.sites, in.files)
	if !ok {
		return out, false
	}
	if problem != "" {
		out.Why = problem
		return out, in.sure[in.files[in.first(s)]]
	}
	p.fill(&out, pl.judge())
	out.Invisible, out.Timed, out.Keyed = pl.invisible(), pl.timed(), pl.keyed()
	out.Certain = out.Certain && out.Keyed == ""
	return out, true
}

// first is the innermost frame of a site that is part of the source.
func (in *inspection) first(s site) evidence.Frame {
	for _, f := range s.stack {
		if _, ok := in.files[f]; ok {
			return f
		}
	}
	return evidence.Frame{}
}

// fill puts a finding into the form in which it leaves the package.
func (p *program) fill(out *evidence.CodeSite, f finding) {
	out.Pattern, out.Why, out.Fix, out.Certain = f.pattern, f.why, f.fix, f.certain
	if f.culprit != nil {
		out.Culprit = p.frame(f.culprit)
	}
	if f.before != f.after {
		out.Before, out.After = f.before, f.after
	}
}

// The goroutines that the standard library starts for a handle which the program has open.
const (
	readLoop  = "net/http.(*persistConn).readLoop"
	writeLoop = "net/http.(*persistConn).writeLoop"
)

// judgeForeign explains goroutines of the standard library alone: those that wait until
// the program closes a response body or rows.
func (in *inspection) judgeForeign(p *program, s site) (finding, bool) {
	if _, user := s.stack.User(); user {
		return finding{}, false
	}
	switch first := s.stack[len(s.stack)-1].Function; {
	case first == readLoop && s.wait == evidence.WaitSelect, first == writeLoop && in.bodiesOpen():
		return p.unreleased([]handle{responseBody}), true
	case strings.HasPrefix(first, "database/sql.(*Rows).awaitDone"), strings.HasPrefix(first, "database/sql.(*Tx).awaitDone"):
		return p.unreleased(databaseHandles), true
	}
	return finding{}, false
}

// bodiesOpen reports connections whose response is still being read: an idle one, or one
// without an answer yet, has its read loop in I/O.
func (in *inspection) bodiesOpen() bool {
	return slices.ContainsFunc(in.sites, func(s site) bool {
		return s.stack[len(s.stack)-1].Function == readLoop && s.wait == evidence.WaitSelect
	})
}
