package trace

import "slices"

// history is what a goroutine of a request did, in order: its beginning and what it did last; what lies between
// is summed up.
type history struct {
	from, at int64 // since when, up to when
	early    []spell
	middle   []spell // sums
	middleNS int64
	late     []spell
}

const (
	maxEarly  = 8
	maxLate   = 32
	maxMiddle = 32
)

func (d *history) empty() {
	d.early, d.middle, d.middleNS, d.late = d.early[:0], d.middle[:0], 0, d.late[:0]
}

// add counts the next spell.
func (d *history) add(s spell) {
	d.at += s.ns
	list, most := &d.late, maxLate
	if len(d.late) == 0 && d.middleNS == 0 {
		list, most = &d.early, maxEarly
	}
	if n := len(*list); n > 0 && (*list)[n-1].like(s) {
		(*list)[n-1].ns += s.ns
		return
	} else if n == most {
		if list = &d.late; most == maxLate {
			d.forget(maxLate / 2)
		}
	}
	*list = append(*list, s)
}

// forget sums up the oldest of what it did last.
func (d *history) forget(n int) {
	for _, s := range d.late[:n] {
		d.middleNS += s.ns
		d.middle = addTo(d.middle, s, maxMiddle)
	}
	d.late = d.late[:copy(d.late, d.late[n:])]
}

// addTo adds a spell to sums, of which there are so many at most; the last of them is for what is not told apart.
func addTo(sums []spell, s spell, most int) []spell {
	for i := range sums {
		if sums[i].like(s) {
			sums[i].ns += s.ns
			return sums
		}
	}
	switch n := len(sums); {
	case n == most:
		sums[n-1].ns += s.ns
		return sums
	case n == most-1:
		s = spell{ns: s.ns}
	}
	return append(sums, s)
}

// during appends what it did between two moments, in order; the end of it is running. What came before it was made,
// and a part of what is summed up, is not known.
func (d *history) during(from, to int64, out []spell) []spell {
	clip := func(s spell, lo, hi int64) {
		if s.ns = min(hi, to) - max(lo, from); s.ns > 0 {
			out = append(out, s)
		}
	}
	clip(spell{}, from, min(d.from, to))
	at := d.from
	for _, s := range d.early {
		clip(s, at, at+s.ns)
		at += s.ns
	}
	if end := at + d.middleNS; at >= from && end <= to {
		out = append(out, d.middle...)
		at = end
	} else {
		clip(spell{}, at, end)
		at = end
	}
	for _, s := range d.late {
		clip(s, at, at+s.ns)
		at += s.ns
	}
	clip(spell{status: goRunning}, d.at, to)
	return out
}

// translated is a copy in other terms.
func (d *history) translated(to func(spell) spell) *history {
	out := &history{from: d.from, at: d.at, early: slices.Clone(d.early), middle: slices.Clone(d.middle), middleNS: d.middleNS, late: slices.Clone(d.late)}
	for _, list := range [][]spell{out.early, out.middle, out.late} {
		for i := range list {
			list[i] = to(list[i])
		}
	}
	return out
}
