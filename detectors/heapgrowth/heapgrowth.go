package heapgrowth

import (
	"context"
	_ "embed"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

//go:embed doc.go
var doc string

const (
	ruleRetained    = "heapgrowth/retained"
	ruleGrowing     = "heapgrowth/growing"
	ruleChannels    = "heapgrowth/channel-buffers"
	ruleConnections = "heapgrowth/connection-buffers"
	ruleGoroutines  = "heapgrowth/goroutine-buffers"
	ruleHuge        = "heapgrowth/huge-objects"
	ruleMany        = "heapgrowth/many-objects"
)

const (
	tryCapture = "go-debug capture http://localhost:6060 --for 30s"
	tryLonger  = "go-debug capture http://localhost:6060 --for 2m"
	tryCollect = "go-debug capture http://localhost:6060 --gc"
)

// Detector finds lines whose memory grows, and lines that hold much of the heap in buffers.
var Detector = &analyze.Detector{
	Name:  "heapgrowth",
	Noun:  "memory hog",
	Doc:   doc,
	Rules: rules,
	Needs: []analyze.Need{
		{Kind: evidence.Heap, Captures: 3, Confidence: analyze.Likely, Try: tryCapture},
		{Kind: evidence.Heap, Captures: 1, Confidence: analyze.Likely, Try: tryCapture},
	},
	Params: []analyze.Param{
		{Name: "min-sigmas", Default: 2, Unit: "σ", Why: "a slope of two standard errors comes about by sampling alone in one series of 44 that do not grow; it has to rise at every profile as well"},
		{Name: "min-growth", Default: 0.05, Unit: "ratio", Why: "of the heap, within the window: half of what is worth a warning, as the profiles may cover 10 s only; less is what requests in flight make of it"},
		{Name: "min-growth-bytes", Default: 1 << 20, Unit: "bytes", Why: "two samples at the default rate: no smaller growth can be told from chance"},
		{Name: "min-retained", Default: 0.9, Unit: "ratio", Why: "of the objects that a line ever allocated: what passes through a request is 0.0, what only comes is 1.0"},
		{Name: "min-history", Default: 2, Unit: "ratio", Why: "in use at the first profile, over the growth since: the growth has gone on for two windows before, and a cache that fills within three slows down visibly"},
		{Name: "min-steady", Default: 0.7, Unit: "ratio", Why: "of growth per byte allocated, late over early: a cache that fills within the window has 0 to 0.6, a leak 1; sampling moves it by 0.2"},
		{Name: "min-share", Default: 0.1, Unit: "ratio", Why: "of the heap that buffers or huge objects at one line have to hold for sure: below, another line is worth more"},
		{Name: "min-buffers", Default: 50, Unit: "objects", Why: "fewer at one line are a pool"},
		{Name: "min-buffer", Default: 16 << 10, Unit: "bytes", Why: "each: four times the default of package bufio, which servers have twice for each connection"},
		{Name: "min-buffer-bytes", Default: 16 << 20, Unit: "bytes", Why: "in all: a heap below that is of no concern, whatever its parts"},
		{Name: "huge", Default: 1 << 20, Unit: "bytes", Why: "an object of a mebibyte takes pages of its own, and is cleared and scanned in one piece"},
		{Name: "many-objects", Default: 1000, Unit: "objects", Why: "of one size at one line: somebody decided on that size once"},
	},
	Plantings: plantings,
	Run:       run,
}

func run(_ context.Context, p *analyze.Pass) error {
	s := read(p.Evidence)
	if len(s.points) == 0 {
		p.Inconclusive(s.why, tryCapture)
		return nil
	}
	found := reportGrowth(p, s)
	found += reportBuffers(p, s)
	remark(p, s, found)
	return nil
}

// remark says which questions stay open.
func remark(p *analyze.Pass, s *series, found int) {
	try := tryCapture
	if s.stale {
		try = tryCollect
	}
	switch {
	case len(s.points) >= minPoints:
	case found == 0 && s.alone:
		p.Inconclusive(s.why, try)
	default:
		p.NotChecked("whether memory grows: "+s.why, try)
	}
}
