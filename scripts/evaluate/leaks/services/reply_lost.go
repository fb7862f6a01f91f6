package main

import (
	"fmt"
	"net/http"
)

type quotaQuestion struct {
	tenant int
	reply  chan int
}

// quotas keeps its numbers in one goroutine, which answers questions about them.
type quotas struct{ questions chan quotaQuestion }

func newQuotas(*environment) http.Handler {
	q := &quotas{questions: make(chan quotaQuestion)}
	go q.run()
	return q
}

func (q *quotas) run() {
	used := map[int]int{}
	for question := range q.questions {
		if question.tenant%4 == 3 {
			continue // mend: question.reply <- 0; continue
		}
		used[question.tenant]++
		question.reply <- used[question.tenant]
	}
}

func (q *quotas) ask(tenant int) int {
	question := quotaQuestion{tenant: tenant, reply: make(chan int)}
	q.questions <- question
	return <-question.reply // want "leak/chan-receive"
}

// ServeHTTP answers at once; what the tenant has used is counted afterwards.
func (q *quotas) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	tenant := number(r) % 40
	go q.ask(tenant)
	fmt.Fprintln(w, "served", tenant)
}
