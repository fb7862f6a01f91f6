package evidence

import (
	"testing"
	"time"
)

// The collector's clock orders, the program's is kept beside it, and a difference is told.
func TestOwnTime(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for _, tt := range []struct {
		collector, program, want time.Time
		noted                    bool
	}{
		{time.Time{}, at, at, false},
		{at, at.Add(30 * time.Second), at, false},
		{at, at.Add(-2 * time.Hour), at, true},
		{at, at.Add(200 * 365 * 24 * time.Hour), at, true},
		{at, time.Unix(0, 1<<63-1).UTC(), at, true},
	} {
		in := Input{Position: Position{At: tt.collector}}
		in.OwnTime(tt.program)
		if !in.At.Equal(tt.want) || !in.ProgramAt.Equal(tt.program) || (len(in.Notes) > 0) != tt.noted {
			t.Errorf("%v by the collector, %v by the program: %+v", tt.collector, tt.program, in)
		}
	}
}
