package profilequality

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"net/http/pprof"
	"os"
	"path/filepath"
	"strings"
	"testing"

	pprofprofile "github.com/google/pprof/profile"

	"go-debug/detectors/detectortest"
)

// TestRealProfiles judges what the runtime wrote, put together as people do.
func TestRealProfiles(t *testing.T) {
	fixture := func(name, file string) []byte {
		t.Helper()
		b, err := os.ReadFile(filepath.Join("..", "..", "fixtures", name, file))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for name, tt := range map[string]struct {
		files map[string][]byte
		want  string
		words string
	}{
		"two builds": {map[string][]byte{"a.pb.gz": fixture("hotgrowth", "cpu.pb.gz"), "b.pb.gz": fixture("hotgrowth-healthy", "cpu.pb.gz")},
			"incomparable ", "2 builds"},
		"one build":            {map[string][]byte{"a.pb.gz": fixture("hotgrowth", "cpu.pb.gz")}, "", ""},
		"the difference":       {map[string][]byte{"a.pb.gz": difference(t, fixture("hotgrowth", "cpu.pb.gz"), fixture("hotgrowth-healthy", "cpu.pb.gz"))}, "difference ", "negative"},
		"a heap over a second": {map[string][]byte{"heap.pb.gz": overOneSecond(t)}, "difference ", "shows how memory changed"},
	} {
		dir := t.TempDir()
		for file, text := range tt.files {
			if err := os.WriteFile(filepath.Join(dir, file), text, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		set := detectortest.Load(t, dir)
		if set == nil {
			continue
		}
		got, _, fs := detect(t, set)
		if got != tt.want || tt.want != "" && !strings.Contains(fs[0].Message, tt.words) {
			t.Errorf("%s: findings %q, want %q: %+v", name, got, tt.want, fs)
		}
	}
}

// difference subtracts profiles as pprof -diff_base does.
func difference(t *testing.T, of, less []byte) []byte {
	t.Helper()
	a, err := pprofprofile.ParseData(of)
	if err != nil {
		t.Fatal(err)
	}
	b, err := pprofprofile.ParseData(less)
	if err != nil {
		t.Fatal(err)
	}
	b.Scale(-1)
	d, err := pprofprofile.Merge([]*pprofprofile.Profile{a, b})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := d.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// overOneSecond is the heap profile of this process over a second, as net/http/pprof serves it.
func overOneSecond(t *testing.T) []byte {
	t.Helper()
	rec := httptest.NewRecorder()
	pprof.Handler("heap").ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/debug/pprof/heap?seconds=1", nil))
	if rec.Code != http.StatusOK {
		t.Fatalf("status %d: %s", rec.Code, rec.Body)
	}
	return rec.Body.Bytes()
}
