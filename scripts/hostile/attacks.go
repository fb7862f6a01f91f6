package main

import (
	"io"
	"regexp"
	"time"
)

// told matches what every refusal says: which input, and what to do.
var told = regexp.MustCompile(`(?s)go-debug: error: .+go-debug: hint: `)

var overBudget = regexp.MustCompile(`over budget: .*(?s:.*)hint: .*--max-`)

var attacks = []attack{
	// Compression.
	{name: "gzip: zeros", args: []string{"analyze", "@zeros.gz"}, make: file("zeros.gz", gzipped(zeros(2<<30))), says: told},
	{name: "gzip: lines without meaning", args: []string{"analyze", "@lines.gz"}, make: file("lines.gz", gzipped(repeated("\n", 2<<30))), says: overBudget},
	{name: "gzip in gzip: lines", args: []string{"analyze", "@lines.gz"}, make: file("lines.gz", gzipped(gzipped(repeated("\n", 4<<30)))), says: overBudget, slow: true},
	{name: "gzip in gzip: zeros", args: []string{"analyze", "@zeros.gz"}, make: file("zeros.gz", gzipped(gzipped(zeros(2<<30)))), says: told},
	{name: "zstd: a window of 1 TiB", args: []string{"analyze", "@w.zst"}, make: file("w.zst", text("\x28\xb5\x2f\xfd\x00\xf0\xa9\x00\x00x")), says: overBudget},
	{name: "gzip: a goroutine dump without end", args: []string{"analyze", "@dump.gz"}, make: file("dump.gz", gzipped(repeated(dumpOfOne, 9<<30))), says: overBudget, limit: 2 * time.Minute, slow: true},

	// Profiles.
	{name: "profile: empty labels", args: []string{"analyze", "@labels.pb.gz"}, make: file("labels.pb.gz", gzipped(emptyLabels(12_000_000))), exit: []int{0, 3, 4}, says: told},
	{name: "profile: distinct stacks", args: []string{"analyze", "@stacks.pb.gz"}, make: file("stacks.pb.gz", gzipped(distinctStacks(1_000_000))), exit: []int{0, 3, 4}, says: told},
	{name: "profile: distinct long strings", args: []string{"analyze", "@strings.pb.gz"}, make: file("strings.pb.gz", gzipped(distinctStrings(200_000, 4000))), exit: []int{0, 3, 4}, says: told, slow: true},
	{name: "profile: strings before samples", args: []string{"analyze", "@huge.pb"}, make: file("huge.pb", hugeString(1<<30)), exit: []int{0, 3, 4}, says: told},
	{name: "profile: a mapping that is a pipe", args: []string{"analyze", "@mapping.pb.gz"}, make: mappedPipe, exit: []int{0, 3, 4}, says: told},
	{name: "profile: 70 of distinct stacks", args: []string{"analyze", "@."}, make: files(70, "heap.%03d.pb.gz", func(i int) writer { return gzipped(heapOf(60_000, i)) }), exit: []int{0, 3, 4}, says: told, limit: time.Minute, slow: true},
	{name: "symbols that steer a terminal", args: []string{"analyze", "-v", "@."}, make: evilSymbols, exit: []int{0, 3, 4}, says: told},
	{name: "file names that steer a terminal", args: []string{"analyze", "@."}, make: evilNames, says: told},
	{name: "arguments that steer a terminal", args: []string{"analyze", "\x1b[2J\u202e\u009b31m::error::x\n::error::y"}, says: told},

	// Goroutine dumps.
	{name: "dump: distinct stacks", args: []string{"analyze", "@dump.txt"}, make: file("dump.txt", dumpOfStacks(2_000_000, 0)), exit: []int{0, 3, 4}, says: told, slow: true},
	{name: "dump: 60 of distinct stacks", args: []string{"analyze", "@."}, make: files(60, "goroutine.%03d.debug2.txt", func(i int) writer { return dumpOfStacks(60_000, i) }), exit: []int{0, 3, 4}, says: told, limit: time.Minute, slow: true},
	{name: "dump: a million stacks of their own", args: []string{"analyze", "@."}, make: files(10, "goroutine.%03d.debug2.txt", func(i int) writer { return dumpOfStacks(100_000, i) }), exit: []int{0, 3, 4}, says: told, limit: time.Minute},
	{name: "dump: one line of 1 GiB", args: []string{"analyze", "@line.txt"}, make: file("line.txt", join(text(dumpOfOne), repeated("main.f(", 1<<30))), exit: []int{3, 4}, says: told},
	{name: "dump: debug=1 that declares too much", args: []string{"analyze", "@d1.txt"}, make: file("d1.txt", text("goroutine profile: total 9223372036854775807\n9223372036854775807 @ 0x1 0x2\n#\t0x1\tmain.f+0x1\t/a.go:1\n")), exit: []int{0, 3, 4}, says: told},

	// Traces.
	{name: "trace: a header and nothing else", args: []string{"analyze", "@t.trace"}, make: file("t.trace", text("go 1.22 trace\x00\x00\x00")), says: told},
	{name: "trace: strings without end", args: []string{"analyze", "@t.trace"}, make: file("t.trace", traceStrings(1<<30)), says: told},
	{name: "trace: noise behind a header", args: []string{"analyze", "@t.trace"}, make: file("t.trace", join(text("go 1.26 trace\x00\x00\x00"), noise(64<<20))), says: told},

	// Metrics.
	{name: "metrics: series without end", args: []string{"analyze", "@m.prom"}, make: file("m.prom", series(4_000_000)), exit: []int{0, 3, 4}, says: told, slow: true},
	{name: "metrics: a label of 256 MiB", args: []string{"analyze", "@m.prom"}, make: file("m.prom", join(text(`http_requests_total{path="`), repeated("x", 256<<20), text("\"} 1\n"))), exit: []int{0, 3, 4}, says: told},

	// Archives, directories and paths.
	{name: "tar: names that lead out", args: []string{"analyze", "@evil.tar"}, make: evilTar, says: told},
	{name: "zip: names that lead out", args: []string{"analyze", "@evil.zip"}, make: evilZip, says: told},
	{name: "zip: a million members", args: []string{"analyze", "@many.zip"}, make: manyMembers(200_000), says: told},
	{name: "zip: 9000 bombs", args: []string{"analyze", "@bombs.zip"}, make: zipBombs(9000, 1<<30), says: told, limit: time.Minute, slow: true},
	{name: "tar.gz: zeros", args: []string{"analyze", "@zeros.tar.gz"}, make: file("zeros.tar.gz", gzipped(join(tarHeader("a.pb.gz", 100<<30), zeros(20<<30)))), says: told},
	{name: "directory: links, pipes and devices", args: []string{"analyze", "@."}, make: evilDirectory, says: told},
	{name: "directory: 20000 files", args: []string{"analyze", "@."}, make: files(20_000, "heap.%d.pb", func(int) writer { return text("") }), says: told},
	{name: "capture.json: names that lead out", args: []string{"analyze", "@."}, make: file("capture.json", text(`{"schema":"go-debug/capture/v1","files":[{"name":"../../../../etc/passwd"}]}`)), says: told},
	{name: "report: nested and long", args: []string{"render", "@report.json"}, make: file("report.json", join(text(`{"schema":"go-debug/report/v1","findings":[`), repeated("{},", 60<<20), text("{}]}"))), says: told},
	{name: "report: depth", args: []string{"render", "@report.json"}, make: file("report.json", repeated("[", 50<<20)), says: told},
	{name: "config: aliases of aliases", args: []string{"gate", "--config", "@laughs.yaml", "@x.txt"}, make: laughs, exit: []int{2}},

	// Streams.
	{name: "stdin: zeros without end", args: []string{"analyze", "--timeout", "3s"}, stdin: func() io.Reader { return endless("\x00") }, limit: 10 * time.Second, says: told},
	{name: "stdin: a dump without end", args: []string{"analyze", "--timeout", "3s"}, stdin: func() io.Reader { return endless(dumpOfOne) }, limit: 10 * time.Second, says: regexp.MustCompile(`--timeout`)},
	{name: "stdin: lines without end", args: []string{"analyze", "--timeout", "3s"}, stdin: func() io.Reader { return endless("no capture\n") }, limit: 10 * time.Second, says: regexp.MustCompile(`--timeout`)},
	{name: "stdin: nothing, for ever", args: []string{"analyze", "--timeout", "1s"}, stdin: silence, limit: 10 * time.Second, says: regexp.MustCompile(`--timeout`)},

	// Servers.
	{name: "server: headers that never end", args: []string{"analyze", "--timeout", "2s", "URL/loris"}, serve: server, limit: 10 * time.Second, says: told},
	{name: "server: a body without end", args: []string{"analyze", "--timeout", "5s", "URL/endless/debug/pprof/heap"}, serve: server, limit: 15 * time.Second, says: told},
	{name: "server: a body that stops", args: []string{"analyze", "--timeout", "2s", "URL/stops/debug/pprof/heap"}, serve: server, limit: 10 * time.Second, says: told},
	{name: "server: a bomb by Content-Encoding", args: []string{"analyze", "URL/bomb/debug/pprof/heap"}, serve: server, says: told},
	{name: "server: a body shorter than it says", args: []string{"analyze", "URL/short/debug/pprof/heap"}, serve: server, says: told},
	{name: "server: HTML with status 200", args: []string{"analyze", "URL/page/debug/pprof/heap"}, serve: server, says: regexp.MustCompile("this is HTML")},
	{name: "server: a router without pprof", args: []string{"analyze", "URL"}, serve: server, says: regexp.MustCompile("404")},
	{name: "server: a redirect to a file", args: []string{"analyze", "URL/tofile/debug/pprof/heap"}, serve: server, says: told},
	{name: "server: a redirect to another host", args: []string{"analyze", "URL/tohost/debug/pprof/heap"}, serve: server, says: regexp.MustCompile("another|elsewhere")},
	{name: "server: a redirect to itself", args: []string{"analyze", "URL/toself/debug/pprof/heap"}, serve: server, says: told},
	{name: "server: errors that steer a terminal", args: []string{"analyze", "URL/evil/debug/pprof/heap"}, serve: server, says: told},
	{name: "server: metrics without end", args: []string{"capture", "URL/metrics-bomb/", "--for", "1s", "-o", "bundle"}, serve: server, exit: []int{0, 3}, says: told},
}
