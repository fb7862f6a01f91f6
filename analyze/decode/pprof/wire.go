package pprof

// The wire types of protocol buffers that profile.proto uses. Groups, which no version of
// profile.proto ever had, are refused, as google/pprof does.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

// Field numbers of profile.proto's messages.
const (
	fieldSampleType  = 1
	fieldSample      = 2
	fieldMapping     = 3
	fieldLocation    = 4
	fieldFunction    = 5
	fieldString      = 6
	fieldDropFrames  = 7
	fieldKeepFrames  = 8
	fieldTimeNanos   = 9
	fieldDuration    = 10
	fieldPeriodType  = 11
	fieldPeriod      = 12
	fieldComment     = 13
	fieldDefaultType = 14
	fieldDocURL      = 15

	sampleLocation = 1
	sampleValue    = 2
	sampleLabel    = 3

	locationLine = 4
)

const errWire = invalid("malformed protocol buffer")

// maxVarint is the length of the longest number, a negative one.
const maxVarint = 10

// cursor walks an encoded message that stands in memory. A fault of the encoding sets bad
// and moves it to the end; whoever walks asks for bad once, then.
type cursor struct {
	b   []byte
	i   int
	bad bool
}

// uvarint reads a number. Bits beyond the 64th are dropped, as google/pprof does.
func (c *cursor) uvarint() uint64 {
	if c.i < len(c.b) && c.b[c.i] < 0x80 {
		c.i++
		return uint64(c.b[c.i-1])
	}
	return c.longUvarint()
}

func (c *cursor) longUvarint() uint64 {
	if b := c.b[c.i:]; len(b) > 1 && b[1] < 0x80 { // most ids
		c.i += 2
		return uint64(b[0]&0x7f) | uint64(b[1])<<7
	}
	v, n := uvarint(c.b[c.i:])
	if n == 0 {
		c.fail()
		return 0
	}
	c.i += n
	return v
}

// uvarint decodes the number at the head of b and its length, 0 when there is none.
func uvarint(b []byte) (v uint64, n int) {
	for i, c := range b[:min(len(b), maxVarint)] {
		v |= uint64(c&0x7f) << (7 * uint(i))
		if c < 0x80 {
			return v, i + 1
		}
	}
	return 0, 0
}

// bytes reads what stands behind a length.
func (c *cursor) bytes() []byte {
	n := c.uvarint()
	if n > uint64(len(c.b)-c.i) {
		c.fail()
		return nil
	}
	c.i += int(n)
	return c.b[c.i-int(n) : c.i]
}

// skip passes over the value of a field that nobody knows.
func (c *cursor) skip(tag uint64) {
	n := 0
	switch tag & 7 {
	case wireVarint:
		c.uvarint()
	case wireBytes:
		c.bytes()
	case wireFixed64:
		n = 8
	case wireFixed32:
		n = 4
	default:
		c.fail()
	}
	if c.i += n; c.i > len(c.b) {
		c.fail()
	}
}

// other passes over a field, or fails where a message knows the field with another type:
// last is the highest field number of the message.
func (c *cursor) other(tag, last uint64) {
	if number := tag >> 3; number > 0 && number <= last {
		c.fail()
		return
	}
	c.skip(tag)
}

func (c *cursor) more() bool { return c.i < len(c.b) }

func (c *cursor) fail() { c.bad, c.i = true, len(c.b) }

func (c *cursor) err() error {
	if c.bad {
		return errWire
	}
	return nil
}
