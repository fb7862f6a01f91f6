package main

import (
	"bufio"
	"compress/gzip"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
)

// profileWriter encodes profile.proto as the runtime does: samples first, then what they
// refer to, the strings last. It streams, so that a large profile costs no memory to make.
type profileWriter struct {
	w       *bufio.Writer
	msg     []byte
	sub     []byte
	strings []string
	index   map[string]uint64
}

func newProfileWriter(w io.Writer) *profileWriter {
	return &profileWriter{w: bufio.NewWriterSize(w, 64<<10), strings: []string{""}, index: map[string]uint64{"": 0}}
}

func (p *profileWriter) str(s string) uint64 {
	i, ok := p.index[s]
	if !ok {
		i = uint64(len(p.strings))
		p.strings, p.index[s] = append(p.strings, s), i
	}
	return i
}

func number(b []byte, field, v uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, field<<3), v)
}

func blob(b []byte, field uint64, data []byte) []byte {
	return append(binary.AppendUvarint(binary.AppendUvarint(b, field<<3|2), uint64(len(data))), data...)
}

// emit writes one top-level message.
func (p *profileWriter) emit(field uint64, msg []byte) { p.w.Write(blob(nil, field, msg)) }

func (p *profileWriter) valueType(field uint64, typ, unit string) {
	p.emit(field, number(number(nil, 1, p.str(typ)), 2, p.str(unit)))
}

func (p *profileWriter) scalar(field, v uint64) { p.w.Write(number(nil, field, v)) }

func (p *profileWriter) sample(locations []uint64, values []int64, labels ...string) {
	m := p.msg[:0]
	for _, v := range values {
		m = number(m, 2, uint64(v))
	}
	packed := p.sub[:0]
	for _, id := range locations {
		packed = binary.AppendUvarint(packed, id)
	}
	m = blob(m, 1, packed)
	for i := 0; i < len(labels); i += 2 {
		m = blob(m, 3, number(number(packed[:0], 1, p.str(labels[i])), 2, p.str(labels[i+1])))
	}
	p.emit(2, m)
	p.msg, p.sub = m, packed
}

// finish writes n functions with a location each, and the strings.
func (p *profileWriter) finish(n int) error {
	for i := range uint64(n) {
		file := fmt.Sprintf("example.com/app/pkg%d/file%d.go", i/100, i/10)
		name := fmt.Sprintf("example.com/app/pkg%d.(*Type%d).Method%d", i/100, i/10, i)
		p.emit(4, blob(number(number(nil, 1, i+1), 3, 0x400000+i*64), 4, number(number(nil, 1, i+1), 2, i%900+1)))
		p.emit(5, number(number(number(nil, 1, i+1), 2, p.str(name)), 4, p.str(file)))
	}
	for _, s := range p.strings {
		p.w.Write(blob(nil, 6, []byte(s)))
	}
	return p.w.Flush()
}

func (p *profileWriter) cpuHeader() {
	p.scalar(9, 1_700_000_000e9)
	p.valueType(1, "samples", "count")
	p.valueType(1, "cpu", "nanoseconds")
	p.scalar(10, 3600e9)
	p.valueType(11, "cpu", "nanoseconds")
	p.scalar(12, 10_000_000)
}

const benchFunctions = 6000

// callStacks are n stacks of 8 to 40 frames over so many functions, which share their outer ends, as those
// of a server do.
func callStacks(rng *rand.Rand, n, functions int) [][]uint64 {
	stacks := make([][]uint64, n)
	for i := range stacks {
		root := rng.IntN(20)
		s := make([]uint64, 8+rng.IntN(33))
		at := root
		for d := range s {
			at = (at*7 + d*13 + rng.IntN(2)) % functions
			s[len(s)-1-d] = uint64(at + 1)
		}
		stacks[i] = s
	}
	return stacks
}

// compressed opens a file for gzip at the runtime's level.
func compressed(file string, write func(z io.Writer, out *countingWriter) error) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	out := &countingWriter{w: f}
	z, err := gzip.NewWriterLevel(out, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if err := write(z, out); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	return f.Close()
}

// generateProfile writes a labelled CPU profile whose file has the wanted size: 30,000
// distinct stacks, some of which are frequent, and a route and a request id on each sample.
func generateProfile(_ context.Context, file string, size int64) error {
	return generateLabelled(file, 50_000, func(out *countingWriter, _ int) bool { return out.n.Load() < size })
}

// generateSamples writes n samples, each with a request id of its own.
func generateSamples(_ context.Context, file string, n int64) error {
	return generateLabelled(file, 1<<62, func(_ *countingWriter, done int) bool { return int64(done) < n })
}

func generateLabelled(file string, requests int64, more func(out *countingWriter, done int) bool) error {
	return compressed(file, func(z io.Writer, out *countingWriter) error {
		rng := rand.New(rand.NewPCG(7, 7))
		stacks := callStacks(rng, 30_000, benchFunctions)
		zipf := rand.NewZipf(rng, 1.1, 4, uint64(len(stacks)-1))
		p := newProfileWriter(z)
		p.cpuHeader()
		for i := 0; more(out, i); i++ {
			n := 1 + int64(rng.IntN(3))
			p.sample(stacks[zipf.Uint64()], []int64{n, n * 10_000_000},
				"route", fmt.Sprint("/v1/items/", i%40), "request", fmt.Sprintf("%016x", uint64(rng.Int64N(requests))*0x9e3779b97f4a7c15))
		}
		return p.finish(benchFunctions)
	})
}

// generateDistinct writes a profile in which hardly a stack occurs twice, uncompressed.
func generateDistinct(_ context.Context, file string, size int64) error {
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	out := &countingWriter{w: f}
	rng := rand.New(rand.NewPCG(7, 7))
	p := newProfileWriter(out)
	p.cpuHeader()
	stack := make([]uint64, 0, 64)
	for i := 0; out.n.Load() < size; i++ {
		stack = stack[:0]
		root := rng.IntN(50)
		for d := range 12 + rng.IntN(20) {
			stack = append(stack, uint64((root*80+d*7+rng.IntN(3))%benchFunctions+1))
		}
		p.sample(stack, []int64{1, 10_000_000}, "route", fmt.Sprint("/v1/items/", i%40), "request", fmt.Sprint("r", i%50_000))
	}
	if err := p.finish(benchFunctions); err != nil {
		return err
	}
	return f.Close()
}

// generateDirectory writes n small heap profiles of one process over time, a minute apart.
func generateDirectory(_ context.Context, dir string, n int64) error {
	if err := os.Mkdir(dir, 0o777); err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(7, 7))
	const functions = 600
	stacks := callStacks(rng, 400, functions)
	for i := range n {
		name := filepath.Join(dir, fmt.Sprintf("heap.%05d.pb.gz", i))
		err := compressed(name, func(z io.Writer, _ *countingWriter) error {
			p := newProfileWriter(z)
			p.scalar(9, uint64(1_700_000_000e9+i*60e9))
			for _, t := range []string{"alloc_objects", "alloc_space", "inuse_objects", "inuse_space"} {
				p.valueType(1, t, map[bool]string{true: "bytes", false: "count"}[strings.HasSuffix(t, "_space")])
			}
			p.valueType(11, "space", "bytes")
			p.scalar(12, 512<<10)
			for range 300 {
				k := int64(1 + rng.IntN(100))
				p.sample(stacks[rng.IntN(len(stacks))], []int64{k * (i + 1), k * (i + 1) << 10, k, k << 10})
			}
			return p.finish(functions)
		})
		if err != nil {
			return err
		}
	}
	return nil
}
