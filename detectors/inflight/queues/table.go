package queues

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"

	"go-debug/analyze"
)

// Runs and Seed are those of the table in the documentation.
const (
	Runs = 100
	Seed = 6
)

// Rejections counts how many of the runs of a model the detector calls diverging. Runs are independent and have
// seeds of their own, so that their number does not depend on how many run at once.
func Rejections(ctx context.Context, d *analyze.Detector, m Model, runs int, seed uint64) (int, error) {
	fired := make([]bool, runs)
	errs := make([]error, runs)
	var wg sync.WaitGroup
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i := range runs {
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			res, err := analyze.Run(ctx, m.Set(rand.New(rand.NewPCG(seed, uint64(i)))), []*analyze.Detector{d}, analyze.Options{})
			if errs[i] = err; err != nil {
				return
			}
			for _, f := range res.Findings {
				fired[i] = fired[i] || strings.HasSuffix(f.Rule, "/diverging")
			}
		})
	}
	wg.Wait()
	n := 0
	for i := range fired {
		if errs[i] != nil {
			return 0, errs[i]
		}
		if fired[i] {
			n++
		}
	}
	return n, nil
}

// Table is a line for each model: its name, its scrapes, and the share of the runs that were called diverging.
func Table(ctx context.Context, d *analyze.Detector, runs int, seed uint64) (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "%-26s %10s %10s\n", "queue", "window", "diverging")
	truth := ""
	for _, m := range Models {
		n, err := Rejections(ctx, d, m, runs, seed)
		if err != nil {
			return "", err
		}
		heading := "stable, so these are false alarms:"
		if m.Diverges {
			heading = "not stable, so this is power:"
		}
		if heading != truth {
			truth = heading
			fmt.Fprintln(&b, heading)
		}
		fmt.Fprintf(&b, "%-26s %10s %8.0f %%\n", m.Name, m.Window(), 100*float64(n)/float64(runs))
	}
	return b.String(), nil
}
