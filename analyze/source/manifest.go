package source

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"go-debug/analyze/evidence"
)

const (
	// ManifestName is the file of a bundle that says what the others are.
	ManifestName = "capture.json"
	// ManifestSchema is the value of its "schema" field.
	ManifestSchema = "go-debug/capture/v1"

	// sensitive is what a bundle says of its files.
	sensitive = "the files are raw: labels, command lines, symbol names and metrics in them may hold credentials that reports hide; " +
		"share them as you would share a core dump"

	maxManifestBytes = 4 << 20
	maxNameBytes     = 1024
)

// Manifest is capture.json: what was captured, from where, when and for how long. Fields
// are added within v1, never renamed.
type Manifest struct {
	Schema string `json:"schema"`
	// Target is the URL without user info and query.
	Target string `json:"target"`
	// Tool is the version of go-debug that wrote the bundle.
	Tool string `json:"tool"`
	// Go is the Go version of the target, empty when it could not be learnt.
	Go        string    `json:"go,omitempty"`
	StartedAt time.Time `json:"started_at,omitzero"`
	DurationS float64   `json:"duration_s"`
	Files     []File    `json:"files"`
	Skipped   []Skip    `json:"skipped,omitempty"`
	Warnings  []string  `json:"warnings,omitempty"`
	// Sensitive warns whoever passes the bundle on: its files are as the program sent them.
	Sensitive string `json:"sensitive,omitempty"`
	// Cost is what the capture cost the target; nil in bundles that do not say.
	Cost *Cost `json:"cost,omitempty"`
}

// File is one file of the bundle, or a capture that failed and left none.
type File struct {
	Name   string        `json:"name"`
	Kind   evidence.Kind `json:"kind"`
	Format string        `json:"format"`
	// Path is what was asked of the target: "/debug/pprof/mutex?seconds=10".
	Path string `json:"path,omitempty"`
	// CapturedAt is when the request was sent, by the collector's clock.
	CapturedAt time.Time `json:"captured_at,omitzero"`
	// DurationS is the window that the file covers; 0 for a snapshot and for totals since
	// the program started.
	DurationS float64 `json:"duration_s,omitempty"`
	// Bytes is the length of the body as it was received.
	Bytes int64 `json:"bytes"`
	// Phase is that of evidence: empty but for what was taken after the load.
	Phase evidence.Phase `json:"phase,omitempty"`
	// RequestS is the seconds that the target took to answer, beyond DurationS. StallS estimates
	// for how many of them the whole program stood still.
	RequestS float64 `json:"request_s,omitempty"`
	StallS   float64 `json:"stall_s,omitempty"`
	// Truncated says why the body is not whole; empty when it is.
	Truncated string `json:"truncated,omitempty"`
	// Error says why the capture failed; the file may then be missing.
	Error string `json:"error,omitempty"`
}

// Skip is something that was not captured although it was asked for.
type Skip struct {
	Kind evidence.Kind `json:"kind"`
	Why  string        `json:"why"`
	// Absent is true where the target does not offer it, which is no failure.
	Absent bool `json:"absent,omitempty"`
}

// ReadManifest reads and checks a capture.json. A manifest that it returns lists each file
// once, and only names that stay inside the bundle.
func ReadManifest(r io.Reader) (*Manifest, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxManifestBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxManifestBytes {
		return nil, fmt.Errorf("longer than %d bytes", maxManifestBytes)
	}
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("no valid JSON: %w", err)
	}
	if m.Schema != ManifestSchema {
		if strings.HasPrefix(m.Schema, "go-debug/capture/") {
			return nil, fmt.Errorf("schema %q is not known to this version, which reads %q", m.Schema, ManifestSchema)
		}
		return nil, fmt.Errorf("schema is %q, want %q: not written by go-debug capture", m.Schema, ManifestSchema)
	}
	seen := map[string]bool{}
	for _, f := range m.Files {
		if err := checkMemberName(f.Name); err != nil {
			return nil, fmt.Errorf("listed file %q: %w", f.Name, err)
		}
		if seen[f.Name] {
			return nil, fmt.Errorf("file %q is listed twice", f.Name)
		}
		seen[f.Name] = true
		if !isTime(f.CapturedAt) {
			return nil, fmt.Errorf("file %q was captured in the year %d", f.Name, f.CapturedAt.UTC().Year())
		}
	}
	if !isTime(m.StartedAt) {
		return nil, fmt.Errorf("the capture began in the year %d", m.StartedAt.UTC().Year())
	}
	return &m, nil
}

// isTime reports whether a time can be written as it is read; its zone may lead out of the years that can.
func isTime(t time.Time) bool {
	y := t.UTC().Year()
	return 0 <= y && y <= 9999
}

// checkMemberName refuses names that lead out of a bundle or mean different files on
// different systems.
func checkMemberName(name string) error {
	switch {
	case name == "" || len(name) > maxNameBytes:
		return fmt.Errorf("name of %d bytes", len(name))
	case strings.ContainsAny(name, "\\\x00"):
		return errors.New("name holds a backslash or NUL")
	case strings.HasPrefix(name, "/") || len(name) > 1 && name[1] == ':':
		return errors.New("absolute name")
	case !fs.ValidPath(name) || name == ".":
		return errors.New("name leads out of the bundle or is not in its shortest form")
	}
	return nil
}
