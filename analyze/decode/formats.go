package decode

import (
	"context"
	"io"

	"go-debug/analyze/budget"
	"go-debug/analyze/decode/gostack"
	"go-debug/analyze/decode/loadtest"
	"go-debug/analyze/decode/metrics"
	"go-debug/analyze/decode/pprof"
	"go-debug/analyze/decode/trace"
	"go-debug/analyze/evidence"
)

// told is what is known of an input beside its content.
type told struct {
	kind  evidence.Kind // as declared; settles what content cannot
	roles metrics.Roles // of metrics, as the user named them
}

// decodeFunc is what every decoder offers.
type decodeFunc func(ctx context.Context, r io.Reader, pos evidence.Position, t told, b budget.Budget) (*evidence.Set, error)

// entry says what becomes of a format: it is decoded, or refused with a reason and a hint.
type entry struct {
	format Format
	decode decodeFunc
	// why and hint are for refusals. FILE in a hint stands for the input's name.
	why, hint string
}

// formats is the list of all formats: adding one is a line here and a case in Sniff.
var formats = []entry{
	{format: Pprof, decode: declared},
	{format: PprofText, decode: declared},
	{format: Trace, decode: undeclared(trace.Decode)},
	{format: TraceV1, decode: undeclared(trace.Decode)},
	{format: Debug1, decode: undeclared(gostack.Decode)},
	{format: Debug2, decode: undeclared(gostack.Decode)},
	{format: Crash, decode: undeclared(gostack.Decode)},
	{format: Metrics, decode: named(metrics.Decoder.Decode)},
	{format: MetricsProto, decode: named(metrics.Decoder.DecodeProto)},
	{format: Query, decode: named(metrics.Decoder.DecodeQuery)},
	{format: LoadTest, decode: undeclared(loadtest.Decode)},
	// A dump may stand behind any amount of log, so text is read to its end.
	{format: Text, decode: decodeText},

	{format: Empty, why: "the file is empty: the capture failed, or its output went elsewhere",
		hint: "take it again, for example: " + captureExample},
	{format: Gzip, why: tooDeep, hint: "gunzip -c FILE | go-debug analyze -"},
	{format: Zstd, why: tooDeep, hint: "zstd -dc FILE | go-debug analyze -"},
	{format: Zip, why: "this is a zip archive inside another input", hint: "unzip it, then: go-debug analyze DIRECTORY"},
	{format: Tar, why: "this is a tar archive inside another input", hint: "unpack it with tar -xf, then: go-debug analyze DIRECTORY"},
	{format: Executable, why: "this is an executable: analysis needs what the program emits while it runs",
		hint: "run it with net/http/pprof imported, then: " + captureExample},
	{format: Symbol, why: "this is what /debug/pprof/symbol answers: a table of symbols, which says nothing of what the program does",
		hint: "take its profiles: " + captureExample},
	{format: Report, why: "this is a go-debug report, not a capture", hint: "go-debug render FILE"},
	{format: JSON, why: "this is JSON of no known form; " + expected, hint: captureExample},
	{format: HTML, why: "this is HTML, did a proxy answer?",
		hint: "curl -sv -o /dev/null URL shows who answered; a pprof index page is analysed by its URL: " + captureExample},
	{format: Unknown, why: "this is binary data of no known form; " + expected, hint: captureExample},
}

const (
	tooDeep        = "compressed more than twice"
	expected       = "expected a pprof profile, a goroutine dump, an execution trace, Prometheus metrics or the output of a load generator"
	captureExample = "go-debug capture http://localhost:6060"
)

func declared(ctx context.Context, r io.Reader, pos evidence.Position, t told, b budget.Budget) (*evidence.Set, error) {
	return pprof.Decode(ctx, r, pos, t.kind, b)
}

func named(decode func(metrics.Decoder, context.Context, io.Reader, evidence.Position, budget.Budget) (*evidence.Set, error)) decodeFunc {
	return func(ctx context.Context, r io.Reader, pos evidence.Position, t told, b budget.Budget) (*evidence.Set, error) {
		return decode(metrics.Decoder{Roles: t.roles}, ctx, r, pos, b)
	}
}

func undeclared(decode func(context.Context, io.Reader, evidence.Position, budget.Budget) (*evidence.Set, error)) decodeFunc {
	return func(ctx context.Context, r io.Reader, pos evidence.Position, _ told, b budget.Budget) (*evidence.Set, error) {
		return decode(ctx, r, pos, b)
	}
}

func formatOf(f Format) entry {
	for _, e := range formats {
		if e.format == f {
			return e
		}
	}
	return formatOf(Unknown)
}
