package trace

import (
	"errors"
	"fmt"
	"time"
)

type clockSnapshot struct {
	time uint64 // units
	wall time.Time
}

// maxUnit bounds a unit of time: the runtime's has 64 ns at most, times a clock's of 1 µs.
const maxUnit = 1e6

const (
	frequencyEvent     = 8
	syncBatch          = 50
	clockSnapshotEvent = 51
	firstSynced        = 25 // the first minor version with sync batches
)

// sync reads the frequency and the clocks.
func (g *generation) sync(b batch) error {
	c := cursor{b: b.data[:b.n]}
	if g.minor >= firstSynced {
		c.i = 1
	}
	at := b.time
	for c.more() {
		switch kind := c.byte(); kind {
		case frequencyEvent:
			f := c.uvarint()
			if g.freq != 0 {
				return errors.New("a generation states its frequency twice")
			}
			unit := 1 / (float64(f) / 1e9)
			if f == 0 || unit > maxUnit {
				return fmt.Errorf("a frequency of %d per second", f)
			}
			g.freq = unit
		case clockSnapshotEvent:
			if g.clock.time != 0 || g.minor < firstSynced {
				return errors.New("a generation has two clock snapshots")
			}
			at += c.uvarint()
			c.uvarint() // monotonic clock
			sec, nsec := c.uvarint(), c.uvarint()
			g.clock = clockSnapshot{time: at, wall: time.Unix(int64(sec), int64(nsec)).UTC()}
		default:
			return fmt.Errorf("a sync batch holds an event of type %d", kind)
		}
	}
	return c.err
}
