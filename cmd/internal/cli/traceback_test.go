package cli

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"go-debug/report"
)

// A panic is one line and exit code 3, never Go's own 2; its stack is there for who asks.
func TestTraceback(t *testing.T) {
	for variable, wantStack := range map[string]bool{"": false, "0": false, "1": true} {
		var stdout, stderr bytes.Buffer
		term := &terminal{stdin: strings.NewReader(""), stdout: panicking{&stdout}, stderr: &stderr,
			getenv: environment(map[string]string{tracebackVariable: variable})}
		if code := run(t.Context(), []string{"version"}, term); code != report.ExitIncomplete {
			t.Errorf("exit code %d, want %d", code, report.ExitIncomplete)
		}
		said := stderr.String()
		if !strings.Contains(said, "internal defect: a defect") || !strings.Contains(said, "cli/traceback_test.go:") || strings.Contains(said, "\x1b") {
			t.Errorf("%s=%q: %s", tracebackVariable, variable, said)
		}
		if got := strings.Contains(said, "goroutine "); got != wantStack {
			t.Errorf("%s=%q: stack shown: %v; %s", tracebackVariable, variable, got, said)
		}
	}
}

type panicking struct{ io.Writer }

func (panicking) Write([]byte) (int, error) { panic("a defect\x1b[2J") }
