package mutexwait

import (
	"compress/gzip"
	"io"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"
)

func gunzip(t *testing.T, r io.Reader) io.Reader {
	t.Helper()
	z, err := gzip.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// source is the file of the test that holds the locks.
func source(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("real_test.go")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// waitFor returns once n goroutines are asleep at the hot counter's lock.
func waitFor(t *testing.T, n int) {
	t.Helper()
	buf := make([]byte, 1<<20)
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(time.Millisecond) {
		asleep := 0
		for _, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if strings.Contains(g, "[sync.Mutex.Lock") && strings.Contains(g, "hotCounter).add(") {
				asleep++
			}
		}
		if asleep >= n {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines at the lock, want %d", asleep, n)
		}
	}
}
