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
func (c *capturer) cheapSnapshot(ctx context.Context) (s snapshot, err error) {
	defer func() { c.last = s }()
	f, err := c.take(ctx, c.goroutines(0))
	s = snapshot{file: f}
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

// opening takes the first full dump, before the window and the load begin.
func (c *capturer) opening(ctx context.Context, first snapshot) {
	if c.allowed(first) {
		c.stackSnapshot(ctx)
		c.snapshotNo++
	}
}

// snapshots takes the goroutine snapshots of the window.
func (c *capturer) snapshots(ctx context.Context, window time.Time) {
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

// settle takes the goroutines that are left some time after the window and the load have
// ended. A load that somebody else drives may go on: then two snapshots show whether goroutines
// still come.
func (c *capturer) settle(ctx context.Context) {
	if c.opt.Settling != nil {
		c.opt.Settling()
	}
	phase, waits := evidence.Unattended, []time.Duration{c.opt.Settle, c.opt.Every}
	if c.opt.Load != nil {
		phase, waits = evidence.Settled, waits[:1]
	}
	c.phase = phase
	for _, wait := range waits {
		if sleepUntil(ctx, time.Now().Add(wait)) != nil {
			return
		}
		c.nextSnapshot(ctx)
		c.snapshotNo++
	}
	c.phase = ""
}

// nextSnapshot precedes each debug=2 with a debug=0. Its count decides whether debug=2 is
// taken, because a climbing program may have passed the limit since the last one; and it is
// the snapshot itself when debug=2 is not taken or is not whole.
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
	var why string
	switch {
	case c.dumpCut:
		why = "debug=2 was taken no more: the target's runtime cuts it at 64 MiB; debug=0 was taken instead"
	case !s.known:
		why = "debug=2 was not taken: the number of goroutines could not be read from debug=0"
	case s.total >= c.opt.StackLimit:
		why = fmt.Sprintf("debug=2 was not taken: %d goroutines, the limit is %d, because it would stop the program for up to %.1f s; "+
			"debug=0, in which goroutines have no ids, was taken instead%s", s.total, c.opt.StackLimit, dumpStallS(s.total), c.besideTrace())
	default:
		return true
	}
	if !c.stacksDenied {
		c.stacksDenied = true
		c.skip(Skip{Kind: evidence.Goroutine, Why: why})
	}
	return false
}

func (c *capturer) besideTrace() string {
	if c.wants(evidence.Execution) {
		return ", beside the trace"
	}
	return ""
}

// stackSnapshot takes debug=2 and tells whether all of it is there.
func (c *capturer) stackSnapshot(ctx context.Context) bool {
	f, err := c.take(ctx, c.goroutines(2))
	if err != nil {
		c.failed(ctx, f, err)
		return false
	}
	if f.Bytes == stackDumpLimit {
		f.Truncated, c.dumpCut = stackDumpCut, true
	}
	c.record(f)
	return f.Truncated == ""
}

// leakProfile asks the runtime for the goroutines that it can prove to be leaked. It is the
// last request, and made once: it leaves marks that later dumps show.
func (c *capturer) leakProfile(ctx context.Context) {
	if !c.wants(evidence.Goroutine) {
		s, err := c.cheapSnapshot(ctx) // to count them
		if err == nil {
			c.w.remove(s.file.Name)
		}
	}
	switch {
	case !c.last.known:
		c.skip(Skip{Kind: evidence.GoroutineLeak, Why: "the number of goroutines could not be read from debug=0"})
	case c.last.total >= c.opt.LeakLimit:
		c.skip(Skip{Kind: evidence.GoroutineLeak, Why: fmt.Sprintf("%d goroutines, the limit is %d, because it collects garbage as often as it finds some",
			c.last.total, c.opt.LeakLimit)})
	default:
		c.takeAndRecord(ctx, pprofProfile(evidence.GoroutineLeak))
	}
}
