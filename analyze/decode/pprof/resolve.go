package pprof

import (
	"path"
	"strings"

	"go-debug/analyze/evidence"
)

// parsed is what conversion to evidence needs of a profile, whoever parsed it.
type parsed struct {
	sampleTypes   []evidence.ValueType
	defaultType   string
	defaultCol    int
	periodType    evidence.ValueType
	period        int64
	timeNanos     int64
	durationNanos int64
	comments      []string
	build         string
	labels        []string         // the distinct labels as "key=value", by id
	labelSum      map[string]int64 // samples by label
	lostLabels    int64
	labelled      bool // somebody asked for labels

	stacks  []stack
	frames  []evidence.Frame
	totals  []int64
	records int64
	losses  *losses

	negative  int64 // samples with a negative value
	locations int
	nameless  int  // locations without a function name
	functions int  // functions with a name
	goSource  bool // some function is Go's
	cut       bool // a stack was deeper than maxDepth, or a name longer than maxName
	pruned    int64
	fromText  bool
	remarks   []string
}

// resolve puts together what a message refers to by number. An error means that it is no
// valid profile: google/pprof refuses the same.
func (m *message) resolve() (*parsed, error) {
	if len(m.strings.places) == 0 || max(m.farthest, m.docURL) >= uint64(len(m.strings.places)) {
		return nil, errOutside
	}
	p := &parsed{period: m.period, timeNanos: m.time, durationNanos: m.duration, records: m.records,
		totals: m.totals, losses: &m.losses, negative: m.negative, locations: len(m.locations), cut: m.deep, lostLabels: m.labels.lost,
		labelled: m.limits.Labels > 0}
	if err := m.header(p); err != nil {
		return nil, err
	}
	if len(p.sampleTypes) == 0 {
		return nil, invalid("it has no sample types")
	}
	if m.stacks == nil {
		m.totals = make([]int64, len(p.sampleTypes))
		p.totals = m.totals
		m.stacks = newStackTable(len(p.sampleTypes), 2, 1, false, &m.losses)
	}
	if n := m.stacks.columns; n != len(p.sampleTypes) {
		return nil, invalidf("its samples have %d values, and it has %d sample types", n, len(p.sampleTypes))
	}
	if err := m.check(p); err != nil {
		return nil, err
	}
	var err error
	if p.labels, err = m.labels.names(&m.strings); err != nil {
		return nil, err
	}
	if p.labelSum, err = m.labels.kept(&m.strings, p.labels); err != nil {
		return nil, err
	}
	return p, m.fold(p)
}

// header resolves the strings of the profile message itself.
func (m *message) header(p *parsed) error {
	var first error
	text := func(index uint32) string {
		b, err := m.strings.get(index)
		if first == nil {
			first = err
		}
		return string(b[:min(len(b), maxName)])
	}
	for _, t := range m.sampleTypes {
		p.sampleTypes = append(p.sampleTypes, evidence.ValueType{Type: text(t.typ), Unit: text(t.unit)})
	}
	p.periodType = evidence.ValueType{Type: text(m.periodType.typ), Unit: text(m.periodType.unit)}
	p.defaultType = text(m.defaultType)
	p.defaultCol = defaultColumn(p)
	for _, c := range m.comments {
		p.comments = append(p.comments, text(c))
	}
	text(m.dropFrames)
	text(m.keepFrames)
	for _, mp := range m.mappings {
		text(mp.file)
		if id := text(mp.build); p.build == "" {
			p.build = id
		}
		if first != nil {
			break
		}
	}
	return first
}

// defaultColumn is the column of goroutines, or the one the profile names, or the last.
func defaultColumn(p *parsed) int {
	for i, t := range p.sampleTypes {
		if t.Type == "goroutine" || t.Type == "goroutineleak" {
			return i
		}
	}
	for i, t := range p.sampleTypes {
		if t.Type != "" && t.Type == p.defaultType {
			return i
		}
	}
	return len(p.sampleTypes) - 1
}

// check looks at all functions and locations, those that no sample needs included.
func (m *message) check(p *parsed) error {
	for _, f := range m.functions {
		name, err := m.strings.get(f.name)
		if err != nil {
			return err
		}
		file, err := m.strings.get(f.file)
		if err != nil {
			return err
		}
		if len(name) > 0 {
			p.functions++
		}
		p.goSource = p.goSource || isGo(name, file)
	}
	for _, l := range m.locations {
		named := false
		for i, line := range m.lines[l.first : l.first+l.n] {
			f, ok := m.functionIDs.find(line.function)
			if !ok {
				return invalidf("a location has a line of the function %d, which is not in the file", line.function)
			}
			if i == 0 {
				name, _ := m.strings.get(m.functions[f].name)
				named = len(name) > 0
			}
		}
		if !named {
			p.nameless++
		}
	}
	return nil
}

// isGo reports whether a function was compiled by Go's toolchain, as far as its names tell.
func isGo(name, file []byte) bool {
	return hasSuffix(file, ".go") || hasPrefix(name, "runtime.") || hasPrefix(name, "main.")
}

func hasSuffix(b []byte, s string) bool { return len(b) >= len(s) && string(b[len(b)-len(s):]) == s }
func hasPrefix(b []byte, s string) bool { return len(b) >= len(s) && string(b[:len(s)]) == s }

// fold turns stacks of locations into stacks of frames. Those that are then equal become one:
// other addresses of a line, or f inlined into g here and called by it there.
func (m *message) fold(p *parsed) error {
	if err := m.mem.charge(costSite * int64(len(m.locations))); err != nil {
		return err
	}
	s := &sites{m: m, frames: newFrameTable(len(m.functions), len(m.lines)), sites: make([]site, len(m.locations)), prune: m.pruner(p)}
	t := newStackTable(m.stacks.columns, m.mostStacks(m.stacks.columns), m.mostBytes(), m.stacks.labels != nil, &m.losses)
	t.reserve(len(m.stacks.entries), len(m.stacks.arena)+len(m.stacks.arena)/4)
	var labels []int32
	for i := range m.stacks.entries {
		e := &m.stacks.entries[i]
		held := s.frames.held
		key, err := s.spread(m.stacks.key(e), e.cut)
		if err != nil {
			return err
		}
		if err := m.mem.charge(s.frames.held - held); err != nil {
			return err
		}
		if m.stacks.labels != nil {
			labels = m.stacks.labels[i]
		}
		t.put(key, m.stacks.valuesOf(i), e.count, labels, e.cut)
		if len(t.arena) > t.maxBytes {
			t.shorten(t.maxEntries/2, t.maxBytes/2)
		}
		p.pruned += int64(s.pruned) * e.count
	}
	m.stacks = nil
	if len(t.entries) > m.limits.Stacks {
		t.shorten(m.limits.Stacks, t.maxBytes)
	}
	p.cut = p.cut || s.deep || s.frames.cut
	p.stacks, p.frames = s.frames.sorted(t, p.defaultCol, s.prune == nil && !s.deep && m.losses.whole())
	return nil
}

// site is the frames that one location stands for, inlined calls included, as the part of a
// key. n is 0 until it is asked for.
type site struct {
	at, size uint32
	n        int32
	prune    pruning
}

// costSite is a site and its share of the arena.
const costSite = 16 + 8

// sites spreads locations into frames.
type sites struct {
	m      *message
	frames *frameTable
	sites  []site
	arena  []byte
	names  []uint32 // of functions: id in frames of the name, then of the file; + 1
	file   struct { // the last one asked for: functions of a file stand together
		index, id uint32 // id + 1
	}
	prune *pruner

	key    []byte // scratch
	marks  []mark
	deep   bool
	pruned int // whether frames of the last stack were left out
}

// mark is where a location's frames begin in the key at hand.
type mark struct {
	at    int
	prune pruning
}

// spread makes a key of frame ids from one of location ids. It is valid until the next call.
func (s *sites) spread(locations []byte, cut bool) ([]byte, error) {
	s.key, s.marks, s.pruned = s.key[:0], s.marks[:0], 0
	if cut {
		locations = locations[:len(locations)-1]
	}
	depth := 0
	c := cursor{b: locations}
	for c.more() {
		id := c.uvarint()
		if c.bad {
			return nil, errWire
		}
		place, ok := s.m.locationIDs.find(id)
		if !ok {
			return nil, invalidf("a sample has the location %d, which is not in the file", id)
		}
		k := &s.sites[place]
		if k.n == 0 {
			s.make(k, s.m.locations[place])
		}
		if s.prune != nil {
			s.marks = append(s.marks, mark{len(s.key), k.prune})
		}
		s.key = append(s.key, s.arena[k.at:k.at+k.size]...)
		if depth += int(k.n); depth > maxDepth {
			s.key, s.deep = prefix(s.key, maxDepth), true
			break
		}
	}
	key := s.key
	if s.prune != nil {
		if from := prunedFrom(s.marks); from > 0 {
			key, s.pruned = key[from:], 1
		}
	}
	if cut {
		s.key = append(s.key, 0)
		key = s.key[len(s.key)-len(key)-1:]
	}
	return key, nil
}

// make finds the frames of a location, innermost first; the last is the function that was
// compiled.
func (s *sites) make(k *site, l location) {
	k.at = uint32(len(s.arena))
	lines := s.m.lines[l.first : l.first+l.n]
	if s.prune != nil {
		lines, k.prune = s.prune.location(lines)
	}
	for _, line := range lines {
		function, file := s.nameOf(line.function)
		s.arena = appendID(s.arena, uint64(s.frames.frame(function, file, line.line)))
	}
	k.n = int32(len(lines))
	if len(l.lines(s.m)) == 0 {
		name := s.frames.name([]byte(s.m.mappingName(l.mapping)))
		s.arena = appendID(s.arena, uint64(s.frames.frame(name, s.frames.name(nil), 0)))
		k.n = 1
	}
	k.size = uint32(len(s.arena)) - k.at
}

func (l location) lines(m *message) []lineRef { return m.lines[l.first : l.first+l.n] }

// nameOf are the ids of a function's name and file in the table of frames.
func (s *sites) nameOf(id uint64) (function, file uint32) {
	place, _ := s.m.functionIDs.find(id) // check has seen to it
	if s.names == nil {
		s.names = make([]uint32, 2*len(s.m.functions))
	}
	n := s.names[2*place : 2*place+2]
	if n[0] == 0 {
		f := s.m.functions[place]
		name, _ := s.m.strings.get(f.name)
		if s.file.id == 0 || s.file.index != f.file {
			file, _ := s.m.strings.get(f.file)
			s.file.index, s.file.id = f.file, s.frames.name(file)+1
		}
		n[0], n[1] = s.frames.name(name)+1, s.file.id
	}
	return n[0] - 1, n[1] - 1
}

// mappingName stands for the function of an address that nobody symbolised. It holds no
// address: those change with every run.
func (m *message) mappingName(id uint64) string {
	place, ok := m.mappingIDs.find(id)
	if !ok {
		return "[unknown]"
	}
	file, _ := m.strings.get(m.mappings[place].file)
	if len(file) == 0 {
		return "[unknown]"
	}
	name := path.Base(strings.ReplaceAll(string(file), `\`, "/"))
	return "[" + strings.Trim(name, "[]") + "]"
}
