package evidence

import "testing"

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
	} {
		if got := NormalFunction(tt.in); got != tt.want {
			t.Errorf("NormalFunction(%q) = %q, want %q", tt.in, got, tt.want)
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
		{"cond", stackOf("sync.runtime_notifyListWait", "sync.(*Cond).Wait", "main.f"), WaitCond},
		{"io", stackOf("internal/poll.runtime_pollWait", "internal/poll.(*pollDesc).wait", "net.(*netFD).Read", "main.f"), WaitIO},
		{"sleep", stackOf("time.Sleep", "main.f"), WaitSleep},
		{"a user's function below does not count", stackOf("main.f", "sync.(*Mutex).Lock"), WaitNone},
		{"running", stackOf("main.spin"), WaitNone},
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
		"a reason of a later Go version": WaitOther,
	} {
		if got := ParseWait(reason); got != want {
			t.Errorf("ParseWait(%q) = %q, want %q", reason, got, want)
		}
	}
}

func TestGroupKeyIsOneAcrossFormats(t *testing.T) {
	proto := Group{Wait: WaitChanSend, Stack: stackOf("runtime.gopark", "runtime.chansend", "runtime.chansend1", "main.(*C).run.func1")}
	text := Group{Wait: WaitChanSend, Stack: stackOf("main.(*C).run.func2")}
	if proto.Key() != text.Key() {
		t.Errorf("keys differ:\n%q\n%q", proto.Key(), text.Key())
	}
	other := Group{Wait: WaitChanRecv, Stack: text.Stack}
	if other.Key() == text.Key() {
		t.Error("the wait reason must be part of the key")
	}
}
