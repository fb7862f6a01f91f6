package main

import (
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// A loader keeps what it has loaded; those who want what is being loaded wait.
type loader[K comparable, V any] struct {
	load func(K) (V, error)

	mu      sync.Mutex
	values  map[K]V
	loading map[K]chan struct{}
}

func (l *loader[K, V]) get(key K) (V, error) {
	l.mu.Lock()
	if v, ok := l.values[key]; ok {
		l.mu.Unlock()
		return v, nil
	}
	if ready, ok := l.loading[key]; ok {
		l.mu.Unlock()
		<-ready // want "leak/chan-receive"
		l.mu.Lock()
		defer l.mu.Unlock()
		return l.values[key], nil
	}
	ready := make(chan struct{})
	l.loading[key] = ready
	l.mu.Unlock()

	v, err := l.load(key)
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.loading, key)
	if err != nil {
		return v, err // mend: close(ready); return v, err
	}
	l.values[key] = v
	close(ready)
	return v, nil
}

type profiles struct{ users *loader[int, string] }

func newProfiles(*environment) http.Handler {
	return &profiles{users: &loader[int, string]{load: loadUser, values: map[int]string{}, loading: map[int]chan struct{}{}}}
}

func loadUser(id int) (string, error) {
	time.Sleep(5 * time.Millisecond)
	if id%3 == 0 {
		return "", errors.New("no such user")
	}
	return fmt.Sprintf("user %d", id), nil
}

// ServeHTTP shows a page whose three parts need the same user.
func (p *profiles) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for range 3 {
		go p.users.get(number(r) % 90)
	}
	fmt.Fprintln(w, "loading")
}
