package render

import (
	"strings"
	"testing"

	"go-debug/report"
)

func series(values ...float64) []*float64 {
	out := make([]*float64, len(values))
	for i := range values {
		if values[i] >= 0 {
			out[i] = &values[i]
		}
	}
	return out
}

func TestSparkline(t *testing.T) {
	for _, c := range []struct {
		name    string
		values  []*float64
		columns int
		want    string
		ok      bool
	}{
		{"rising", series(0, 1, 2, 3, 4, 5, 6, 7, 8), 20, "▁▂▃▄▅▆▇██", true},
		{"unknown is blank, and not zero", series(8, -1, 8), 20, "█" + joint + "█", true},
		{"flat at zero", series(0, 0, 0), 20, "", false},
		{"averaged", series(0, 0, 8, 8), 2, "▁█", true},
		{"nothing known", series(-1, -1), 20, "", false},
		{"none", nil, 20, "", false},
	} {
		got, _, _, ok := sparkline(c.values, c.columns)
		if got != c.want || ok != c.ok {
			t.Errorf("%s: %q, %v; want %q, %v", c.name, got, ok, c.want, c.ok)
		}
	}
}

func TestSparks(t *testing.T) {
	l := report.Load{Series: &report.Series{BinS: 2, ArrivalsPerS: series(10, 10, 10, 10, 10, 10), InFlight: series(1, 2, 3, 4, 5, 16)}}
	got := sparks(l)
	if len(got) != 2 || len([]rune(got[0].drawing)) != len([]rune(got[1].drawing)) {
		t.Fatalf("%+v", got)
	}
	if got[0].scale != "10/s to 10/s" || got[1].name != "in flight" || !strings.HasPrefix(got[1].scale, "1 to 16, over 12"+joint+"s") {
		t.Errorf("%+v", got)
	}
	l.Series.ArrivalsPerS, l.Series.InFlight = l.Series.ArrivalsPerS[:3], l.Series.InFlight[:3]
	if got := sparks(l); got != nil {
		t.Errorf("three bins are drawn: %+v", got)
	}
}
