package evidence

import (
	"go/build"
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

func TestFramePackage(t *testing.T) {
	for _, tt := range []struct {
		function, pkg string
		std           bool
	}{
		{"main.main", "main", false},
		{"main.(*Server).handle.func1", "main", false},
		{"net/http.(*conn).serve", "net/http", true},
		{"runtime.gopark", "runtime", true},
		{"vendor/golang.org/x/net/http2/hpack.(*Decoder).Write", "vendor/golang.org/x/net/http2/hpack", true},
		{"github.com/acme/app/store.(*Rows).Next", "github.com/acme/app/store", false},
		{"gopkg.in/yaml%2ev3.Unmarshal", "gopkg.in/yaml.v3", false},
		{"main.worker[go.shape.*github.com/x/y.T]", "main", false},
		{"slices.SortFunc[go.shape.[]main.T,go.shape.int]", "slices", true},
		{"internal/sync.(*Mutex).lockSlow", "internal/sync", true},
		{"app/internal/queue.Push", "app/internal/queue", false},
		{"_cgo_topofstack", "", true},
		{"type:.eq.net/http.connectMethodKey", "", true},
		{"type:.hash.[2]main.key", "", true},
		{"type..eq.main.key", "", true},
		{"", "", true},
	} {
		f := Frame{Function: tt.function}
		if got := f.Package(); got != tt.pkg {
			t.Errorf("Package(%q) = %q, want %q", tt.function, got, tt.pkg)
		}
		if got := f.Std(); got != tt.std {
			t.Errorf("Std(%q) = %v, want %v", tt.function, got, tt.std)
		}
	}
}

func TestFrameShortFile(t *testing.T) {
	for _, tt := range []struct{ function, file, want string }{
		{"main.main", "/home/joe/src/app/main.go", "main.go"},
		{"main.main", "example.com/app/cmd/server/main.go", "main.go"},
		{"example.com/app/store.(*T).Get", "/src/app/store/rows.go", "store/rows.go"},
		{"main.main", `C:\src\app\main.go`, "main.go"},
		{"runtime.chansend1", "runtime/chan.go", "runtime/chan.go"},
		{"main.main", "", ""},
	} {
		if got := (Frame{Function: tt.function, File: tt.file}).ShortFile(); got != tt.want {
			t.Errorf("ShortFile(%q, %q) = %q, want %q", tt.function, tt.file, got, tt.want)
		}
	}
}

func TestNormalFunction(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"main.fetch.func1", "main.fetch.func"},
		{"main.fetch.func12.3", "main.fetch.func.func"},
		{"main.fetch.func1.gowrap2", "main.fetch.func.gowrap"},
		{"main.(*S).run.deferwrap1", "main.(*S).run.deferwrap"},
		{"main.glob..func2", "main.glob..func"},
		{"main.Map[go.shape.int,go.shape.string].Get", "main.Map[...].Get"},
		{"gopkg.in/yaml%2ev3.Unmarshal", "gopkg.in/yaml%2ev3.Unmarshal"},
		{"example.com/v2.func1/x.F", "example.com/v2.func1/x.F"},
		{"main.functional", "main.functional"},
		{"main.func1", "main.func"},
		{"main.start.func2.1.3", "main.start.func.func.func"},
		{"main.start.gowrap12", "main.start.gowrap"},
		{"main.ranger-range1", "main.ranger-range"},
		{"main.(*S).run.func3-range12", "main.(*S).run.func-range"},
		{"main.ranger.numbers.ranger-range1.func2", "main.ranger.numbers.ranger-range.func"},
		{"main.init.0.func1", "main.init.func.func"},
		{"iter.Pull[...].func1.1", "iter.Pull[...].func.func"},
		{"main.(*box[...]).take", "main.(*box[...]).take"},
		{"main.stack[...].each[...]", "main.stack[...].each[...]"},
		{"main.F[map[string][]example.com/x/y.T].func2", "main.F[...].func"},
		{"main.sha256", "main.sha256"},
		{"main.v2-range", "main.v2-range"},
		{"main.(*struct { F func(int) }).run", "main.(*struct { F func(int) }).run"},
		{"main.f]", "main.f]"},
		{"", ""},
	} {
		if got := NormalFunction(tt.in); got != tt.want {
			t.Errorf("NormalFunction(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestIsWrapper(t *testing.T) {
	for name, want := range map[string]bool{
		"main.start.gowrap1": true, "main.start.func2.deferwrap3": true, "main.(*S).gowrap10": true,
		"main.start.func1": false, "main.gowrapper": false, "main.gowrap.run": false, "gowrap1": false, "": false,
	} {
		if got := (Frame{Function: name}).IsWrapper(); got != want {
			t.Errorf("IsWrapper(%q) = %v", name, got)
		}
	}
}

func stackOf(functions ...string) Stack {
	var s Stack
	for _, f := range functions {
		s = append(s, Frame{Function: f})
	}
	return s
}

func TestWaitOf(t *testing.T) {
	for _, tt := range []struct {
		name  string
		stack Stack
		want  Wait
	}{
		{"send in a protobuf", stackOf("runtime.gopark", "runtime.chansend", "runtime.chansend1", "main.run"), WaitChanSend},
		{"send in a text dump", stackOf("main.run", "main.main"), WaitNone},
		{"mutex", stackOf("runtime.gopark", "runtime.semacquire1", "internal/sync.runtime_SemacquireMutex", "internal/sync.(*Mutex).lockSlow", "internal/sync.(*Mutex).Lock", "sync.(*Mutex).Lock", "main.f"), WaitMutex},
		{"rwmutex writer inside its mutex", stackOf("internal/sync.runtime_SemacquireMutex", "internal/sync.(*Mutex).lockSlow", "sync.(*Mutex).Lock", "sync.(*RWMutex).Lock", "main.f"), WaitRWMutex},
		{"waitgroup in a semaphore", stackOf("sync.runtime_Semacquire", "sync.(*WaitGroup).Wait", "main.f"), WaitWaitGroup},
		{"cond that takes its lock again", stackOf("sync.runtime_SemacquireMutex", "sync.(*Mutex).lockSlow", "sync.(*Mutex).Lock", "sync.(*Cond).Wait", "main.f"), WaitMutex},
		{"cond", stackOf("sync.runtime_notifyListWait", "sync.(*Cond).Wait", "main.f"), WaitCond},
		{"io", stackOf("internal/poll.runtime_pollWait", "internal/poll.(*pollDesc).wait", "net.(*netFD).Read", "main.f"), WaitIO},
		{"sleep", stackOf("time.Sleep", "main.f"), WaitSleep},
		{"a user's function below does not count", stackOf("main.f", "sync.(*Mutex).Lock"), WaitNone},
		{"running", stackOf("main.spin"), WaitNone},
		{"running inside of a select", stackOf("runtime.lock2", "runtime.lock", "runtime.sellock", "runtime.selectgo", "main.poll"), WaitNone},
		{"interrupted inside of a receive", stackOf("runtime.asyncPreempt2", "runtime.asyncPreempt", "runtime.chanrecv", "runtime.chanrecv1", "main.poll"), WaitNone},
		{"a system call by way of C", stackOf("runtime.libcCall", "syscall.syscall", "main.f"), WaitSyscall},
		{"a signal's turn", stackOf("runtime.notetsleepg", "os/signal.signal_recv", "os/signal.loop"), WaitSystem},
		{"by reflection", stackOf("reflect.rselect", "reflect.Select", "main.f"), WaitSelect},
		{"iter.Pull", stackOf("runtime.coroswitch", "iter.Pull[...].func1.1", "main.f"), WaitCoroutine},
		{"C", stackOf("runtime.cgocall", "main._Cfunc_wait", "main.f"), WaitSyscall},
		{"a file's lock", stackOf("internal/poll.runtime_Semacquire", "internal/poll.(*fdMutex).rwlock", "os.(*File).Read", "main.f"), WaitSemaphore},
	} {
		if got := WaitOf(tt.stack); got != tt.want {
			t.Errorf("%s: WaitOf = %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestParseWait(t *testing.T) {
	for reason, want := range map[string]Wait{
		"chan send":                      WaitChanSend,
		"chan receive (nil chan)":        WaitNilChan,
		"chan send (leaked)":             WaitChanSend,
		"select (no cases)":              WaitNoCases,
		"select (durable)":               WaitSelect,
		"sync.RWMutex.RLock (scan)":      WaitRWMutex,
		"sync.WaitGroup.Wait (durable)":  WaitWaitGroup,
		"running":                        WaitNone,
		"chan receive (synctest)":        WaitChanRecv,
		"sleep (scan) (durable)":         WaitSleep,
		"select (leaked) (scan)":         WaitSelect,
		"leaked (leaked)":                WaitOther,
		"coroutine":                      WaitCoroutine,
		"a reason of a later Go version": WaitOther,
	} {
		if got := ParseWait(reason); got != want {
			t.Errorf("ParseWait(%q) = %q, want %q", reason, got, want)
		}
	}
}

// The runtime of the Go version at hand knows no wait reason that the tables lack.
func TestWaitReasonsAreKnown(t *testing.T) {
	for _, file := range []string{"runtime2.go", "traceback.go"} {
		src, err := os.ReadFile(filepath.Join(build.Default.GOROOT, "src", "runtime", file))
		if err != nil {
			t.Skip(err)
		}
		table := regexp.MustCompile(`(?s)(?:waitReasonStrings|gStatusStrings) = .*?\n}`).Find(src)
		reasons := regexp.MustCompile(`: +"([^"]+)"`).FindAllSubmatch(table, -1)
		if len(reasons) < 8 {
			t.Fatalf("%s holds %d reasons: the test looks at the wrong place", file, len(reasons))
		}
		for _, r := range reasons {
			if _, ok := waitReasons[TrimWait(string(r[1]))]; !ok {
				t.Errorf("%s: no class for %q", file, r[1])
			}
		}
	}
}

func TestGroupKeyIsOneAcrossFormats(t *testing.T) {
	proto := Group{Wait: WaitChanSend, Stack: stackOf("runtime.gopark", "runtime.chansend", "runtime.chansend1", "main.(*C).run.func1", "main.start.gowrap4", "runtime.goexit")}
	text := Group{Wait: WaitChanSend, Stack: stackOf("main.(*C).run.func2")}
	if proto.Key() != text.Key() {
		t.Errorf("keys differ:\n%q\n%q", proto.Key(), text.Key())
	}
	for _, w := range []Wait{WaitChanRecv, WaitNilChan, WaitChan} {
		other := Group{Wait: w, Stack: text.Stack}
		if other.StackKey() != proto.StackKey() || other.Key() == proto.Key() {
			t.Errorf("debug=1 does not show %s, so the stack's key must not, but the other must: %q, %q", w, other.StackKey(), other.Key())
		}
	}
	if a, b := (&Group{Wait: WaitNoCases}).StackKey(), (&Group{Wait: WaitSelect}).StackKey(); a != b {
		t.Errorf("stack keys %q and %q", a, b)
	}
	created := text
	created.CreatedBy = Frame{Function: "main.start.func7", File: "main.go", Line: 3}
	later := created
	later.CreatedBy = Frame{Function: "main.start.func8", File: "main.go", Line: 9}
	if created.Key() != later.Key() || created.Key() == text.Key() || created.StackKey() != text.StackKey() {
		t.Errorf("the creator is part of the key, its line and number are not: %q, %q", created.Key(), later.Key())
	}
	deep := Group{Wait: WaitChanRecv, Stack: stackOf("main.leaf", "main.walk", "main.visit", "main.walk", "main.visit", "main.walk", "main.main")}
	shallow := Group{Wait: WaitChanRecv, Stack: stackOf("main.leaf", "main.walk", "main.visit", "main.walk", "main.main")}
	if deep.Key() != shallow.Key() {
		t.Errorf("how deep a recursion is makes no other key: %q", deep.Key())
	}
	for name, other := range map[string]Group{
		"wait reason": {Wait: WaitChanRecv, Stack: text.Stack},
		"function":    {Wait: WaitChanSend, Stack: stackOf("main.(*D).run.func2")},
		"receiver":    {Wait: WaitChanSend, Stack: stackOf("main.C.run.func2")},
	} {
		if other.Key() == text.Key() {
			t.Errorf("the %s must be part of the key", name)
		}
	}
	// Without functions of the program the standard library's must do.
	lib := Group{Wait: WaitIO, Stack: stackOf("runtime.gopark", "internal/poll.runtime_pollWait", "net.(*netFD).Read", "net/http.(*conn).serve")}
	if got, want := lib.Key(), "io\nnet.(*netFD).Read\nnet/http.(*conn).serve"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
