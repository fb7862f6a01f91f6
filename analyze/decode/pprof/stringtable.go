package pprof

import (
	"encoding/binary"
	"math"

	"go-debug/analyze/budget"
)

const (
	// chunkSize is what the text of strings is allocated in.
	chunkSize = 64 << 10
	// maxString cuts a string of the table. It leaves names whole that are cut later, and the
	// longest patterns that drop_frames may hold.
	maxString = 16 << 10
	// tailStrings are kept in any case: writers that put the strings before the fields that
	// stand last (periods, comments, drop_frames) put those fields' strings last, too.
	tailStrings = 64
	// lostString stands for the place of a string that was not kept.
	lostString = math.MaxUint32
)

const (
	errString0 = invalid("its first string is not empty")
	errOutside = invalid("a message points outside the string table, as in a file that is cut short")
)

// stringTable keeps the strings of a profile by index. Most strings of a labelled profile are
// the values of its labels, which nobody asks for. Where the functions stand before the
// strings, as the runtime writes them, those that no message refers to are not kept once they
// take more than spare bytes.
type stringTable struct {
	mem    *memory
	chunks [][]byte
	places []uint32 // chunk and offset of each string
	refs   []uint64 // bit set of the strings that some message refers to
	seen   int64    // references so far
	spare  int64
	tail   [tailStrings]struct {
		index uint32
		text  []byte
	}
}

// stringIndex makes an index of 64 bits, maybe negative, one of 32: what does not fit is
// outside of any table.
func stringIndex(v uint64) uint32 { return uint32(min(v, math.MaxUint32)) }

// refer notes that a string will be asked for.
func (t *stringTable) refer(index uint32) error {
	t.seen++
	word := int(index / 64)
	if word >= len(t.refs) {
		if int64(index) > 16*t.seen+4096 { // a claim of more strings than anything refers to
			return nil
		}
		var err error
		if t.refs, err = grow(t.mem, t.refs, word+1-len(t.refs), 8); err != nil {
			return err
		}
		t.refs = t.refs[:word+1]
	}
	t.refs[word] |= 1 << (index % 64)
	return nil
}

func (t *stringTable) referred(index uint32) bool {
	word := int(index / 64)
	return word < len(t.refs) && t.refs[word]&(1<<(index%64)) != 0
}

// add appends a string. size is its length, of which text holds at most maxString bytes.
// selective allows to lose it when nothing has referred to it so far.
func (t *stringTable) add(text []byte, size uint64, selective bool) error {
	index := uint32(len(t.places))
	if index == 0 && size != 0 {
		return errString0
	}
	if index == lostString {
		return &budget.Error{What: "number of strings of the profile", Limit: lostString}
	}
	var err error
	if t.places, err = grow(t.mem, t.places, 1, 4); err != nil {
		return err
	}
	if selective && !t.referred(index) {
		if t.spare -= int64(len(text)) + 1; t.spare < 0 {
			last := &t.tail[index%tailStrings]
			last.index, last.text = index, append(last.text[:0], text...)
			t.places = append(t.places, lostString)
			return nil
		}
	}
	place, err := t.keep(text, size)
	t.places = append(t.places, place)
	return err
}

// keep stores a string behind its length as it was in the file.
func (t *stringTable) keep(text []byte, size uint64) (uint32, error) {
	need := len(text) + maxVarint
	last := len(t.chunks) - 1
	if last < 0 || cap(t.chunks[last])-len(t.chunks[last]) < need {
		capacity := chunkSize
		if last < 0 {
			capacity = chunkSize / 2 // most profiles are small
		}
		if err := t.mem.charge(int64(capacity)); err != nil {
			return lostString, err
		}
		t.chunks = append(t.chunks, make([]byte, 0, capacity))
		last++
	}
	if last >= lostString/chunkSize {
		return lostString, &budget.Error{What: "bytes of the strings of the profile", Limit: lostString}
	}
	c := t.chunks[last]
	place := uint32(last*chunkSize + len(c))
	c = binary.AppendUvarint(c, size)
	t.chunks[last] = append(c, text...)
	return place, nil
}

// get returns a string, cut to maxString bytes. It is valid as long as the table is.
func (t *stringTable) get(index uint32) (text []byte, err error) {
	if int64(index) >= int64(len(t.places)) {
		return nil, errOutside
	}
	place := t.places[index]
	if place == lostString {
		if last := &t.tail[index%tailStrings]; last.index == index {
			return last.text, nil
		}
		return nil, budget.OverMemory("memory for the strings of the profile", t.mem.limit)
	}
	c := t.chunks[place/chunkSize][place%chunkSize:]
	size, n := uvarint(c)
	return c[n : n+int(min(size, maxString))], nil
}

// isCut reports whether a string was longer than what get returns of it.
func (t *stringTable) isCut(index uint32) bool {
	text, err := t.get(index)
	return err == nil && len(text) == maxString
}
