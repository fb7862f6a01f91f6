package mutexwait

import (
	"slices"
	"strings"

	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
)

// lockCall is the part of a stack that takes, waits for or releases a lock.
type lockCall struct {
	kind evidence.Wait // WaitMutex or WaitRWMutex
	// reads is set for RLock and RUnlock; releases for Unlock and RUnlock; releasesReaders for an Unlock that
	// let readers in.
	reads, releases, releasesReaders bool
	owner                            evidence.Frame // whose lock it is: the first frame outside of sync
	user                             evidence.Frame // the program's own innermost frame, else the owner
	logs                             bool           // it is taken on behalf of a logger
	// deferLine is the line of the defer statement by which the owner releases it; 0 where it does not. The call
	// itself is made where the function returns, at its closing brace for one.
	deferLine int
}

// parseLock finds the lock call at the top of a stack. It is false for waits of other
// kinds, such as WaitGroup, Cond and channels.
func parseLock(s evidence.Stack) (lockCall, bool) {
	var c lockCall
	i := 0
	for ; i < len(s) && ofLocking(s[i]); i++ {
		c.addFrame(s[i].Function, s[:i])
	}
	if c.kind == evidence.WaitNone || i == len(s) {
		return c, false
	}
	for i+1 < len(s) && wrapsLock(s[i].Function) {
		i++ // a method of the program named Lock is no critical section
	}
	if c.owner = deferrer(s, i); c.owner != s[i] {
		c.deferLine = s[i].Line
	}
	c.user = c.owner
	if own, ok := signature.Own(s[i:]); ok {
		j := slices.Index(s[i:], own)
		c.user = deferrer(s, i+j)
		c.logs = slices.ContainsFunc(s[i:i+j], isLogger)
	}
	return c, true
}

// addFrame takes in one frame of sync, with those above it.
func (c *lockCall) addFrame(fn string, above evidence.Stack) {
	at := strings.Index(fn, "sync.(*RWMutex).")
	rw := at >= 0
	if !rw {
		at = strings.Index(fn, "sync.(*Mutex).")
	}
	if at < 0 {
		return
	}
	method := fn[strings.LastIndexByte(fn, '.')+1:]
	unlocks := strings.Contains(method, "nlock") // Unlock, RUnlock, unlockSlow, rUnlockSlow
	switch {
	case rw:
		c.kind = evidence.WaitRWMutex
		c.reads = c.reads || method == "RLock" || method == "RUnlock" || method == "rUnlockSlow"
		// The writer's own mutex is released from the same call; its frame is above then.
		c.releasesReaders = method == "Unlock" && !inWriterMutex(above)
	case c.kind == evidence.WaitNone:
		c.kind = evidence.WaitMutex
	}
	c.releases = c.releases || unlocks
}

// deferrer is the frame at i, or, where that is the wrapper that the compiler puts around a
// deferred call, the function that deferred it.
func deferrer(s evidence.Stack, i int) evidence.Frame {
	f := s[i]
	at := strings.LastIndex(f.Function, ".deferwrap")
	if at < 0 {
		return f
	}
	f.Function = f.Function[:at]
	for _, outer := range s[i+1:] {
		if outer.Function == f.Function {
			return outer
		}
	}
	return f
}

// ofLocking reports frames of sync and of the runtime below it.
func ofLocking(f evidence.Frame) bool {
	pkg := f.Package()
	return pkg == "sync" || pkg == "internal/sync" || pkg == "runtime" || strings.HasPrefix(pkg, "internal/runtime/") ||
		pkg == "sync/atomic" || pkg == ""
}

func inWriterMutex(above evidence.Stack) bool {
	return slices.ContainsFunc(above, func(f evidence.Frame) bool { return strings.Contains(f.Function, "sync.(*Mutex).") })
}

func wrapsLock(function string) bool {
	switch function[strings.LastIndexByte(function, '.')+1:] {
	case "Lock", "Unlock", "RLock", "RUnlock", "TryLock", "TryRLock":
		return true
	}
	return false
}

// loggers are packages whose locks are held while a line is written.
var loggers = []string{"log", "log/slog", "go.uber.org/zap", "github.com/sirupsen/logrus", "github.com/rs/zerolog",
	"k8s.io/klog", "github.com/golang/glog", "github.com/hashicorp/go-hclog", "github.com/go-kit/log"}

func isLogger(f evidence.Frame) bool {
	pkg := f.Package()
	return slices.ContainsFunc(loggers, func(l string) bool {
		return pkg == l || l != "log" && strings.HasPrefix(pkg, l+"/")
	})
}

// section names the function that the lock is taken in, its closures with it.
func (c *lockCall) section() string { return sectionOf(c.owner.Function) }

// sectionOf is a function without closures, wrappers and type arguments.
func sectionOf(function string) string {
	name := strings.ReplaceAll(evidence.NormalFunction(function), "[...]", "")
	slash := strings.LastIndexByte(name, '/')
	parts := strings.Split(name[slash+1:], ".")
	for i := 1; i < len(parts); i++ {
		if i > 1 && isClosure(parts[i]) {
			parts = parts[:i]
		}
	}
	return name[:slash+1] + strings.Join(parts, ".")
}

func isClosure(part string) bool {
	head, _, _ := strings.Cut(part, "-range")
	return slices.Contains([]string{"", "func", "gowrap", "deferwrap"}, head) || part != head
}

// scope is the receiver type of a method, else the function, without closures.
func scope(function string) string {
	name := sectionOf(function)
	slash := strings.LastIndexByte(name, '/')
	parts := strings.Split(name[slash+1:], ".")
	if len(parts) < 2 {
		return name
	}
	typ := strings.TrimSuffix(strings.TrimPrefix(parts[1], "(*"), ")")
	if typ != parts[1] || len(parts) > 2 { // more parts: a value receiver
		typ = "(" + typ + ")"
	}
	return name[:slash+1] + parts[0] + "." + typ
}
