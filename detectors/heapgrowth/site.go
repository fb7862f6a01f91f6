package heapgrowth

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
)

// A site is what one line of the program has allocated and holds, by profile.
type site struct {
	location evidence.Frame
	stack    evidence.Stack // the one that holds most in the last profile that has it
	states   []state        // one a point
}

// state is a site in one profile.
type state struct {
	bytes, objects           float64 // in use
	variance                 float64 // of bytes, by sampling
	allocObjects, allocBytes float64
	top                      int64
}

// size is the bytes of an object.
func (s state) size() float64 { return s.bytes / math.Max(s.objects, 1) }

// sigma is the standard error of bytes.
func (s state) sigma() float64 { return math.Sqrt(s.variance) }

func (s *site) now() state { return s.states[len(s.states)-1] }

// sites attributes the profiles' stacks to lines of the program: its own innermost one, else that of
// a module that it depends on, else the innermost of the distribution that allocates for itself.
func (s *series) sites() []*site {
	lines := map[evidence.Frame]*site{}
	for i := range s.points {
		p := &s.points[i]
		for j := range p.Stacks {
			v := &p.Stacks[j]
			stack := p.Stack(v)
			at, ok := lineOf(stack)
			if !ok {
				continue
			}
			st := lines[at]
			if st == nil {
				st = &site{location: at, states: make([]state, len(s.points))}
				lines[at] = st
			}
			s.add(st, i, v, stack)
		}
	}
	out := make([]*site, 0, len(lines))
	for _, st := range lines {
		out = append(out, st)
	}
	slices.SortFunc(out, func(a, b *site) int {
		return cmp.Or(cmp.Compare(b.now().bytes, a.now().bytes), cmp.Compare(a.location.Function, b.location.Function),
			cmp.Compare(a.location.File, b.location.File), cmp.Compare(a.location.Line, b.location.Line))
	})
	return out
}

func (s *series) add(st *site, i int, v *evidence.ValueStack, stack evidence.Stack) {
	p, at := &s.points[i], &st.states[i]
	bytes, objects := float64(v.Values[p.bytes]), float64(v.Values[p.objects])
	at.bytes += bytes
	at.objects += objects
	at.variance += variance(bytes, objects, s.rate)
	if p.allocObjects >= 0 {
		at.allocObjects += float64(v.Values[p.allocObjects])
	}
	if p.allocBytes >= 0 {
		at.allocBytes += float64(v.Values[p.allocBytes])
	}
	if v.Values[p.bytes] > at.top || st.stack == nil {
		at.top, st.stack = v.Values[p.bytes], stack
	}
}

// variance is that of a number of bytes that sampling estimates. An object of s bytes is sampled with the chance
// p = 1 − exp(−s/rate), and stands for 1/p of them: n of them have a relative variance of (1−p)/(p·n). For
// objects much smaller than the rate that is rate/bytes, for larger ones it falls to 0.
func variance(bytes, objects, rate float64) float64 {
	if bytes <= 0 || objects <= 0 || rate <= 1 {
		return 0
	}
	size := bytes / objects
	chance := -math.Expm1(-size / rate)
	return bytes * size * (1 - chance) / chance
}

// lineOf is the line that a stack of a heap profile is blamed on; false where all of it is the runtime's.
func lineOf(stack evidence.Stack) (evidence.Frame, bool) {
	if at, ok := signature.Own(stack); ok {
		return at, true
	}
	for _, f := range stack {
		switch pkg := f.Package(); {
		case pkg == "", pkg == "runtime", strings.HasPrefix(pkg, "internal/"), strings.HasPrefix(pkg, "runtime/"), slices.Contains(holding, pkg):
		default:
			return f, true
		}
	}
	return evidence.Frame{}, false
}

// holding are packages that allocate for whoever calls them.
var holding = []string{"bufio", "bytes", "io", "maps", "slices", "strings", "sync"}

// isProgram reports a line that is not the distribution's.
func (s *site) isProgram() bool { return !s.location.Std() }
