// Command queues prints how often the inflight detector calls simulated queues diverging: of stable ones the rate of
// false alarms, of others its power. The table stands in the detector's documentation, and its test holds it.
//
//	go run ./scripts/queues [-runs n] [-seed n]
package main

import (
	"context"
	"flag"
	"fmt"
	"os"

	"go-debug/detectors"
	"go-debug/detectors/inflight/queues"
)

func main() {
	runs := flag.Int("runs", queues.Runs, "simulate each queue this often")
	seed := flag.Uint64("seed", queues.Seed, "of the random numbers")
	flag.Parse()
	for _, d := range detectors.All {
		if d.Name != "inflight" {
			continue
		}
		table, err := queues.Table(context.Background(), d, *runs, *seed)
		if err != nil {
			fmt.Fprintln(os.Stderr, "queues:", err)
			os.Exit(1)
		}
		fmt.Print(table)
	}
}
