package source

import (
	"testing"

	"go-debug/analyze/evidence"
)

func TestKindOfName(t *testing.T) {
	for name, want := range map[string]evidence.Kind{
		"mutex.pb.gz":                         evidence.Mutex,
		"dir/block.pb.gz":                     evidence.Block,
		"block-2.prof":                        evidence.Block,
		"blockprofile.out":                    evidence.Block,
		"CPU.prof":                            evidence.CPU,
		"pprof.main.samples.cpu.001.pb.gz":    evidence.CPU,
		"pprof.goroutine.003.pb.gz":           evidence.Goroutine,
		"goroutine.00.debug2.txt":             evidence.Goroutine,
		"cpu.pb.zst":                          evidence.CPU,
		"trace.zst":                           evidence.Execution,
		"goroutineleak.pb.gz":                 evidence.GoroutineLeak,
		"heap1.pb.gz":                         evidence.Heap,
		"allocs.pb.gz":                        evidence.Allocs,
		"threadcreate.pb.gz":                  evidence.ThreadCreate,
		"trace.out":                           evidence.Execution,
		"metrics.prom":                        evidence.Metrics,
		"scrape.prom":                         evidence.Metrics,
		"profile.pb.gz":                       evidence.Unknown, // could be any
		"mutex-and-block.pb.gz":               evidence.Unknown, // says two things
		"blocklist.pb.gz":                     evidence.Unknown,
		"mutex/profile.pb.gz":                 evidence.Unknown, // a directory's name is not the file's
		"x.out":                               evidence.Unknown,
		"":                                    evidence.Unknown,
		"crash-2026-01-02.log":                evidence.Unknown,
		"goroutine-goroutine.pb.gz":           evidence.Goroutine,
		"trace-of-goroutines.out":             evidence.Unknown,
		"\xff\xfe":                            evidence.Unknown,
		"pprof.contentions.delay.001.pb.gz":   evidence.Unknown,
		"pprof.alloc_objects.inuse.001.pb.gz": evidence.Allocs,
	} {
		if got := kindOfName(name); got != want {
			t.Errorf("kindOfName(%q) = %s, want %s", name, got, want)
		}
	}
}

func TestKindOfPath(t *testing.T) {
	for path, want := range map[string]evidence.Kind{
		"/debug/pprof/profile":       evidence.CPU,
		"/debug/pprof/trace":         evidence.Execution,
		"/debug/pprof/mutex":         evidence.Mutex,
		"/debug/pprof/block/":        evidence.Block,
		"/app/debug/pprof/heap":      evidence.Heap,
		"/debug/pprof/goroutineleak": evidence.GoroutineLeak,
		"/debug/pprof/cmdline":       evidence.Unknown,
		"/debug/pprof/cpu":           evidence.Unknown,
		"/metrics":                   evidence.Metrics,
		"/artifacts/mutex.pb.gz":     evidence.Mutex,
		"/artifacts/capture.zip":     evidence.Unknown,
	} {
		if got := kindOfPath(path); got != want {
			t.Errorf("kindOfPath(%q) = %s, want %s", path, got, want)
		}
	}
}
