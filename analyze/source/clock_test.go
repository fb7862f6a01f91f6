package source

import (
	"net/http"
	"testing"

	"go-debug/analyze/evidence"
)

// Whatever the files of a capture say of their times, they stand in the order in which they were
// taken, and no duration is negative.
func TestClockOfACapture(t *testing.T) {
	inVirtualTime(t, &fakeTarget{}, func(t *testing.T, client *http.Client) {
		m, _, err := capture(t, client, CaptureOptions{Kinds: []evidence.Kind{evidence.Goroutine, evidence.Metrics, evidence.Mutex, evidence.Heap}})
		must(t, err)
		for i, f := range m.Files {
			if f.CapturedAt.IsZero() || f.DurationS < 0 || f.RequestS < 0 || i > 0 && f.CapturedAt.Before(m.Files[i-1].CapturedAt) {
				t.Errorf("file %d: %+v", i, f)
			}
		}
		if m.Sensitive == "" {
			t.Error("the bundle does not warn that its files are raw")
		}
	})
}
