package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go-debug/analyze/source"
	"go-debug/report"
)

// setClocks copies a fixture's capture and gives its files other times.
func setClocks(t *testing.T, at func(i int, was time.Time) time.Time) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("..", "..", "..", "fixtures", "resyncleak"))); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, "capture.json")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	m, err := source.ReadManifest(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	for i := range m.Files {
		m.Files[i].CapturedAt = at(i, m.Files[i].CapturedAt)
	}
	if data, err = json.Marshal(m); err == nil {
		err = os.WriteFile(name, data, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// Whatever clocks say, a report holds no negative duration, keeps the program's time beside the
// collector's where they differ, and orders by the collector's.
func TestClocksSetBack(t *testing.T) {
	back := func(d time.Duration) func(int, time.Time) time.Time {
		return func(_ int, was time.Time) time.Time { return was.Add(-d) }
	}
	same := setClocks(t, back(0))
	const unclocked = "no clock of the collector's at all"
	for name, args := range map[string][]string{
		"as it was":                        {same},
		"the collector's set back halfway": {setClocks(t, func(i int, was time.Time) time.Time { return was.Add(-time.Hour * time.Duration(i%2)) })},
		"the collector's runs backwards":   {setClocks(t, func(i int, was time.Time) time.Time { return was.Add(-time.Minute * time.Duration(i)) })},
		"the collector's stands still":     {setClocks(t, func(int, time.Time) time.Time { return time.Unix(1_760_000_000, 0).UTC() })},
		"the program's runs a day ahead":   {setClocks(t, back(24*time.Hour))},
		"the collector's set back between": {same, setClocks(t, back(time.Hour))},
		"before 1970, and after 2262":      {setClocks(t, func(i int, _ time.Time) time.Time { return time.Date([]int{2, 9999}[i%2], 1, 1, 0, 0, i, 0, time.UTC) })},
		unclocked:                          {setClocks(t, func(int, time.Time) time.Time { return time.Time{} })},
	} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			run(t.Context(), append([]string{"analyze", "-f", "json", "--src", ""}, args...), &terminal{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, getenv: environment(nil)})
			var doc any
			if err := json.Unmarshal(stdout.Bytes(), &doc); err != nil {
				t.Fatalf("%v; stderr %s", err, &stderr)
			}
			noNegativeTime(t, "", doc)
			r, err := report.Read(&stdout)
			if err != nil {
				t.Fatal(err)
			}
			last, both := time.Time{}, 0
			for _, in := range r.Inputs {
				if in.ProgramAt != "" {
					both++
				}
				if name == unclocked { // then the program's stands for it, and the bundle's order holds
					continue
				}
				at, err := time.Parse(time.RFC3339, string(in.CapturedAt))
				if err != nil || at.Before(last) {
					t.Errorf("%s was captured at %s, before the one above it: %v", in.Name, in.CapturedAt, err)
				}
				last = at
			}
			if both < 8*len(args) {
				t.Errorf("the program's time is kept of %d inputs", both)
			}
		})
	}
}

// noNegativeTime looks at whatever is called a time or has its unit. Changes over a time may be negative.
func noNegativeTime(t *testing.T, path string, v any) {
	t.Helper()
	switch v := v.(type) {
	case map[string]any:
		unit, _ := v["unit"].(string)
		for key, field := range v {
			number, _ := field.(float64)
			isTime := strings.HasSuffix(key, "_s") && !strings.HasSuffix(key, "_per_s") || strings.HasSuffix(key, "_ns") || key == "value" && (unit == "s" || unit == "ns")
			if isTime && number < 0 {
				t.Errorf("%s.%s is %v", path, key, number)
			}
			noNegativeTime(t, path+"."+key, field)
		}
	case []any:
		for _, e := range v {
			noNegativeTime(t, path+"[]", e)
		}
	}
}
