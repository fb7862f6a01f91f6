package pprof

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// generator writes random profiles of every shape that the format allows.
type generator struct {
	*rand.Rand
	strings []string
}

func (g *generator) str(s string) uint64 {
	i := slices.Index(g.strings, s)
	if i < 0 {
		i = len(g.strings)
		g.strings = append(g.strings, s)
	}
	return uint64(i)
}

func encodeNumber(number, v uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(nil, number<<3), v)
}

// repeated encodes a repeated number packed, as single fields, or as some of both.
func (g *generator) repeated(number uint64, values []uint64) []byte {
	var out []byte
	for len(values) > 0 {
		n := 1 + g.IntN(len(values))
		if g.IntN(2) == 0 {
			var packed []byte
			for _, v := range values[:n] {
				packed = binary.AppendUvarint(packed, v)
			}
			out = append(out, encodeField(number, packed)...)
		} else {
			for _, v := range values[:n] {
				out = append(out, encodeNumber(number, v)...)
			}
		}
		values = values[n:]
	}
	return out
}

// shuffled joins fields in any order.
func (g *generator) shuffled(fields ...[]byte) []byte {
	g.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	return slices.Concat(fields...)
}

// unknown is a field that profile.proto does not have.
func (g *generator) unknown() []byte {
	switch g.IntN(6) {
	case 0:
		return encodeField(uint64(100+g.IntN(1000)), make([]byte, g.IntN(300)))
	case 1:
		return encodeNumber(50, g.Uint64())
	case 2:
		return append(binary.AppendUvarint(nil, 60<<3|wireFixed64), 1, 2, 3, 4, 5, 6, 7, 8)
	case 3:
		return append(binary.AppendUvarint(nil, 61<<3|wireFixed32), 1, 2, 3, 4)
	}
	return nil
}

// ids are n distinct ids: 1, 2, 3… or sparse ones.
func (g *generator) ids(n int) []uint64 {
	out := make([]uint64, n)
	sparse := g.IntN(3) == 0
	for i := range out {
		out[i] = uint64(i + 1)
		if sparse {
			out[i] = g.Uint64()>>g.IntN(40)&^0xffff | uint64(i+1)
		}
	}
	g.Shuffle(n, func(i, j int) { out[i], out[j] = out[j], out[i] })
	return out
}

var generatedTypes = [][][2]string{
	{{"samples", "count"}, {"cpu", "nanoseconds"}}, {{"contentions", "count"}, {"delay", "nanoseconds"}},
	{{"alloc_objects", "count"}, {"alloc_space", "bytes"}, {"inuse_objects", "count"}, {"inuse_space", "bytes"}},
	{{"goroutine", "count"}}, {{"threadcreate", "count"}}, {{"widgets", "count"}, {"a", "b"}, {"c", ""}}, {{"", ""}},
}

// profile writes one.
func (g *generator) profile() []byte {
	g.strings = []string{""}
	types := generatedTypes[g.IntN(len(generatedTypes))]
	var parts [][]byte
	part := func(number uint64, fields ...[]byte) {
		parts = append(parts, encodeField(number, g.shuffled(append(fields, g.unknown())...)), g.unknown())
	}
	for _, t := range types { // their order is that of the columns
		parts = append(parts, nil)
		parts[0] = append(parts[0], encodeField(fieldSampleType, g.shuffled(encodeNumber(1, g.str(t[0])), encodeNumber(2, g.str(t[1]))))...)
	}
	mappings, functions, locations := g.ids(g.IntN(3)), g.ids(1+g.IntN(12)), g.ids(1+g.IntN(15))
	for i, id := range mappings {
		part(fieldMapping, encodeNumber(1, id), encodeNumber(5, g.str([]string{"", "/bin/app", "[vdso]"}[i%3])), encodeNumber(6, g.str("build")), encodeNumber(7, 1))
	}
	for i, id := range functions {
		name := fmt.Sprintf("main.f%d", i/2) // two functions of one name
		if g.IntN(10) == 0 {
			name = []string{"", "malloc(int)", "(anonymous namespace)::operator()(x)", "runtime.main"}[g.IntN(4)]
		}
		part(fieldFunction, encodeNumber(1, id), encodeNumber(2, g.str(name)), encodeNumber(3, g.str("_"+name)), encodeNumber(4, g.str(fmt.Sprintf("f%d.go", i%3))), encodeNumber(5, 7))
	}
	for _, id := range locations {
		fields := [][]byte{encodeNumber(1, id), encodeNumber(3, g.Uint64())}
		if len(mappings) > 0 {
			fields = append(fields, encodeNumber(2, mappings[g.IntN(len(mappings))]))
		}
		var lines []byte // innermost first
		for range g.IntN(4) {
			line := uint64(g.IntN(3))
			if g.IntN(20) == 0 {
				line = math.MaxUint64 // -1
			}
			lines = append(lines, encodeField(locationLine, g.shuffled(encodeNumber(1, functions[g.IntN(len(functions))]), encodeNumber(2, line), encodeNumber(3, 4)))...)
		}
		part(fieldLocation, append(fields, lines)...)
	}
	for range g.IntN(40) {
		part(fieldSample, g.sample(locations, len(types))...)
	}
	return g.finish(parts, types)
}

func (g *generator) sample(locations []uint64, columns int) [][]byte {
	ids := make([]uint64, g.IntN(7))
	for i := range ids {
		ids[i] = locations[g.IntN(len(locations))]
	}
	values := make([]uint64, columns)
	for i := range values {
		values[i] = uint64(g.IntN(1000))
		if columns > 1 && g.IntN(20) == 0 {
			values[i] = -values[i]
		}
	}
	fields := [][]byte{g.repeated(sampleLocation, ids), g.repeated(sampleValue, values)}
	for range g.IntN(3) {
		label := [][]byte{encodeNumber(1, g.str("key")), encodeNumber(2, g.str(fmt.Sprint("value", g.IntN(3))))}
		if g.IntN(3) == 0 {
			label = [][]byte{encodeNumber(1, g.str("bytes")), encodeNumber(3, uint64(g.IntN(5))), encodeNumber(4, g.str("bytes"))}
		}
		fields = append(fields, encodeField(sampleLabel, g.shuffled(label...)))
	}
	return fields
}

// finish adds what a profile has once, and the strings among the rest, in their order.
func (g *generator) finish(parts [][]byte, types [][2]string) []byte {
	add := func(p []byte) { parts = append(parts, p) }
	if g.IntN(2) == 0 {
		add(encodeNumber(fieldTimeNanos, 1e18+uint64(g.IntN(1e9))))
		add(encodeNumber(fieldDuration, uint64(g.IntN(3))*1e9))
		add(encodeNumber(fieldPeriod, uint64(g.IntN(100))))
		add(encodeField(fieldPeriodType, append(encodeNumber(1, g.str("cpu")), encodeNumber(2, g.str("nanoseconds"))...)))
		add(encodeNumber(fieldDocURL, g.str("http://doc")))
		add(g.repeated(fieldComment, []uint64{g.str("one"), g.str("two")}))
		add(encodeNumber(fieldDefaultType, g.str(types[g.IntN(len(types))][0])))
	}
	if g.IntN(3) == 0 {
		add(encodeNumber(fieldDropFrames, g.str([]string{"malloc", "main.f[12]", "main.*", "operator.*|.*x.*"}[g.IntN(4)])))
		add(encodeNumber(fieldKeepFrames, g.str([]string{"", "main.f1", ".*"}[g.IntN(3)])))
	}
	if g.IntN(2) == 0 {
		g.Shuffle(len(parts), func(i, j int) { parts[i], parts[j] = parts[j], parts[i] })
	}
	at := len(parts) // the strings last, or scattered
	scattered := g.IntN(2) == 0
	for i := len(g.strings) - 1; i >= 0; i-- {
		if scattered {
			at = g.IntN(at + 1)
		}
		parts = slices.Insert(parts, at, encodeField(fieldString, []byte(g.strings[i])))
	}
	return slices.Concat(parts...)
}
