package heapgrowth

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
	"go-debug/analyze/stats"
)

// holders are the goroutines that wait and may each hold an object of one site.
type holders struct {
	channel, network int
	other            int // that sleep, or wait for a lock or for each other
	created          int // of those on channels: started by the site's function, which is not on their stacks
}

// class is what the objects of a site are.
type class struct {
	rule    string
	what    string // "buffers of channels"
	sure    analyze.Confidence
	waiting int // goroutines, as many as objects; 0 where that is not why
	why     string
}

// reportBuffers reports lines whose objects hold much of the heap in the last profile, and returns how many.
func reportBuffers(p *analyze.Pass, s *series) int {
	found := 0
	for _, st := range s.sites() {
		now := st.now()
		if share, least := s.shareOf(st); now.bytes < p.Param("min-buffer-bytes") || share < p.Param("min-share") {
			break // the others hold less
		} else if least < p.Param("min-share") {
			continue
		}
		if len(s.points) >= minPoints && s.trendOf(st).grows(p) {
			continue // that it grows says more
		}
		if c, ok := s.classify(p, st); ok {
			p.Report(s.bufferFinding(st, c))
			found++
		}
	}
	return found
}

// classify says what the objects of a site are, and whether they are worth a finding.
func (s *series) classify(p *analyze.Pass, st *site) (class, bool) {
	now := st.now()
	large := now.size() >= p.Param("min-buffer") && now.objects >= p.Param("min-buffers")
	h := s.holdersOf(st)
	switch {
	case large && makesChannel(st.stack):
		return class{rule: ruleChannels, what: "buffers of channels", sure: analyze.Likely}, true
	case large && isConnection(st.stack):
		c := class{rule: ruleConnections, what: "buffers of connections", sure: analyze.Possible}
		if s.oneEach(now, h.network) {
			c.sure, c.waiting, c.why = analyze.Likely, h.network, "wait for the network"
		}
		return lowerForOthers(c, st), true
	case large && h.created > 0 && s.oneEach(now, h.channel):
		return lowerForOthers(handedOver(now, h.channel), st), true
	case large && s.oneEach(now, h.network):
		return lowerForOthers(class{rule: ruleConnections, what: "objects", sure: analyze.Likely, waiting: h.network, why: "wait for the network with it"}, st), true
	case large && s.oneEach(now, h.channel):
		return lowerForOthers(class{rule: ruleGoroutines, what: "objects", sure: analyze.Possible, waiting: h.channel, why: "wait on a channel with it"}, st), true
	case large && s.oneEach(now, h.channel+h.network+h.other):
		return lowerForOthers(class{rule: ruleGoroutines, what: "objects", sure: analyze.Possible, waiting: h.channel + h.network + h.other, why: "wait with it"}, st), true
	case onMain(st.stack):
		return class{}, false // the program's data, made as it starts
	case now.size() >= p.Param("huge"):
		return class{rule: ruleHuge, what: "objects", sure: analyze.Weak}, true
	}
	return s.many(p, st)
}

// handedOver is what the objects are that a function makes for goroutines which it starts: the buffers of channels
// on which these wait, or anything else that they are given. A channel's values stand behind the channel itself,
// so that they are never a power of two together, as buffers made for their own sake often are. (Values with
// pointers are an object of their own.)
func handedOver(now state, goroutines int) class {
	c := class{rule: ruleChannels, what: "objects", sure: analyze.Possible, waiting: goroutines,
		why: "are started here and wait on a channel: its buffer, n times the size of an element, unless it is something else that each is given"}
	if size := math.Log2(now.size()); math.Abs(size-math.Round(size)) < 1e-3 {
		c.rule, c.why = ruleGoroutines, "are started here and wait on a channel with it"
	}
	return c
}

// onMain reports a stack of the main goroutine.
func onMain(stack evidence.Stack) bool {
	return stack.Contains("main.main") || stack.Contains("runtime.main")
}

// manyShare is the share of the heap from which on many objects of one size are worth a remark, and
// manySize the size of one: that of the buffers which package bufio makes by default.
const (
	manyShare = 0.3
	manySize  = 4096
)

func (s *series) many(p *analyze.Pass, st *site) (class, bool) {
	now := st.now()
	_, least := s.shareOf(st)
	c := class{rule: ruleMany, what: "objects", sure: analyze.Possible}
	if isConnection(st.stack) {
		c.what = "buffers of connections"
	}
	return c, now.objects >= p.Param("many-objects") && now.size() >= manySize && least >= manyShare && now.bytes >= 4*p.Param("min-buffer-bytes")
}

// lowerForOthers is a class less sure where a dependency's line, or the distribution's, makes the objects:
// how large they are is its setting, if it has one.
func lowerForOthers(c class, st *site) class {
	if st.location.Std() || signature.IsDependency(st.location) {
		c.sure = analyze.Weak
	}
	return c
}

// makesChannel reports an object that is a channel. Profiles of the runtime leave its functions out, so most
// do not say.
func makesChannel(stack evidence.Stack) bool {
	return stack.Contains("runtime.makechan") || stack.Contains("runtime.makechan64")
}

// isConnection reports a buffer of a connection, by what allocates it: bufio within net/http, or given a size.
func isConnection(stack evidence.Stack) bool {
	for _, f := range stack {
		switch {
		case slices.Contains(connectionBuffers, f.Function):
			return true
		case !f.Std():
			return false
		}
	}
	return false
}

// connectionBuffers are the functions that make them. Scanners and readers of files have a few.
var connectionBuffers = []string{
	"bufio.NewReaderSize", "bufio.NewWriterSize",
	"net/http.newBufioReader", "net/http.newBufioWriterSize", "net/http.(*Transport).dialConn",
}

// signatures are the functions of the distribution that decide.
var signatures = signature.Signature{
	Anywhere: append([]string{"runtime.makechan", "runtime.makechan64"}, connectionBuffers...),
}

// holdersOf counts the goroutines of the last snapshot that wait, and that the site's function has started or
// stands on the stack of. What a goroutine allocates itself is no channel that it was handed, even where it is a closure of the function that
// has started it.
func (s *series) holdersOf(st *site) holders {
	var h holders
	snaps := s.set.SnapshotsOf(evidence.Goroutine)
	if len(snaps) == 0 {
		return h
	}
	allocates, function := evidence.NormalFunction(st.location.Function), outer(st.location.Function)
	for i := range snaps[len(snaps)-1].Groups {
		g := &snaps[len(snaps)-1].Groups[i]
		started := outer(g.CreatedBy.Function) == function
		if !started && !slices.ContainsFunc(g.Stack, func(f evidence.Frame) bool { return outer(f.Function) == function }) {
			continue
		}
		switch g.Wait {
		case evidence.WaitChanRecv, evidence.WaitChanSend, evidence.WaitChan, evidence.WaitSelect:
			h.channel += g.Count
			itself := slices.ContainsFunc(g.Stack, func(f evidence.Frame) bool { return evidence.NormalFunction(f.Function) == allocates })
			if started && !itself {
				h.created += g.Count
			}
		case evidence.WaitIO:
			h.network += g.Count
		case evidence.WaitSleep, evidence.WaitCond, evidence.WaitMutex, evidence.WaitRWMutex, evidence.WaitWaitGroup, evidence.WaitSemaphore:
			h.other += g.Count
		}
	}
	return h
}

// outer is the function that a closure stands in, without type arguments.
func outer(function string) string {
	name := evidence.NormalFunction(function)
	for {
		short := strings.TrimSuffix(name, ".func")
		if short == name {
			return name
		}
		name = short
	}
}

// oneEach reports as many objects as goroutines, as far as sampling allows.
func (s *series) oneEach(now state, goroutines int) bool {
	n := float64(goroutines)
	return goroutines > 0 && math.Abs(now.objects-n) <= 2*now.sigma()/math.Max(now.size(), 1)+0.1*n
}

func (s *series) bufferFinding(st *site, c class) analyze.Finding {
	now := st.now()
	share, _ := s.shareOf(st)
	f := analyze.Finding{
		Rule: c.rule, Location: st.location, Confidence: c.sure, Stacks: []evidence.Stack{st.stack}, Cost: now.bytes,
		Identity: []string{evidence.NormalFunction(st.location.Function)}, Next: "go-debug explain " + c.rule,
		Message: fmt.Sprintf("%s %s of %s hold %s, %s of the heap", countText(now.objects), c.what, bytesText(now.size()), bytesText(now.bytes), percentText(share)),
	}
	if math.Round(now.objects) == 1 {
		f.Message = fmt.Sprintf("one object of %s is %s of the heap", bytesText(now.size()), percentText(share))
	}
	if c.waiting > 0 {
		f.Message += fmt.Sprintf("; as many goroutines (%s) %s", countText(float64(c.waiting)), c.why)
	}
	f.Measures = []stats.Measure{s.inUse(st),
		{Name: "bytes_per_object", Value: now.size(), Unit: "bytes", N: int64(math.Round(now.objects)), Method: "in use, bytes over objects: n times the size of an element, rounded up by the allocator"},
		{Name: "heap_share", Value: share, Unit: "ratio", N: int64(math.Round(now.objects)), Method: "of the bytes in use in the heap profile"},
	}
	return f
}
