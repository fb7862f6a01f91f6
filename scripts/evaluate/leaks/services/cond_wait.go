package main

import (
	"fmt"
	"net/http"
	"sync"
	"time"
)

// A mailbox passes messages on to one reader; take blocks while it is empty.
type mailbox struct {
	mu       sync.Mutex
	changed  *sync.Cond
	messages []string
	closed   bool
}

func newMailbox() *mailbox {
	m := &mailbox{}
	m.changed = sync.NewCond(&m.mu)
	return m
}

func (m *mailbox) put(message string) {
	m.mu.Lock()
	m.messages = append(m.messages, message)
	m.mu.Unlock()
	m.changed.Signal()
}

func (m *mailbox) take() (string, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for len(m.messages) == 0 && !m.closed {
		m.changed.Wait() // want "leak/cond"
	}
	if len(m.messages) == 0 {
		return "", false
	}
	first := m.messages[0]
	m.messages = m.messages[1:]
	return first, true
}

func (m *mailbox) close() {
	m.mu.Lock()
	m.closed = true
	m.mu.Unlock() // mend: m.mu.Unlock(); m.changed.Broadcast()
}

type notifications struct{}

func newNotifications(*environment) http.Handler { return notifications{} }

func (s notifications) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	box := newMailbox()
	defer box.close()
	go func() {
		for {
			if _, ok := box.take(); !ok {
				return
			}
		}
	}()
	for i := range 3 {
		box.put(fmt.Sprintf("%d.%d", number(r), i))
		time.Sleep(time.Millisecond)
	}
	fmt.Fprintln(w, "sent")
}
