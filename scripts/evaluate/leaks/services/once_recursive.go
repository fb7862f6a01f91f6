package main

import (
	"fmt"
	"net/http"
	"sync"
)

// A template includes others, which may include it again.
type template struct {
	name     string
	once     sync.Once
	includes []*template
	size     int
}

func (t *template) render() int {
	t.once.Do(func() { // want "leak/mutex"
		t.size = len(t.name)
		for _, inc := range t.includes {
			if inc == nil { // mend: if inc == nil || inc == t {
				continue
			}
			t.size += inc.render()
		}
	})
	return t.size
}

type pages struct{}

func newPages(*environment) http.Handler { return pages{} }

func (p pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := number(r)
	t := &template{name: fmt.Sprintf("page-%d", n), includes: []*template{{name: "footer"}}}
	if n%3 == 0 {
		t.includes = append(t.includes, t)
	}
	go t.render()
	fmt.Fprintln(w, t.name)
}
