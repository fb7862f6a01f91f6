package main

import (
	"fmt"
	"net/http"
)

type plan struct {
	name  string
	audit chan string // of the plans that include it
}

type documents struct{ plans []*plan }

func newDocuments(*environment) http.Handler {
	business := &plan{name: "business", audit: make(chan string)}
	go func() {
		lines := 0
		for range business.audit {
			lines++
		}
	}()
	return &documents{plans: []*plan{business, {name: "free"}, business, {name: "team", audit: business.audit}}}
}

func (d *documents) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p := d.plans[number(r)%len(d.plans)]
	go d.record(p, "opened "+r.URL.Path)
	fmt.Fprintln(w, p.name)
}

func (d *documents) record(p *plan, event string) {
	p.audit <- event // want "leak/nil-chan" // mend: if p.audit != nil { p.audit <- event }
}
