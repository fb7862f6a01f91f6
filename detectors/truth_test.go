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
	"go-debug/detectors"
	"go-debug/detectors/detectortest"
	"go-debug/detectors/gc"
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
		{"widegate", "main.(*printer).enter", []string{"place"}, []string{"waiting_senders"}, 0.05},
		{"widegate", "main.(*printer).enter", []string{"place"}, []string{"traced_waiting_senders"}, 0.25},
		{"fewworkers", "main.(*depot).labelled", []string{"label_send"}, []string{"waiting_senders"}, 0.05},
		{"fewworkers", "main.(*depot).labelled", []string{"label_send"}, []string{"traced_waiting_senders"}, 0.25},
		{"fewworkers", "main.(*depot).billed", []string{"invoice_send"}, []string{"waiting_senders"}, 0.05},
		{"fewworkers", "main.(*depot).billed", []string{"invoice_send"}, []string{"traced_waiting_senders"}, 0.25},
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

// TestCostsAgreeWithThePrograms compares what findings say that a line costs with what its healthy twin saves, by the
// CPU time that the kernel accounts both. A twin may save more: what the line causes elsewhere, too.
func TestCostsAgreeWithThePrograms(t *testing.T) {
	for _, tt := range []struct {
		fixture, rule string
		equal         bool // the twin differs in nothing else
	}{
		{"hotreads", "hotpath/unbuffered-io", true},
		{"hotcopies", "hotpath/conversion", false},
		{"hotcopies", "hotpath/json", false},
		{"timerstorm", "hotpath/timer-heap", false},
		{"boardcopies", "hotpath/copying", true},
		{"assistburst", "gc/assist", false},
		{"allocburden", "gc/alloc", false},
		{"sweepdebt", "gc/sweep", false},
		{"pointerqueue", "gc/write-barriers", false},
		{"sharedtimer", "mutexwait/runtime-lock", false},
		{"selecttoll", "selectwait/select-cpu", false},
		{"datagrams", "netwait/polling", false},
	} {
		dir := filepath.Join(fixturesDir, tt.fixture)
		set := detectortest.Load(t, dir)
		if set == nil {
			continue
		}
		res, err := analyze.Run(t.Context(), set, detectors.All, analyze.Options{})
		if err != nil {
			t.Fatal(err)
		}
		cores := gaugeRate(t, dir, "fixture_cpu_seconds")
		saved := cores - gaugeRate(t, dir+"-healthy", "fixture_cpu_seconds")
		var said float64
		for _, f := range res.Findings {
			if f.Rule == tt.rule {
				said += f.Cost * cores
			}
		}
		if said <= 0 || said > 1.25*saved || tt.equal && said < 0.75*saved {
			t.Errorf("%s: %s is said to cost %.2g cores; the twin saves %.2g of %.2g", tt.fixture, tt.rule, said, saved, cores)
		}
	}
}

// TestAssistsAgreeWithTheRuntime compares the share of assists with what the runtime itself counted of them.
func TestAssistsAgreeWithTheRuntime(t *testing.T) {
	dir := filepath.Join(fixturesDir, "assistburst")
	set := detectortest.Load(t, dir)
	if set == nil {
		return
	}
	res, err := analyze.Run(t.Context(), set, []*analyze.Detector{gc.Detector}, analyze.Options{})
	if err != nil {
		t.Fatal(err)
	}
	truth := gaugeRate(t, dir, "fixture_assist_seconds") / gaugeRate(t, dir, "fixture_cpu_seconds")
	if got := measured(res, "main.(*city).around", "assist_share"); math.IsNaN(got) || math.Abs(got-truth) > 0.25*truth {
		t.Errorf("assists are %.3g of the CPU, the runtime counted %.3g", got, truth)
	}
}

// gaugeRate is how much a gauge rises in a second, from the first scrape to the last.
func gaugeRate(t *testing.T, dir, name string) float64 {
	t.Helper()
	values, at := detectortest.Gauge(t, dir, name)
	n := len(values) - 1
	return (values[n] - values[0]) / (at[n] - at[0])
}
