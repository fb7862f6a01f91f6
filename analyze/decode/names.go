package decode

import (
	"fmt"
	"path"
	"strings"

	"go-debug/analyze/evidence"
	"go-debug/analyze/source"
)

// misnamed are the notes on an input that is not what its name or its declaration says.
func misnamed(it source.Item, in *evidence.Input) []string {
	isTrace := in.Kind == evidence.Execution
	isProfile := in.Format == string(Pprof) || in.Format == string(Debug1)
	if !isTrace && !isProfile {
		return nil
	}
	what := fmt.Sprintf("a %s profile", in.Kind)
	if isTrace {
		what = "an execution trace"
	} else if in.Kind == evidence.Unknown {
		what = "a profile"
	}
	var named string
	switch says := nameSays(it.Source); {
	case isTrace && says == Pprof:
		named = "named like a profile"
	case isProfile && says == Trace:
		named = "named like a trace"
	case contradicts(it.Declared, in.Kind):
		named = "declared as " + string(it.Declared)
	default:
		return nil
	}
	return []string{fmt.Sprintf("%s, but this is %s, analysed as one", named, what)}
}

// contradicts reports whether a declared kind is another than the content's. A heap and an
// allocs profile hold the same.
func contradicts(declared, content evidence.Kind) bool {
	if declared == "" || declared == evidence.Unknown || content == evidence.Unknown {
		return false
	}
	memory := func(k evidence.Kind) bool { return k == evidence.Heap || k == evidence.Allocs }
	return declared != content && !(memory(declared) && memory(content))
}

// nameSays is Trace or Pprof when a file name promises one, else Unknown. The extension
// counts before the rest.
func nameSays(name string) Format {
	name, _, _ = strings.Cut(strings.ReplaceAll(name, `\`, "/"), "?")
	base := strings.ToLower(path.Base(name))
	for _, packed := range []string{".gz", ".zst", ".zstd"} {
		base = strings.TrimSuffix(base, packed)
	}
	switch path.Ext(base) {
	case ".trace":
		return Trace
	case ".pb", ".pprof", ".prof":
		return Pprof
	}
	trace, profile := strings.Contains(base, "trace"), strings.Contains(base, "profile")
	switch {
	case trace && !profile:
		return Trace
	case profile && !trace:
		return Pprof
	}
	return Unknown
}
