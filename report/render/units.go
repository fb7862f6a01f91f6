package render

import (
	"bytes"
	"math"
	"strconv"
	"strings"
)

// joint is a space at which no line is broken: 112 ms stays together. Sanitized text never
// holds it, and it becomes a plain space when the report is written.
const joint = "\u00a0"

// plainSpaces replaces the joints of a finished document.
func plainSpaces(doc []byte) []byte { return bytes.ReplaceAll(doc, []byte(joint), []byte(" ")) }

// human writes a value for people: three significant digits, the unit scaled. Counts keep
// all their digits. Unknown values are "-".
func human(v *float64, unit string) string {
	if v == nil {
		return "-"
	}
	return humanValue(*v, unit)
}

func humanValue(v float64, unit string) string {
	// "per_s" is a plain number per second, "bytes_per_s" bytes per second.
	if base, per, ok := strings.Cut("_"+unit, "_per_"); ok {
		return humanValue(v, strings.TrimPrefix(base, "_")) + "/" + strings.ReplaceAll(per, "_", " ")
	}
	switch unit {
	case "", "count":
		return number(v)
	case "ns":
		return scaled(v, durations)
	case "us":
		return scaled(v*1e3, durations)
	case "ms":
		return scaled(v*1e6, durations)
	case "s":
		return scaled(v*1e9, durations)
	case "bytes":
		return scaled(v, sizes)
	case "percent":
		return number(v) + joint + "%"
	case "ratio":
		return number(v)
	}
	return number(v) + joint + strings.ReplaceAll(unit, "_", " ")
}

// scale is a unit that is used from a number of base units on.
type scale struct {
	from, size float64
	name       string
}

var durations = []scale{
	{7200e9, 3600e9, "h"}, {120e9, 60e9, "min"}, {1e9, 1e9, "s"}, {1e6, 1e6, "ms"}, {1e3, 1e3, "µs"}, {0, 1, "ns"},
}

var sizes = []scale{
	{1e12, 1e12, "TB"}, {1e9, 1e9, "GB"}, {1e6, 1e6, "MB"}, {1e3, 1e3, "kB"}, {0, 1, "B"},
}

func scaled(v float64, scales []scale) string {
	rounded := math.Abs(significant(v)) // 999,999 ns is 1 ms, not 1,000 µs
	for _, s := range scales {
		if rounded >= s.from {
			return number(significant(v)/s.size) + joint + s.name
		}
	}
	return number(v)
}

// significant rounds to three significant digits.
func significant(v float64) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64)
	if err != nil {
		return v
	}
	return r
}

// number writes whole numbers in full with thousands separators, other numbers with
// three significant digits.
func number(v float64) string {
	if v != math.Trunc(v) {
		v = significant(v)
	}
	if math.Abs(v) >= 1e15 || v != 0 && math.Abs(v) < 1e-6 {
		return strconv.FormatFloat(v, 'g', 3, 64)
	}
	s := strconv.FormatFloat(math.Abs(v), 'f', -1, 64)
	whole, fraction, _ := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction != "" {
		whole += "." + fraction
	}
	if v < 0 {
		whole = "-" + whole
	}
	return whole
}

func integer(n int64) string { return number(float64(n)) }

// change writes how a value moved: "+12 %", "×3.4", "-" when that is not known.
func change(before, after *float64) string {
	switch {
	case before == nil || after == nil:
		return "-"
	case *before == *after:
		return "="
	case *before <= 0 || *after < 0:
		return "-"
	case *after >= 3**before:
		return "×" + number(significant(*after / *before))
	}
	percent := math.Round((*after / *before - 1)*1000) / 10
	if math.Abs(percent) >= 10 {
		percent = math.Round(percent)
	}
	if percent > 0 {
		return "+" + number(percent) + joint + "%"
	}
	return number(percent) + joint + "%"
}

// plural writes a number with its noun.
func plural(n int, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return integer(int64(n)) + " " + noun
}
