package gostack

import (
	"context"
	"io"

	"go-debug/analyze/budget"
)

const (
	// bufferBytes fits a core's cache. It must hold the labels of a goroutine, a function
	// line that waits for its position and an unfinished line, maxLine each.
	bufferBytes = 256 << 10
	// maxLine bounds one line: a header with large pprof labels fits, a binary blob does not.
	maxLine = 32 << 10
	// maxFrames bounds the frames of one goroutine. The runtime prints at most 101 and
	// debug=1 up to GODEBUG=profstackdepth (1024 at most).
	maxFrames = 1024
)

// source fills the parser's buffer.
type source struct {
	ctx   context.Context
	r     io.Reader
	limit int64
	read  int64 // bytes taken from r so far
	err   error // why reading ended
}

// fill reads until buf is full or the input ends, so that where a reader happens to
// split its data has no influence on anything.
func (s *source) fill(buf []byte) int {
	n, idle := 0, 0
	for n < len(buf) && s.err == nil {
		if s.err = s.ctx.Err(); s.err != nil {
			break
		}
		want := buf[n:]
		if left := s.limit - s.read; int64(len(want)) > left {
			want = want[:left]
		}
		if len(want) == 0 {
			s.err = s.overLimit()
			break
		}
		m, err := s.r.Read(want)
		if m < 0 || m > len(want) {
			m, err = 0, io.ErrNoProgress
		}
		n += m
		s.read += int64(m)
		if m > 0 {
			idle = 0
		} else if idle++; idle >= 100 && err == nil {
			err = io.ErrNoProgress
		}
		s.err = err
	}
	return n
}

// overLimit tells an input that ends exactly at the limit from one that goes on.
func (s *source) overLimit() error {
	var one [1]byte
	n, err := io.ReadFull(s.r, one[:])
	if n == 0 {
		return err
	}
	return &budget.Error{What: "bytes of a goroutine dump", Limit: s.limit, Flag: budget.BytesFlag}
}
