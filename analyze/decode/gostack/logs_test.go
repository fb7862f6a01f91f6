package gostack

import (
	"slices"
	"strings"
	"testing"
)

// A collector's prefix or wrapping takes nothing away: neither what the program died of nor
// the end of the dump.
func TestCrashBehindPrefix(t *testing.T) {
	const text = "started\npanic: boom [recovered]\n\tpanic: again\n[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x1]\n\ngoroutine 1 [running]:\n" + tail + "exit status 2\n"
	for name, rewrite := range map[string]func(string) string{
		"plain": func(s string) string { return s }, "cri": prefixed("2026-01-02T03:04:05.%d678Z stderr F "), "compose": prefixed("web-%d  | "),
	} {
		set, err := decode(t, []byte(rewrite(text)))
		if err != nil || len(set.Snapshots) != 1 || !slices.Contains(set.Inputs[0].Notes, "the program crashed: panic: boom [recovered]") {
			t.Errorf("%s: notes %q, %v", name, set.Inputs[0].Notes, err)
		}
	}
	const asleep = "fatal error: all goroutines are asleep - deadlock!"
	set, err := decode(t, []byte(prefixed("pod-%d app: x: ")(asleep+"\n\ngoroutine 1 [select (no cases)]:\n"+tail)))
	if err != nil || !slices.Contains(set.Inputs[0].Notes, "the program crashed: "+asleep) || len(set.Inputs[0].Notes) != 1 {
		t.Errorf("a deadlock: notes %q, %v", set.Inputs[0].Notes, err)
	}
	// Without its registers a signal's dump is cut, behind a prefix too.
	quit := prefixed("host app[%d]: ")("SIGQUIT: quit\nPC=0x1 m=0 sigcode=0\n\ngoroutine 1 [running]:\n" + tail + "\n")
	if _, err := decode(t, []byte(quit)); err == nil || !strings.Contains(err.Error(), "registers") {
		t.Errorf("a signal's dump without registers: %v", err)
	}
	if _, err := decode(t, []byte(quit+"host app[7]: rax    0x0\n")); err != nil {
		t.Errorf("a signal's dump: %v", err)
	}
}

func TestOddEnds(t *testing.T) {
	const taker = "goroutine 8 [running]:\nruntime/pprof.writeGoroutineStacks({0x1, 0x2})\n\t/go/src/runtime/pprof/pprof.go:8 +0x1\ncreated by net/http.(*Server).Serve in goroutine 1\n\t/go/src/net/http/server.go:9 +0x1\n"
	const user = "goroutine 7 [select]:\nmain.f()\n\t/src/main.go:8 +0x1\ncreated by main.g in goroutine 1\n\t/src/main.go:9 +0x1\n"
	for _, tt := range []struct{ name, text, fault, note string }{
		{"the goroutine that takes a dump, alone", taker, "after the goroutine that took it; 1 goroutines", ""},
		{"a recovered panic", "goroutine 8 [running]:\nmain.f()\n\t/src/main.go:8 +0x1\ncreated by main.g in goroutine 1\n\t/src/main.go:9 +0x1\n", "", ""},
		{"an excerpt", user, "", "the beginning may be missing"},
		{"a log's tail", "\t/src/x.go:3 +0x1d\n\n" + user, "it begins inside a goroutine; 1 goroutines", ""},
		{"a log's tail behind a prefix", prefixed("ts1%d F ")("created by main.x in goroutine 44\n\t/src/x.go:3 +0x1d\n\n" + user), "it begins inside a goroutine", ""},
		{"a logger's stack before a dump", "error: boom\nmain.f\n\t/src/x.go:3\nmain.main\n\t/src/x.go:9\n\n" + taker + "\n" + user, "", ""},
		{"g0's stack before a dump", "fatal error: unexpected signal\n\nruntime stack:\nruntime.throw({0x1, 0x2})\n\t/go/panic.go:3 +0x1d\n\n" + user, "", ""},
		{"a thread of C at the end", taker + "\n" + user + "\ngoroutine 17 [syscall, locked to thread]:\nruntime.goexit()\n\t/go/asm.s:1 +0x1\n", "", ""},
		{"a dump with ancestors whose last goroutine lacks them", user + "[originating from goroutine 1]:\nmain.main(...)\n\t/m.go:1 +0x1\n\n" + user, "ancestors", ""},
		{"ancestors cut", user + "[originating from goroutine 1]:\nmain.init.0.func2(...)\n\t/m.go:1 +0x1\n", "ancestors", ""},
		{"ancestors of an init", user + "[originating from goroutine 1]:\nmain.init.0(...)\n\t/m.go:1 +0x1\n", "", ""},
		{"a message with a header", taker + "\n" + user + "\nlevel=error stack=goroutine 9 [running]:\n", "", ""},
	} {
		set, err := decode(t, []byte(tt.text))
		if (err != nil) != (tt.fault != "") || err != nil && !strings.Contains(err.Error(), tt.fault) {
			t.Errorf("%s: %v, want %q", tt.name, err, tt.fault)
		}
		if tt.note != "" && !strings.Contains(strings.Join(set.Inputs[0].Notes, "; "), tt.note) {
			t.Errorf("%s: notes %q, want %q", tt.name, set.Inputs[0].Notes, tt.note)
		}
	}
}
