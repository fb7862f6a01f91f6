package main

import (
	"bytes"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A README block of the language "console" is a session: lines that begin with "$ " are run
// in the repository's root, what follows is their output. A line "…" stands for any lines,
// and a "…" inside a line for any text.
type session struct {
	line    int // of the command in README.md
	command string
	want    []string
}

// TestReadmeSessions runs each command of the README and compares its output, so that the
// README cannot promise what the tool does not do. -update rewrites outputs without a line "…".
func TestReadmeSessions(t *testing.T) {
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, "README.md")
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(targets())
	defer srv.Close()
	lines := strings.Split(string(data), "\n")
	sessions := readSessions(lines)
	if len(sessions) < 5 {
		t.Fatalf("README.md has %d sessions: the parser or the README lost them", len(sessions))
	}
	bin, work := t.TempDir(), t.TempDir()
	if err := os.Symlink(os.Args[0], filepath.Join(bin, "go-debug")); err != nil {
		t.Fatal(err)
	}
	// The module at hand is read where goroutines block, and nothing is read through links.
	if err := os.CopyFS(filepath.Join(work, "fixtures"), os.DirFS(filepath.Join(root, "fixtures"))); err != nil {
		t.Fatal(err)
	}
	gomod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err == nil {
		err = os.WriteFile(filepath.Join(work, "go.mod"), gomod, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	rewritten := lines
	for _, s := range sessions {
		got := runSession(t, work, bin, srv.Listener.Addr().String(), s.command)
		if outputMatches(s.want, got) {
			continue
		}
		if *update && !slices.Contains(s.want, "…") {
			rewritten = replaceOutput(rewritten, s, got)
			continue
		}
		t.Errorf("README.md:%d: $ %s\n--- got\n%s\n--- want\n%s", s.line, s.command, strings.Join(got, "\n"), strings.Join(s.want, "\n"))
	}
	if *update {
		if err := os.WriteFile(file, []byte(strings.Join(rewritten, "\n")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

func readSessions(lines []string) []session {
	var out []session
	inside := false
	for i, l := range lines {
		switch {
		case strings.HasPrefix(l, "```"):
			inside = l == "```console"
		case inside && strings.HasPrefix(l, "$ "):
			out = append(out, session{line: i + 1, command: l[2:]})
		case inside && len(out) > 0:
			last := &out[len(out)-1]
			last.want = append(last.want, l)
		}
	}
	return out
}

// runSession runs a command line by the shell in a directory that has the repository's go.mod and
// fixtures and nothing else. The tool is this test binary under its own name, and
// localhost:6060 is the test's server.
func runSession(t *testing.T, work, bin, server, command string) []string {
	t.Helper()
	command = strings.ReplaceAll(command, "go run ./cmd/go-debug", "go-debug")
	command = strings.ReplaceAll(command, "localhost:6060", server)
	cmd := exec.Command("bash", "-c", command)
	cmd.Dir = work
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "NO_COLOR=1")
	var buf bytes.Buffer
	cmd.Stdout, cmd.Stderr = &buf, &buf
	_ = cmd.Run() // exit codes that matter are printed by the session itself: echo $?
	text := strings.ReplaceAll(buf.String(), server, "localhost:6060")
	return strings.Split(strings.TrimRight(text, "\n"), "\n")
}

// outputMatches compares line by line; "…" in want matches any number of lines.
func outputMatches(want, got []string) bool {
	for len(want) > 0 && want[len(want)-1] == "" {
		want = want[:len(want)-1]
	}
	if len(want) == 0 {
		return len(got) == 1 && got[0] == ""
	}
	if want[0] == "…" {
		for i := 0; i <= len(got); i++ {
			if len(want) == 1 && i == len(got) || len(want) > 1 && outputMatches(want[1:], got[i:]) {
				return true
			}
		}
		return false
	}
	if len(got) == 0 || !lineMatches(want[0], got[0]) {
		return false
	}
	if len(want) == 1 {
		return len(got) == 1
	}
	return outputMatches(want[1:], got[1:])
}

func lineMatches(want, got string) bool {
	before, after, cut := strings.Cut(want, "…")
	if want == got || !cut {
		return want == got
	}
	return len(got) >= len(before)+len(after) && strings.HasPrefix(got, before) && strings.HasSuffix(got, after)
}

func replaceOutput(lines []string, s session, got []string) []string {
	at := -1
	for i, l := range lines { // earlier replacements may have moved the line
		if l == "$ "+s.command {
			at = i + 1
			break
		}
	}
	end := at + len(s.want)
	return append(append(append([]string{}, lines[:at]...), got...), lines[end:]...)
}

func TestOutputMatches(t *testing.T) {
	for _, tt := range []struct {
		want, got string
		ok        bool
	}{
		{"a|b", "a|b", true}, {"a|b", "a|c", false}, {"a", "a|b", false}, {"a|b", "a", false},
		{"a|…|d", "a|b|c|d", true}, {"a|…", "a|b", true}, {"…|b", "a|c", false}, {"a||", "a", true}, {"", "", true}, {"", "x", false},
		{"a … c", "a b c", true}, {"a … c", "a b d", false}, {"a…a", "a", false},
	} {
		if got := outputMatches(strings.Split(tt.want, "|"), strings.Split(tt.got, "|")); got != tt.ok {
			t.Errorf("outputMatches(%q, %q) = %v", tt.want, tt.got, got)
		}
	}
}
