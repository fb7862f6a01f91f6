package inflight

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"go-debug/detectors/inflight/queues"
)

// tableLine is a line of the table of simulated queues in the documentation: name, window, per cent.
var tableLine = regexp.MustCompile(`^//\t(\S.*?) +([0-9]+ (?:scrapes|s trace)) +([0-9]+) %$`)

// TestSimulatedQueues holds the table of the documentation: "go run ./scripts/queues" prints it. Another processor may
// round differently, which can move a run or two.
func TestSimulatedQueues(t *testing.T) {
	const slack = 2 // per cent
	source, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]int{}
	for line := range strings.Lines(string(source)) {
		if m := tableLine.FindStringSubmatch(strings.TrimRight(line, "\n")); m != nil {
			documented[m[1]+" "+m[2]], _ = strconv.Atoi(m[3])
		}
	}
	for _, m := range queues.Models {
		key := m.Name + " " + m.Window()
		t.Run(key, func(t *testing.T) {
			want, ok := documented[key]
			if !ok {
				t.Fatalf("doc.go has no line for it")
			}
			n, err := queues.Rejections(t.Context(), Detector, m, queues.Runs, queues.Seed)
			if err != nil {
				t.Fatal(err)
			}
			if got := 100 * n / queues.Runs; got < want-slack || got > want+slack {
				t.Errorf("diverging in %d %% of the runs, documented as %d %%", got, want)
			}
			if !m.Diverges && n > 5*queues.Runs/100 {
				t.Errorf("a stable queue is called diverging in %d of %d runs", n, queues.Runs)
			}
		})
	}
}
