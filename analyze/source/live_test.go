package source

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"testing"
	"time"

	"go-debug/analyze/evidence"
)

func TestResolveCapturesPrograms(t *testing.T) {
	inVirtualTime(t, &fakeTarget{}, func(t *testing.T, client *http.Client) {
		scratch := &Scratch{Parent: t.TempDir()}
		start := time.Now()
		opt := Options{Scratch: scratch, Capture: CaptureOptions{Client: client}}
		items, problems := resolve(t, opt, "a:1", "http://b:1/debug/pprof/", "http://a:1/", "http://a:1/debug/pprof/heap")
		if want := []string{"http://a:1: named twice, read once"}; !slices.Equal(show(problems), want) {
			t.Errorf("problems %q", show(problems))
		}
		if len(items) != 41 || !slices.Contains(names(items), "http://b:1/goroutine.03.debug2.txt.gz") {
			t.Errorf("%d items: %q", len(items), names(items))
		}
		if d := time.Since(start); d != 10*time.Second {
			t.Errorf("two programs took %s: they share the window", d)
		}
		contents(t, items)
		must(t, scratch.Close())
		if left, err := os.ReadDir(scratch.Parent); err != nil || len(left) != 0 {
			t.Errorf("left behind %v %v", left, err)
		}
	})
}

func TestResolveURLs(t *testing.T) {
	bundle := zipOf(t, map[string]string{"goroutine.0.txt": "dump"})
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/artifact":
			w.Write(bundle)
		case "/files/mutex.pb.gz", "/debug/pprof/block":
			io.WriteString(w, "profile")
		default:
			http.NotFound(w, r)
		}
	}))
	defer srv.Close()
	items, problems := resolve(t, Options{}, srv.URL+"/artifact", srv.URL+"/files/mutex.pb.gz", srv.URL+"/debug/pprof/block", srv.URL+"/gone.zip")
	if want := []string{"!" + srv.URL + "/gone.zip: HTTP status 404 Not Found: 404 page not found"}; !slices.Equal(show(problems), want) {
		t.Errorf("problems %q, want %q", show(problems), want)
	}
	want := []string{srv.URL + "/debug/pprof/block", srv.URL + "/artifact/goroutine.0.txt", srv.URL + "/files/mutex.pb.gz"}
	if !slices.Equal(names(items), want) {
		t.Fatalf("items %q", names(items))
	}
	if items[0].Declared != evidence.Block || items[2].Declared != evidence.Mutex {
		t.Errorf("kinds %s, %s", items[0].Declared, items[2].Declared)
	}
	if got := contents(t, items); !slices.Equal(got, []string{"profile", "dump", "profile"}) {
		t.Errorf("contents %q", got)
	}
}
