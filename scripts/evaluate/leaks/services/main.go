// Command services holds the small services that "go run ./scripts/evaluate leaks" judges the
// leak detector by: one a file, chosen with -service.
//
// A line that goroutines of a faulty service stay at, or whose connections stay, has a "want"
// comment in the form of the fixtures. A "mend" comment holds the code that replaces its line
// in the mended service: the evaluation builds the program a second time with all of them, so
// that both have the same functions and lines. A service without a want is healthy.
package main

import (
	"context"
	"flag"
	"fmt"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
)

// An environment is what a service is given by whoever deploys it.
type environment struct {
	ctx      context.Context // of the process
	upstream string          // URL of an HTTP service that may be called
	peer     string          // address of a line-based TCP service
}

func main() {
	name := flag.String("service", "", "the `name` of the service to run; empty: list them")
	upstream := flag.String("upstream", "", "`URL` of the HTTP service to call")
	peer := flag.String("peer", "", "`address` of the TCP service to connect to")
	flag.Parse()
	open, ok := services[*name]
	if !ok {
		for _, n := range slices.Sorted(maps.Keys(services)) {
			fmt.Println(n)
		}
		os.Exit(2)
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	handler := open(&environment{ctx: ctx, upstream: *upstream, peer: *peer})

	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Printf("listening on http://%s\n", l.Addr())
	srv := &http.Server{Handler: routes(handler)}
	go func() {
		if err := srv.Serve(l); err != nil {
			log.Fatal(err)
		}
	}()
	if *name == "select_main" {
		select {}
	}
	<-ctx.Done()
}

// routes serves the API, the request counter and the profiles on one port.
func routes(api http.Handler) http.Handler {
	var requests atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("GET /work", func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		api.ServeHTTP(w, r)
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, "# TYPE http_requests_total counter\nhttp_requests_total %d\n", requests.Load())
	})
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return mux
}

// number is the order that a request has among all requests: what an id is elsewhere.
func number(r *http.Request) int {
	n, _ := strconv.Atoi(r.FormValue("n"))
	return n
}
