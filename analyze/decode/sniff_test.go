package decode

import (
	"bytes"
	"compress/gzip"
	"os"
	"runtime"
	rpprof "runtime/pprof"
	rtrace "runtime/trace"
	"strings"
	"testing"
)

func zip(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	zw := gzip.NewWriter(&b)
	if _, err := zw.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := zw.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// profileBytes is a runtime profile of this process as the runtime writes it.
func profileBytes(t testing.TB, name string, debug int) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := rpprof.Lookup(name).WriteTo(&b, debug); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func traceBytes(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := rtrace.Start(&b); err != nil {
		t.Skip("tracing is taken:", err)
	}
	runtime.Gosched()
	rtrace.Stop()
	return b.Bytes()
}

func TestSniff(t *testing.T) {
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	binary, err := os.ReadFile(exe)
	if err != nil {
		t.Fatal(err)
	}
	tarHead := make([]byte, 512)
	copy(tarHead, "dir/file")
	copy(tarHead[257:], "ustar\x0000")
	for name, tc := range map[string]struct {
		head []byte
		want Format
	}{
		"nothing":              {nil, Empty},
		"gzip":                 {zip(t, []byte("x")), Gzip},
		"zstd":                 {[]byte("\x28\xb5\x2f\xfd\x00\x00"), Zstd},
		"zip":                  {[]byte("PK\x03\x04\x14\x00"), Zip},
		"tar":                  {tarHead, Tar},
		"test binary":          {binary, Executable},
		"trace of now":         {traceBytes(t), Trace},
		"trace of go1.22":      {[]byte("go 1.22 trace\x00\x00\x00"), Trace},
		"trace of go1.100":     {[]byte("go 1.100 trace\x00\x00"), Trace},
		"trace of go1.21":      {[]byte("go 1.21 trace\x00\x00\x00"), TraceV1},
		"trace of go1.5":       {[]byte("go 1.5 trace\x00\x00\x00\x00"), TraceV1},
		"heap":                 {ungzip(t, profileBytes(t, "heap", 0)), Pprof},
		"goroutine":            {ungzip(t, profileBytes(t, "goroutine", 0)), Pprof},
		"block":                {ungzip(t, profileBytes(t, "block", 0)), Pprof},
		"head of a profile":    {ungzip(t, profileBytes(t, "goroutine", 0))[:20], Pprof},
		"strings first":        {[]byte("\x32\x00\x32\x03cpu\x0a\x04\x08\x01\x10\x02"), Pprof},
		"goroutine debug=1":    {profileBytes(t, "goroutine", 1), Debug1},
		"goroutine debug=2":    {profileBytes(t, "goroutine", 2), Debug2},
		"heap debug=1":         {profileBytes(t, "heap", 1), PprofText},
		"mutex debug=1":        {profileBytes(t, "mutex", 1), PprofText},
		"block debug=1":        {profileBytes(t, "block", 1), PprofText},
		"threadcreate debug=1": {profileBytes(t, "threadcreate", 1), PprofText},
		"panic":                {[]byte("panic: boom\n\ngoroutine 1 [running]:\nmain.main()\n"), Crash},
		"log, then a crash":    {[]byte("2026/01/02 up\nfatal error: all goroutines are asleep - deadlock!\n\ngoroutine 1 [chan receive]:\n"), Crash},
		"JSON log and a crash": {[]byte("{\"level\":\"info\"}\n{\"level\":\"warn\"}\nSIGQUIT: quit\ngoroutine 0 gp=0x5 m=0 mp=0x6 [idle]:\n"), Crash},
		"prefixed crash":       {[]byte("pod-1 | panic: x\npod-1 | goroutine 7 [running, locked to thread]:\n"), Crash},
		"symbol":               {[]byte("num_symbols: 1\n"), Symbol},
		"symbols":              {[]byte("num_symbols: 1\n0x4a1b00 main.main\n"), Symbol},
		"a metric like it":     {[]byte("num_symbols 1\n"), Metrics},
		"metrics":              {[]byte("# HELP go_goroutines n\n# TYPE go_goroutines gauge\ngo_goroutines 8\n"), Metrics},
		"scrapes":              {[]byte("# scrape 1700000000\ngo_goroutines 8\n"), Metrics},
		"bare metrics":         {[]byte("up 1\nhttp_requests_total{code=\"200\",path=\"/a b\"} 1.5e+06 1700000000000\nx NaN\n"), Metrics},
		"cut metrics":          {[]byte("up 1\nhttp_requests_total{code=\"20"), Metrics},
		"HTML":                 {[]byte("\n <!DOCTYPE html>\n<html>"), HTML},
		"report":               {[]byte("{\n  \"schema\": \"go-debug/report/v1\",\n"), Report},
		"JSON":                 {[]byte("{\"status\": \"success\"}"), JSON},
		"JSON over lines":      {[]byte("{\n  \"a\": {\n  }\n}\n"), JSON},
		"JSON log":             {[]byte("{\"level\":\"info\"}\n{\"level\":\"warn\"}\n"), Text},
		"prose":                {[]byte("started 12 workers\nready\n"), Text},
		"prose with a mention": {[]byte("the goroutine 12 was fine\n"), Text},
		"a line feed":          {[]byte("\n"), Text},
		"cut rune":             {[]byte("grüße\xc3"), Text},
		"noise":                {[]byte("\x00\x01\x02\x03\xff\xfe\x00"), Unknown},
		"NUL":                  {[]byte{0}, Unknown},
		"other protobuf":       {[]byte("\x0a\x03\xff\xff\xff\x00"), Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Sniff(tc.head[:min(len(tc.head), HeadSize)]); got != tc.want {
				t.Errorf("Sniff = %s, want %s", got, tc.want)
			}
		})
	}
}

func TestEveryFormatIsListed(t *testing.T) {
	for _, f := range []Format{Empty, Gzip, Zstd, Zip, Tar, Executable, Trace, TraceV1, Pprof, PprofText, Debug1, Debug2,
		Crash, Metrics, Report, JSON, HTML, Text, Unknown} {
		e := formatOf(f)
		if e.format != f {
			t.Errorf("%s is not in the list", f)
		}
		if e.decode == nil && (e.why == "" || e.hint == "" || strings.ToLower(e.why[:1]) != e.why[:1]) {
			t.Errorf("%s is refused without a reason or hint: %+v", f, e)
		}
	}
}
