package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// A surveyed program is a test binary that others wrote: nothing is wrong with it, as far as anybody knows, and
// no threshold was chosen by it.
type surveyed struct {
	pkg string
	run string // the test to run, where it is not a benchmark
	// bench are the benchmarks to run, each of which shares the time.
	bench []string
}

func (s surveyed) name() string { return strings.ReplaceAll(s.pkg, "/", ".") }

// survey is the list: work that programs really do, no benchmark of a single construct.
var survey = []surveyed{
	{pkg: "go/types", run: "^TestStdlib$"},
	{pkg: "go/parser", bench: []string{"^BenchmarkParse$", "^BenchmarkParseOnly$"}},
	{pkg: "go/format", bench: []string{"^BenchmarkFormat$"}},
	{pkg: "net/http", bench: []string{"^BenchmarkClientServer$", "^BenchmarkClientServerParallel4$", "^BenchmarkServer$", "^BenchmarkClientServerParallelTLS64$"}},
	{pkg: "encoding/json", bench: []string{"^BenchmarkCodeEncoder$", "^BenchmarkCodeMarshal$", "^BenchmarkCodeDecoder$", "^BenchmarkCodeUnmarshal$"}},
	{pkg: "encoding/gob", bench: []string{"^BenchmarkEndToEndPipe$", "^BenchmarkEncodeComplex128Slice$", "^BenchmarkDecodeStringSlice$"}},
	{pkg: "encoding/xml", bench: []string{"^BenchmarkMarshal$", "^BenchmarkUnmarshal$"}},
	{pkg: "compress/flate", bench: []string{"^BenchmarkEncode$/Twain/Default", "^BenchmarkDecode$/Twain/Default"}},
	{pkg: "compress/bzip2", bench: []string{"^BenchmarkDecodeTwain$"}},
	{pkg: "compress/lzw", bench: []string{"^BenchmarkEncoder$", "^BenchmarkDecoder$"}},
	{pkg: "crypto/tls", bench: []string{"^BenchmarkHandshakeServer$/RSA", "^BenchmarkThroughput$/TLSv13/MaxPacket/64MB"}},
	{pkg: "crypto/sha256", bench: []string{"^BenchmarkHash8K$", "^BenchmarkHash1K$"}},
	{pkg: "crypto/rsa", bench: []string{"^BenchmarkDecryptPKCS1v15$", "^BenchmarkSignPSS$"}},
	{pkg: "image/jpeg", bench: []string{"^BenchmarkDecodeBaseline$", "^BenchmarkEncodeRGBA$"}},
	{pkg: "image/png", bench: []string{"^BenchmarkDecodePaletted$", "^BenchmarkEncodeRGBA$"}},
	{pkg: "regexp", bench: []string{"^BenchmarkMatch$/Hard", "^BenchmarkOnePassLongPrefix$"}},
	{pkg: "text/template", bench: []string{"^BenchmarkSliceString$", "^BenchmarkMapString$"}},
	{pkg: "html/template", bench: []string{"^BenchmarkEscapedExecute$"}},
	{pkg: "database/sql", bench: []string{"^BenchmarkConcurrentDBExec$", "^BenchmarkConcurrentRandom$"}},
	{pkg: "archive/zip", bench: []string{"^BenchmarkZip64Test$", "^BenchmarkCompressedZipGarbage$"}},
	{pkg: "math/big", bench: []string{"^BenchmarkFloatPrecExact$", "^BenchmarkScanPi$"}},
	{pkg: "log/slog", bench: []string{"^BenchmarkNopLog$", "^BenchmarkWithAttrs$"}},
	{pkg: "github.com/google/pprof/profile", bench: []string{"^BenchmarkParse$", "^BenchmarkMerge$"}},
	{pkg: "github.com/prometheus/common/expfmt", bench: []string{"^BenchmarkParseText$", "^BenchmarkCreate"}},
	{pkg: "gonum.org/v1/gonum/mat", bench: []string{"^BenchmarkMul(Dense|Workspace)"}},
	{pkg: "go.yaml.in/yaml/v3", run: "^Test$"},
}

// surveySubjects profiles the survey's programs and judges them.
func surveySubjects(ctx context.Context, opt detectorOptions) ([]*subject, error) {
	bundles := opt.bundles
	if bundles == "" {
		work, err := os.MkdirTemp("", "survey-")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(work)
		bundles = work
	}
	bundles, err := filepath.Abs(bundles)
	if err != nil {
		return nil, err
	}
	var out []*subject
	for _, p := range survey {
		if !opt.only.MatchString(p.name()) {
			continue
		}
		s := &subject{Name: p.pkg, Kind: kindSurvey}
		dir := filepath.Join(bundles, p.name())
		if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
			fmt.Fprintln(os.Stderr, "running", p.pkg)
			err = p.record(ctx, dir, opt.window)
			if err != nil {
				s.Error = err.Error()
				os.RemoveAll(dir)
			}
		}
		if s.Error == "" {
			if err := s.judge(ctx, dir); err != nil {
				s.Error = err.Error()
			}
		}
		out = append(out, s)
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
	}
	return out, nil
}

// record builds the test binary and runs it twice: for its profiles, and shorter for a trace, which would
// otherwise grow to gigabytes.
func (p surveyed) record(ctx context.Context, dir string, window time.Duration) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	binary := filepath.Join(dir, "binary.test")
	defer os.Remove(binary)
	if _, err := goCommand(ctx, "", "test", "-c", "-trimpath", "-o", binary, p.pkg); err != nil {
		return err
	}
	home, err := goCommand(ctx, "", "list", "-f", "{{.Dir}}", p.pkg)
	if err != nil {
		return err
	}
	profiles := []string{"-test.cpuprofile=cpu.pb.gz", "-test.memprofile=allocs.pb.gz", "-test.mutexprofile=mutex.pb.gz", "-test.blockprofile=block.pb.gz"}
	if err := p.execute(ctx, binary, home, dir, window, profiles...); err != nil {
		return err
	}
	return p.execute(ctx, binary, home, dir, window/10, "-test.trace=trace.out")
}

func (p surveyed) execute(ctx context.Context, binary, home, dir string, window time.Duration, flags ...string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*window+5*time.Minute)
	defer cancel()
	args := append([]string{"-test.outputdir=" + dir}, flags...)
	if p.run != "" {
		args = append(args, "-test.run="+p.run)
		return p.test(ctx, binary, home, args)
	}
	each := window / time.Duration(len(p.bench))
	args = append(args, "-test.run=^$", "-test.bench="+strings.Join(p.bench, "|"), "-test.benchtime="+each.String())
	return p.test(ctx, binary, home, args)
}

func (p surveyed) test(ctx context.Context, binary, home string, args []string) error {
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir = home
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s: %w: %s", p.pkg, err, lastLines(string(out), 3))
	}
	return nil
}

func goCommand(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = dir
	var out, msg bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &msg
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("go %s: %w: %s", strings.Join(args, " "), err, lastLines(msg.String(), 3))
	}
	return strings.TrimSpace(out.String()), nil
}
