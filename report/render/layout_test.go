package render

import (
	"strings"
	"testing"
	"unicode/utf8"

	"go-debug/analyze/stats"
	"go-debug/report"
)

func TestHuman(t *testing.T) {
	cases := []struct {
		v    float64
		unit string
		want string
	}{
		{12400, "count", "12,400"}, {1243, "", "1,243"}, {0, "count", "0"}, {91.4321, "count", "91.4"}, {-1234567, "count", "-1,234,567"},
		{112.4e6, "ns", "112 ms"}, {712, "ns", "712 ns"}, {999_999, "ns", "1 ms"}, {1500, "ns", "1.5 µs"}, {13e9, "ns", "13 s"}, {0, "ns", "0 ns"},
		{30, "s", "30 s"}, {300, "s", "5 min"}, {9000, "s", "2.5 h"}, {0.0213, "s", "21.3 ms"}, {1.5, "ms", "1.5 ms"}, {2, "us", "2 µs"},
		{1.2e6, "bytes", "1.2 MB"}, {999, "bytes", "999 B"}, {999_999, "bytes", "1 MB"}, {67108864, "bytes", "67.1 MB"},
		{950, "per_s", "950/s"}, {1.2e6, "bytes_per_s", "1.2 MB/s"}, {4e5, "ns_per_request", "400 µs/request"},
		{0.03123, "ratio", "0.0312"}, {43.21, "percent", "43.2 %"}, {17, "minutes", "17 minutes"}, {1e18, "count", "1e+18"}, {1e-9, "ratio", "1e-09"},
	}
	for _, c := range cases {
		if got := strings.ReplaceAll(humanValue(c.v, c.unit), joint, " "); got != c.want {
			t.Errorf("humanValue(%v, %q) = %q, want %q", c.v, c.unit, got, c.want)
		}
	}
	if got := human(nil, "count"); got != "-" {
		t.Errorf("unknown is %q", got)
	}
}

func TestChange(t *testing.T) {
	f := stats.Float
	cases := []struct {
		before, after *float64
		want          string
	}{
		{f(100), f(112), "+12 %"}, {f(100), f(99.5), "-0.5 %"}, {f(300), f(1243), "×4.14"}, {f(5), f(5), "="},
		{f(0), f(5), "-"}, {nil, f(5), "-"}, {f(5), nil, "-"}, {f(5), f(0), "-100 %"},
	}
	for _, c := range cases {
		if got := strings.ReplaceAll(change(c.before, c.after), joint, " "); got != c.want {
			t.Errorf("change(%v, %v) = %q, want %q", c.before, c.after, got, c.want)
		}
	}
}

func TestWrapKeepsEveryWord(t *testing.T) {
	texts := []string{"", "one", "goroutines block for ever sending on a channel", strings.Repeat("long", 40) + " short " + strings.Repeat("世界", 30)}
	for _, s := range texts {
		for _, width := range []int{1, 2, 7, 20, 80} {
			lines := wrap(s, width, width)
			for _, l := range lines {
				if w := displayWidth(l); w > width && utf8.RuneCountInString(l) > 1 {
					t.Errorf("wrap(%.20q, %d): %q has %d columns", s, width, l, w)
				}
			}
			if got, want := strings.ReplaceAll(strings.Join(lines, ""), " ", ""), strings.ReplaceAll(s, " ", ""); got != want {
				t.Errorf("wrap(%.20q, %d) lost text: %q", s, width, got)
			}
		}
	}
}

func TestCutMiddle(t *testing.T) {
	name := "example.com/organisation/platform/orders.(*Reconciler).reconcile.func1"
	got := cutMiddle(name, 31)
	if displayWidth(got) != 31 || !strings.HasPrefix(got, "example.com/") || !strings.HasSuffix(got, ".func1") || !strings.Contains(got, "…") {
		t.Errorf("cutMiddle = %q", got)
	}
	if got := cutMiddle("short", 31); got != "short" {
		t.Errorf("a short name became %q", got)
	}
	if got := cutMiddle(strings.Repeat("世", 20), 11); displayWidth(got) > 11 {
		t.Errorf("wide characters: %q has %d columns", got, displayWidth(got))
	}
}

func TestSanitize(t *testing.T) {
	cases := map[string]string{
		"main.(*T).f": "main.(*T).f", "größe 世界 µ…": "größe 世界 µ…", `C:\src\x.go`: `C:\src\x.go`,
		"\x1b[31m": `\x1b[31m`, "a\nb\r\t": `a\nb\r\t`, "\u202e": `\u202e`, "\u200b": `\u200b`, "\u009b": `\u009b`, "\x7f": `\x7f`,
		"a\xffb": `a\xffb`, "\U000e0001": `\U000e0001`, "\ufffd": "\ufffd", "\u3164": `\u3164`, "\u00a0": `\u00a0`,
		"e\u0301": "e\u0301", "e\u0301\u0301\u0301": "e\u0301\u0301\\u0301",
	}
	for in, want := range cases {
		if got := Sanitize(in); got != want {
			t.Errorf("Sanitize(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzSanitize(f *testing.F) {
	for _, s := range nasty {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once := Sanitize(s)
		for _, c := range once {
			if report.Invisible(c) {
				t.Fatalf("%q keeps %q", s, c)
			}
		}
		if !utf8.ValidString(once) {
			t.Fatalf("%q is not UTF-8", once)
		}
		if twice := Sanitize(once); twice != once {
			t.Fatalf("%q becomes %q", once, twice)
		}
	})
}
