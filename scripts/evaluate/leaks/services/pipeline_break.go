package main

import (
	"fmt"
	"net/http"
	"strings"
)

type logSearch struct{}

func newLogSearch(*environment) http.Handler { return logSearch{} }

// ServeHTTP looks for a request's first line in the log.
func (s logSearch) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	wanted := fmt.Sprintf("request=%d", number(r)*37%60)
	found := "none"
	for fields := range s.split(s.lines()) {
		if fields[0] == wanted {
			found = fields[1]
			break // mend: continue
		}
	}
	fmt.Fprintln(w, found)
}

func (s logSearch) lines() <-chan string {
	out := make(chan string)
	go func() {
		defer close(out)
		for i := range 40 {
			out <- fmt.Sprintf("request=%d status=200", i) // want "leak/chan-send"
		}
	}()
	return out
}

func (s logSearch) split(lines <-chan string) <-chan []string {
	out := make(chan []string)
	go func() {
		defer close(out)
		for l := range lines {
			out <- strings.Fields(l) // want "leak/chan-send"
		}
	}()
	return out
}
