package trace

import "encoding/binary"

// cursor reads numbers from a batch. After an error it reads zeros.
type cursor struct {
	b   []byte
	i   int
	err error
}

func (c *cursor) more() bool { return c.err == nil && c.i < len(c.b) }

func (c *cursor) byte() byte {
	if c.i >= len(c.b) {
		c.err = errVarint
		return 0
	}
	c.i++
	return c.b[c.i-1]
}

func (c *cursor) uvarint() uint64 {
	v, n := binary.Uvarint(c.b[min(c.i, len(c.b)):])
	if n <= 0 {
		c.err = errVarint
		c.i = len(c.b)
		return 0
	}
	c.i += n
	return v
}
