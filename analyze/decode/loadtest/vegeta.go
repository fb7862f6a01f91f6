package loadtest

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"encoding/gob"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"go-debug/analyze/evidence"
)

// vegeta sends on schedule. With -max-workers it may fall behind, and with -rate 0 it sends as fast
// as its workers get replies, of which the results say nothing.
func (d *decoder) vegeta() { d.generator("vegeta", evidence.OpenLoop, 0) }

// vegetaResult is what is read of a result. Its fields have the names of vegeta's own type, by which
// gob matches them.
type vegetaResult struct {
	Code      uint16        `json:"code"`
	Timestamp time.Time     `json:"timestamp"`
	Latency   time.Duration `json:"latency"`
	Error     string        `json:"error"`
}

func (d *decoder) vegetaResult(v *vegetaResult) error {
	if v.Timestamp.Year() < 1970 || v.Timestamp.Year() > 2200 || v.Latency < 0 {
		return errors.New("a result without a time, or with a negative latency")
	}
	d.request(v.Timestamp, v.Latency, v.Error != "" || v.Code >= 400)
	return nil
}

func isVegetaGob(head []byte) bool {
	for _, field := range []string{"Result", "Attack", "Timestamp", "Latency", "BytesOut"} {
		if !bytes.Contains(head[:min(len(head), 512)], []byte(field)) {
			return false
		}
	}
	return !bytes.HasPrefix(head, []byte("{")) && bytes.IndexByte(head[:min(len(head), 512)], 0xff) >= 0
}

func vegetaGob(d *decoder) error {
	d.vegeta()
	dec := gob.NewDecoder(&gobMessages{r: d.r})
	for n := 0; ; n++ {
		if n%1024 == 0 && d.ctx.Err() != nil {
			return d.ctx.Err()
		}
		var v vegetaResult
		err := dec.Decode(&v)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil {
			err = d.vegetaResult(&v)
		}
		if err != nil {
			return fmt.Errorf("result %d: %w", n+1, err)
		}
	}
}

// gobMessages passes a gob stream on, and refuses messages that no result makes: the gob
// package would take memory of up to a gigabyte for one.
type gobMessages struct {
	r interface {
		io.Reader
		io.ByteReader
	}
	left   uint64 // of the message
	header []byte // its length, not yet passed on
}

func (g *gobMessages) ReadByte() (byte, error) {
	var one [1]byte
	for {
		if n, err := g.Read(one[:]); n == 1 || err != nil {
			return one[0], err
		}
	}
}

func (g *gobMessages) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if g.left == 0 && len(g.header) == 0 {
		if err := g.next(); err != nil {
			return 0, err
		}
	}
	if len(g.header) > 0 {
		n := copy(p, g.header)
		g.header = g.header[n:]
		return n, nil
	}
	n, err := g.r.Read(p[:min(uint64(len(p)), g.left)])
	g.left -= uint64(n)
	if errors.Is(err, io.EOF) && g.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// next reads the length of a message: a byte below 128, or the negated count of the big-endian bytes
// that follow.
func (g *gobMessages) next() error {
	b, err := g.r.ReadByte()
	if err != nil {
		return err
	}
	g.header = append(g.header[:0], b)
	g.left = uint64(b)
	if b >= 0x80 {
		n := int(^b) + 1
		if n > 8 {
			return errors.New("no length of a gob message")
		}
		var size [8]byte
		if _, err := io.ReadFull(g.r, size[8-n:]); err != nil {
			return io.ErrUnexpectedEOF
		}
		g.header = append(g.header, size[8-n:]...)
		g.left = binary.BigEndian.Uint64(size[:])
	}
	if g.left > maxLine {
		return fmt.Errorf("a result of %d bytes", g.left)
	}
	return nil
}

func isVegetaJSON(head []byte) bool {
	line, _, _ := bytes.Cut(head, []byte("\n"))
	return bytes.HasPrefix(line, []byte(`{"attack":`)) && bytes.Contains(line, []byte(`"seq":`)) && bytes.Contains(line, []byte(`"latency":`))
}

func vegetaJSON(d *decoder) error {
	d.vegeta()
	return d.lines(func(line []byte) error {
		if len(line) == 0 {
			return nil
		}
		var v vegetaResult
		if err := json.Unmarshal(line, &v); err != nil {
			return err
		}
		return d.vegetaResult(&v)
	})
}

var vegetaCSVLine = regexp.MustCompile(`\A[0-9]{16,19},[0-9]{1,3},[0-9]+,[0-9]+,[0-9]+,`)

func isVegetaCSV(head []byte) bool { return vegetaCSVLine.Match(head) }

// vegetaCSV reads time in ns, status, latency in ns, bytes out and in, error; the rest is passed over.
func vegetaCSV(d *decoder) error {
	d.vegeta()
	return d.csv(0, func(f []string) error {
		if len(f) < 6 {
			return fmt.Errorf("%d fields, want 12: %w", len(f), io.ErrUnexpectedEOF)
		}
		at, err1 := strconv.ParseInt(f[0], 10, 64)
		code, err2 := strconv.ParseUint(f[1], 10, 16)
		took, err3 := strconv.ParseInt(f[2], 10, 64)
		if err := errors.Join(err1, err2, err3); err != nil {
			return err
		}
		return d.vegetaResult(&vegetaResult{Code: uint16(code), Timestamp: time.Unix(0, at), Latency: time.Duration(took), Error: f[5]})
	})
}

// csv calls f for each record, the first skip left out. All have as many fields as the first.
func (d *decoder) csv(skip int, f func([]string) error) error {
	r := csv.NewReader(io.Reader(d.r))
	r.ReuseRecord = true
	for n := 0; ; n++ {
		if n%1024 == 0 && d.ctx.Err() != nil {
			return d.ctx.Err()
		}
		record, err := r.Read()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err == nil && n >= skip {
			err = f(record)
		}
		if err != nil {
			return fmt.Errorf("record %d: %w", n+1, err)
		}
	}
}

func isVegetaReportJSON(head []byte) bool {
	return bytes.HasPrefix(head, []byte(`{"latencies":{`)) && bytes.Contains(head, []byte(`"50th"`)) && bytes.Contains(head, []byte(`"throughput"`))
}

// vegetaReportJSON reads "vegeta report -type=json".
func vegetaReportJSON(d *decoder) error {
	var v struct {
		Latencies struct {
			Mean, Max float64
			P50       float64 `json:"50th"`
			P90       float64 `json:"90th"`
			P95       float64 `json:"95th"`
			P99       float64 `json:"99th"`
		}
		Duration, Wait, Requests, Success float64
	}
	if err := d.object(&v); err != nil {
		return err
	}
	d.vegeta()
	s := &evidence.StatedLoad{DurationS: (v.Duration + v.Wait) / 1e9, Requests: v.Requests, Errors: ptr(math.Round(v.Requests * (1 - v.Success))),
		MeanLatencyS: ptr(v.Latencies.Mean / 1e9), MaxLatencyS: ptr(v.Latencies.Max / 1e9)}
	for q, ns := range map[float64]float64{0.5: v.Latencies.P50, 0.9: v.Latencies.P90, 0.95: v.Latencies.P95, 0.99: v.Latencies.P99} {
		s.Quantiles = append(s.Quantiles, evidence.Quantile{Q: q, Seconds: ns / 1e9})
	}
	return d.state(s)
}

func isVegetaReport(head []byte) bool {
	return bytes.HasPrefix(head, []byte("Requests ")) && bytes.Contains(head, []byte("[total, rate, throughput]"))
}

// vegetaReport reads the text of "vegeta report". The columns of a line are named in brackets.
func vegetaReport(d *decoder) error {
	d.vegeta()
	s := &evidence.StatedLoad{}
	err := d.lines(func(line []byte) error {
		title, rest, ok := strings.Cut(string(line), "[")
		names, values, ok2 := strings.Cut(rest, "]")
		if !ok || !ok2 {
			return nil
		}
		columns, cells := strings.Split(names, ", "), strings.Split(strings.TrimSpace(values), ", ")
		for i, c := range columns {
			if i >= len(cells) {
				return io.ErrUnexpectedEOF
			}
			if err := vegetaCell(s, strings.TrimSpace(title), c, cells[i]); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return d.state(s)
}

func vegetaCell(s *evidence.StatedLoad, title, column, cell string) error {
	switch {
	case title == "Requests" && column == "total":
		v, err := strconv.ParseFloat(cell, 64)
		s.Requests = v
		return err
	case title == "Success" && column == "ratio":
		v, err := strconv.ParseFloat(strings.TrimSuffix(cell, "%"), 64)
		s.Errors = ptr(math.Round(s.Requests * (1 - v/100)))
		return err
	case title != "Duration" && title != "Latencies":
		return nil
	}
	took, err := time.ParseDuration(cell)
	if err != nil {
		return err
	}
	switch {
	case title == "Duration" && column == "total":
		s.DurationS = took.Seconds()
	case title == "Latencies" && column == "mean":
		s.MeanLatencyS = ptr(took.Seconds())
	case title == "Latencies" && column == "max":
		s.MaxLatencyS = ptr(took.Seconds())
	case title == "Latencies":
		if q, err := strconv.ParseFloat(column, 64); err == nil {
			s.Quantiles = append(s.Quantiles, evidence.Quantile{Q: q / 100, Seconds: took.Seconds()})
		}
	}
	return nil
}
