package metrics

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"regexp"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"go-debug/analyze/budget"
	"go-debug/analyze/evidence"
)

// ProtoFormat is what Input.Format says of a scrape in protobuf, the one format that carries native histograms.
const ProtoFormat = "prometheus-protobuf"

// maxFamily bounds the message of a metric family.
const maxFamily = 16 << 20

var familyName = regexp.MustCompile(`\A[a-zA-Z_:][a-zA-Z0-9_.:]*\z`)

// IsProto reports whether an input begins with a metric family after its length: its name comes first,
// its help or type next.
func IsProto(head []byte) bool {
	size, n := binary.Uvarint(head)
	if n <= 0 || size < 4 || size > maxFamily || len(head) < n+2 || head[n] != 0x0a {
		return false
	}
	rest := head[n+1:]
	length, n := binary.Uvarint(rest)
	if n <= 0 || length == 0 || length > maxName || uint64(len(rest)) < uint64(n)+length+1 {
		return false
	}
	next := rest[uint64(n)+length]
	return familyName.Match(rest[n:uint64(n)+length]) && (next == 0x12 || next == 0x18)
}

// DecodeProto reads one scrape in the delimited protobuf format ("curl -H 'Accept:
// application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited'"), family by
// family. Its time is that of pos.
func (o Decoder) DecodeProto(ctx context.Context, r io.Reader, pos evidence.Position, b budget.Budget) (*evidence.Set, error) {
	d := &decoder{pos: pos, notes: &notes{}, history: newHistory(o.Roles.table(), memoryOf(b)), count: 1, format: ProtoFormat}
	s := &scrape{}
	br := bufio.NewReaderSize(r, 64<<10)
	var err error
	for err == nil && ctx.Err() == nil {
		err = d.family(br, s)
	}
	if errors.Is(err, io.EOF) {
		err = nil
	}
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	d.history.add(&record{answered: s.samples > 0, cells: s.cells})
	failure := d.failure(err)
	return d.set(failure), failure
}

// family folds the next family of a stream. It is io.EOF at its end.
func (d *decoder) family(r *bufio.Reader, s *scrape) error {
	size, err := binary.ReadUvarint(r)
	switch {
	case err != nil:
		return err
	case size > maxFamily:
		return fmt.Errorf("a metric family of %d bytes", size)
	}
	message := make([]byte, 0, min(size, 64<<10))
	buf := bytes.NewBuffer(message)
	if n, err := io.CopyN(buf, r, int64(size)); err != nil {
		return fmt.Errorf("cut after %d of %d bytes of a metric family", n, size)
	}
	framed := append(binary.AppendUvarint(nil, size), buf.Bytes()...)
	var f dto.MetricFamily
	if err := expfmt.NewDecoder(bytes.NewReader(framed), expfmt.NewFormat(expfmt.TypeProtoDelim)).Decode(&f); err != nil {
		return err
	}
	s.samples += len(f.GetMetric())
	for _, m := range f.GetMetric() {
		d.foldMetric(&f, m, s)
	}
	return nil
}

func (d *decoder) foldMetric(f *dto.MetricFamily, m *dto.Metric, s *scrape) {
	if n := nativeOf(m.GetHistogram()); n != nil && (len(n.buckets) > 0 || len(m.GetHistogram().GetBucket()) == 0) {
		x := sample{name: f.GetName(), metric: d.history.table.native(f.GetName()), labels: map[string]string{}, native: n}
		for _, l := range m.GetLabel() {
			x.labels[l.GetName()] = l.GetValue()
		}
		if x.metric.rank >= 0 {
			d.fold(s, x)
		}
	}
	one := &dto.MetricFamily{Name: f.Name, Type: f.Type, Metric: []*dto.Metric{m}}
	vector, err := expfmt.ExtractSamples(&expfmt.DecodeOptions{Timestamp: model.Time(0)}, one)
	if err != nil {
		return
	}
	for _, v := range vector {
		if x, ok := newSample(d.history.table, v); ok {
			d.fold(s, x)
		}
	}
}
