package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go-debug/report"
)

// twoBlocked is a capture that does not say when it was taken, with a proven finding.
const twoBlocked = `goroutine 1 [sleep]:
time.Sleep(0x1)
	/go/src/runtime/time.go:1 +0x1
main.main()
	/src/app/main.go:5 +0x1

goroutine 7 [chan receive (nil chan)]:
main.wait(...)
	/src/app/main.go:9 +0x1
created by main.main in goroutine 1
	/src/app/main.go:4 +0x1

goroutine 8 [chan receive (nil chan)]:
main.wait(...)
	/src/app/main.go:9 +0x1
created by main.main in goroutine 1
	/src/app/main.go:4 +0x1
`

// Where no capture says its time, acceptances expire by the clock.
func TestAcceptedByTheClock(t *testing.T) {
	dir := t.TempDir()
	dump, conf := filepath.Join(dir, "dump.txt"), filepath.Join(dir, "conf.yaml")
	write := func(name, text string) {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(dump, twoBlocked)
	write(conf, "accept:\n  - {rule: leak/*, function: main.wait, reason: known, until: 2026-05-31}\n")
	for now, want := range map[string]int{"2026-05-31T23:59:00Z": report.ExitOK, "2026-06-01T00:00:00Z": report.ExitFindings} {
		at, err := time.Parse(time.RFC3339, now)
		if err != nil {
			t.Fatal(err)
		}
		var stdout, stderr bytes.Buffer
		term := &terminal{stdin: strings.NewReader(""), stdout: &stdout, stderr: &stderr, getenv: func(string) string { return "" }, now: func() time.Time { return at }}
		if code := run(t.Context(), []string{"gate", dump, "--only", "leak", "--config", conf}, term); code != want {
			t.Errorf("at %s: exit %d, want %d\n%s%s", now, code, want, &stdout, &stderr)
		}
	}
}

// interruptOn ends the context when something is written.
type interruptOn struct {
	written   bytes.Buffer // not embedded: io.Copy would use its ReadFrom
	interrupt context.CancelFunc
}

func (w *interruptOn) Write(p []byte) (int, error) {
	defer w.interrupt()
	return w.written.Write(p)
}

// An interrupt reaches the tests that a gate runs, and nothing is left behind.
func TestInterruptedTests(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("GOFLAGS", "") // this test may itself run in a gate
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var stdout bytes.Buffer
	stderr := &interruptOn{interrupt: interrupt}
	term := &terminal{stdin: strings.NewReader(""), stdout: &stdout, stderr: stderr, getenv: func(string) string { return "" }}
	if code := run(ctx, []string{"gate", "--", "sh", "-c", "echo begun; exec sleep 1000"}, term); code != report.ExitInterrupted || stdout.Len() > 0 {
		t.Errorf("exit %d, stdout %q, stderr %s", code, &stdout, &stderr.written)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}
