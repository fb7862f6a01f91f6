package detectors_test

import (
	"bufio"
	"compress/gzip"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"go-debug/analyze"
	"go-debug/detectors/detectortest"
	"go-debug/detectors/mutexwait"
	"go-debug/detectors/selectwait"
)

// TestDelaysAgreeWithThePrograms compares the delays that are found in captures with what the programs measured of
// themselves in the same time, by a clock around each call.
func TestDelaysAgreeWithThePrograms(t *testing.T) {
	for _, tt := range []struct {
		fixture, function string
		truth             []string // stopwatches: the first less the others
		measures          []string
		within            float64 // relative
	}{
		// Mutex profiles take one event in ten, and traces are a part of the window: both have an error of their own.
		{"loglock", "main.(*depot).check", []string{"log_calls", "log_writes"}, []string{"waited_delay_rate"}, 0.05},
		{"loglock", "main.(*depot).check", []string{"log_calls", "log_writes"}, []string{"held_delay_rate", "traced_delay_rate"}, 0.25},
		{"rwstarve", "main.(*tariffs).refresh", []string{"tariff_reader_wait"}, []string{"waited_delay_rate"}, 0.05},
		{"rwstarve", "main.(*tariffs).refresh", []string{"tariff_reader_wait"}, []string{"held_delay_rate", "traced_delay_rate"}, 0.25},
		{"lockedio", "main.(*branch).reserve", []string{"stock_wait"}, []string{"waited_delay_rate"}, 0.05},
		{"lockedio", "main.(*branch).reserve", []string{"stock_wait"}, []string{"held_delay_rate", "traced_delay_rate"}, 0.25},
		{"lockedio", "main.(*branch).enter", []string{"ledger_wait"}, []string{"waited_delay_rate"}, 0.05},
		{"fanin", "main.(*archive).report", []string{"send"}, []string{"waiting_senders"}, 0.05},
		{"fanin", "main.(*archive).report", []string{"send"}, []string{"traced_waiting_senders"}, 0.25},
	} {
		dir := filepath.Join(fixturesDir, tt.fixture)
		set := detectortest.Load(t, dir)
		if set == nil {
			continue
		}
		res, err := analyze.Run(t.Context(), set, []*analyze.Detector{mutexwait.Detector, selectwait.Detector}, analyze.Options{})
		if err != nil {
			t.Fatal(err)
		}
		rates := stopwatches(t, filepath.Join(dir, "metrics.prom.gz"))
		truth := rates[tt.truth[0]]
		for _, less := range tt.truth[1:] {
			truth -= rates[less]
		}
		for _, name := range tt.measures {
			got := measured(res, tt.function, name)
			if truth <= 0 || math.Abs(got-truth) > tt.within*truth {
				t.Errorf("%s: %s of %s is %.4g s/s, the program measured %.4g", tt.fixture, name, tt.function, got, truth)
			}
		}
	}
}

func measured(res *analyze.Result, function, name string) float64 {
	for _, f := range res.Findings {
		for _, m := range f.Measures {
			if f.Location.Function == function && m.Name == name {
				return m.Value
			}
		}
	}
	return math.NaN()
}

// stopwatches are the seconds per second of each stopwatch that a program exports, from the first scrape to the
// last.
func stopwatches(t *testing.T, file string) map[string]float64 {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	first, last := map[string]float64{}, map[string]float64{}
	var begin, end float64
	for lines := bufio.NewScanner(z); lines.Scan(); {
		if at, ok := strings.CutPrefix(lines.Text(), "# scrape "); ok {
			end, _ = strconv.ParseFloat(at, 64)
			if begin == 0 {
				begin = end
			}
			continue
		}
		name, value, ok := strings.Cut(lines.Text(), "_seconds_total ")
		v, err := strconv.ParseFloat(value, 64)
		if !ok || err != nil {
			continue
		}
		if _, ok := first[name]; !ok {
			first[name] = v
		}
		last[name] = v
	}
	for name := range last {
		last[name] = (last[name] - first[name]) / (end - begin)
	}
	return last
}
