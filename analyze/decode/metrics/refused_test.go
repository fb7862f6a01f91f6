package metrics

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

func TestCut(t *testing.T) {
	two := "# scrape 1760000000\n" + classic + "# scrape 1760000001\n" + classic
	whole := mustDecode(t, two)
	if len(whole.Loads[0].Points) != 2 {
		t.Fatal("want two points")
	}
	t.Run("within a line", func(t *testing.T) {
		cut := strings.LastIndex(two, "code=\"503\",handler=\"/x\"} 3")
		set, err := decode(t, two[:cut+5])
		var ie *evidence.InputError
		if !errors.As(err, &ie) || ie.Hint == "" || !strings.Contains(err.Error(), "cut") {
			t.Fatalf("err = %v", err)
		}
		p := set.Loads[0].Points[1]
		if p.Requests != nil {
			t.Errorf("requests of a metric that was cut: %v", *p.Requests)
		}
		if p.LatencyCount == nil || *p.LatencyCount != 105 {
			t.Errorf("the whole metrics before the cut must stay: %v", p.LatencyCount)
		}
	})
	t.Run("at the end of a line", func(t *testing.T) {
		cut := strings.LastIndex(two, "http_request_duration_seconds_bucket{handler=\"/y\",le=\"0.25\"}")
		if _, err := decode(t, two[:cut]); err == nil || !strings.Contains(err.Error(), "cut") {
			t.Errorf("err = %v", err)
		}
	})
}

func TestNotMetrics(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "html": "<html><body>502 Bad Gateway</body></html>\n", "prose": "hello there\n",
		"value": "# TYPE http_requests_total counter\nhttp_requests_total{code=\"200\"} many\n",
		"label": "# TYPE http_requests_total counter\nhttp_requests_total{code=200} 3\n",
	} {
		_, err := decode(t, text)
		var ie *evidence.InputError
		if !errors.As(err, &ie) || ie.Hint == "" {
			t.Errorf("%s: err = %v, want an error with a hint", name, err)
		}
	}
	_, err := decode(t, "up 1\n# HELP x y\nhttp_requests_total{code=\"200\"} many\n")
	if err == nil || !strings.Contains(err.Error(), "line 3") {
		t.Errorf("err = %v, want line 3", err)
	}
	set := mustDecode(t, "up 1\n")
	if len(set.Loads) != 0 || len(set.Inputs[0].Notes) == 0 {
		t.Errorf("no roles: %+v", set)
	}
}

func TestBounds(t *testing.T) {
	t.Run("scrapes", func(t *testing.T) {
		var b strings.Builder
		const n = 3*maxScrapes + 2
		for i := range n {
			fmt.Fprintf(&b, "# scrape %d\ngo_goroutines %d\n", 1760000000+i, i)
		}
		set := mustDecode(t, b.String())
		points := set.Loads[0].Points
		if len(points) > maxScrapes+1 || len(points) < maxScrapes/2 || *points[len(points)-1].Goroutines != n-1 || len(set.Inputs[0].Notes) == 0 {
			t.Errorf("%d points, notes %v", len(points), set.Inputs[0].Notes)
		}
	})
	t.Run("routes", func(t *testing.T) {
		var b strings.Builder
		for i := range 1000 {
			fmt.Fprintf(&b, "http_requests_total{path=\"/user/%d\"} 1\n", i)
		}
		set := mustDecode(t, b.String())
		if len(set.Loads) != maxRoutes+1 || *set.Loads[0].Points[0].Requests != 1000 {
			t.Errorf("%d loads", len(set.Loads))
		}
	})
	t.Run("line", func(t *testing.T) {
		long := "http_requests_total{path=\"" + strings.Repeat("x", 2*maxLine) + "\"} 1\ngo_goroutines 5\n"
		set, err := decode(t, long)
		if err == nil || *set.Loads[0].Points[0].Goroutines != 5 {
			t.Errorf("err = %v", err)
		}
	})
	t.Run("canceled", func(t *testing.T) {
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if set, err := Decode(ctx, strings.NewReader(classic), evidence.Position{}, budget.Default()); !errors.Is(err, context.Canceled) || set.Inputs[0].Complete {
			t.Errorf("err = %v", err)
		}
	})
}

// A last scrape that the service did not answer is lost, and not cut.
func TestLastScrapeUnanswered(t *testing.T) {
	set, err := decode(t, "# scrape 1760000000\n"+classic+"# scrape 1760000015\n")
	if err != nil || len(set.Loads[0].Points) != 2 || set.Loads[0].Points[1].Requests != nil {
		t.Errorf("%v, %+v", err, set.Loads)
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{classic, open, "# scrape 1\n" + classic + "# scrape 2\n" + open, "{\"http.server.active_requests\"} 9\n", "# EOF", "# scrape x\n", "<html>",
		"http_requests_total{le=\"\\\"} 1\n", "http_request_duration_seconds_bucket{le=\"NaN\"} -1\nhttp_request_duration_seconds_bucket{le=\"-Inf\"} 1e308\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		set, _ := decode(t, text)
		checkLoads(t, set)
	})
}
