package unpack

import (
	"cmp"
	"fmt"
	"io"

	"github.com/klauspost/compress/zstd"

	"go-debug/analyze/budget"
)

// windowShare is the part of the memory that the window of a zstd stream may take: what is
// decoded needs the rest.
const windowShare = 4

// maxWindow is the largest window that the format knows.
const maxWindow = 1<<41 + 7<<38

func (u *Reader) openZstd(memory int64) error {
	window := min(max(memory/windowShare, zstd.MinWindowSize), maxWindow)
	if err := u.checkWindow(window); err != nil {
		return err
	}
	// One decoder works in the goroutine that reads: it costs the least, and stops when nobody
	// reads. Its buffer is made when the first block is met, in the size that the frame states.
	z, err := zstd.NewReader(u.in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
		zstd.WithDecoderMaxWindow(uint64(window)))
	if err != nil {
		return err
	}
	u.z, u.close = z, z.Close
	return nil
}

// checkWindow refuses a first frame that demands too much memory, which the decoder's errors do
// not tell from damage. What else is wrong with the header is for the decoder to say.
func (u *Reader) checkWindow(limit int64) error {
	head, err := u.in.Peek(zstd.HeaderMaxSize)
	if err != nil && err != io.EOF {
		return err
	}
	var h zstd.Header
	if h.Decode(head) != nil || h.Skippable {
		return nil
	}
	if need := cmp.Or(h.WindowSize, h.FrameContentSize); need > uint64(limit) {
		over := budget.OverMemory(fmt.Sprintf("memory for a zstd window of %d bytes", need), limit)
		over.Need = int64(min(need, maxWindow)) * windowShare
		return over
	}
	return nil
}
