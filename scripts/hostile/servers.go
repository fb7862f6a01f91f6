package main

import (
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// server answers as no good server does.
func server() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("/loris", loris)
	mux.HandleFunc("/endless/", func(w http.ResponseWriter, _ *http.Request) { io.Copy(w, endless("\x0a\x04\x08\x01\x10\x02")) })
	mux.HandleFunc("/stops/", func(w http.ResponseWriter, r *http.Request) {
		w.Write([]byte("\x1f\x8b\x08"))
		http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	mux.HandleFunc("/bomb/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		defer z.Close()
		zeros(8 << 30)(z)
	})
	mux.HandleFunc("/short/", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100000")
		w.Write([]byte("\x1f\x8b"))
	})
	mux.HandleFunc("/page/", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<!DOCTYPE html><html>Sign in</html>") })
	mux.HandleFunc("/tofile/", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "file:///etc/passwd")
		w.WriteHeader(http.StatusFound)
	})
	mux.HandleFunc("/tohost/", func(w http.ResponseWriter, r *http.Request) {
		_, port, _ := strings.Cut(r.Host, ":")
		http.Redirect(w, r, "http://localhost:"+port+"/debug/pprof/heap", http.StatusFound)
	})
	mux.HandleFunc("/toself/", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) })
	mux.HandleFunc("/evil/", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
		io.WriteString(w, evil)
	})
	mux.HandleFunc("/metrics-bomb/debug/pprof/goroutine", func(w http.ResponseWriter, _ *http.Request) {
		gzipped(goroutinesOfSymbol("main.main", 3))(w)
	})
	mux.HandleFunc("/metrics-bomb/metrics", func(w http.ResponseWriter, _ *http.Request) { io.Copy(w, endless("up{a=\"b\"} 1\n")) })
	return mux
}

// loris sends a header line every now and then, and never the last.
func loris(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer conn.Close()
	fmt.Fprint(conn, "HTTP/1.1 200 OK\r\n")
	for i := 0; ; i++ {
		time.Sleep(200 * time.Millisecond)
		if _, err := fmt.Fprintf(conn, "X-%d: x\r\n", i); err != nil {
			return
		}
	}
}
