package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/jsonschema-go/jsonschema"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/analyze/score"
	"go-debug/analyze/stats"
)

// A baseline reads back as it was, whatever stands in its reports, the same baseline is the same bytes, and its schema
// accepts it.
func TestBaselineReadsBack(t *testing.T) {
	r := full()
	var h evidence.Histogram
	h.AddN(1234, 5)
	r.Distributions = newDistributions([]score.Distribution{{Family: score.Wait, Name: "mutex in main.f\u202e", Histogram: h}})
	r.Gate = &Gate{}
	at := time.Date(2026, 11, 30, 9, 50, 0, 123e6, time.UTC)
	b := NewStoredBaseline([]*Report{r, programRun("go1.26.1", 4, stats.Float(3), []string{"leak"}, faultOf("leak", analyze.High, analyze.Likely))},
		Origin{Tool: tool, At: at, Source: "runs", Revision: "4f2c", Modified: true})
	data, err := b.Encode()
	if err != nil {
		t.Fatal(err)
	}
	name := BaselineName(at, data)
	if !IsBaselineName(name) || !BaselineTime(name).Equal(at) || IsBaselineName("x"+name) || !BaselineTime("x").IsZero() {
		t.Errorf("name %s", name)
	}
	got, err := ReadBaseline(name, data)
	if err != nil {
		t.Fatal(err)
	}
	again, err := got.Encode()
	if err != nil || !bytes.Equal(again, data) {
		t.Errorf("%v; read back and written again it is another", err)
	}
	if got.Revision != "4f2c" || !got.Modified || len(got.Runs) != 2 || got.Runs[0].Gate != nil || r.Gate == nil {
		t.Errorf("%+v", got)
	}
	if back, err := got.Runs[0].Distributions[0].Histogram(); err != nil || back.Count != 5 || back.Max != 1234 {
		t.Errorf("distribution %+v, %v", back, err)
	}
	doc, err := BaselineSchema()
	if err != nil {
		t.Fatal(err)
	}
	schema := &jsonschema.Schema{}
	if err := json.Unmarshal(doc, schema); err != nil {
		t.Fatal(err)
	}
	resolved, err := schema.Resolve(nil)
	if err != nil {
		t.Fatal(err)
	}
	plain, err := decompressed(data)
	if err != nil {
		t.Fatal(err)
	}
	var v map[string]any
	if err := json.Unmarshal(plain, &v); err != nil {
		t.Fatal(err)
	}
	if err := resolved.Validate(v); err != nil {
		t.Error(err)
	}
	delete(v, "runs")
	if err := resolved.Validate(v); err == nil {
		t.Error("the schema accepts a baseline without runs")
	}
}

// Whatever byte of a stored baseline is lost or changed, it is refused under its name.
func TestDamagedBaseline(t *testing.T) {
	b := NewStoredBaseline([]*Report{runOf()}, Origin{Tool: tool, At: time.Unix(0, 0)})
	data, err := b.Encode()
	if err != nil {
		t.Fatal(err)
	}
	name := BaselineName(time.Unix(0, 0), data)
	for i := range data {
		changed := bytes.Clone(data)
		changed[i] ^= 1
		for what, d := range map[string][]byte{"cut": data[:i], "changed": changed} {
			if _, err := ReadBaseline(name, d); err == nil || !strings.Contains(err.Error(), "damaged") {
				t.Fatalf("%s at byte %d: %v", what, i, err)
			}
			if _, err := ReadBaseline("other.gz", d); err == nil && what == "cut" {
				t.Fatalf("cut at byte %d, it is read under another name", i)
			}
		}
	}
}

// Redaction leaves sketches as they are.
func TestRedactKeepsSketches(t *testing.T) {
	var h evidence.Histogram
	for i := range int64(2000) {
		h.Add(i * i * i * i)
	}
	r := runOf()
	r.Distributions = newDistributions([]score.Distribution{{Family: score.Wait, Name: "x", Histogram: h}})
	if got := r.Redact().Distributions[0].Sketch; got != r.Distributions[0].Sketch {
		t.Errorf("%s", got)
	}
}

// Whatever is read as a baseline has a run, is written again, and reads back.
func FuzzReadBaseline(f *testing.F) {
	data, err := NewStoredBaseline([]*Report{runOf()}, Origin{Tool: tool}).Encode()
	if err != nil {
		f.Fatal(err)
	}
	plain, err := decompressed(data)
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range [][]byte{data, plain, nil, []byte(`{"schema": "go-debug/baseline/v1", "runs": [{}]}`), []byte("\x1f\x8b\x08")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := ReadBaseline("x", data)
		if err != nil {
			return
		}
		again, err := b.Encode()
		if err == nil {
			_, err = ReadBaseline(BaselineName(time.Unix(0, 0), again), again)
		}
		if err != nil || len(b.Runs) == 0 {
			t.Errorf("%d runs, %v", len(b.Runs), err)
		}
	})
}
