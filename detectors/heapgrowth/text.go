package heapgrowth

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"go-debug/analyze/evidence"
)

// bytesText writes bytes with three digits, in the units of reports: "1.57 MB".
func bytesText(v float64) string {
	for _, u := range []struct {
		bytes float64
		name  string
	}{{1e9, "GB"}, {1e6, "MB"}, {1e3, "kB"}} {
		if v >= 0.9995*u.bytes {
			return fmt.Sprintf("%.3g %s", v/u.bytes, u.name)
		}
	}
	return fmt.Sprintf("%.0f B", v)
}

// countText writes a count that sampling estimates, with two significant digits less than it may have:
// "5,000".
func countText(v float64) string {
	if v >= 1000 {
		step := math.Pow(10, math.Floor(math.Log10(v))-1)
		v = math.Round(v/step) * step
	}
	s := strconv.FormatInt(int64(math.Round(v)), 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func percentText(share float64) string {
	if share < 0.0995 {
		return fmt.Sprintf("%.1f %%", 100*share)
	}
	return fmt.Sprintf("%.0f %%", 100*share)
}

// timeText writes seconds: "14 min".
func timeText(s float64) string {
	switch {
	case s < 120:
		return fmt.Sprintf("%.0f s", s)
	case s < 2*3600:
		return fmt.Sprintf("%.0f min", s/60)
	case s < 48*3600:
		return fmt.Sprintf("%.0f h", s/3600)
	}
	return fmt.Sprintf("%.0f days", s/86400)
}

func placeOf(f evidence.Frame) string {
	return strings.TrimPrefix(f.ShortFile()+":"+strconv.Itoa(f.Line), ":")
}
