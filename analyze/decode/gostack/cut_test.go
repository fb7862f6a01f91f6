package gostack

import (
	"bytes"
	"context"
	"io"
	"reflect"
	"runtime/pprof"
	"strings"
	"testing"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

// chunks hands out its data n bytes at a time.
type chunks struct {
	data []byte
	n    int
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.data) == 0 {
		return 0, io.EOF
	}
	n := copy(p, c.data[:min(c.n, len(c.data))])
	c.data = c.data[n:]
	return n, nil
}

func TestChunks(t *testing.T) {
	dump := manyGoroutines(t, 1500) // more than one buffer
	for _, data := range [][]byte{dump, []byte(prefixed("pod-%d app: ")(string(dump))), bytes.ReplaceAll(dump, []byte("\n"), []byte("\r\n"))} {
		want, err := decode(t, data)
		if err != nil || len(data) < 2*bufferBytes {
			t.Fatal(err, len(data))
		}
		for _, n := range []int{1, 3, 61, 4096, 65_537} {
			got, err := Decode(context.Background(), &chunks{data, n}, evidence.Position{Source: "dump"}, budget.Budget{})
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("%d bytes at a time: another result (%v)", n, err)
			}
		}
	}
}

// Where a line falls in the buffer must not matter.
func TestAlignment(t *testing.T) {
	dump := manyGoroutines(t, 1500)
	want := one(t, append([]byte("x\n"), dump...))
	for shift := 2; shift < 900; shift += 7 {
		got := one(t, append([]byte(strings.Repeat("x", shift)+"\n"), dump...))
		if !reflect.DeepEqual(got, want) {
			t.Fatalf("another result when shifted by %d bytes", shift)
		}
	}
}

// TestCut cuts dumps at every byte. What is left never holds more goroutines than the
// whole, and passes as whole only where the dump could have ended.
func TestCut(t *testing.T) {
	parked{nap: 1, send: 2, recv: 1, sel: 1, lock: 1, wait: 1}.start(t)
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		t.Fatal(err)
	}
	between := func(data []byte, i int) bool { return bytes.HasPrefix(data[i:], []byte("\ngoroutine ")) }
	afterLast := func(data []byte, i int) bool {
		return i > bytes.LastIndex(data, []byte("\ngoroutine ")) && !bytes.Contains(data[i:], []byte("\t/"))
	}
	for name, tt := range map[string]struct {
		data  []byte
		whole func([]byte, int) bool
	}{
		"debug1": {profile.Bytes(), func([]byte, int) bool { return false }},
		"debug2": {stackOfAll(), between},
		"panic":  {crash(t, "panic", "all"), between},
		"signal": {crash(t, "quit", "all"), func(data []byte, i int) bool { return afterLast(data, i) && bytes.Contains(data[:i], []byte("\nr")) }},
		"prefix": {[]byte(prefixed("2026-01-02T03:04:05.%dZ stderr F ")(string(stackOfAll()))), func(data []byte, i int) bool {
			next := bytes.SplitN(data[i:], []byte("\n"), 3)
			if bytes.Count(data[:i], []byte("goroutine ")) <= 2 && bytes.HasSuffix(data[:i], []byte(" F \n")) {
				return true // a logger, too, ends the trace of one goroutine like this
			}
			return len(next) > 1 && bytes.Contains(next[1], []byte(" F goroutine "))
		}},
	} {
		all := one(t, tt.data)
		for i := range tt.data {
			if raceDetector && i%10 != 0 {
				continue
			}
			set, err := decode(t, tt.data[:i])
			total := 0
			for j := range set.Snapshots {
				check(t, &set.Snapshots[j])
				total += set.Snapshots[j].Total
			}
			if total > all.Total {
				t.Errorf("%s: cut at %d: %d goroutines of %d", name, i, total, all.Total)
			}
			if whole := err == nil; whole != set.Inputs[0].Complete || whole && !tt.whole(tt.data, i) {
				t.Errorf("%s: cut at %d passes as whole: …%q", name, i, tt.data[max(0, i-60):i])
			}
			if err != nil && len(set.Snapshots) > 0 && set.Snapshots[len(set.Snapshots)-1].Complete && !afterLast(tt.data, i) && name != "debug1" {
				// The input is incomplete, so its last dump must be: the error was the dump's.
				if !strings.Contains(err.Error(), "first line of a goroutine") {
					t.Errorf("%s: cut at %d: %v, but the snapshot is complete", name, i, err)
				}
			}
		}
	}
}
