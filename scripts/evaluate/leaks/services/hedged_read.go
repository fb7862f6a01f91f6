package main

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"
)

const replicas = 3

type hedgedStore struct{}

func newHedgedStore(*environment) http.Handler { return hedgedStore{} }

func (s hedgedStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fmt.Fprintln(w, s.read(number(r)))
}

// read asks all replicas and takes the first answer.
func (s hedgedStore) read(key int) string {
	first := make(chan string) // mend: first := make(chan string, replicas)
	for i := range replicas {
		go func() {
			first <- s.readReplica(i, key) // want "leak/chan-send"
		}()
	}
	return <-first
}

func (s hedgedStore) readReplica(i, key int) string {
	time.Sleep(time.Millisecond + rand.N(4*time.Millisecond))
	return fmt.Sprintf("replica %d: value of %d", i, key)
}
