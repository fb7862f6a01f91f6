package report

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"go-debug/analyze/evidence"
)

// contractReport is a report of the contract's fields and no others, written by hand.
func contractReport(t *testing.T) *Report {
	t.Helper()
	doc, err := os.ReadFile("testdata/contract-v1.json")
	if err != nil {
		t.Fatal(err)
	}
	r, err := Read(bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// What is read without the fields that were added since is written with them.
func TestReadContractOfV1(t *testing.T) {
	first := encode(t, contractReport(t))
	for _, name := range []string{"target", "lost_s", "hint", "notes", "unchecked", "evidence", "noun", "wait", "stack_frames", "path", "gate", "sentence", "upper_bound"} {
		if !bytes.Contains(first, []byte(`"`+name+`":`)) {
			t.Errorf("%s is not written", name)
		}
	}
	back, err := Read(bytes.NewReader(first))
	if err != nil || !bytes.Equal(first, encode(t, back)) {
		t.Errorf("it does not survive: %v", err)
	}
}

// A report of the contract's fields alone is a baseline like any other.
func TestContractOfV1IsABaseline(t *testing.T) {
	for kind, want := range map[evidence.Kind]Class{evidence.Goroutine: ClassFixed, evidence.Execution: ClassUnchecked} {
		head := seen(nil, kind)
		head.ApplyGate(Trial{Baseline: &Baseline{Name: "v1.json", Report: contractReport(t)}, Growth: DefaultGrowth(), Policy: GatePolicy()})
		if all := head.Gate.Findings.All(); len(all) != 1 || all[0].Class != want || all[0].Rule != "leak/chan-send" {
			t.Errorf("with %s: %+v, want %s", kind, all, want)
		}
	}
}

// Each field of the contract is required; of the others a report may lack any.
func TestRequiredAreTheFieldsOfV1(t *testing.T) {
	golden, err := os.ReadFile("testdata/contract-v1.json")
	if err != nil {
		t.Fatal(err)
	}
	contract := decoded(t, golden)
	for _, path := range fieldsOf(contract, "") {
		_, err := Read(bytes.NewReader(without(t, golden, path)))
		if share := strings.Contains(path, ".states."); !share && (err == nil || path != "schema" && !strings.Contains(err.Error(), " is missing")) {
			t.Errorf("without %s: %v, want that it is missing", path, err)
		}
	}
	whole := encode(t, full())
	for _, path := range fieldsOf(decoded(t, whole), "") {
		_, ofContract := lookup(contract, path)
		// What the contract does not have at all may be an object that needs its fields.
		added := strings.Contains(path, ".unchecked.") || strings.Contains(path, ".stack_frames.") || strings.HasPrefix(path, "scores.")
		if _, err := Read(bytes.NewReader(without(t, whole, path))); !ofContract && !added && err != nil {
			t.Errorf("without %s, which the contract does not have: %v", path, err)
		}
	}
}

// The list of required fields names objects and fields that exist.
func TestRequiredFieldsExist(t *testing.T) {
	s, err := inferSchema()
	if err != nil {
		t.Fatal(err)
	}
	for path, fields := range required {
		at := s
		for _, name := range strings.Split(path, ".") {
			bare := strings.TrimRight(name, "[]")
			if bare != "" && at != nil {
				at = at.Properties[bare]
			}
			for range strings.Count(name, "[]") {
				if at != nil {
					at = at.Items
				}
			}
		}
		if at == nil {
			t.Errorf("%q is no object of the schema", path)
			continue
		}
		for _, f := range strings.Fields(fields) {
			if at.Properties[f] == nil {
				t.Errorf("%q has no field %q", path, f)
			}
		}
	}
}

func decoded(t *testing.T, doc []byte) any {
	t.Helper()
	var v any
	if err := json.Unmarshal(doc, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

// fieldsOf are the paths of all object fields; the first element of an array stands for all.
func fieldsOf(v any, path string) []string {
	var out []string
	switch v := v.(type) {
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			p := field(path, name)
			out = append(append(out, p), fieldsOf(v[name], p)...)
		}
	case []any:
		if len(v) > 0 {
			out = fieldsOf(v[0], path+".0")
		}
	}
	return out
}

func without(t *testing.T, doc []byte, path string) []byte {
	t.Helper()
	v := decoded(t, doc)
	parent, name := v, path
	if i := strings.LastIndex(path, "."); i >= 0 {
		parent, _ = lookup(v, path[:i])
		name = path[i+1:]
	}
	delete(parent.(map[string]any), name)
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
