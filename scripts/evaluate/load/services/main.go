// Command services holds the small servers that "go run ./scripts/evaluate load" judges the load detector by. One is
// chosen with -scenario. Each shows metrics as client_golang's middleware does, the profiles of net/http/pprof, and at
// /truth what its own middleware counted, request by request.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"slices"
	"time"
)

func main() {
	name := flag.String("scenario", "", "the `name` of the scenario to serve; empty: list them")
	isBackend := flag.Bool("backend", false, "serve what the scenario's server asks")
	flag.Parse()
	if *isBackend {
		log.Fatal(serveBackend(*name))
	}
	open, ok := scenarios[*name]
	if !ok {
		for _, n := range slices.Sorted(maps.Keys(scenarios)) {
			fmt.Println(n)
		}
		os.Exit(2)
	}
	m := newMeter()
	mux := http.NewServeMux()
	mux.Handle("/work", m.count(open()))
	mux.HandleFunc("/metrics", m.metrics)
	mux.HandleFunc("/truth", func(w http.ResponseWriter, _ *http.Request) {
		if err := json.NewEncoder(w).Encode(m.truth()); err != nil {
			log.Print(err)
		}
	})
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s\n", l.Addr())
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: time.Minute}
	log.Fatal(srv.Serve(l))
}
