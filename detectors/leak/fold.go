package leak

import (
	"cmp"
	"math"
	"slices"
	"strings"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

// folded are the candidates to report, each with those that have the same cause as its companions.
//
// Two candidates have one cause when something ties them together and their goroutines come one to
// one. The tie is in the code: they are started by one function, or one of them is started by a function
// that the other is in, or they run nothing but one library. Goroutines that wait for a group of others follow
// those they wait for whatever their numbers. Numbers alone tie nothing: two handlers that are called equally often leak equally often.
func (s *survey) folded() []*candidate {
	var found []*candidate
	for _, c := range s.sorted() {
		if c.sure > 0 {
			found = append(found, c)
		}
	}
	// The order must not depend on counts or confidence, or a finding would change its name
	// from one capture to the next.
	slices.SortStableFunc(found, func(a, b *candidate) int {
		return cmp.Or(cmp.Compare(a.causal(), b.causal()), cmp.Compare(a.key, b.key))
	})
	var out []*candidate
	for _, c := range found {
		if i := slices.IndexFunc(out, func(lead *candidate) bool { return lead.leads(c) }); i >= 0 {
			out[i].companions = append(out[i].companions, c)
			continue
		}
		out = append(out, c)
	}
	for _, c := range out {
		c.sure = s.together(c)
	}
	return out
}

// together is the confidence of a candidate with its companions: that of the surest. But goroutines
// that come with others which read a connection are as likely the sessions of peers, which
// end when the peers like, unless more than their silence speaks against them.
func (s *survey) together(c *candidate) analyze.Confidence {
	sure, sessions, more := analyze.Confidence(0), false, false
	for _, member := range append([]*candidate{c}, c.companions...) {
		sure = max(sure, member.sure)
		sessions = sessions || member.readsPeer()
		more = more || member.certain() || s.survived(member) > 0
	}
	if sessions && sure == analyze.Likely && !more {
		c.session = true
		return analyze.Possible
	}
	return sure
}

// readsPeer reports goroutines that wait for input from a connection other than that of an HTTP client.
func (c *candidate) readsPeer() bool {
	return c.class == evidence.WaitIO && !c.stack.Contains(readLoop) && !callsOut(c.stack)
}

// causal orders candidates by how likely they are the cause and not the effect of others: who waits
// for a WaitGroup waits for goroutines, a send waits for a receiver that somebody forgot, and stacks
// of the program say more than those of libraries.
func (c *candidate) causal() int {
	order := slices.Index([]evidence.Wait{evidence.WaitNilChan, evidence.WaitNoCases, evidence.WaitChanSend,
		evidence.WaitMutex, evidence.WaitRWMutex, evidence.WaitSelect, evidence.WaitChanRecv}, c.class)
	if order < 0 {
		order = 7
	}
	if c.awaitsGroup() {
		order = 8
	}
	if !own(c.location()) {
		order += 10
	}
	return order
}

// leads reports that other is an effect of the same cause.
func (c *candidate) leads(other *candidate) bool {
	if other.passesCancel() && other.cohort != nil && c.cohort != nil {
		for k := 1; k <= maxContexts; k++ {
			if lockstep(c.cohort.births, other.cohort.births, k) {
				return true
			}
		}
	}
	if !c.tiedTo(other) {
		return false
	}
	return other.awaitsGroup() || oneToOne(c, other)
}

// awaitsGroup reports goroutines that wait for others of a group: for all to end, or for one to make room in a group
// with a limit.
func (c *candidate) awaitsGroup() bool {
	return c.class == evidence.WaitWaitGroup || c.stack.Contains("golang.org/x/sync/errgroup.(*Group).Go")
}

// passesCancel reports the goroutines by which package context cancels a context with one of a foreign
// type. They are the helpers of whoever made the context, who is on no stack; where nobody else comes
// in step with them they stand for themselves.
func (c *candidate) passesCancel() bool {
	return !slices.ContainsFunc(c.stack, own) && c.creator.Package() == "context"
}

// maxContexts is how many contexts one cause makes at most, to be told by their numbers.
const maxContexts = 4

// tiedTo reports a common origin in the code.
func (c *candidate) tiedTo(other *candidate) bool {
	mine, theirs := c.origin(), other.origin()
	if c.startsLike(other) {
		return false // one go statement whose goroutines end up here or there
	}
	switch {
	case mine != "" && (mine == theirs || other.stack.Contains(mine)), theirs != "" && c.stack.Contains(theirs):
		return true
	}
	lib := c.library()
	return lib != "" && lib == other.library()
}

// startsLike reports goroutines of the same go statement.
func (c *candidate) startsLike(other *candidate) bool {
	root := func(c *candidate) string {
		if len(c.stack) == 0 {
			return ""
		}
		return c.stack[len(c.stack)-1].Function
	}
	return root(c) == root(other) && goStatement(c.creator) == goStatement(other.creator)
}

// origin is the function of the program that starts the goroutines: their creator, or where a library
// starts them (sync.WaitGroup.Go), the function that the closure they run is written in. Closures keep
// their numbers: two handlers written in main are two origins.
func (c *candidate) origin() string {
	if !c.creator.IsZero() && own(c.creator) {
		return c.creator.Function
	}
	for i := len(c.stack) - 1; i >= 0; i-- {
		if own(c.stack[i]) {
			return enclosing(c.stack[i].Function)
		}
	}
	return ""
}

// enclosing is the function that a closure is written in, empty for other functions: "main.f.func2"
// is in main.f, and "main.f.func2.1" in main.f.func2.
func enclosing(function string) string {
	i := strings.LastIndexByte(function, '.')
	if i < 0 {
		return ""
	}
	number := function[i+1:]
	for _, word := range []string{"func", "gowrap"} {
		number = strings.TrimPrefix(number, word)
	}
	if number == "" || !digits(number) {
		return ""
	}
	return function[:i]
}

// library names whose code the goroutines run where none of it is the program's: the module path up to
// the owner of its modules, such as k8s.io or github.com/jackc. Goroutines of the Go distribution
// belong together when one function starts them.
func (c *candidate) library() string {
	if slices.ContainsFunc(c.stack, own) {
		return ""
	}
	f, ok := c.stack.User()
	if !ok {
		return c.creator.Function
	}
	host, rest, _ := strings.Cut(f.Package(), "/")
	if !shared[host] {
		return host
	}
	owner, _, _ := strings.Cut(rest, "/")
	return host + "/" + owner
}

// shared are the hosts of many owners' modules.
var shared = map[string]bool{"github.com": true, "gitlab.com": true, "bitbucket.org": true, "golang.org": true, "gopkg.in": true}

// oneToOne compares the births interval by interval. A goroutine that blocks a moment after the
// other may be seen an interval later.
func oneToOne(a, b *candidate) bool {
	if a.cohort == nil || b.cohort == nil {
		return a.leaked > 0 && b.leaked > 0 && similar(a.leaked, b.leaked) ||
			a.growth != nil && b.growth != nil && similar(a.growth.counts.gained(), b.growth.counts.gained())
	}
	return lockstep(a.cohort.births, b.cohort.births, 1)
}

// lockstep reports births that are k times others in every interval.
func lockstep(x, y []int, k int) bool {
	n := min(len(x), len(y))
	for i := range n {
		if !similar(k*x[i], y[i]) {
			return false
		}
	}
	return n > 0 && similar(k*total(x[:n]), total(y[:n]))
}

// similar allows for one goroutine at either end of an interval and a tenth.
func similar(a, b int) bool {
	return math.Abs(float64(a-b)) <= 2+0.1*float64(max(a, b))
}
