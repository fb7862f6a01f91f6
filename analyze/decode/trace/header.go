package trace

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	"go-debug/analyze/evidence"
)

// wireVersions are the formats that are read. A format is named after the first release
// that wrote it, so go1.24 writes "go1.23".
var wireVersions = []string{"go1.11", "go1.19", "go1.21", "go1.22", "go1.23", "go1.25", "go1.26"}

const (
	headerSize     = 16
	headerPrefix   = "go 1."
	headerSuffix   = " trace\x00\x00\x00"
	retakeHint     = "take it again and let it finish: curl -o trace.out 'http://localhost:6060/debug/pprof/trace?seconds=5'"
	firstGenerated = 22 // the first minor version whose format has generations
	firstEndMarked = 26 // the first that marks the end of a generation
)

// readHeader names the trace's version without consuming it.
func readHeader(br *bufio.Reader) (version string, minor int, err error) {
	head, err := br.Peek(headerSize)
	if len(head) < headerSize {
		if err != nil && !errors.Is(err, io.EOF) {
			return "", 0, fmt.Errorf("reading the header: %w", err)
		}
		return "", 0, &evidence.InputError{
			Err:  fmt.Errorf("not an execution trace: %d bytes, the header alone has %d", len(head), headerSize),
			Hint: retakeHint}
	}
	digits, ok := bytes.CutPrefix(head, []byte(headerPrefix))
	if ok {
		digits, ok = bytes.CutSuffix(digits, []byte(headerSuffix))
	}
	if ok {
		_, err = fmt.Sscanf(string(digits), "%d", &minor)
	}
	if !ok || err != nil {
		return "", 0, &evidence.InputError{
			Err:  fmt.Errorf("not an execution trace: it begins with %q, not with %q", head, headerPrefix+"N"+headerSuffix[:6]),
			Hint: "name the file as what it is, or take a trace: curl -o trace.out 'http://localhost:6060/debug/pprof/trace?seconds=5'"}
	}
	version = fmt.Sprintf("go1.%d", minor)
	for _, known := range wireVersions {
		if version == known {
			return version, minor, nil
		}
	}
	return "", 0, &evidence.InputError{
		Err: fmt.Errorf("unknown trace version: the header says %q; read are the formats %s", strings.TrimRight(string(head), "\x00"),
			strings.Join(wireVersions, ", ")),
		Hint: "update go-debug, or see whether the toolchain that wrote it reads it: go tool trace FILE"}
}
