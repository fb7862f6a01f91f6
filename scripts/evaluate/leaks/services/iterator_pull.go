package main

import (
	"bufio"
	"fmt"
	"iter"
	"net/http"
	"strings"
)

// auditTrail searches the logs of two machines, line by line in turn.
type auditTrail struct{ first, second string }

func newAuditTrail(*environment) http.Handler {
	a := &auditTrail{}
	for i := range 200 {
		a.first += fmt.Sprintf("first %d took %d ms\n", i, i*i%97)
		a.second += fmt.Sprintf("second %d took %d ms\n", i, i*i%89)
	}
	return a
}

// entries yields the lines of a log.
func entries(log string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for s := bufio.NewScanner(strings.NewReader(log)); s.Scan(); {
			if !yield(s.Text()) {
				return
			}
		}
	}
}

// find returns the first hits of both.
func (a *auditTrail) find(word string, most int) []string {
	first, stop := iter.Pull(entries(a.first))
	defer stop()
	second, stopSecond := iter.Pull(entries(a.second)) // want "leak/iterator" // mend: second, stopSecond := iter.Pull(entries(a.second)); defer stopSecond()
	var hits []string
	for {
		x, more := first()
		y, evenMore := second()
		for _, line := range []string{x, y} {
			if strings.Contains(line, word) {
				hits = append(hits, line)
			}
		}
		if len(hits) >= most {
			return hits
		}
		if !more && !evenMore {
			stopSecond()
			return hits
		}
	}
}

// ServeHTTP looks for what is rare more often than for what is not.
func (a *auditTrail) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	word := "hours"
	if number(r)%3 == 0 {
		word = "1 ms"
	}
	fmt.Fprintln(w, len(a.find(word, 4)))
}
