package code

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"go-debug/analyze/evidence"
)

// maxSites bounds the places that one run looks at: those with the most goroutines.
const maxSites = 400

// A site is one way in which goroutines of a capture are blocked.
type site struct {
	wait    evidence.Wait
	stack   evidence.Stack // without the runtime's outermost frames
	creator evidence.Frame // the go statement; zero when the capture has no creators
	count   int64          // in the capture that has the most
	leaked  bool           // the runtime says that nothing can ever wake it
}

// sitesOf lists the blocked places of the snapshots and of the trace, each once. Goroutine
// 1 is left out: it ends with the process.
func sitesOf(set *evidence.Set) []site {
	c := &collector{sites: map[string]*site{}}
	for i := range set.Snapshots {
		for j := range set.Snapshots[i].Groups {
			g := &set.Snapshots[i].Groups[j]
			if len(g.IDs) == 1 && g.IDs[0] == 1 {
				continue
			}
			leaked := g.Leaked > 0 || set.Snapshots[i].Kind == evidence.GoroutineLeak
			c.add(site{wait: g.Wait, stack: g.Stack, creator: g.CreatedBy, count: int64(g.Count), leaked: leaked})
		}
	}
	if t := set.Trace; t != nil {
		for _, s := range t.Sites {
			var creator evidence.Frame
			if st := t.StackOf(s.Stack); len(st) > 0 {
				creator = st[0]
			}
			for _, parked := range s.Parked {
				stack := t.StackOf(parked.Stack)
				c.add(site{wait: evidence.WaitOf(stack), stack: stack, creator: creator, count: parked.Count})
			}
		}
		for i := range t.Blocks {
			if b := &t.Blocks[i]; b.Open.Count > 0 {
				c.add(site{wait: b.Wait, stack: t.StackOf(b.Stack), count: b.Open.Count})
			}
		}
	}
	return c.sorted()
}

type collector struct{ sites map[string]*site }

func (c *collector) add(s site) {
	if inferred := evidence.WaitOf(s.stack); inferred != evidence.WaitNone && s.wait != evidence.WaitNilChan && s.wait != evidence.WaitNoCases {
		s.wait = inferred // a "semacquire" or a "sync" says less than the stack
	}
	switch s.wait {
	case evidence.WaitNone, evidence.WaitSystem, evidence.WaitGC:
		return
	}
	if n := len(s.stack); n > 0 && s.stack[n-1].Function == "runtime.goexit" {
		s.stack = s.stack[:n-1]
	}
	if n := len(s.stack); n == 0 || s.stack[n-1].Function == "runtime.main" || s.creator.IsZero() && s.stack[n-1].Function == "main.main" {
		return
	}
	key := s.key()
	have, ok := c.sites[key]
	if !ok {
		c.sites[key] = &s
		return
	}
	have.count = max(have.count, s.count)
	have.leaked = have.leaked || s.leaked
	if s.wait == evidence.WaitNilChan {
		have.wait = s.wait // only dumps with states know that
	}
}

// key tells places apart: the program's part of the stack, and the go statement.
func (s *site) key() string {
	var b strings.Builder
	for _, f := range s.stack {
		if f.Package() != "runtime" {
			b.WriteString(f.Function + "@" + f.File + ":" + strconv.Itoa(f.Line) + "\n")
		}
	}
	b.WriteString(s.creator.Function + "@" + s.creator.File + ":" + strconv.Itoa(s.creator.Line))
	return b.String()
}

// sorted drops places that are known with their creator already, and keeps the most populous.
func (c *collector) sorted() []site {
	with := map[string]bool{}
	for _, s := range c.sites {
		if !s.creator.IsZero() {
			anonymous := *s
			anonymous.creator = evidence.Frame{}
			with[anonymous.key()] = true
		}
	}
	keys := make([]string, 0, len(c.sites))
	for k, s := range c.sites {
		if !s.creator.IsZero() || !with[k] {
			keys = append(keys, k)
		}
	}
	slices.SortFunc(keys, func(a, b string) int {
		return cmp.Or(cmp.Compare(c.sites[b].count, c.sites[a].count), cmp.Compare(a, b))
	})
	var out []site
	for _, k := range keys[:min(len(keys), maxSites)] {
		out = append(out, *c.sites[k])
	}
	return out
}

// blocking is the innermost frame of the program, as a capture's reader would name the
// place; for stacks of the standard library alone it is the goroutine's first function.
func (s *site) blocking() evidence.Frame {
	if f, ok := s.stack.User(); ok {
		return f
	}
	return s.stack[len(s.stack)-1]
}
