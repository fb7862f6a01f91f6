package render

import (
	"math"
	"strings"

	"go-debug/report"
)

// sparkColumns is how wide a series is drawn at most; leastBins how many bins are worth drawing.
const (
	sparkColumns = 48
	leastBins    = 6
	maxSparks    = 3 // loads whose course is drawn without Verbose
)

var sparkLevels = []rune("▁▂▃▄▅▆▇█")

// spark is one series of a load, drawn.
type spark struct{ name, drawing, scale string }

// sparks are arrivals and concurrency on one time axis; none where the series is too short or unknown.
func sparks(l report.Load) []spark {
	s := l.Series
	if s == nil || len(s.InFlight) < leastBins && len(s.ArrivalsPerS) < leastBins {
		return nil
	}
	var out []spark
	for _, row := range []struct {
		name, unit string
		values     []*float64
	}{{"arrivals", "per_s", s.ArrivalsPerS}, {"in flight", "count", s.InFlight}} {
		drawing, lo, hi, ok := sparkline(row.values, sparkColumns)
		if !ok {
			continue
		}
		out = append(out, spark{row.name, drawing, humanValue(significant(lo), row.unit) + " to " + humanValue(significant(hi), row.unit)})
	}
	if len(out) > 0 {
		last := &out[len(out)-1]
		last.scale += ", over " + humanValue(significant(s.BinS*float64(max(len(s.InFlight), len(s.ArrivalsPerS)))), "s")
	}
	return out
}

// sparkline draws values over time from 0 up to the largest, in at most so many columns. Bins that share a column are
// averaged; one of which nothing is known is blank. A series of zeros is not drawn. lo and hi are the smallest and largest bin.
func sparkline(values []*float64, columns int) (drawing string, lo, hi float64, ok bool) {
	lo, hi = math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if v != nil {
			lo, hi = min(lo, *v), max(hi, *v)
		}
	}
	if math.IsInf(lo, 0) || !(hi > 0) {
		return "", 0, 0, false
	}
	n := min(columns, len(values))
	cells := make([]float64, n)
	most := 0.0
	for i := range n {
		var sum, count float64
		for _, v := range values[i*len(values)/n : (i+1)*len(values)/n] {
			if v != nil {
				sum, count = sum+*v, count+1
			}
		}
		cells[i] = sum / count // NaN where nothing is known
		if cells[i] > most {
			most = cells[i]
		}
	}
	var b strings.Builder
	for _, v := range cells {
		switch {
		case math.IsNaN(v):
			b.WriteString(joint)
		case most <= 0 || v <= 0:
			b.WriteRune(sparkLevels[0])
		default:
			b.WriteRune(sparkLevels[min(int(v/most*float64(len(sparkLevels))), len(sparkLevels)-1)])
		}
	}
	return b.String(), lo, hi, true
}
