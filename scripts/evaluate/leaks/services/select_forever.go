package main

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"
)

type meetingRoom struct{ present atomic.Int64 }

func newMeetingRoom(*environment) http.Handler { return &meetingRoom{} }

func (m *meetingRoom) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	left := make(chan struct{})
	go m.join(left)
	time.AfterFunc(200*time.Millisecond, func() { close(left) })
	fmt.Fprintln(w, m.present.Load())
}

// join stays in the room, so that the others see the participant.
func (m *meetingRoom) join(left <-chan struct{}) {
	m.present.Add(1)
	defer m.present.Add(-1)
	select {} // want "leak/nil-chan" // mend: <-left
}
