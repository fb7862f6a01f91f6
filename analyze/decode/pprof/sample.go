package pprof

import (
	"go-debug/analyze/budget"
)

// sample sums one sample. Its locations are taken as they are encoded: the bytes are the
// stack's key.
func (m *message) sample(c *cursor) error {
	if m.stacks == nil {
		if err := m.begin(*c); err != nil {
			return err
		}
	}
	var key []byte
	own := false // key is scratch and not part of the window
	m.values = m.values[:0]
	for c.more() {
		switch tag := c.uvarint(); tag {
		case sampleLocation<<3 | wireBytes:
			packed := c.bytes()
			if len(packed) > 0 && packed[len(packed)-1] >= 0x80 {
				return errWire
			}
			if key == nil {
				key = packed
				continue
			}
			key, own = m.join(key, own, packed), true
		case sampleLocation << 3:
			start := c.i
			c.uvarint()
			key, own = m.join(key, own, c.b[start:c.i]), true
		case sampleValue << 3:
			m.values = append(m.values, int64(c.uvarint()))
		case sampleValue<<3 | wireBytes:
			p := cursor{b: c.bytes()}
			for p.more() && len(m.values) <= maxColumns {
				m.values = append(m.values, int64(p.uvarint()))
			}
			c.bad = c.bad || p.bad
		case sampleLabel<<3 | wireBytes:
			if err := m.label(c.bytes()); err != nil {
				return err
			}
		default:
			c.other(tag, sampleLabel)
		}
		if len(m.values) > maxColumns {
			return &budget.Error{What: "values of one sample of the profile", Limit: maxColumns}
		}
	}
	if c.bad {
		return errWire
	}
	return m.add(key)
}

// join appends the locations of a further field to those of a sample.
func (m *message) join(key []byte, own bool, more []byte) []byte {
	if !own {
		m.key = append(m.key[:0], key...)
	}
	m.key = append(m.key, more...)
	return m.key
}

// add sums the sample whose values and labels have been read.
func (m *message) add(key []byte) error {
	if len(m.values) != m.stacks.columns {
		return invalidf("samples differ in the number of their values: %d and %d", m.stacks.columns, len(m.values))
	}
	m.records++
	m.losses.sum(m.totals, m.values)
	for _, v := range m.values {
		if v < 0 {
			m.negative++
			break
		}
	}
	if len(key) > maxDepth {
		if p := prefix(key, maxDepth); len(p) < len(key) {
			key, m.deep = p, true
		}
	}
	weight := int64(0)
	if len(m.values) > 0 {
		weight = m.values[0]
	}
	labels := m.labels.ofSample(weight)
	if len(labels) > 0 {
		if err := m.mem.charge(4 * int64(len(labels))); err != nil {
			return err
		}
	}
	m.stacks.add(key, m.values, 1, labels)
	return nil
}

// begin makes the table of stacks when the first sample comes. A share of the memory is set
// aside for it: it is bounded and never the reason for an error.
func (m *message) begin(sample cursor) error {
	columns := 0
	for sample.more() && columns <= maxColumns {
		switch tag := sample.uvarint(); tag {
		case sampleValue << 3:
			sample.uvarint()
			columns++
		case sampleValue<<3 | wireBytes:
			for _, c := range sample.bytes() {
				if c < 0x80 {
					columns++
				}
			}
		default:
			sample.skip(tag)
		}
	}
	m.totals = make([]int64, min(columns, maxColumns))
	if err := m.mem.charge(m.mem.limit / 4); err != nil {
		return err
	}
	m.labels.tracked, m.labels.max = columns == 1 || m.limits.Labels > 0, maxLabelPairs
	if columns > 1 {
		m.labels.max = min(m.limits.Labels, maxLabelPairs)
	}
	m.stacks = newStackTable(columns, m.mostStacks(columns), m.mostBytes(), m.labels.tracked, &m.losses)
	return nil
}

// mostStacks and mostBytes bound a table of stacks: more than are kept in the end, since
// stacks that differ in addresses may turn out to be the same.
func (m *message) mostStacks(columns int) int {
	perStack := int64(64 + 16*columns)
	return int(max(2, min(4*int64(m.limits.Stacks), m.mem.limit/16/perStack)))
}

func (m *message) mostBytes() int { return int(min(m.mem.limit/32, 1<<30)) }

// label reads a label of the sample at hand. Labels without a value say nothing and are
// skipped, as google/pprof does.
func (m *message) label(body []byte) error {
	var key, str, unit uint64
	var num int64
	c := cursor{b: body}
	for c.more() {
		switch tag := c.uvarint(); tag {
		case 1 << 3:
			key = c.uvarint()
		case 2 << 3:
			str = c.uvarint()
		case 3 << 3:
			num = int64(c.uvarint())
		case 4 << 3:
			unit = c.uvarint()
		default:
			c.other(tag, 4)
		}
	}
	if c.bad {
		return errWire
	}
	if str != 0 {
		unit = 0 // a unit belongs to a number: where there is text, the reference does not look it up
	}
	m.farthest = max(m.farthest, key, str, unit)
	m.strings.seen++
	if str == 0 && num == 0 {
		return nil
	}
	return m.labels.add(&m.mem, &m.strings, labelPair{stringIndex(key), stringIndex(str), num})
}
