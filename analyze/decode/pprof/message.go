package pprof

import (
	"fmt"
	"math"

	"go-debug/analyze/budget"
)

const (
	// maxColumns is far beyond the handful of sample types that any writer has.
	maxColumns = 1024
	// maxDepth cuts stacks at their outermost end. The runtime records at most 1024
	// frames, before inlined calls are spread out.
	maxDepth = 4096
)

// errSeveral is what google/pprof takes for a sign of profiles that stand one behind another:
// the second one's indices would point into the first one's strings.
const errSeveral = invalid("several profiles in one file")

type typeRef struct{ typ, unit uint32 }

// message is what has been read of a profile: messages refer to each other and to strings by
// number, in any order, so nothing is resolved before the end. Samples are summed as they
// come.
type message struct {
	mem    memory
	limits budget.Budget

	sampleTypes            []typeRef
	periodType             typeRef
	period, time, duration int64
	defaultType            uint32
	dropFrames, keepFrames uint32
	comments               []uint32
	lostComments           int64

	strings     stringTable
	mappings    []mapping
	mappingIDs  idTable
	locations   []location
	locationIDs idTable
	lines       []lineRef
	functions   []function
	functionIDs idTable
	labels      labelTable
	farthest    uint64 // the highest index of a string that nobody asks for
	docURL      uint64 // index of a string; of several the last counts
	empty       bool

	stacks   *stackTable // nil before the first sample
	losses   losses
	totals   []int64
	records  int64
	negative int64 // samples with a negative value
	deep     bool  // a stack was cut at maxDepth

	key    []byte // scratch of the sample at hand
	values []int64
}

func newMessage(b budget.Budget) *message {
	m := &message{limits: b, mem: memory{limit: b.Memory}, empty: true}
	m.strings.mem = &m.mem
	m.strings.spare = b.Memory / 64
	return m
}

// read takes a stream to its end. After an error the message holds what came before.
func (m *message) read(in *input) error {
	for {
		if done, err := in.done(); done || err != nil {
			return err
		}
		tag, err := in.uvarint()
		if err != nil {
			return err
		}
		if err := m.field(in, tag); err != nil {
			return err
		}
	}
}

// field reads one field of the profile message.
func (m *message) field(in *input, tag uint64) error {
	number := tag >> 3
	switch tag & 7 {
	case wireVarint:
		v, err := in.uvarint()
		if err != nil {
			return err
		}
		return m.scalar(number, v)
	case wireFixed64, wireFixed32:
		if number > 0 && number <= fieldDocURL {
			return errWire
		}
		width := uint64(8)
		if tag&7 == wireFixed32 {
			width = 4
		}
		_, err := in.take(width, 0)
		return err
	case wireBytes:
		size, err := in.uvarint()
		if err != nil {
			return err
		}
		return m.blob(in, number, size)
	}
	return fmt.Errorf("%w: wire type %d", errWire, tag&7)
}

func (m *message) scalar(number, v uint64) error {
	m.empty = m.empty && number > fieldDocURL
	switch number {
	case fieldSampleType, fieldSample, fieldMapping, fieldLocation, fieldFunction, fieldString, fieldPeriodType:
		return errWire
	case fieldDropFrames:
		m.dropFrames = stringIndex(v)
		return m.strings.refer(m.dropFrames)
	case fieldKeepFrames:
		m.keepFrames = stringIndex(v)
		return m.strings.refer(m.keepFrames)
	case fieldTimeNanos:
		if m.time != 0 {
			return errSeveral
		}
		m.time = int64(v)
	case fieldDuration:
		m.duration = int64(v)
	case fieldPeriod:
		m.period = int64(v)
	case fieldComment:
		return m.comment(v)
	case fieldDefaultType:
		m.defaultType = stringIndex(v)
		return m.strings.refer(m.defaultType)
	case fieldDocURL:
		m.docURL = v
	}
	return nil
}

func (m *message) comment(v uint64) error {
	if len(m.comments) == maxComments {
		m.lostComments++
		m.farthest = max(m.farthest, v)
		return nil
	}
	m.comments = append(m.comments, stringIndex(v))
	return m.strings.refer(stringIndex(v))
}

// blob reads a field that has a length.
func (m *message) blob(in *input, number, size uint64) error {
	switch number {
	case fieldString:
		m.empty = false
		text, err := in.take(size, maxString)
		if err != nil {
			return err
		}
		return m.strings.add(text, size, len(m.functions) > 0)
	case fieldSampleType, fieldSample, fieldMapping, fieldLocation, fieldFunction, fieldPeriodType, fieldComment:
	case fieldDropFrames, fieldKeepFrames, fieldTimeNanos, fieldDuration, fieldPeriod, fieldDefaultType, fieldDocURL:
		return errWire
	default:
		_, err := in.take(size, 0)
		return err
	}
	m.empty = false
	body, err := in.take(size, math.MaxUint64)
	if err != nil {
		return err
	}
	c := cursor{b: body}
	switch number {
	case fieldSampleType:
		return m.sampleType(&c)
	case fieldSample:
		return m.sample(&c)
	case fieldMapping:
		return m.mapping(&c)
	case fieldLocation:
		return m.location(&c)
	case fieldFunction:
		return m.function(&c)
	case fieldPeriodType:
		m.periodType, err = m.valueType(&c)
		return err
	}
	for c.more() { // comments, packed
		v := c.uvarint()
		if c.bad {
			break
		}
		if err := m.comment(v); err != nil {
			return err
		}
	}
	return c.err()
}

func (m *message) sampleType(c *cursor) error {
	if len(m.sampleTypes) == maxColumns {
		return &budget.Error{What: "sample types of the profile", Limit: maxColumns}
	}
	t, err := m.valueType(c)
	m.sampleTypes = append(m.sampleTypes, t)
	return err
}

func (m *message) valueType(c *cursor) (t typeRef, err error) {
	for c.more() {
		switch tag := c.uvarint(); tag {
		case 1 << 3:
			t.typ = stringIndex(c.uvarint())
		case 2 << 3:
			t.unit = stringIndex(c.uvarint())
		default:
			c.other(tag, 2)
		}
	}
	if c.bad {
		return t, errWire
	}
	if err := m.strings.refer(t.typ); err != nil {
		return t, err
	}
	return t, m.strings.refer(t.unit)
}
