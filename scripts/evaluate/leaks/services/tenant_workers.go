package main

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// tenantQueues starts a worker for a tenant at its first request.
type tenantQueues struct {
	mu     sync.Mutex
	queues map[int]chan int
}

func newTenantQueues(*environment) http.Handler { return &tenantQueues{queues: map[int]chan int{}} }

func (t *tenantQueues) queue(tenant int) chan int {
	t.mu.Lock()
	defer t.mu.Unlock()
	q, ok := t.queues[tenant]
	if !ok {
		q = make(chan int)
		t.queues[tenant] = q
		go func() {
			for range q {
				time.Sleep(time.Millisecond)
			}
		}()
	}
	return q
}

// ServeHTTP has 24 tenants, of which some are seen seldom.
func (t *tenantQueues) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := number(r)
	tenant := n * n % 24
	if n%6 == 0 {
		tenant = n / 6 % 24
	}
	t.queue(tenant) <- n
	fmt.Fprintln(w, tenant)
}
