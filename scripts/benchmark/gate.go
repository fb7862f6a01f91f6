package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// gateRuns is how many runs each side of the gate has, as many as a careful pipeline makes.
const gateRuns = 20

// benchGate measures the gate on captures of a real program: all kinds of evidence, the same on both sides, so
// that every score is compared and none differs. More runs cost in proportion; the test itself hardly counts.
func benchGate(ctx context.Context, b *bench) error {
	var rows []row
	for _, runs := range []int{gateRuns, 2, gateRuns / 2} {
		sides := [2]string{}
		for i, side := range []string{"before", "after"} {
			sides[i] = filepath.Join(b.dir, fmt.Sprint("gate-", runs), side)
			for run := range runs {
				capture := os.DirFS(filepath.Join("fixtures", "mutexconvoy-healthy"))
				if err := os.CopyFS(filepath.Join(sides[i], fmt.Sprintf("run-%02d", run)), capture); err != nil {
					return err
				}
			}
		}
		rows = append(rows, row{fmt.Sprintf("gate, %d runs a side", runs), []string{b.goDebug, "gate", "-q", "--src=", sides[1], "--baseline", sides[0]}})
	}
	return b.table(ctx, "captures of fixtures/mutexconvoy-healthy, each", filepath.Join("fixtures", "mutexconvoy-healthy", "trace.out.gz"), rows)
}
