package loadtest

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"go-debug/analyze/evidence"
)

// maxSummary bounds a summary. They are some kilobytes long.
const maxSummary = 16 << 20

// object reads a JSON object that is the whole input.
func (d *decoder) object(v any) error {
	data, err := io.ReadAll(io.LimitReader(d.r, maxSummary+1))
	if err != nil {
		return err
	}
	if len(data) > maxSummary {
		return fmt.Errorf("a summary of more than %d bytes", maxSummary)
	}
	if err := json.Unmarshal(data, v); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) && syntax.Offset >= int64(len(data)) {
			return io.ErrUnexpectedEOF
		}
		return err
	}
	return nil
}

// state takes a summary in, once it is one.
func (d *decoder) state(s *evidence.StatedLoad) error {
	slices.SortFunc(s.Quantiles, func(a, b evidence.Quantile) int { return cmp.Compare(a.Q, b.Q) })
	s.Quantiles = slices.DeleteFunc(s.Quantiles, func(q evidence.Quantile) bool {
		return !(q.Q > 0 && q.Q < 1) || !(q.Seconds >= 0) || math.IsInf(q.Seconds, 0)
	})
	for _, v := range []*float64{&s.DurationS, &s.Requests, s.Errors, s.MeanLatencyS, s.MaxLatencyS} {
		if v != nil && (math.IsNaN(*v) || math.IsInf(*v, 0) || *v < 0) {
			return errors.New("a summary with numbers that are none")
		}
	}
	if s.DurationS <= 0 {
		return fmt.Errorf("a summary without the duration of the test: %w", io.ErrUnexpectedEOF)
	}
	d.load.Stated = s
	return nil
}
