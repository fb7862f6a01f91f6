package source

import (
	"context"
	"fmt"
	"time"

	"go-debug/analyze/evidence"
)

// snapshot is a goroutine profile in protobuf (debug=0), and how many goroutines it holds.
type snapshot struct {
	file  File
	total int64
	known bool // total could be read
}

func (c *capturer) goroutines(debug int) profile {
	p := pprofProfile(evidence.Goroutine)
	p.file = fmt.Sprintf("goroutine.%02d.debug%d.pb.gz", c.snapshotNo, debug)
	if debug == 2 {
		p.file = fmt.Sprintf("goroutine.%02d.debug2.txt.gz", c.snapshotNo)
		p.query, p.format = "debug=2", "debug2"
	}
	return p
}

// firstSnapshot proves that the endpoint answers: its failure is the capture's, before any
// time is spent.
func (c *capturer) firstSnapshot(ctx context.Context) (snapshot, error) {
	s, err := c.cheapSnapshot(ctx)
	if err != nil {
		return s, err
	}
	c.record(s.file)
	c.snapshotNo++
	return s, nil
}

// cheapSnapshot takes debug=0 under the next number and counts its goroutines.
func (c *capturer) cheapSnapshot(ctx context.Context) (snapshot, error) {
	f, err := c.take(ctx, c.goroutines(0))
	s := snapshot{file: f}
	if err != nil || f.Truncated != "" {
		return s, err
	}
	r, err := c.w.open(f.Name)
	if err != nil {
		return s, err
	}
	defer r.Close()
	s.total, err = countGoroutines(r)
	s.known = err == nil // what is wrong with the profile is for its decoder to tell
	return s, nil
}

// snapshots takes the goroutine snapshots of the window.
func (c *capturer) snapshots(ctx context.Context, window time.Time, first snapshot) {
	if c.allowed(first) {
		c.stackSnapshot(ctx)
		c.snapshotNo++
	}
	missed := 0
	for offset := c.opt.Every; offset <= c.opt.For; offset += c.opt.Every {
		if sleepUntil(ctx, window.Add(offset)) != nil {
			return
		}
		if time.Since(window)-offset > c.opt.Every/2 {
			missed++ // the one before took too long; bunching them up would help nobody
			continue
		}
		c.nextSnapshot(ctx)
		c.snapshotNo++
	}
	if missed > 0 {
		c.warn(fmt.Sprintf("%d goroutine snapshots were left out because the one before took too long", missed))
	}
}

// nextSnapshot precedes each debug=2 with a debug=0. Its count decides whether debug=2 is
// taken, because a climbing program may have passed the limit since the last one; and it is
// the snapshot itself when debug=2 is not taken or fails.
func (c *capturer) nextSnapshot(ctx context.Context) {
	s, err := c.cheapSnapshot(ctx)
	switch {
	case err != nil:
		c.failed(ctx, s.file, err)
	case c.allowed(s) && c.stackSnapshot(ctx):
		c.w.remove(s.file.Name)
	default:
		c.record(s.file)
	}
}

// allowed tells whether debug=2 may be asked for, and says once why not. A number that could
// not be read allows nothing.
func (c *capturer) allowed(s snapshot) bool {
	if s.known && s.total < c.opt.StackLimit {
		return true
	}
	why := fmt.Sprintf("debug=2 was not taken: %d goroutines, the limit is %d, because it stops the program while it writes; debug=0 was taken instead",
		s.total, c.opt.StackLimit)
	if !s.known {
		why = "debug=2 was not taken: the number of goroutines could not be read from debug=0"
	}
	if !c.stacksDenied {
		c.stacksDenied = true
		c.skip(Skip{Kind: evidence.Goroutine, Why: why})
	}
	return false
}

func (c *capturer) stackSnapshot(ctx context.Context) bool {
	f, err := c.take(ctx, c.goroutines(2))
	if err != nil {
		c.failed(ctx, f, err)
		return false
	}
	if f.Bytes == stackDumpLimit {
		f.Truncated = stackDumpCut
	}
	c.record(f)
	return true
}
