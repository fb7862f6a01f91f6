package trace

import "testing"

// A trace that is cut has goroutines whose threads show a region of them after others have shown what they did later. What
// such a region was spent with is not known.
func TestRegionsOfGoroutinesThatAreAhead(t *testing.T) {
	for name, tt := range map[string]struct {
		status goStatus
		since  int64
		known  bool
	}{
		"in step":                 {goRunning, 500, true},
		"waits since later":       {goWaiting, 9000, false},
		"runs since later":        {goRunning, 9000, false},
		"was seen to wait before": {goWaiting, 500, false},
	} {
		r := &replay{}
		x := &g{id: 1, status: tt.status, since: tt.since}
		r.taskBegin(x, 900, 7, 0, 0)
		r.regionBegin(x, 1000, 0, 0, 0)
		if err := r.regionEnd(x, 2600, 0, 0, 0); err != nil {
			t.Fatal(err)
		}
		r.taskEnd(x, 2700, 7, 0)
		for id, want := range map[spanID]int64{{}: 1600, {task: true}: 1800} {
			s := r.t.spans[id].slowest[0]
			if s.parts.unknown == tt.known || tt.known && s.parts.running != want || s.DurationNS != want {
				t.Errorf("%s: %+v of %d ns: %+v, known %v", name, id, s.DurationNS, *s.parts, tt.known)
			}
		}
	}
}

// Where events are taken out of order a goroutine may end within an assist. Nothing of it goes on.
func TestAssistsOfGoroutinesThatAreGone(t *testing.T) {
	r := &replay{}
	r.gs.reset()
	*r.gs.get(1) = g{id: 1, created: true, gone: true, assist: rangeOpen, stw: rangeOpen}
	s := &stitcher{r: r, assists: map[uint64]openRange{}, pauses: map[uint64]pause{}}
	s.goroutineRanges(&gcTally{})
	if len(s.assists)+len(s.pauses) != 0 {
		t.Errorf("assists %v, pauses %v", s.assists, s.pauses)
	}
}
