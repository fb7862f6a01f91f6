package metrics

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"go-debug/analyze/evidence"
)

const (
	// maxScrapes bounds the points kept; a longer series keeps every 2nd, 4th, … scrape. Counters
	// lose nothing by that, gauges what happened between.
	maxScrapes = 4096
	maxRoutes  = 32
	maxMetrics = 32  // names per input that may supply a role
	maxBuckets = 256 // per histogram; native-looking layouts beyond are refused
	cellBytes  = 160 // estimated cost of a cell, and
	bucketCost = 24  // of a bucket
)

// cellKey is a metric's base name and a route, "" for the sum over all.
type cellKey struct{ name, route string }

// cell is one metric of one scrape, summed over its series.
type cell struct {
	value, failed    float64
	sum, count       float64
	hasValue         bool
	hasFailed        bool // a label told failures from successes
	hasSum, hasCount bool
	buckets          []bucket
	tooMany          bool
	native           *native
}

type bucket struct {
	le, count float64
	series    int
}

// record is one scrape, folded.
type record struct {
	index    int
	at       time.Time
	answered bool
	down     bool // a Prometheus server says that the scrape failed
	cells    map[cellKey]*cell
}

// history is the scrapes so far, thinned to what memory allows.
type history struct {
	table   table
	records []*record
	tail    *record // the last scrape, when thinning passes over it
	stride  int
	limit   int64 // bytes
	held    int64
	routes  map[string]bool
	names   map[string]int  // rank by name
	refused bool            // metrics beyond the bound
	seen    map[string]bool // routes beyond the bound
	scraped bool            // series of the metrics endpoint itself were left out
}

func newHistory(t table, memory int64) *history {
	return &history{table: t, stride: 1, limit: memory / 4, routes: map[string]bool{}, names: map[string]int{},
		seen: map[string]bool{}}
}

func (h *history) recorded() int { return len(h.records) }

// fold adds a sample to its scrape, once for all routes and once for its own.
func (h *history) fold(cells map[cellKey]*cell, x sample) {
	if _, ok := h.names[x.metric.base]; !ok {
		if len(h.names) >= maxMetrics {
			h.refused = true
			return
		}
		h.names[x.metric.base] = x.metric.rank
	}
	route := routeOf(x.labels)
	if isScrapeRoute(route) {
		h.scraped = true
		return
	}
	addTo(cells, cellKey{x.metric.base, ""}, &x)
	if route != "" && h.admit(route) {
		addTo(cells, cellKey{x.metric.base, route}, &x)
	}
}

func (h *history) admit(route string) bool {
	switch {
	case h.routes[route]:
		return true
	case len(h.routes) < maxRoutes && len(route) <= 256:
		h.routes[route] = true
		return true
	case len(h.seen) < 10_000:
		h.seen[strings.Clone(route[:min(len(route), 256)])] = true
	}
	return false
}

func routeOf(labels map[string]string) string {
	for _, l := range routeLabels {
		if v := labels[l]; v != "" {
			return v
		}
	}
	return ""
}

func addTo(cells map[cellKey]*cell, key cellKey, x *sample) {
	c := cells[key]
	if c == nil {
		c = &cell{}
		cells[key] = c
	}
	switch x.metric.part {
	case partSum:
		c.sum, c.hasSum = c.sum+x.value, true
	case partCount:
		c.count, c.hasCount = c.count+x.value, true
	case partNative:
		if c.native == nil {
			c.native = &native{}
		}
		c.native.add(x.native)
	case partBucket:
		if le, ok := x.bound(); ok {
			c.addBucket(le, x.value)
		}
	default:
		c.value, c.hasValue = c.value+x.value, true
		for _, l := range statusLabels {
			if status, ok := x.labels[l]; ok {
				c.hasFailed = true
				if isFailure(status) {
					c.failed += x.value
				}
				break
			}
		}
	}
}

func (c *cell) addBucket(le, count float64) {
	i, found := slices.BinarySearchFunc(c.buckets, le, func(b bucket, le float64) int { return cmp.Compare(b.le, le) })
	switch {
	case found:
		c.buckets[i].count += count
		c.buckets[i].series++
	case len(c.buckets) >= maxBuckets:
		c.tooMany = true
	default:
		c.buckets = slices.Insert(c.buckets, i, bucket{le, count, 1})
	}
}

// add keeps a scrape, or only remembers it as the last while the series is thinned.
func (h *history) add(rec *record) {
	h.tail = rec
	if rec.index%h.stride != 0 {
		return
	}
	h.records = append(h.records, rec)
	h.held += rec.cost()
	for len(h.records) > 2 && (len(h.records) > maxScrapes || h.held > h.limit) {
		h.stride *= 2
		h.records = slices.DeleteFunc(h.records, func(r *record) bool { return r.index%h.stride != 0 })
		h.held = 0
		for _, r := range h.records {
			h.held += r.cost()
		}
	}
}

func (rec *record) cost() int64 {
	n := int64(cellBytes)
	for _, c := range rec.cells {
		n += cellBytes + bucketCost*int64(len(c.buckets))
		if c.native != nil {
			n += cellBytes + bucketCost*int64(len(c.native.buckets))
		}
	}
	return n
}

// prune forgets the names and routes of scrapes that were refused or cut and left nothing.
func (h *history) prune() {
	names, routes := map[string]bool{}, map[string]bool{}
	for _, r := range h.records {
		for k := range r.cells {
			names[k.name], routes[k.route] = true, true
		}
	}
	maps.DeleteFunc(h.names, func(name string, _ int) bool { return !names[name] })
	maps.DeleteFunc(h.routes, func(route string, _ bool) bool { return !routes[route] })
}

// latencyBuckets are the buckets in seconds. Bounds that not all series have are left out: a sum over
// different layouts is no distribution.
func (c *cell) latencyBuckets(unit float64) (out []evidence.LatencyBucket, mixed bool) {
	if len(c.buckets) == 0 || c.tooMany {
		return nil, c.tooMany
	}
	last := c.buckets[len(c.buckets)-1]
	if !math.IsInf(last.le, 1) {
		return nil, true
	}
	for _, b := range c.buckets {
		le := b.le * unit
		switch {
		case b.series != last.series:
			mixed = true
			continue
		case math.IsInf(le, 1):
			le = math.MaxFloat64
		case le < 0 || math.IsInf(le, -1):
			continue
		}
		out = append(out, evidence.LatencyBucket{LE: le, Count: b.count})
	}
	return out, mixed
}
