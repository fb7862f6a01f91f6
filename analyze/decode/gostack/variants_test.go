package gostack

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"go-debug/analyze/evidence"
)

func frame(function, file string, line int) evidence.Frame {
	return evidence.Frame{Function: function, File: file, Line: line}
}

var mainStack = evidence.Stack{frame("main.main", "/src/main.go", 8)}

const tail = "main.main()\n\t/src/main.go:8 +0x1d\n"

// variants are the writing of other Go versions and what logs do to dumps. Each text is one
// goroutine; the group it must become stands beside it.
var variants = []struct {
	name, text string
	want       evidence.Group
}{
	{"go1.18 creator", "goroutine 7 [chan receive, 12 minutes]:\nmain.f(0x1, {0x2, 0x3?}, ...)\n\t/src/my app/main.go:8 +0x1d\ncreated by main.g\n\t/src/main.go:9 +0x2\n",
		evidence.Group{State: "chan receive", Wait: evidence.WaitChanRecv, Stack: evidence.Stack{frame("main.f", "/src/my app/main.go", 8)},
			CreatedBy: frame("main.g", "/src/main.go", 9), IDs: []uint64{7}, MinMinutes: 12, MaxMinutes: 12}},
	{"go1.21 creator", "goroutine 7 [select]:\nmain.(*T).f(...)\n\t/src/main.go:8\ncreated by main.(*T).g in goroutine 1\n\t/src/main.go:9 +0x2\n",
		evidence.Group{State: "select", Wait: evidence.WaitSelect, Stack: evidence.Stack{frame("main.(*T).f", "/src/main.go", 8)},
			CreatedBy: frame("main.(*T).g", "/src/main.go", 9), IDs: []uint64{7}}},
	{"go1.18 mutex", "goroutine 1 [semacquire]:\nsync.runtime_SemacquireMutex(0x1?, 0x0?, 0x0?)\n\t/go/src/runtime/sema.go:71 +0x25\nsync.(*Mutex).lockSlow(0xc0)\n\t/go/src/sync/mutex.go:162 +0x165\nsync.(*Mutex).Lock(...)\n\t/go/src/sync/mutex.go:81\n" + tail,
		evidence.Group{State: "semacquire", Wait: evidence.WaitMutex, Stack: append(evidence.Stack{
			frame("sync.runtime_SemacquireMutex", "/go/src/runtime/sema.go", 71), frame("sync.(*Mutex).lockSlow", "/go/src/sync/mutex.go", 162),
			frame("sync.(*Mutex).Lock", "/go/src/sync/mutex.go", 81)}, mainStack...), IDs: []uint64{1}}},
	{"system header", "goroutine 1 gp=0xc0000061c0 m=nil [sleep, locked to thread]:\n" + tail + "runtime.goexit({})\n\t/go/src/runtime/asm_amd64.s:1 +0x1 fp=0xc0 sp=0xc1 pc=0x46\n",
		evidence.Group{State: "sleep", Wait: evidence.WaitSleep, Stack: append(mainStack[:1:1], frame("runtime.goexit", "/go/src/runtime/asm_amd64.s", 1)), IDs: []uint64{1}}},
	{"running system header", "goroutine 1 gp=0xc1 m=3 mp=0xc2 [running]:\n" + tail + "runtime.goexit({})\n\t/a.s:1 +0x1\n",
		evidence.Group{State: "running", Stack: append(mainStack[:1:1], frame("runtime.goexit", "/a.s", 1)), IDs: []uint64{1}}},
	{"leaked", "goroutine 1 [chan receive (nil chan) (leaked) (scan)]:\n" + tail,
		evidence.Group{State: "chan receive (nil chan)", Wait: evidence.WaitNilChan, Leaked: 1, Stack: mainStack, IDs: []uint64{1}}},
	{"synctest", "goroutine 1 [sync.WaitGroup.Wait (durable), 3 minutes, synctest bubble 4]:\n" + tail,
		evidence.Group{State: "sync.WaitGroup.Wait", Wait: evidence.WaitWaitGroup, Stack: mainStack, IDs: []uint64{1}, MinMinutes: 3, MaxMinutes: 3}},
	{"go1.26 labels", `goroutine 1 [select, 2 minutes labels:{"k]:": "v}]", "a \"b\"": "\u00e9, x"}]:` + "\n" + tail,
		evidence.Group{State: "select", Wait: evidence.WaitSelect, Stack: mainStack, IDs: []uint64{1}, MinMinutes: 2, MaxMinutes: 2,
			Labels: []string{`a "b"=é, x`, "k]:=v}]"}}},
	{"go1.27 labels", `goroutine 1 [select, 2 minutes] {k: v, "a b": "c]}:", empty: }:` + "\n" + tail,
		evidence.Group{State: "select", Wait: evidence.WaitSelect, Stack: mainStack, IDs: []uint64{1}, MinMinutes: 2, MaxMinutes: 2,
			Labels: []string{"a b=c]}:", "empty=", "k=v"}}},
	{"elided, old", "goroutine 7 [select]:\nmain.f(0x1)\n\t/src/main.go:8 +0x1d\n...additional frames elided...\ncreated by main.g\n\t/src/main.go:9 +0x2\n",
		evidence.Group{State: "select", Wait: evidence.WaitSelect, Stack: evidence.Stack{frame("main.f", "/src/main.go", 8)}, CreatedBy: frame("main.g", "/src/main.go", 9), IDs: []uint64{7}}},
	{"elided, new", "goroutine 1 [select]:\nmain.f(0x1)\n\t/src/main.go:8 +0x1d\n...23 frames elided...\n" + tail,
		evidence.Group{State: "select", Wait: evidence.WaitSelect, Stack: append(evidence.Stack{frame("main.f", "/src/main.go", 8)}, mainStack...), IDs: []uint64{1}}},
	{"ancestors", "goroutine 7 [select]:\nmain.f(0x1)\n\t/src/main.go:8 +0x1d\ncreated by main.g\n\t/src/main.go:9 +0x2\n[originating from goroutine 5]:\nmain.h(...)\n\t/src/main.go:10 +0x1\ncreated by main.i\n\t/src/main.go:11 +0x1\n",
		evidence.Group{State: "select", Wait: evidence.WaitSelect, Stack: evidence.Stack{frame("main.f", "/src/main.go", 8)}, CreatedBy: frame("main.g", "/src/main.go", 9), IDs: []uint64{7}}},
	{"unavailable", "goroutine 7 [running]:\n\tgoroutine running on other thread; stack unavailable\ncreated by main.g in goroutine 1\n\t/src/main.go:9 +0x2\n",
		evidence.Group{State: "running", Stack: evidence.Stack{}, CreatedBy: frame("main.g", "/src/main.go", 9), IDs: []uint64{7}}},
	{"synctest in go1.24", "goroutine 1 [chan send (synctest), synctest group 6]:\n" + tail,
		evidence.Group{State: "chan send", Wait: evidence.WaitChanSend, Stack: mainStack, IDs: []uint64{1}}},
	{"all marks", "goroutine 1 gp=0xc1 m=nil [sync.Cond.Wait (leaked) (scan) (durable), 5 minutes, locked to thread, synctest bubble 12]:\n" + tail + "runtime.goexit({})\n\t/a.s:1 +0x1\n",
		evidence.Group{State: "sync.Cond.Wait", Wait: evidence.WaitCond, Leaked: 1, Stack: append(mainStack[:1:1], frame("runtime.goexit", "/a.s", 1)), IDs: []uint64{1}, MinMinutes: 5, MaxMinutes: 5}},
	{"go1.27 labels of a locked goroutine in a bubble", `goroutine 1 [select, locked to thread, synctest bubble 3] {: x, "]: {": ""}:` + "\n" + tail,
		evidence.Group{State: "select", Wait: evidence.WaitSelect, Stack: mainStack, IDs: []uint64{1}, Labels: []string{"=x", "]: {="}}},
	{"go1.26 labels behind a bubble", `goroutine 1 [sleep (durable), synctest bubble 3 labels:{"a": "\xff\n, 9 minutes"}]:` + "\n" + tail,
		evidence.Group{State: "sleep", Wait: evidence.WaitSleep, Stack: mainStack, IDs: []uint64{1}, Labels: []string{"a=\xff\n, 9 minutes"}}},
	{"a status that nobody knows", "goroutine 1 [???]:\n" + tail,
		evidence.Group{State: "???", Wait: evidence.WaitOther, Stack: mainStack, IDs: []uint64{1}}},
	{"rwmutex in its mutex", "goroutine 1 [sync.Mutex.Lock]:\nsync.(*Mutex).Lock(...)\n\t/m.go:1\nsync.(*RWMutex).Lock(0x0?)\n\t/m.go:2 +0x1\n" + tail,
		evidence.Group{State: "sync.Mutex.Lock", Wait: evidence.WaitRWMutex, Stack: append(evidence.Stack{frame("sync.(*Mutex).Lock", "/m.go", 1), frame("sync.(*RWMutex).Lock", "/m.go", 2)}, mainStack...), IDs: []uint64{1}}},
	{"coroutine", "goroutine 8 [coroutine]:\niter.Pull[...].func1.1()\n\t/iter.go:287 +0x53\ncreated by iter.Pull[...] in goroutine 1\n\t/iter.go:271 +0xa5\n",
		evidence.Group{State: "coroutine", Wait: evidence.WaitCoroutine, Stack: evidence.Stack{frame("iter.Pull[...].func1.1", "/iter.go", 287)}, CreatedBy: frame("iter.Pull[...]", "/iter.go", 271), IDs: []uint64{8}}},
	{"range over a function", "goroutine 8 [select]:\nmain.f.numbers.f-range1.func2(...)\n\t/m.go:14\nmain.f-range1(...)\n\t/m.go:14\ncreated by main.init.0.func1 in goroutine 1\n\t/m.go:8 +0x1a\n",
		evidence.Group{State: "select", Wait: evidence.WaitSelect, Stack: evidence.Stack{frame("main.f.numbers.f-range1.func2", "/m.go", 14), frame("main.f-range1", "/m.go", 14)}, CreatedBy: frame("main.init.0.func1", "/m.go", 8), IDs: []uint64{8}}},
	{"generic method", "goroutine 8 [chan send]:\nmain.stack[...].each[...](0x0, {0x1, 0x2})\n\t/m.go:14 +0x1\ncreated by main.main in goroutine 1\n\t/m.go:8 +0x1a\n",
		evidence.Group{State: "chan send", Wait: evidence.WaitChanSend, Stack: evidence.Stack{frame("main.stack[...].each[...]", "/m.go", 14)}, CreatedBy: frame("main.main", "/m.go", 8), IDs: []uint64{8}}},
	{"ancestors that lack frames", "goroutine 7 [select]:\nmain.f(0x1)\n\t/src/main.go:8 +0x1d\ncreated by main.g in goroutine 5\n\t/src/main.go:9 +0x2\n[originating from goroutine 5]:\nmain.h(...)\n\t/src/main.go:10 +0x1\n...additional frames elided...\ncreated by main.i\n\t/src/main.go:11 +0x1\n[originating from goroutine 1]:\nmain.main(...)\n\t/src/main.go:10 +0x1\n",
		evidence.Group{State: "select", Wait: evidence.WaitSelect, Stack: evidence.Stack{frame("main.f", "/src/main.go", 8)}, CreatedBy: frame("main.g", "/src/main.go", 9), IDs: []uint64{7}}},
	{"a thread of C", "goroutine 17 [syscall, 2 minutes, locked to thread]:\nruntime.goexit()\n\t/go/src/runtime/asm_amd64.s:1581 +0x1\n",
		evidence.Group{State: "syscall", Wait: evidence.WaitSyscall, Stack: evidence.Stack{frame("runtime.goexit", "/go/src/runtime/asm_amd64.s", 1581)}, IDs: []uint64{17}, MinMinutes: 2, MaxMinutes: 2}},
	{"called from C", "goroutine 17 [chan receive, locked to thread]:\nmain.goCallback(...)\n\tcg/main.go:26\nmain._Cfunc_crash()\n\t_cgo_gotypes.go:54 +0x3a\n",
		evidence.Group{State: "chan receive", Wait: evidence.WaitChanRecv, Stack: evidence.Stack{frame("main.goCallback", "cg/main.go", 26), frame("main._Cfunc_crash", "_cgo_gotypes.go", 54)}, IDs: []uint64{17}}},
	{"cgo", "goroutine 1 [syscall]:\nnon-Go function\n\tpc=0x7f\nnon-Go function at pc=7f12\nx_cgo_wait\n\t/src/wait.c:12 pc=0x7f34\nmain._Cfunc_wait()\n\t_cgo_gotypes.go:45 +0x1\n" + tail,
		evidence.Group{State: "syscall", Wait: evidence.WaitSyscall, Stack: append(evidence.Stack{frame("x_cgo_wait", "/src/wait.c", 12), frame("main._Cfunc_wait", "_cgo_gotypes.go", 45)}, mainStack...), IDs: []uint64{1}}},
	{"generics and panic", "goroutine 1 [running]:\npanic({0x1?, 0x2?})\n\t/go/src/runtime/panic.go:884 +0x212\nexample.com/a%2eb/c.(*Map[...]).Get[...](0x1)\n\tC:/src/map.go:3 +0x1\nmain.(*struct { F func(int) }).run(0x1)\n\t<autogenerated>:1 +0x1\n" + tail,
		evidence.Group{State: "running", Stack: append(evidence.Stack{frame("runtime.gopanic", "/go/src/runtime/panic.go", 884), frame("example.com/a%2eb/c.(*Map[...]).Get[...]", "C:/src/map.go", 3),
			frame("main.(*struct { F func(int) }).run", "<autogenerated>", 1)}, mainStack...), IDs: []uint64{1}}},
	{"log lines inside", "starting (2)\ngoroutine 1 [select]:\n2026/01/02 served /x (200)\n" + strings.Replace(tail, "\n\t", "\n\t", 1) + "2026/01/02 15:04:05 served /y (200)\nKilled\n",
		evidence.Group{State: "select", Wait: evidence.WaitSelect, Stack: mainStack, IDs: []uint64{1}}},
	{"message before the header", "level=error stack: goroutine 1 [running]:\n" + tail,
		evidence.Group{State: "running", Stack: mainStack, IDs: []uint64{1}}},
}

func TestVariants(t *testing.T) {
	for _, tt := range variants {
		tt.want.Count = 1
		for form, rewrite := range map[string]func(string) string{
			"plain":      func(s string) string { return s },
			"crlf":       func(s string) string { return strings.ReplaceAll(s, "\n", "\r\n") },
			"byte order": func(s string) string { return "\ufeff" + s },
			"cri":        prefixed("2026-01-02T03:04:05.%d678Z stderr F "),
			"compose":    prefixed("web-%d  | "),
			"syslog":     prefixed("Jan  2 03:04:05 host app[1%d]: "),
			"docker":     wrapped(`{"log":%s,"stream":"stderr","time":"2026-01-02T03:04:05.6Z"}`, "\n"),
			"journal":    wrapped(`{"_PID" : "7", "MESSAGE" : %s, "__CURSOR" : "s=\"MESSAGE\""}`, ""),
			"terminal":   func(s string) string { return strings.ReplaceAll(s, "\n\t", "\n        ") },
		} {
			if strings.Contains(tt.name, "message before") && form != "plain" && form != "crlf" {
				continue // which words are the driver's cannot be told
			}
			s := one(t, []byte(rewrite(tt.text)))
			if len(s.Groups) != 1 || !reflect.DeepEqual(s.Groups[0], tt.want) {
				t.Errorf("%s, %s:\ngot  %+v\nwant %+v", tt.name, form, s.Groups, tt.want)
			}
		}
	}
}

// wrapped makes a JSON object of every line.
func wrapped(format, end string) func(string) string {
	return func(s string) string {
		var b strings.Builder
		for line := range strings.Lines(s) {
			text, err := json.Marshal(strings.TrimSuffix(line, "\n") + end)
			if err != nil {
				panic(err)
			}
			b.WriteString(strings.Replace(format, "%s", string(text), 1) + "\n")
		}
		return b.String()
	}
}

// prefixed puts a prefix before every line, of a length that varies.
func prefixed(format string) func(string) string {
	return func(s string) string {
		lines := strings.Split(strings.TrimSuffix(s, "\n"), "\n")
		for i, line := range lines {
			lines[i] = strings.Replace(format, "%d", strings.Repeat("7", i%3), 1) + line
		}
		return strings.Join(lines, "\n") + "\n"
	}
}

func TestProfileVariants(t *testing.T) {
	const text = "goroutineleak profile: total 5\n" +
		"3 @ 0x43e1c5 0x4 0x5\n# labels: {\"k\":\"v, }\", \"r\":\"1\"}\n#\t0x48e3f0\tmain.f+0x1d\t\t/src/main.go:12\n#\t0x4\n#\t0x5\tmain.(*T[...]).g+0x2\t/src/a b.go:13\n\n" +
		"2 @ 0x43e1c6 0x4 0x5\n# labels: {\"k\":\"v, }\", \"r\":\"2\"}\n#\t0x48e3f1\tmain.f+0x1e\t\t/src/main.go:12\n#\t0x4\n#\t0x5\tmain.(*T[...]).g+0x2\t/src/a b.go:13\n\n"
	for _, body := range []string{text, strings.ReplaceAll(text, "\n", "\r\n"), prefixed("2026-01-02T03:04:05.%dZ stdout F ")(text)} {
		s := one(t, []byte(body))
		want := []evidence.Group{{Count: 5, Leaked: 5, Labels: []string{"k=v, }"},
			Stack: evidence.Stack{frame("main.f", "/src/main.go", 12), frame("main.(*T[...]).g", "/src/a b.go", 13)}}}
		if s.Kind != evidence.GoroutineLeak || s.Format != "debug1" || s.Total != 5 || s.Declared != 5 || !reflect.DeepEqual(s.Groups, want) {
			t.Errorf("got %+v", s)
		}
	}
	empty := one(t, []byte("goroutineleak profile: total 0\n"))
	if empty.Total != 0 || !empty.Complete || empty.Kind != evidence.GoroutineLeak {
		t.Errorf("an empty profile: %+v", empty)
	}
	set, err := decode(t, []byte(strings.Replace(text, "total 5", "total 9", 1)))
	if err == nil || !strings.Contains(err.Error(), "5 of the 9") || set.Snapshots[0].Complete || set.Snapshots[0].Declared != 9 {
		t.Errorf("4 goroutines are missing: %v", describe(set, err))
	}
}

// Goroutines differ in arguments, offsets, ids, minutes and labels within a group, and in
// state, stack, line or creator between groups.
func TestGrouping(t *testing.T) {
	block := func(id, status, arg, line, offset, creator string) string {
		return "goroutine " + id + " [" + status + "]:\nmain.f(" + arg + ")\n\t/src/main.go:" + line + " +" + offset +
			"\ncreated by main." + creator + " in goroutine " + id + "0\n\t/src/main.go:1 +0x1\n"
	}
	text := strings.Join([]string{
		block("9", "select, 3 minutes", "0x1", "5", "0x1d", "g"),
		block("4", `select labels:{"a": "1", "r": "4"}`, "{0x2, ...}", "5", "0x2f", "g"),
		block("5", "select, 70 minutes", "...", "5", "0x1d", "g"),
		block("6", "chan send", "0x1", "5", "0x1d", "g"),
		block("7", "select", "0x1", "6", "0x1d", "g"),
		block("8", "select", "0x1", "5", "0x1d", "h"),
	}, "\n")
	s := one(t, []byte(text))
	if len(s.Groups) != 4 || s.Total != 6 {
		t.Fatalf("%d groups of %d goroutines: %+v", len(s.Groups), s.Total, s.Groups)
	}
	g := s.Groups[0]
	if g.Count != 3 || !reflect.DeepEqual(g.IDs, []uint64{4, 5, 9}) || g.MinMinutes != 0 || g.MaxMinutes != 70 || g.Labels != nil {
		t.Errorf("got %+v", g)
	}
}

func TestGoVersion(t *testing.T) {
	const dump = "goroutine 1 [select]:\nmain.main()\n\t%s/main.go:3 +0x1\n"
	for text, want := range map[string]string{
		dump: "",
		"built with go version go1.26.8 linux/amd64\n" + dump:                                                      "go1.26.8",
		`{"msg":"up","GoVersion":"go1.27rc1"}` + "\n" + dump:                                                       "go1.27rc1",
		"started, needs go1.26.8\n" + dump:                                                                         "",
		strings.Replace(dump, "%s", "/home/me/go/pkg/mod/golang.org/toolchain@v0.0.1-go1.25.3.linux-amd64/src", 1): "go1.25.3",
	} {
		if set, err := decode(t, []byte(text)); err != nil || set.Inputs[0].Go != want {
			t.Errorf("%q: Go version %q, want %q (%v)", text, set.Inputs[0].Go, want, err)
		}
	}
}
