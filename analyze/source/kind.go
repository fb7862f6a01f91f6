package source

import (
	"path"
	"strings"

	"go-debug/analyze/evidence"
)

// kindWords are the words of file names that say what a profile is. "profile" is not among
// them: it is net/http/pprof's name of the CPU profile and everybody's name of any profile.
var kindWords = map[string]evidence.Kind{
	"goroutine":     evidence.Goroutine,
	"goroutines":    evidence.Goroutine,
	"goroutineleak": evidence.GoroutineLeak,
	"heap":          evidence.Heap,
	"alloc":         evidence.Allocs,
	"allocs":        evidence.Allocs,
	"cpu":           evidence.CPU,
	"mutex":         evidence.Mutex,
	"block":         evidence.Block,
	"threadcreate":  evidence.ThreadCreate,
	"trace":         evidence.Execution,
	"metrics":       evidence.Metrics,
	"prom":          evidence.Metrics,
	"prometheus":    evidence.Metrics,
	"loadtest":      evidence.LoadTest,
	"vegeta":        evidence.LoadTest,
	"k6":            evidence.LoadTest,
	"ghz":           evidence.LoadTest,
	"hey":           evidence.LoadTest,
	"wrk":           evidence.LoadTest,
	"wrk2":          evidence.LoadTest,
	"fortio":        evidence.LoadTest,
}

// kindOfName reads the kind from a file's name: mutex.pb.gz, block-2.prof, cpuprofile.out,
// goroutine.00.debug2.txt. A name that says two things says nothing.
func kindOfName(name string) evidence.Kind {
	found := evidence.Unknown
	words := strings.FieldsFunc(strings.ToLower(path.Base(name)), func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9')
	})
	for _, w := range words {
		k, ok := kindWords[w]
		if w = strings.TrimRight(w, "0123456789"); !ok {
			k, ok = kindWords[w]
		}
		if !ok {
			k, ok = kindWords[strings.TrimSuffix(w, "profile")]
		}
		switch {
		case !ok || k == found:
		case found == evidence.Unknown:
			found = k
		default:
			return evidence.Unknown
		}
	}
	return found
}

// profilePaths maps the names under /debug/pprof/ to kinds where they differ.
var profilePaths = map[string]evidence.Kind{
	"profile": evidence.CPU,
	"trace":   evidence.Execution,
}

// kindOfPath reads the kind from the path of a URL.
func kindOfPath(p string) evidence.Kind {
	dir, name := path.Split(strings.TrimSuffix(p, "/"))
	if name == "metrics" {
		return evidence.Metrics
	}
	if !strings.HasSuffix(dir, "pprof/") {
		return kindOfName(name)
	}
	if k, ok := profilePaths[name]; ok {
		return k
	}
	if k := evidence.Kind(name); capturable(k) && k != evidence.CPU {
		return k
	}
	return evidence.Unknown
}

// notCapture says why a file found in a directory is no capture, by its name; empty when it
// may be one.
func notCapture(name string) string {
	base := strings.ToLower(path.Base(name))
	switch path.Ext(base) {
	case ".go", ".mod", ".sum", ".work", ".c", ".h", ".s", ".py", ".js", ".ts", ".css", ".sh", ".proto", ".sql":
		return "source code"
	case ".md", ".rst", ".adoc", ".html", ".htm", ".pdf", ".svg", ".png", ".jpg", ".jpeg", ".gif", ".dot":
		return "a document"
	case ".json", ".jsonl", ".ndjson", ".csv":
		// Load generators and Prometheus servers write these too, under their own names.
		if k := kindOfName(name); k == evidence.LoadTest || k == evidence.Metrics {
			return ""
		}
		return "a report or data file"
	case ".xml", ".sarif", ".tap":
		return "a report or data file"
	case ".yaml", ".yml", ".toml", ".ini", ".conf", ".env", ".lock", ".tf":
		return "configuration"
	case ".test", ".exe", ".so", ".a", ".o", ".dll", ".dylib":
		return "a program"
	}
	switch base {
	case "readme", "license", "makefile", "dockerfile", "changelog":
		return "a document"
	}
	return ""
}

// programMagic are the first bytes of executables: `go test -cpuprofile` leaves one beside
// the profile.
var programMagic = []string{"\x7fELF", "MZ", "\xcf\xfa\xed\xfe", "\xfe\xed\xfa\xcf", "\xca\xfe\xba\xbe", "#!"}

func isProgram(head []byte) bool {
	for _, m := range programMagic {
		if strings.HasPrefix(string(head), m) {
			return true
		}
	}
	return false
}
