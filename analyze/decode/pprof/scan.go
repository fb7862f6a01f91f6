package pprof

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"slices"

	"go-debug/analyze/budget"
)

// What profile.Parse allocates for one message of each type, in bytes on a 64-bit
// machine: the struct in its size class, its slot in the slice that holds it, and its
// slots in the id tables that decoding and CheckValid build. TestEstimate holds these
// against the allocator.
const (
	costSample   = 128 + 16
	costRef      = 20 // a location of a sample: its id, then its pointer
	costValue    = 12
	costMapping  = 128 + 16 + 96
	costLocation = 64 + 16 + 96
	costLine     = 40 + 120 // and the frame that conversion makes of it
	costFunction = 96 + 16 + 96
	costString   = 16*2 + 8 // beside the bytes themselves
	costLabel    = 8        // an id; labels never reach profile.Parse
	costPair     = 160      // a distinct label: table entry, map slot, text
)

const (
	// maxSampleLabels is far beyond what programs set with pprof.Do; profile.Parse would
	// take some 230 bytes for every empty label, which gzip stores in a fiftieth of a byte.
	maxSampleLabels = 4096
	// maxLabelPairs bounds the distinct labels that are told apart.
	maxLabelPairs = 1 << 16
	readChunk     = 64 << 10
)

// labelPair is a label as encoded: indices into the string table, or a number.
type labelPair struct{ key, str, num int64 }

// counts are the messages of a profile.
type counts struct {
	sampleTypes, samples, mappings, locations, functions, strings, labels int64
}

// scan reads a profile.proto stream message by message before anything is parsed. It
// keeps the encoded messages without their labels, the labels as small ids, and an
// estimate of the memory that parsing will take, and stops as soon as that is too much.
type scan struct {
	counts
	// body is the profile re-encoded: every complete top-level message, no labels.
	body []byte
	// pairs are the distinct labels, sampleLabels their ids for all samples in file order;
	// those of sample i end at labelEnds[i].
	pairs        []labelPair
	sampleLabels []int32
	labelEnds    []int
	// lostLabels counts labels beyond maxLabelPairs distinct ones.
	lostLabels int64
	// times counts time_nanos fields: two mean two profiles in one file.
	times int

	pairIDs map[labelPair]int32
	message []byte // the message being read; reused
	cost    int64
	limit   int64
}

func newScan(limit int64) *scan {
	return &scan{limit: limit, pairIDs: map[labelPair]int32{}}
}

// charge adds to the estimate; over the limit is an error.
func (s *scan) charge(n int64) error {
	if s.cost += n; s.cost > s.limit || s.cost < 0 {
		return &budget.Error{What: "memory for the messages of the profile", Limit: s.limit}
	}
	return nil
}

// read scans to the end of the stream. After an error body holds what came before.
func (s *scan) read(r *bufio.Reader) error {
	for {
		if _, err := r.Peek(1); err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
		tag, err := readUvarint(r)
		if err != nil {
			return err
		}
		if err := s.readField(r, tag); err != nil {
			return err
		}
	}
}

func (s *scan) readField(r *bufio.Reader, tag uint64) error {
	number, known := tag>>3, tag>>3 >= 1 && tag>>3 <= fieldLast
	switch tag & 7 {
	case wireVarint:
		v, err := readUvarint(r)
		if err != nil {
			return err
		}
		if number == fieldTimeNanos {
			s.times++
		}
		if known {
			s.body = binary.AppendUvarint(binary.AppendUvarint(s.body, tag), v)
			return s.charge(8)
		}
		return nil
	case wireFixed64:
		return s.discard(r, 8)
	case wireFixed32:
		return s.discard(r, 4)
	case wireBytes:
		size, err := readUvarint(r)
		if err != nil {
			return err
		}
		if !known {
			if size > 1<<62 {
				return errWire
			}
			return s.discard(r, int64(size))
		}
		return s.readMessage(r, number, size)
	}
	return fmt.Errorf("%w: wire type %d", errWire, tag&7)
}

func (s *scan) discard(r *bufio.Reader, n int64) error {
	if _, err := io.CopyN(io.Discard, r, n); err != nil {
		return cutAt(err)
	}
	return nil
}

// readMessage takes one length-delimited field into body. The length is the input's
// claim: memory grows with the bytes that really come.
func (s *scan) readMessage(r *bufio.Reader, number, size uint64) error {
	if size > uint64(s.limit) {
		return s.charge(s.limit + 1)
	}
	s.message = s.message[:0]
	for left := int(size); left > 0; {
		n := min(left, readChunk)
		have := len(s.message)
		if err := s.room(int64(have + n)); err != nil {
			return err
		}
		s.message = slices.Grow(s.message, n)[:have+n]
		if _, err := io.ReadFull(r, s.message[have:]); err != nil {
			return cutAt(err)
		}
		left -= n
	}
	msg := s.message
	if err := s.count(number, &msg); err != nil {
		return err
	}
	// Twice: appending grows body ahead of its need.
	if err := s.charge(2 * int64(len(msg)+2)); err != nil {
		return err
	}
	s.body = binary.AppendUvarint(s.body, number<<3|wireBytes)
	s.body = binary.AppendUvarint(s.body, uint64(len(msg)))
	s.body = append(s.body, msg...)
	return nil
}

// room checks that so many more bytes would stay within the limit, without booking them.
func (s *scan) room(n int64) error {
	if s.cost+n > s.limit {
		return s.charge(n)
	}
	return nil
}

// count books the cost of one message, and strips the labels off a sample.
func (s *scan) count(number uint64, msg *[]byte) error {
	switch number {
	case fieldSampleType:
		s.sampleTypes++
		return s.charge(64)
	case fieldSample:
		s.samples++
		return s.countSample(msg)
	case fieldMapping:
		s.mappings++
		return s.charge(costMapping)
	case fieldLocation:
		s.locations++
		lines, err := countFields(*msg, locationLine)
		if err != nil {
			return err
		}
		return s.charge(costLocation + costLine*lines)
	case fieldFunction:
		s.functions++
		return s.charge(costFunction)
	case fieldString:
		s.strings++
		return s.charge(costString + int64(len(*msg)))
	}
	return s.charge(16 * (1 + countVarints(*msg))) // comments, the period type
}

func countFields(msg []byte, number uint64) (n int64, err error) {
	for len(msg) > 0 {
		var f wireField
		if f, msg, err = nextField(msg); err != nil {
			return 0, err
		}
		if f.number == number {
			n++
		}
	}
	return n, nil
}

// countSample books a sample's locations and values, moves its labels out of the message
// and leaves the rest in place.
func (s *scan) countSample(msg *[]byte) error {
	cost := int64(costSample)
	kept, rest := (*msg)[:0], *msg
	labels := 0
	for len(rest) > 0 {
		f, next, err := nextField(rest)
		if err != nil {
			return err
		}
		n := int64(1)
		if f.typ == wireBytes {
			n = countVarints(f.data)
		}
		switch f.number {
		case sampleLocation:
			cost += n * costRef
		case sampleValue:
			cost += n * costValue
		case sampleLabel:
			if labels++; labels > maxSampleLabels {
				return &budget.Error{What: "labels on one sample of the profile", Limit: maxSampleLabels}
			}
			if err := s.addLabel(f); err != nil {
				return err
			}
		}
		if f.number != sampleLabel {
			kept = append(kept, f.raw...) // never ahead of rest
		}
		rest = next
	}
	*msg = kept
	s.labelEnds = append(s.labelEnds, len(s.sampleLabels))
	return s.charge(cost)
}

// addLabel notes one label of the sample at hand. Labels without a value say nothing and
// are skipped, as profile.Parse does.
func (s *scan) addLabel(f wireField) error {
	if f.typ != wireBytes {
		return errWire
	}
	s.labels++
	var p labelPair
	for msg := f.data; len(msg) > 0; {
		var v wireField
		var err error
		if v, msg, err = nextField(msg); err != nil {
			return err
		}
		switch v.number {
		case 1:
			p.key = int64(v.value)
		case 2:
			p.str = int64(v.value)
		case 3:
			p.num = int64(v.value)
		}
	}
	if p.str == 0 && p.num == 0 {
		return nil
	}
	id, ok := s.pairIDs[p]
	if !ok {
		if len(s.pairs) >= maxLabelPairs {
			s.lostLabels++
			return nil
		}
		if err := s.charge(costPair); err != nil {
			return err
		}
		id = int32(len(s.pairs))
		s.pairs = append(s.pairs, p)
		s.pairIDs[p] = id
	}
	s.sampleLabels = append(s.sampleLabels, id)
	return s.charge(costLabel)
}

// labelsOf are the label ids of the i-th sample.
func (s *scan) labelsOf(i int) []int32 {
	if i >= len(s.labelEnds) {
		return nil
	}
	start := 0
	if i > 0 {
		start = s.labelEnds[i-1]
	}
	return s.sampleLabels[start:s.labelEnds[i]]
}

// cutAt turns the end of the stream inside a field into an unexpected one.
func cutAt(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}
