package report

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"go-debug/analyze/evidence"
)

// BaselineSchemaName is the value of the schema field of a stored baseline.
const BaselineSchemaName = "go-debug/baseline/v1"

// BaselineType is the media type of a stored baseline.
const BaselineType = "application/gzip"

const (
	maxBaselineBytes = 128 << 20 // decompressed: some hundred runs
	maxBaselineRuns  = 1000
)

// StoredBaseline is what a gate compares with, as it is kept: the reports of one or more runs of a program that
// is as it should be. They hold the findings with their fingerprints and rates, the scores, the distributions
// and the windows of the captures.
type StoredBaseline struct {
	Schema   string    `json:"schema" jsonschema:"name and major version of this format"`
	Tool     Tool      `json:"tool" jsonschema:"the program that wrote the baseline"`
	SavedAt  string    `json:"saved_at" jsonschema:"when it was written, RFC 3339, UTC"`
	Source   string    `json:"source" jsonschema:"what the runs were read from"`
	Revision Text      `json:"revision" jsonschema:"VCS revision of the program; null when nobody said"`
	Modified bool      `json:"modified" jsonschema:"whether the program was built from changed files, as far as its binary says"`
	Program  *Program  `json:"program" jsonschema:"the program, as far as all runs agree; null when nothing is known"`
	Window   *Window   `json:"window" jsonschema:"when the runs were captured; null when nobody recorded it"`
	Runs     []*Report `json:"runs" jsonschema:"the report of each run"`
}

// Window is when captures were taken.
type Window struct {
	From string `json:"from" jsonschema:"the first capture, RFC 3339, UTC"`
	To   string `json:"to" jsonschema:"the last capture, RFC 3339, UTC"`
}

// Origin is what a baseline is made of beside the reports.
type Origin struct {
	Tool     Tool
	At       time.Time
	Source   string
	Revision string
	Modified bool
}

// NewStoredBaseline keeps runs, of which there is at least one.
func NewStoredBaseline(runs []*Report, o Origin) *StoredBaseline {
	b := &StoredBaseline{Schema: BaselineSchemaName, Tool: o.Tool, SavedAt: o.At.UTC().Format(time.RFC3339Nano), Source: o.Source,
		Revision: Text(o.Revision), Modified: o.Modified, Program: commonProgram(runs), Window: windowOf(runs)}
	for _, r := range runs {
		plain := *r
		plain.Gate, plain.Diff = nil, nil // a judgement is about another baseline
		b.Runs = append(b.Runs, plain.canonical())
	}
	return b
}

func commonProgram(runs []*Report) *Program {
	var version, build agreed[Text]
	var procs agreed[int]
	for _, r := range runs {
		p := r.program()
		version.add(p.Go)
		build.add(p.BuildID)
		if p.MaxProcs != nil {
			procs.add(*p.MaxProcs)
		}
	}
	p := Program{Go: version.value(), BuildID: build.value()}
	if n := procs.value(); n > 0 {
		p.MaxProcs = &n
	}
	if p == (Program{}) {
		return nil
	}
	return &p
}

func windowOf(runs []*Report) *Window {
	var from, to time.Time
	for _, r := range runs {
		for _, in := range r.Inputs {
			at, err := time.Parse(time.RFC3339Nano, string(in.CapturedAt))
			if err != nil {
				continue
			}
			if from.IsZero() || at.Before(from) {
				from = at
			}
			if at.After(to) {
				to = at
			}
		}
	}
	if from.IsZero() {
		return nil
	}
	return &Window{from.UTC().Format(time.RFC3339Nano), to.UTC().Format(time.RFC3339Nano)}
}

// Encode is the stored form: JSON, compressed with gzip. The same baseline gives the same bytes.
func (b *StoredBaseline) Encode() ([]byte, error) {
	var doc bytes.Buffer
	enc := json.NewEncoder(&doc)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(b); err != nil {
		return nil, fmt.Errorf("cannot write the baseline as JSON: %w", err)
	}
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	if _, err := z.Write(escapeInvisible(doc.Bytes())); err != nil {
		return nil, err
	}
	if err := z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// The name of a stored baseline orders by time, and tells what was cut or changed from what was written.
const baselineExt = ".baseline.json.gz"

var baselineName = regexp.MustCompile(`^\d{8}T\d{6}\.\d{3}Z-([0-9a-f]{16})\.baseline\.json\.gz$`)

// BaselineName is the name under which the stored form of a baseline is kept.
func BaselineName(at time.Time, data []byte) string {
	sum := sha256.Sum256(data)
	return at.UTC().Format("20060102T150405.000Z") + "-" + hex.EncodeToString(sum[:8]) + baselineExt
}

// IsBaselineName reports whether something is named as stored baselines are.
func IsBaselineName(name string) bool { return baselineName.MatchString(name) }

// ReadBaseline reads the stored form of a baseline. Under a name that says what its content was, it is
// refused when that has changed. Errors are *evidence.InputError.
func ReadBaseline(name string, data []byte) (*StoredBaseline, error) {
	if m := baselineName.FindStringSubmatch(name); m != nil {
		if sum := sha256.Sum256(data); hex.EncodeToString(sum[:8]) != m[1] {
			return nil, notBaseline(errors.New("baseline is damaged: its content is not what its name says"))
		}
	}
	doc, err := decompressed(data)
	if err != nil {
		return nil, notBaseline(err)
	}
	if len(bytes.TrimSpace(doc)) == 0 {
		return nil, notBaseline(errors.New("baseline is empty"))
	}
	var stored struct {
		StoredBaseline
		Runs []json.RawMessage `json:"runs"`
	}
	if err := json.Unmarshal(doc, &stored); err != nil {
		return nil, notBaseline(fmt.Errorf("not a baseline: %w", err))
	}
	if err := checkBaseline(stored.Schema, len(stored.Runs)); err != nil {
		return nil, err
	}
	b := stored.StoredBaseline
	for i, raw := range stored.Runs {
		r, err := Read(bytes.NewReader(raw))
		if err != nil {
			return nil, notBaseline(fmt.Errorf("run %d of the baseline: %w", i+1, err))
		}
		b.Runs = append(b.Runs, r)
	}
	return &b, nil
}

func checkBaseline(schema string, runs int) error {
	switch v, ok := strings.CutPrefix(schema, "go-debug/baseline/"); {
	case ok && schema != BaselineSchemaName:
		return &evidence.InputError{Err: fmt.Errorf("baseline has schema version %.20q, this go-debug reads v1", v), Hint: "save it again with this go-debug: " + saveBaseline}
	case !ok:
		return notBaseline(fmt.Errorf("not a go-debug baseline: its schema field is %.60q, not %q", schema, BaselineSchemaName))
	case runs == 0:
		return notBaseline(errors.New("baseline holds no run"))
	case runs > maxBaselineRuns:
		return notBaseline(fmt.Errorf("baseline holds %d runs, more than the limit of %d", runs, maxBaselineRuns))
	}
	return nil
}

const saveBaseline = "go-debug baseline save DIRECTORY CAPTURE"

func notBaseline(err error) error {
	return &evidence.InputError{Err: err, Hint: "save one with " + saveBaseline}
}

// decompressed undoes gzip, where there is any.
func decompressed(data []byte) ([]byte, error) {
	var r io.Reader = bytes.NewReader(data)
	if bytes.HasPrefix(data, []byte{0x1f, 0x8b}) {
		z, err := gzip.NewReader(r)
		if err != nil {
			return nil, fmt.Errorf("baseline cannot be decompressed: %w", err)
		}
		r = z
	}
	doc, err := io.ReadAll(io.LimitReader(r, maxBaselineBytes+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("baseline cannot be decompressed: %w", err)
	case len(doc) > maxBaselineBytes:
		return nil, fmt.Errorf("baseline is larger than the limit of %d bytes", maxBaselineBytes)
	}
	return doc, nil
}

// BaselineTime is when a baseline of that name was saved; zero for other names.
func BaselineTime(name string) time.Time {
	if !IsBaselineName(name) {
		return time.Time{}
	}
	stamp, _, _ := strings.Cut(name, "-")
	t, err := time.Parse("20060102T150405.000Z", stamp)
	if err != nil {
		return time.Time{}
	}
	return t
}
