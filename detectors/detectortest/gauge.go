package detectortest

import (
	"bufio"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// Gauge is a metric without labels in the scrapes of a fixture: what the program itself counted, which is the
// truth that findings are compared with. It returns the values and the times of the scrapes, in
// seconds since the first.
func Gauge(t testing.TB, dir, name string) (values, seconds []float64) {
	t.Helper()
	f, err := os.Open(filepath.Join(dir, "metrics.prom.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	var at, began float64
	lines := bufio.NewScanner(io.LimitReader(z, 64<<20))
	for lines.Scan() {
		key, value, _ := strings.Cut(lines.Text(), " ")
		if rest, ok := strings.CutPrefix(lines.Text(), "# scrape "); ok {
			key, value = "# scrape", rest
		}
		if key != name && key != "# scrape" {
			continue
		}
		v, err := strconv.ParseFloat(value, 64)
		if err != nil {
			t.Fatalf("%s: %q: %v", dir, lines.Text(), err)
		}
		if key == name {
			values, seconds = append(values, v), append(seconds, at)
			continue
		}
		if began == 0 {
			began = v
		}
		at = v - began
	}
	if err := lines.Err(); err != nil || len(values) < 2 {
		t.Fatalf("%s: %d values of %s: %v", dir, len(values), name, err)
	}
	return values, seconds
}
