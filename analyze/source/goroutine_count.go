package source

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"go-debug/analyze/budget"
	"go-debug/analyze/unpack"
)

const (
	maxCountedBytes = 1 << 30 // decompressed bytes of a goroutine profile that are walked
	maxSampleBytes  = 1 << 20 // of one sample: 128 frames and its labels
)

// countGoroutines sums the first value of all samples of a profile.proto, compressed or not: for
// a goroutine profile, the number of goroutines. It walks the messages without building the
// profile, so that it costs no more than reading the file.
func countGoroutines(r io.Reader) (int64, error) {
	in := bufio.NewReader(r)
	magic, _ := in.Peek(unpack.SniffSize)
	if format := unpack.Sniff(magic); format != unpack.None {
		u, err := unpack.NewReader(in, format, budget.DefaultMemory)
		if err != nil {
			return 0, err
		}
		defer u.Close()
		in = bufio.NewReader(u)
	}
	capped := &io.LimitedReader{R: in, N: maxCountedBytes}
	in = bufio.NewReader(capped)
	var total int64
	for {
		tag, err := binary.ReadUvarint(in)
		if errors.Is(err, io.EOF) {
			if capped.N <= 0 {
				return 0, errors.New("goroutine profile is too long")
			}
			if total == 0 {
				return 0, errors.New("goroutine profile without samples")
			}
			return total, nil
		}
		if err == nil {
			var n int64
			n, err = countField(in, tag)
			total += n
		}
		if err != nil {
			return 0, fmt.Errorf("goroutine profile: %w", err)
		}
		if total < 0 {
			return 0, errors.New("goroutine profile: counts overflow")
		}
	}
}

// Field numbers of profile.proto.
const (
	profileSample = 2
	sampleValue   = 2
)

// The wire types of protobuf.
const (
	wireVarint  = 0
	wireFixed64 = 1
	wireBytes   = 2
	wireFixed32 = 5
)

// countField reads one field of the profile; its value is the count of a sample, else 0.
func countField(in *bufio.Reader, tag uint64) (int64, error) {
	switch tag & 7 {
	case wireVarint:
		_, err := binary.ReadUvarint(in)
		return 0, err
	case wireFixed64:
		return 0, discard(in, 8)
	case wireFixed32:
		return 0, discard(in, 4)
	case wireBytes:
	default:
		return 0, fmt.Errorf("wire type %d", tag&7)
	}
	n, err := binary.ReadUvarint(in)
	if err != nil || tag>>3 != profileSample {
		return 0, errors.Join(err, discard(in, n))
	}
	if n > maxSampleBytes {
		return 0, fmt.Errorf("a sample of %d bytes", n)
	}
	sample := make([]byte, n)
	if _, err := io.ReadFull(in, sample); err != nil {
		return 0, err
	}
	return sampleCount(sample)
}

func discard(in *bufio.Reader, n uint64) error {
	if n > maxCountedBytes {
		return fmt.Errorf("a field of %d bytes", n)
	}
	_, err := in.Discard(int(n))
	return err
}

// sampleCount is the first value of a sample, packed or not.
func sampleCount(b []byte) (int64, error) {
	bad := errors.New("a damaged sample")
	for len(b) > 0 {
		tag, n := binary.Uvarint(b)
		if n <= 0 {
			return 0, bad
		}
		b = b[n:]
		v, n := binary.Uvarint(b)
		if n <= 0 || tag&7 != wireVarint && tag&7 != wireBytes {
			return 0, bad
		}
		b = b[n:]
		if tag&7 == wireBytes {
			if v > uint64(len(b)) {
				return 0, bad
			}
			if tag>>3 != sampleValue {
				b = b[v:]
				continue
			}
			if v, n = binary.Uvarint(b[:v]); n <= 0 {
				return 0, bad
			}
		}
		if tag>>3 == sampleValue {
			if int64(v) < 0 {
				return 0, bad
			}
			return int64(v), nil
		}
	}
	return 0, nil
}
