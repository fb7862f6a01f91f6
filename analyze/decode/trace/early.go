package trace

import (
	"cmp"
	"slices"
)

// A thread writes a batch when its buffer is full, and all write theirs when the generation ends. What a thread
// did at the beginning and then had no more to add to stands last in the file, and half of all others wait for
// it: read as it stands, a generation is wholly in memory before most of its events can be applied, and the next
// one is not read meanwhile. Where the input can be looked into, batches are therefore delivered in the order of
// their times.

// maxUpcoming bounds how many batches of a generation are known in advance: 4 GiB of full ones.
const maxUpcoming = 1 << 16

// upcoming is a batch of events further on in the input.
type upcoming struct {
	body   int64 // offset
	size   int
	thread uint64
	time   uint64
	done   bool // was delivered
}

// upcomings are the batches of events of one generation.
type upcomings struct {
	list   []upcoming // as they stand in the input
	byTime []int32    // indices into list
	next   int        // of byTime
	at     int        // of list: the first that the reader has not passed
}

func (u *upcomings) reset() { *u = upcomings{list: u.list[:0], byTime: u.byTime[:0]} }

// sort is called when the list is whole. Batches of one thread have to come in the order in which they stand;
// where their times say another, or the list is too long, nothing is known in advance.
func (u *upcomings) sort() {
	last := map[uint64]uint64{}
	for i := range u.list {
		b := &u.list[i]
		if b.time < last[b.thread] || len(u.list) > maxUpcoming {
			u.reset()
			return
		}
		last[b.thread] = b.time
		u.byTime = append(u.byTime, int32(i))
	}
	slices.SortStableFunc(u.byTime, func(a, b int32) int { return cmp.Compare(u.list[a].time, u.list[b].time) })
}

// passing is the batch whose body stands at an offset, which the reader has come to. It is nil where that was
// not known in advance, as of a generation whose list is not whole.
func (u *upcomings) passing(body int64) *upcoming {
	for u.at < len(u.list) && u.list[u.at].body < body {
		u.at++
	}
	if len(u.byTime) == 0 || u.at == len(u.list) || u.list[u.at].body != body {
		return nil
	}
	return &u.list[u.at]
}

// before is the earliest batch before a time that was not delivered; nil when there is none.
func (u *upcomings) before(time uint64) *upcoming {
	for ; u.next < len(u.byTime); u.next++ {
		b := &u.list[u.byTime[u.next]]
		if b.time >= time {
			return nil
		}
		if !b.done {
			return b
		}
	}
	return nil
}

// hasten delivers what is earlier than a batch and stands behind it. It is false when that cannot be read.
func (r *genReader) hasten(time uint64, deliver func(batch)) bool {
	u := &r.scout.upcoming
	for b := u.before(time); b != nil; b = u.before(time) {
		out := batch{thread: b.thread, time: b.time, data: r.pool.get(b.size + padding), n: b.size, inTime: true}
		if _, err := r.scout.at.ReadAt(out.data[:b.size], b.body); err != nil {
			r.pool.put(out.data)
			return false // the reader will come to it, and say what is wrong
		}
		b.done = true
		deliver(out)
	}
	return true
}
