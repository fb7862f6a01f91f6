package source

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestParseTarget(t *testing.T) {
	for _, tc := range []struct {
		arg     string
		display string // empty: not a target
		base    string // empty: one profile
		metrics string
		err     string
	}{
		{arg: ":6060", display: "http://localhost:6060", base: "http://localhost:6060/debug/pprof/", metrics: "http://localhost:6060/metrics"},
		{arg: "host:6060", display: "http://host:6060", base: "http://host:6060/debug/pprof/", metrics: "http://host:6060/metrics"},
		{arg: "http://host:6060/", display: "http://host:6060/", base: "http://host:6060/debug/pprof/", metrics: "http://host:6060/metrics"},
		{arg: "https://host/debug/pprof", display: "https://host/debug/pprof", base: "https://host/debug/pprof/", metrics: "https://host/metrics"},
		{arg: "localhost:6060/debug/pprof/", display: "http://localhost:6060/debug/pprof/", base: "http://localhost:6060/debug/pprof/", metrics: "http://localhost:6060/metrics"},
		{arg: "[::1]:6060", display: "http://[::1]:6060", base: "http://[::1]:6060/debug/pprof/", metrics: "http://[::1]:6060/metrics"},
		{arg: "http://proxy/pods/p:6060/proxy/", display: "http://proxy/pods/p:6060/proxy/", base: "http://proxy/pods/p:6060/proxy/debug/pprof/", metrics: "http://proxy/pods/p:6060/proxy/metrics"},
		{arg: "http://h/internal/pprof/", display: "http://h/internal/pprof/", base: "http://h/internal/pprof/", metrics: "http://h/internal/metrics"},
		{arg: "example.com/debug/pprof/heap", display: "http://example.com/debug/pprof/heap"},
		{arg: ":6060/debug/pprof/goroutine?debug=2", display: "http://localhost:6060/debug/pprof/goroutine?debug=2"},
		{arg: "http://u:secret@h/debug/pprof/mutex?token=t&seconds=5", display: "http://h/debug/pprof/mutex?seconds=5"},
		{arg: "http://h/capture.zip", display: "http://h/capture.zip"},
		{arg: "dir/file.pb.gz"},
		{arg: "./debug/pprof/heap"},
		{arg: "goroutine.txt"},
		{arg: "a:b"},
		{arg: "host:"},
		{arg: ":0", err: "no port"},
		{arg: "host:99999", err: "no port"},
		{arg: "ftp://h/x", err: `scheme "ftp"`},
		{arg: "file:///etc/passwd", err: `scheme "file"`},
		{arg: "http://", err: "no host"},
		{arg: "http://:80/", err: "no host"},
		{arg: "http://[::1", err: "not a valid URL"},
	} {
		t.Run(tc.arg, func(t *testing.T) {
			u, err := parseTarget(tc.arg)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Fatalf("error %v, want %q", err, tc.err)
				}
				return
			}
			if err != nil || (u == nil) != (tc.display == "") {
				t.Fatalf("got %v, %v", u, err)
			}
			if u == nil {
				return
			}
			if got := display(u); got != tc.display {
				t.Errorf("display %q, want %q", got, tc.display)
			}
			base := profileBase(u)
			if (base == nil) != (tc.base == "") || base != nil && base.String() != tc.base {
				t.Errorf("base %v, want %q", base, tc.base)
			}
			if base != nil && metricsURL(base).String() != tc.metrics {
				t.Errorf("metrics %v, want %q", metricsURL(base), tc.metrics)
			}
		})
	}
}

// A token that the user put into the URL goes with every request, and into no text.
func TestProfileURLKeepsTheUsersQuery(t *testing.T) {
	u, err := parseTarget("http://u:p@h/debug/pprof/?token=t0k")
	if err != nil {
		t.Fatal(err)
	}
	got := profileURL(profileBase(u), "mutex", "seconds=10")
	if got.String() != "http://u:p@h/debug/pprof/mutex?token=t0k&seconds=10" {
		t.Errorf("asks for %s", got)
	}
	if s := display(got) + requestPath(got); strings.Contains(s, "t0k") || strings.Contains(s, "u:p") {
		t.Errorf("shows %s", s)
	}
}

func TestCollectTime(t *testing.T) {
	for raw, want := range map[string]time.Duration{
		"http://h/debug/pprof/profile":            30 * time.Second,
		"http://h/debug/pprof/profile?seconds=5":  5 * time.Second,
		"http://h/debug/pprof/trace":              time.Second,
		"http://h/debug/pprof/trace?seconds=0.5":  500 * time.Millisecond,
		"http://h/debug/pprof/mutex?seconds=10":   10 * time.Second,
		"http://h/debug/pprof/mutex":              0,
		"http://h/debug/pprof/mutex?seconds=-1":   0,
		"http://h/debug/pprof/mutex?seconds=1e99": 0,
		"http://h/debug/pprof/mutex?seconds=NaN":  0,
	} {
		u, err := url.Parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		if got := collectTime(u); got != want {
			t.Errorf("collectTime(%s) = %s, want %s", raw, got, want)
		}
	}
}

func TestTargetOf(t *testing.T) {
	for name, want := range map[string]string{
		"http://host:6060":                                   "http://host:6060",
		"http://host:6060/":                                  "http://host:6060",
		"http://host:6060/debug/pprof/":                      "http://host:6060",
		"http://host:6060/debug/pprof/heap?gc=1":             "http://host:6060",
		"https://user:secret@host/app/debug/pprof/?token=t0": "https://host/app",
		"http://host/ops/pprof/":                             "http://host/ops/pprof",
		"http://[::1]:6060/debug/pprof/":                     "http://[::1]:6060",
		"http://host:6060/metrics":                           "",
		"http://host/profile.pb.gz":                          "",
		"ftp://host/debug/pprof/":                            "",
		"host:6060":                                          "",
		"fixtures/heap.pb.gz":                                "",
		"":                                                   "",
		"http://host\n/debug/pprof/":                         "",
		"http://host/" + strings.Repeat("x", 600) + "/":      "",
	} {
		if got := TargetOf(name); got != want {
			t.Errorf("TargetOf(%.60q) = %q, want %q", name, got, want)
		}
		if want != "" && strings.HasPrefix(want, "http://host:") && TargetOf(want) != want {
			t.Errorf("%q is no target of its own", want)
		}
	}
}
