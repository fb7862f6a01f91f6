package inflight

import (
	"math"
	"strconv"
	"strings"
)

// grouped writes a number for people: one decimal below 10, else whole with commas for thousands.
func grouped(v float64) string {
	switch {
	case v > 0 && v < 0.05:
		return "<0.1"
	case math.Abs(v) < 9.95:
		return trimmed(v, 1)
	}
	digits := strconv.FormatFloat(math.Abs(math.Round(v)), 'f', 0, 64)
	var b strings.Builder
	if v <= -0.5 {
		b.WriteByte('-')
	}
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// counted is a number with its noun.
func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return grouped(float64(n)) + " " + noun + "s"
}

// duration writes seconds in the unit that fits, with three digits at most.
func duration(seconds float64) string {
	amount, unit := seconds*1e6, "µs"
	switch {
	case seconds >= 1:
		amount, unit = seconds, "s"
	case seconds >= 1e-3:
		amount, unit = seconds*1e3, "ms"
	}
	switch {
	case amount >= 100 || amount == math.Trunc(amount):
		return grouped(amount) + " " + unit
	case amount >= 10:
		return trimmed(amount, 1) + " " + unit
	}
	return trimmed(amount, 2) + " " + unit
}

func trimmed(v float64, digits int) string {
	s := strconv.FormatFloat(v, 'f', digits, 64)
	if !strings.Contains(s, ".") {
		return s
	}
	return strings.TrimRight(strings.TrimRight(s, "0"), ".")
}
