package code

import (
	"context"
	"fmt"
	"go/ast"
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"go-debug/analyze/evidence"
)

// TestSweep judges every operation of every goroutine of the packages below $SWEEP.
func TestSweep(t *testing.T) {
	dir := os.Getenv("SWEEP")
	if dir == "" {
		t.Skip()
	}
	tr, err := openTree(dir)
	if err != nil {
		t.Fatal(err)
	}
	var dirs []string
	l := newLoader(tr)
	l.walk(".", func(name string) {
		d := path.Dir(name)
		if len(dirs) == 0 || dirs[len(dirs)-1] != d {
			dirs = append(dirs, d)
		}
	})
	counts := map[string]int{}
	start := time.Now()
	for _, d := range dirs {
		l := newLoader(tr)
		for _, n := range l.sources(d) {
			l.loadFile(path.Join(d, n))
		}
		l.loadImporters()
		p := newProgram(l)
		for _, f := range p.fns {
			if f.unit.dir != d {
				continue
			}
			for line := p.line(f.body.Pos()); line <= p.line(f.body.End()); line++ {
				for _, n := range p.opsAt(f, line) {
					if p.line(n.Pos()) != line {
						continue
					}
					sweepOne(p, f, n, counts)
				}
			}
		}
	}
	fmt.Println(counts, time.Since(start))
}

func sweepOne(p *program, f *fn, n ast.Node, counts map[string]int) {
	wait := evidence.WaitChanRecv
	switch n := n.(type) {
	case *ast.SendStmt:
		wait = evidence.WaitChanSend
	case *ast.SelectStmt:
		wait = evidence.WaitSelect
		for _, c := range n.Body.List {
			if c.(*ast.CommClause).Comm == nil {
				return
			}
		}
	case *ast.CallExpr:
		name := p.callName(n)
		if !strings.HasPrefix(name, "(*sync.") && name != "time.Sleep" || !strings.HasSuffix(name, "Lock") && !strings.HasSuffix(name, ".Wait") && name != "time.Sleep" || strings.Contains(name, "Try") || strings.Contains(name, "nlock") {
			return
		}
		wait = evidence.WaitMutex
	}
	if o := n; o != nil {
		if pc, ok := p.parent(n).(*ast.CommClause); ok && pc != nil {
			return
		}
		if st := p.statement(n); st == nil {
			return
		}
	}
	pl := &place{program: p, site: site{wait: wait, count: 10}, frames: []located{{fn: f}}, fn: f, node: n}
	if p.spawned(f) {
		pl.entry = f
		for _, s := range p.spawns {
			if s.target == f {
				if pl.spawn != nil {
					pl.spawn = nil
					break
				}
				pl.spawn = s
			}
		}
	}
	counts["places"]++
	res := pl.judge()
	if res.pattern == "" {
		return
	}
	counts[res.pattern]++
	at := p.frame(n)
	fmt.Printf("%s:%d [%s %v] %s\n", at.File, at.Line, res.pattern, res.certain, res.why)
	_ = context.Background
}
