package pprof

import (
	"fmt"
	"math"

	"go-debug/analyze/budget"
)

// Bytes that the tables take for one message of each type; the slack of growing slices is
// booked by grow.
const (
	sizeLocation = 16
	sizeLine     = 16
	sizeFunction = 8
	sizeMapping  = 24
	sizeType     = 8
)

type location struct {
	mapping  uint64
	first, n uint32 // its lines, innermost first
}

type lineRef struct {
	function uint64
	line     int64
}

type function struct{ name, file uint32 }

type mapping struct {
	id          uint64
	file, build uint32
}

func (m *message) mapping(c *cursor) error {
	var mp mapping
	for c.more() {
		switch tag := c.uvarint(); tag {
		case 1 << 3:
			mp.id = c.uvarint()
		case 5 << 3:
			mp.file = stringIndex(c.uvarint())
		case 6 << 3:
			mp.build = stringIndex(c.uvarint())
		case 2 << 3, 3 << 3, 4 << 3, 7 << 3, 8 << 3, 9 << 3, 10 << 3:
			c.uvarint()
		default:
			c.other(tag, 10)
		}
	}
	if c.bad {
		return errWire
	}
	if mp.id == 0 {
		return invalid("a mapping has the reserved id 0")
	}
	fresh, err := m.mappingIDs.add(&m.mem, mp.id, uint32(len(m.mappings)))
	if err != nil {
		return err
	}
	if !fresh {
		return m.twice("mappings", mp.id)
	}
	if m.mappings, err = grow(&m.mem, m.mappings, 1, sizeMapping); err != nil {
		return err
	}
	m.mappings = append(m.mappings, mp)
	if err := m.strings.refer(mp.file); err != nil {
		return err
	}
	return m.strings.refer(mp.build)
}

func (m *message) location(c *cursor) error {
	var id uint64
	l := location{first: uint32(len(m.lines))}
	for c.more() {
		switch tag := c.uvarint(); tag {
		case 1 << 3:
			id = c.uvarint()
		case 2 << 3:
			l.mapping = c.uvarint()
		case 3 << 3, 5 << 3: // the address, is_folded
			c.uvarint()
		case locationLine<<3 | wireBytes:
			if err := m.line(c.bytes()); err != nil {
				return err
			}
		default:
			c.other(tag, 5)
		}
	}
	if c.bad {
		return errWire
	}
	if id == 0 {
		return invalid("a location has the reserved id 0")
	}
	fresh, err := m.locationIDs.add(&m.mem, id, uint32(len(m.locations)))
	if err != nil {
		return err
	}
	if !fresh {
		return m.twice("locations", id)
	}
	if m.locations, err = grow(&m.mem, m.locations, 1, sizeLocation); err != nil {
		return err
	}
	l.n = uint32(len(m.lines)) - l.first
	m.locations = append(m.locations, l)
	return nil
}

func (m *message) line(body []byte) error {
	var l lineRef
	c := cursor{b: body}
	for c.more() {
		switch tag := c.uvarint(); tag {
		case 1 << 3:
			l.function = c.uvarint()
		case 2 << 3:
			l.line = int64(c.uvarint())
		case 3 << 3: // the column
			c.uvarint()
		default:
			c.other(tag, 3)
		}
	}
	if c.bad {
		return errWire
	}
	if len(m.lines) == math.MaxUint32 {
		return &budget.Error{What: "lines of the profile's locations", Limit: math.MaxUint32}
	}
	var err error
	if m.lines, err = grow(&m.mem, m.lines, 1, sizeLine); err != nil {
		return err
	}
	m.lines = append(m.lines, l)
	return nil
}

func (m *message) function(c *cursor) error {
	var id, linkerName uint64
	var f function
	for c.more() {
		switch tag := c.uvarint(); tag {
		case 1 << 3:
			id = c.uvarint()
		case 2 << 3:
			f.name = stringIndex(c.uvarint())
		case 3 << 3:
			linkerName = c.uvarint()
		case 4 << 3:
			f.file = stringIndex(c.uvarint())
		case 5 << 3: // the line that it begins at
			c.uvarint()
		default:
			c.other(tag, 5)
		}
	}
	if c.bad {
		return errWire
	}
	m.farthest = max(m.farthest, linkerName)
	if id == 0 {
		return invalid("a function has the reserved id 0")
	}
	fresh, err := m.functionIDs.add(&m.mem, id, uint32(len(m.functions)))
	if err != nil {
		return err
	}
	if !fresh {
		return m.twice("functions", id)
	}
	if m.functions, err = grow(&m.mem, m.functions, 1, sizeFunction); err != nil {
		return err
	}
	m.functions = append(m.functions, f)
	if err := m.strings.refer(f.name); err != nil {
		return err
	}
	return m.strings.refer(f.file)
}

// twice is the error of an id that is there already. Behind the strings it is that of another
// profile, which begins anew.
func (m *message) twice(what string, id uint64) error {
	if len(m.strings.places) > 0 {
		return fmt.Errorf("%w: two %s have the id %d", errSeveral, what, id)
	}
	return invalidf("several %s have the same id: %d", what, id)
}
