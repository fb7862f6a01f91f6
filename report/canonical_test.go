package report

import (
	"bytes"
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

// fill sets every field to something random, hostile strings and numbers included.
func fill(v reflect.Value, rng *rand.Rand) {
	texts := []string{"", "main.f", "\x1b[31m", "a\xffb", "<&>\u2028", "\u202e", "世界 µ", "\"\\", "\U000e0001"}
	switch v.Interface().(type) {
	case analyze.Severity:
		v.Set(reflect.ValueOf(analyze.Severity(1 + rng.IntN(4))))
		return
	case analyze.Confidence:
		v.Set(reflect.ValueOf(analyze.Confidence(1 + rng.IntN(4))))
		return
	case analyze.State:
		v.Set(reflect.ValueOf([]analyze.State{analyze.Ran, analyze.Skipped, analyze.Failed}[rng.IntN(3)]))
		return
	case Status:
		v.Set(reflect.ValueOf([]Status{Fail, Warn, OK, Inconclusive}[rng.IntN(4)]))
		return
	case Class:
		v.Set(reflect.ValueOf(ClassGrown))
		return
	case Basis:
		v.Set(reflect.ValueOf(PerSecond))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(texts[rng.IntN(len(texts))])
	case reflect.Bool:
		v.SetBool(rng.IntN(2) == 0)
	case reflect.Int, reflect.Int64:
		v.SetInt(rng.Int64N(1 << 50))
	case reflect.Float64:
		v.SetFloat([]float64{0, 1.5, -1e300, 1e-300, math.NaN(), math.Inf(-1), rng.Float64()}[rng.IntN(7)])
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), rng)
		}
	case reflect.Array:
		for i := range v.Len() {
			fill(v.Index(i), rng)
		}
	case reflect.Slice:
		if n := rng.IntN(3); n > 0 {
			v.Set(reflect.MakeSlice(v.Type(), n, n))
		}
		for i := range v.Len() {
			fill(v.Index(i), rng)
		}
	case reflect.Pointer:
		if rng.IntN(4) > 0 {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), rng)
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for _, key := range []string{texts[rng.IntN(len(texts))], "nan"} {
			e := reflect.New(v.Type().Elem()).Elem()
			if fill(e, rng); key == "nan" && e.Kind() == reflect.Float64 {
				e.SetFloat(math.NaN())
			}
			v.SetMapIndex(reflect.ValueOf(key), e)
		}
	}
}

func TestWriteReadWrite(t *testing.T) {
	for seed := range uint64(60) {
		r := &Report{}
		fill(reflect.ValueOf(r).Elem(), rand.New(rand.NewPCG(seed, 1)))
		r.Schema = SchemaName
		first := encode(t, r)
		if !bytes.HasSuffix(first, []byte("}\n")) {
			t.Fatal("no newline at the end")
		}
		back, err := Read(bytes.NewReader(first))
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if second := encode(t, back); !bytes.Equal(first, second) {
			t.Fatalf("seed %d: the bytes changed", seed)
		}
		if !reflect.DeepEqual(back, r.canonical()) {
			t.Fatalf("seed %d: the report changed", seed)
		}
	}
}

func TestWriteIsSafeToPrint(t *testing.T) {
	r := full()
	r.Findings[0].Message = "<b> & \x1b[31m \u202e \u0085 \x7f \U000e0001 世"
	out := string(encode(t, r))
	for _, c := range out {
		if c != '\n' && Invisible(c) {
			t.Errorf("%q in the output", c)
		}
	}
	if !strings.Contains(out, `<b> & \u001b[31m \u202e \u0085 \u007f \udb40\udc01 世`) {
		t.Error("angle brackets and letters should stay, controls be escaped")
	}
	back, err := Read(strings.NewReader(out))
	if err != nil || back.Findings[0].Message != r.Findings[0].Message {
		t.Errorf("read back %q, %v", back.Findings[0].Message, err)
	}
}

func TestReadRefuses(t *testing.T) {
	whole := string(encode(t, full()))
	cases := map[string]struct{ doc, want string }{
		"empty":          {" \n", "empty"},
		"no JSON":        {"<html>", "not a JSON report"},
		"cut":            {whole[:len(whole)/2], "not a JSON report"},
		"two reports":    {whole + whole, "not a JSON report"},
		"other JSON":     {`{"a": 1}`, "not a go-debug report"},
		"a list":         {`[]`, "not a go-debug report"},
		"next version":   {strings.Replace(whole, "report/v1", "report/v2", 1), `schema version "v2"`},
		"only a schema":  {`{"schema": "go-debug/report/v1"}`, "report: tool is missing, verdict is missing, inputs is missing, and 3 more"},
		"missing field":  {strings.Replace(whole, `"fingerprint"`, `"print"`, 1), "report: findings[0].fingerprint is missing"},
		"missing deep":   {strings.Replace(whole, `"p99": 4,`, "", 1), "latency_ns.p99 is missing"},
		"wrong type":     {strings.Replace(whole, `"complete": true`, `"complete": "yes"`, 1), "inputs[0].complete is string where boolean is expected"},
		"null list":      {strings.Replace(whole, `"detectors": [`, `"detectors": null, "x": [`, 1), "detectors is null where array is expected"},
		"wrong share":    {strings.Replace(whole, `"running": 0.1`, `"running": "most"`, 1), "states"},
		"wrong severity": {strings.Replace(whole, `"severity": "high"`, `"severity": "awful"`, 1), `findings[0].severity is "awful", none of [high medium low info]`},
		"empty gate":     {strings.Replace(whole, `"gate": null`, `"gate": {}`, 1), "gate.failed is missing"},
	}
	for name, c := range cases {
		r, err := Read(strings.NewReader(c.doc))
		if err == nil || r != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: report %v, error %v, want %q", name, r != nil, err, c.want)
			continue
		}
		var in *evidence.InputError
		if in, _ = err.(*evidence.InputError); in == nil || in.Hint == "" {
			t.Errorf("%s: no hint with %v", name, err)
		}
	}
	if _, err := Read(&endless{}); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("endless input: %v", err)
	}
}

type endless struct{}

func (*endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

func TestReadIgnoresUnknownFields(t *testing.T) {
	doc := strings.Replace(string(encode(t, full())), `"tool": {`, `"future": [1], "tool": {"build": "x", `, 1)
	r, err := Read(strings.NewReader(doc))
	if err != nil || r.Tool != tool {
		t.Errorf("%v, %v", r, err)
	}
}

func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	if err := Write(&b, full()); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Add([]byte(`{"schema": "go-debug/report/v1"}`))
	f.Add([]byte("[[[[{}"))
	f.Fuzz(func(t *testing.T, doc []byte) {
		r, err := Read(bytes.NewReader(doc))
		if err != nil {
			return
		}
		first := encode(t, r)
		again, err := Read(bytes.NewReader(first))
		if err != nil || !bytes.Equal(first, encode(t, again)) {
			t.Fatalf("a report that was read does not survive: %v", err)
		}
	})
}
