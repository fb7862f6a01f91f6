package metrics

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

// sample is one value of a metric with a role.
type sample struct {
	name   string
	metric metric
	labels map[string]string
	value  float64
	native *native
}

var textFormat = expfmt.NewFormat(expfmt.TypeTextPlain).WithEscapingScheme(model.NoEscaping)

// parse reads kept lines, whose numbers in the input are given for errors. The order of the
// samples depends on the text alone.
func parse(t table, text []byte, lines []int) ([]sample, error) {
	dec := expfmt.SampleDecoder{Dec: expfmt.NewDecoder(bytes.NewReader(text), textFormat), Opts: &expfmt.DecodeOptions{}}
	var out []sample
	for {
		var vec model.Vector
		err := dec.Decode(&vec)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, locate(err, lines)
		}
		for _, v := range vec {
			if x, ok := newSample(t, v); ok {
				out = append(out, x)
			}
		}
	}
	// The text parser hands out families in the order of a map.
	slices.SortStableFunc(out, func(a, b sample) int { return cmp.Compare(a.name, b.name) })
	return out, nil
}

// timestamp is that of a sample as it is written: whole milliseconds in the classic format,
// seconds with a fraction in OpenMetrics.
type timestamp struct {
	text  string // empty for none
	value float64
	whole bool // an integer, as the classic format wants it
}

func later(a, b timestamp) timestamp {
	if a.text == "" || b.value > a.value {
		return b
	}
	return a
}

// time reads the timestamp in the format that the scrape turned out to have. It is zero for
// none, and for times before 1970 and beyond the year 5138, as those of parseUnix.
func (ts timestamp) time(open bool) time.Time {
	ms := ts.value
	if open {
		ms *= 1000
	}
	if ts.text == "" || !(ms >= 1) || ms >= 1e14 {
		return time.Time{}
	}
	return time.UnixMilli(int64(math.Round(ms))).UTC()
}

// cutTimestamp takes the timestamp and the exemplar off a sample line. The library's own
// OpenMetrics parser is driven by a grammar: it takes over a millisecond a line, and more than its share for a
// long one (160 ms for 400 bytes of label), against 7 µs in the classic parser. What is neither stays, for the
// parser to refuse.
func cutTimestamp(line []byte) ([]byte, timestamp) {
	end := labelsEnd(line)
	f := strings.Fields(string(line[end:]))
	if i := slices.Index(f, "#"); i >= 0 {
		f = f[:i]
	}
	var ts timestamp
	if len(f) == 2 {
		v, err := strconv.ParseFloat(f[1], 64)
		if err == nil && math.Abs(v) < 1e17 {
			_, err = strconv.ParseInt(f[1], 10, 64)
			ts, f = timestamp{text: f[1], value: v, whole: err == nil}, f[:1]
		}
	}
	return append(append(line[:end:end], ' '), strings.Join(f, " ")...), ts
}

// labelsEnd is where the name and labels of a sample line end.
func labelsEnd(line []byte) int {
	quoted, braces := false, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{':
			braces = true
		case c == '}':
			return i + 1
		case !braces && (c == ' ' || c == '\t'):
			if next := bytes.TrimLeft(line[i:], " \t"); len(next) == 0 || next[0] != '{' {
				return i
			}
		}
	}
	return len(line)
}

func newSample(t table, v *model.Sample) (sample, bool) {
	x := sample{name: string(v.Metric[model.MetricNameLabel]), value: float64(v.Value), labels: make(map[string]string, len(v.Metric))}
	if math.IsNaN(x.value) || math.IsInf(x.value, 0) {
		return x, false
	}
	for k, val := range v.Metric {
		if k != model.MetricNameLabel {
			x.labels[string(k)] = string(val)
		}
	}
	x.metric = t.resolve(x.name)
	return x, x.metric.rank >= 0
}

// locate turns the line of a parse error, counted among the kept lines, into that of the input.
func locate(err error, lines []int) error {
	var pe expfmt.ParseError
	if errors.As(err, &pe) && pe.Line >= 1 && pe.Line <= len(lines) {
		return fmt.Errorf("line %d: %s", lines[pe.Line-1], pe.Msg)
	}
	return err
}

// bound reads the upper bound of a bucket, in the metric's unit.
func (x *sample) bound() (float64, bool) {
	le, err := strconv.ParseFloat(x.labels[model.BucketLabel], 64)
	if err != nil || math.IsNaN(le) {
		return 0, false
	}
	return le, true
}
