package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go-debug/analyze/source"
)

// TestLoadIsOpen holds requests until many are open: a closed loop would never get there.
func TestLoadIsOpen(t *testing.T) {
	const together = 20
	arrived := make(chan struct{}, maxOutstanding)
	release := make(chan struct{})
	srv := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived <- struct{}{}
		<-release
	}))
	defer srv.Close()
	ctx, cancel := context.WithCancel(t.Context())
	g := newGenerator(srv.URL, load{perSecond: 2000, burst: 4, request: func(int, *generator) request {
		return request{http.MethodGet, "/", ""}
	}})
	done := make(chan summary)
	go func() { done <- g.run(ctx) }()
	for range together {
		<-arrived
	}
	close(release)
	cancel()
	s := <-done
	if s.maxInFlight < together || s.failed > 0 || s.sent != s.answered+s.unanswered {
		t.Errorf("%+v", s)
	}
}

func TestGeneratorStaysOnLoopback(t *testing.T) {
	g := newGenerator("http://192.0.2.1:80", load{})
	if _, err := g.do(t.Context(), request{http.MethodGet, "/", ""}); err == nil || !strings.Contains(err.Error(), "not a loopback address") {
		t.Errorf("error %v", err)
	}
}

func TestScrub(t *testing.T) {
	work := filepath.Join(os.TempDir(), "gen-fixtures-123")
	data, err := gzipped([]byte("\x20" + work + "/resyncleak\x00"))
	if err != nil {
		t.Fatal(err)
	}
	clean, err := scrub(data, work)
	if err != nil {
		t.Fatal(err)
	}
	plain, isGzip, err := gunzip(clean)
	if err != nil || !isGzip {
		t.Fatalf("gzip %t, error %v", isGzip, err)
	}
	if len(plain) != len(work)+len("\x20/resyncleak\x00") || bytes.Contains(plain, []byte(work)) || !bytes.HasSuffix(plain, []byte("/resyncleak\x00")) {
		t.Errorf("scrubbed to %q", plain)
	}
	if _, err := scrub([]byte("built in "+filepath.Join(os.TempDir(), "gen-fixtures-9")), work); err == nil {
		t.Error("another path of this machine passed")
	}
}

func TestStoreCompressesAndReplaces(t *testing.T) {
	bundle, dest := t.TempDir(), t.TempDir()
	large := strings.Repeat("goroutine 1 [running]:\n", compressFrom)
	manifest, err := json.Marshal(source.Manifest{Schema: source.ManifestSchema,
		Files: []source.File{{Name: "goroutine.00.debug2.txt", Bytes: int64(len(large))}, {Name: "metrics.txt"}}})
	if err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{
		filepath.Join(bundle, source.ManifestName):       string(manifest),
		filepath.Join(bundle, "goroutine.00.debug2.txt"): large,
		filepath.Join(bundle, "metrics.txt"):             "go_goroutines 1\n",
		filepath.Join(dest, "main.go"):                   "package main\n",
		filepath.Join(dest, "old.pb.gz"):                 "of an earlier run",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := store(bundle, dest, "/nowhere"); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(dest)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got, want := strings.Join(names, " "), "capture.json goroutine.00.debug2.txt.gz main.go metrics.txt"; got != want {
		t.Errorf("stored %s, want %s", got, want)
	}
	f, err := os.Open(filepath.Join(dest, source.ManifestName))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	m, err := source.ReadManifest(f)
	if err != nil || m.Files[0].Name != "goroutine.00.debug2.txt.gz" || m.Files[0].Bytes != int64(len(large)) {
		t.Errorf("manifest %+v, %v", m, err)
	}
}
