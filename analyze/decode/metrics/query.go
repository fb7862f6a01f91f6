package metrics

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

// QueryFormat is what Input.Format says of the answer of a Prometheus server.
const QueryFormat = "prometheus-json"

const (
	// maxTargets bounds the targets of which each is a load of its own.
	maxTargets = 64
	// maxSeries bounds the series that are read, maxQuerySamples the samples of one.
	maxSeries       = 200_000
	maxQuerySamples = 1 << 20
)

var queryHead = regexp.MustCompile(`\A\s*\{\s*"status"\s*:\s*("success"\s*,\s*"(data|warnings|infos)"|"error"\s*,\s*"(errorType|data)")`)

// IsQuery reports whether an input begins like an answer of Prometheus' HTTP API.
func IsQuery(head []byte) bool { return queryHead.Match(head) }

// DecodeQuery reads the answer to a query with a range selector ("/api/v1/query?query={...}[10m]"), or to any
// other that yields series with their names. Samples of one target with one time are one scrape, as
// Prometheus stores them; those for which "up" is 0 were not answered. Each target is a load, and has
// its instance as origin.
func (o Decoder) DecodeQuery(ctx context.Context, r io.Reader, pos evidence.Position, b budget.Budget) (*evidence.Set, error) {
	q := &query{ctx: ctx, table: o.Roles.table(), memory: memoryOf(b), notes: &notes{}, targets: map[string]*target{}}
	err := q.read(json.NewDecoder(r))
	set := &evidence.Set{Inputs: []evidence.Input{{Position: pos, Kind: evidence.Metrics, Format: QueryFormat, Go: q.golang, Settings: q.settings.known()}}}
	set.Loads = q.loads(pos)
	in := &set.Inputs[0]
	in.Notes = q.notes.list
	if err == nil && len(set.Loads) == 0 {
		in.Notes = append(in.Notes, "no series of a known role: --metric role=name names others")
	}
	switch {
	case err == nil:
		in.Complete = true
	case ctx.Err() == nil:
		err = &evidence.InputError{Err: fmt.Errorf("answer of a Prometheus server: %w", err),
			Hint: "ask again: go-debug analyze --prometheus http://localhost:9090 --query-window 10m"}
	}
	return set, err
}

// target is one process that Prometheus scrapes.
type target struct {
	history *history
	scrapes map[int64]*record // by milliseconds
}

type query struct {
	ctx      context.Context
	table    table
	memory   int64
	notes    *notes
	targets  map[string]*target
	golang   string
	settings settings
	series   int
	held     int64 // estimated bytes of what is kept
}

// read takes the members of the answer. The result comes after its type and before warnings.
func (q *query) read(dec *json.Decoder) error {
	err := object(dec, func(key string) error {
		switch key {
		case "error":
			var text string
			if err := dec.Decode(&text); err != nil {
				return err
			}
			return errors.New(short(text))
		case "warnings", "infos":
			var texts []string
			if err := dec.Decode(&texts); err != nil {
				return err
			}
			for _, t := range texts {
				q.notes.add("the server remarks: %s", short(t))
			}
			return nil
		case "data":
			return object(dec, func(key string) error {
				if key == "result" {
					return q.result(dec)
				}
				return ignore(dec)
			})
		}
		return ignore(dec)
	})
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// object calls f with each key of the object that comes next; f reads the value.
func object(dec *json.Decoder, f func(key string) error) error {
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return errors.Join(errors.New("no JSON object"), err)
	}
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return err
		}
		key, _ := t.(string)
		if err := f(key); err != nil {
			return err
		}
	}
	_, err := dec.Token()
	return err
}

func ignore(dec *json.Decoder) error {
	var v json.RawMessage
	return dec.Decode(&v)
}

// querySeries is one series, of a matrix or of a vector.
type querySeries struct {
	Metric     map[string]string `json:"metric"`
	Values     []queryValue      `json:"values"`
	Value      *queryValue       `json:"value"`
	Histograms []queryHistogram  `json:"histograms"`
	Histogram  *queryHistogram   `json:"histogram"`
}

func (q *query) result(dec *json.Decoder) error {
	t, err := dec.Token()
	if err != nil || t != json.Delim('[') {
		return errors.Join(errors.New("the result is no list of series"), err)
	}
	for dec.More() {
		if q.ctx.Err() != nil {
			return q.ctx.Err()
		}
		if q.held > q.memory {
			return budget.OverMemory("memory for the samples of a query", q.memory)
		}
		if q.series++; q.series > maxSeries {
			return fmt.Errorf("more than %d series: narrow the query to one service, --prometheus-match 'job=\"shop\"'", maxSeries)
		}
		var s querySeries
		if err := dec.Decode(&s); err != nil {
			return fmt.Errorf("series %d: %w", q.series, err)
		}
		q.take(&s)
	}
	_, err = dec.Token()
	return err
}

// queryLabels are those that Prometheus adds: they tell targets apart and no routes.
var queryLabels = []string{"__name__", "job", "instance"}

func (q *query) take(s *querySeries) {
	name := s.Metric["__name__"]
	if s.Value != nil {
		s.Values = append(s.Values, *s.Value)
	}
	if s.Histogram != nil {
		s.Histograms = append(s.Histograms, *s.Histogram)
	}
	if len(s.Values) > maxQuerySamples || len(s.Histograms) > maxQuerySamples {
		q.notes.add("a series of more than %d samples is left out", maxQuerySamples)
		return
	}
	if name == "go_info" && q.golang == "" && len(s.Metric["version"]) < 64 {
		q.golang = s.Metric["version"]
	}
	m, native := q.table.resolve(name), q.table.native(name)
	if m.rank >= 0 && q.table[m.rank].role == roleSetting {
		for _, v := range s.Values {
			q.settings.take(name, s.Metric, v.value)
		}
		return
	}
	if name != "up" && m.rank < 0 && native.rank < 0 || m.rank >= 0 && (q.table[m.rank].role == roleInfo || q.table[m.rank].role == roleProcs) {
		return
	}
	t := q.target(s.Metric)
	if t == nil {
		return
	}
	labels := map[string]string{}
	for k, v := range s.Metric {
		if !slices.Contains(queryLabels, k) {
			labels[k] = v
		}
	}
	for _, v := range s.Values {
		rec := t.scrape(v.ms)
		switch {
		case name == "up":
			rec.down = v.value == 0
		case m.rank >= 0 && !math.IsNaN(v.value) && !math.IsInf(v.value, 0):
			rec.answered = true
			q.fold(t, rec, sample{name: name, metric: m, labels: labels, value: v.value})
		}
	}
	if native.rank < 0 {
		return
	}
	for _, h := range s.Histograms {
		rec := t.scrape(h.ms)
		rec.answered = true
		q.fold(t, rec, sample{name: name, metric: native, labels: labels, native: h.native})
	}
}

// fold adds a sample to a scrape. Once routes have taken what they may, later ones count in the sum only.
func (q *query) fold(t *target, rec *record, x sample) {
	if q.held > q.memory/4 {
		q.notes.add("some routes count in the sum only: each would take more memory than --max-memory allows")
		x.labels = maps.Clone(x.labels)
		for _, l := range routeLabels {
			delete(x.labels, l)
		}
	}
	before := len(rec.cells)
	t.history.fold(rec.cells, x)
	q.held += int64(len(rec.cells)-before) * cellBytes
	if x.metric.part == partBucket {
		q.held += bucketCost
	}
}

// target is the one that a series belongs to; nil for those beyond the bound.
func (q *query) target(labels map[string]string) *target {
	key := labels["instance"]
	if job := labels["job"]; job != "" {
		key = strings.TrimPrefix(job+" "+key, " ")
	}
	if t := q.targets[key]; t != nil {
		return t
	}
	if len(q.targets) >= maxTargets {
		q.notes.add("targets beyond the first %d are left out: narrow the query, --prometheus-match 'job=\"shop\"'", maxTargets)
		return nil
	}
	t := &target{history: newHistory(q.table, q.memory), scrapes: map[int64]*record{}}
	q.targets[key] = t
	return t
}

func (t *target) scrape(ms int64) *record {
	rec := t.scrapes[ms]
	if rec == nil {
		rec = &record{at: time.UnixMilli(ms).UTC(), cells: map[cellKey]*cell{}}
		t.scrapes[ms] = rec
	}
	return rec
}

// loads are those of all targets that say anything of a load. The instance alone names a target where no two
// jobs share it.
func (q *query) loads(pos evidence.Position) []evidence.Load {
	var keys []string
	for key := range q.targets {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	var out []evidence.Load
	for _, key := range keys {
		t := q.targets[key]
		var recs []*record
		for _, rec := range t.scrapes {
			rec.answered = rec.answered && !rec.down
			if rec.answered || rec.down {
				recs = append(recs, rec)
			}
		}
		if !slices.ContainsFunc(recs, func(r *record) bool { return r.answered }) {
			continue
		}
		slices.SortFunc(recs, func(a, b *record) int { return cmp.Compare(a.at.UnixMilli(), b.at.UnixMilli()) })
		for i, rec := range recs {
			rec.index = i
			t.history.add(rec)
		}
		for _, l := range t.history.loads(pos, q.notes) {
			l.Origin = key
			out = append(out, l)
		}
	}
	if len(out) > 0 && len(q.targets) == 1 {
		for i := range out {
			out[i].Origin = ""
		}
	}
	return out
}

// Selector is the selector of the series that a decoder has a use for, over the given window: raw samples, which
// query_range would resample. match narrows it, such as job="shop"; it may be empty.
func (o Decoder) Selector(match string, window time.Duration) string {
	var names []string
	seen := map[string]bool{}
	add := func(pattern string) {
		if !seen[pattern] {
			seen[pattern] = true
			names = append(names, pattern)
		}
	}
	for _, c := range o.Roles.table() {
		pattern := regexp.QuoteMeta(c.pattern)
		if c.family != familyGiven {
			// Names in OpenTelemetry's own form have dots.
			pattern = strings.NewReplacer(`\*`, ".*", "_", "[._]").Replace(pattern)
		}
		if c.role == roleLatency {
			pattern += "(_bucket|_sum|_count)?"
		}
		add(pattern)
	}
	add("up")
	matchers := `__name__=~"` + strings.ReplaceAll(strings.Join(names, "|"), `\`, `\\`) + `"`
	if match != "" {
		matchers += "," + match
	}
	return "{" + matchers + "}[" + strconv.FormatInt(int64(math.Ceil(window.Seconds())), 10) + "s]"
}
