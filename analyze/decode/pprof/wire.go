package pprof

import (
	"encoding/binary"
	"errors"
	"io"
)

// The wire types of protocol buffers that profile.proto uses.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

// Field numbers of profile.proto's messages.
const (
	fieldSampleType = 1
	fieldSample     = 2
	fieldMapping    = 3
	fieldLocation   = 4
	fieldFunction   = 5
	fieldString     = 6
	fieldTimeNanos  = 9
	fieldLast       = 15

	sampleLocation = 1
	sampleValue    = 2
	sampleLabel    = 3

	locationLine = 4
)

var errWire = errors.New("malformed protocol buffer")

// wireField is one field of a message: a number for varints and fixed widths, bytes for
// everything that has a length.
type wireField struct {
	number uint64
	typ    int
	value  uint64
	data   []byte
	raw    []byte // the field as encoded, tag included
}

// readUvarint reads one number. The end of the stream is always unexpected here.
func readUvarint(r io.ByteReader) (uint64, error) {
	var v uint64
	for shift := 0; shift < 64; shift += 7 {
		c, err := r.ReadByte()
		if err != nil {
			return 0, cutAt(err)
		}
		if v |= uint64(c&0x7f) << shift; c < 0x80 {
			return v, nil
		}
	}
	return 0, errWire
}

// nextField cuts the first field off an encoded message.
func nextField(msg []byte) (f wireField, rest []byte, err error) {
	tag, n := binary.Uvarint(msg)
	if n <= 0 {
		return f, nil, errWire
	}
	f.number, f.typ = tag>>3, int(tag&7)
	rest = msg[n:]
	switch f.typ {
	case wireVarint:
		if f.value, n = binary.Uvarint(rest); n <= 0 {
			return f, nil, errWire
		}
		rest = rest[n:]
	case wireFixed64, wireFixed32:
		width := 8
		if f.typ == wireFixed32 {
			width = 4
		}
		if len(rest) < width {
			return f, nil, errWire
		}
		rest = rest[width:]
	case wireBytes:
		size, n := binary.Uvarint(rest)
		if n <= 0 || size > uint64(len(rest)-n) {
			return f, nil, errWire
		}
		f.data = rest[n : n+int(size)]
		rest = rest[n+int(size):]
	default:
		return f, nil, errWire
	}
	f.raw = msg[:len(msg)-len(rest)]
	return f, rest, nil
}

// countVarints counts the numbers of a packed field.
func countVarints(packed []byte) int64 {
	var n int64
	for _, c := range packed {
		if c < 0x80 {
			n++
		}
	}
	return n
}
