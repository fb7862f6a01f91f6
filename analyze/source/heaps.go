package source

import (
	"context"
	"fmt"
	"time"

	"go-debug/analyze/evidence"
)

// HeapProfiles is how many heap profiles a capture takes at most, whatever its length: six that rise one
// after the other are one order of 720, and two halves of a window have points enough to
// tell growth that goes on from growth that ends. Each costs the target the writing of its
// stacks (a few milliseconds for a thousand) and no stop. The values are of up to two collections ago, unless
// CaptureOptions.Collect asks for one.
const HeapProfiles = 6

func (c *capturer) heapProfile(n int) profile {
	p := pprofProfile(evidence.Heap)
	p.file = fmt.Sprintf("heap.%02d.pb.gz", n)
	if c.opt.Collect {
		p.query = "gc=1"
	}
	return p
}

// heaps takes the heap profiles between the first and the last.
func (c *capturer) heaps(ctx context.Context, window time.Time, traceAt time.Duration, traced bool) {
	step := c.opt.For / (HeapProfiles - 1)
	for i := 1; i < HeapProfiles-1; i++ {
		at := step * time.Duration(i)
		// Writing it would be the program's work in the trace. It waits for the end, or for the next one.
		if end := traceAt + c.opt.Trace; c.wants(evidence.Execution) && traced && at >= traceAt && at < end {
			if end >= at+step {
				continue
			}
			at = end
		}
		if sleepUntil(ctx, window.Add(at)) != nil {
			return
		}
		c.takeAndRecord(ctx, c.heapProfile(i))
	}
}
