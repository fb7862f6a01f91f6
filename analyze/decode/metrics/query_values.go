package metrics

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
)

// queryValue is [seconds, "value"].
type queryValue struct {
	ms    int64
	value float64
}

func (v *queryValue) UnmarshalJSON(data []byte) error {
	var text string
	ms, err := pair(data, &text)
	if err != nil {
		return err
	}
	v.ms = ms
	v.value, err = strconv.ParseFloat(text, 64)
	return err
}

// pair reads [seconds, value], with the time in milliseconds.
func pair(data []byte, value any) (ms int64, err error) {
	var raw []json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return 0, err
	}
	if len(raw) != 2 {
		return 0, fmt.Errorf("a sample of %d parts", len(raw))
	}
	at, err := strconv.ParseFloat(string(raw[0]), 64)
	if err != nil || !(at >= 0 && at < 1e11) {
		return 0, fmt.Errorf("no time of a sample: %s", short(string(raw[0])))
	}
	return int64(math.Round(at * 1000)), json.Unmarshal(raw[1], value)
}

// queryHistogram is [seconds, {"count": "3", "sum": "0.5", "buckets": [[rule, "lo", "hi", "count"], …]}].
type queryHistogram struct {
	ms     int64
	native *native
}

func (h *queryHistogram) UnmarshalJSON(data []byte) error {
	var body struct {
		Count, Sum string
		Buckets    [][]json.RawMessage
	}
	ms, err := pair(data, &body)
	if err != nil {
		return err
	}
	h.ms, h.native = ms, &native{}
	var err1, err2 error
	h.native.count, err1 = strconv.ParseFloat(body.Count, 64)
	h.native.sum, err2 = strconv.ParseFloat(body.Sum, 64)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	for _, raw := range body.Buckets {
		b, err := nativeBucketOf(raw)
		if err != nil {
			return err
		}
		h.native.add(&native{buckets: []nativeBucket{b}})
	}
	return nil
}

func nativeBucketOf(raw []json.RawMessage) (nativeBucket, error) {
	if len(raw) != 4 {
		return nativeBucket{}, fmt.Errorf("a bucket of %d parts", len(raw))
	}
	var v [3]float64
	for i := range v {
		var text string
		if err := json.Unmarshal(raw[i+1], &text); err != nil {
			return nativeBucket{}, err
		}
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(f) {
			return nativeBucket{}, fmt.Errorf("no number: %s", short(text))
		}
		v[i] = f
	}
	return nativeBucket{max(v[0], 0), max(v[1], 0), v[2]}, nil
}
