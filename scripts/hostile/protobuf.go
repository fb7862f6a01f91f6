package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"strings"
)

// Field numbers of profile.proto, written here by hand so that no library refuses what they make.

func varint(field int, v uint64) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(nil, uint64(field)<<3), v)
}

func bytesField(field int, body []byte) []byte {
	out := binary.AppendUvarint(nil, uint64(field)<<3|2)
	return append(binary.AppendUvarint(out, uint64(len(body))), body...)
}

func message(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// head is a profile's sample types and strings: 1 and 2 are the type and the unit.
func head(typ, unit string, more ...string) []byte {
	out := message(bytesField(1, message(varint(1, 1), varint(2, 2))), bytesField(6, nil), bytesField(6, []byte(typ)), bytesField(6, []byte(unit)))
	for _, s := range more {
		out = append(out, bytesField(6, []byte(s))...)
	}
	return out
}

// emptyLabels is one sample with n labels of two bytes each.
func emptyLabels(n int) writer {
	label := string(bytesField(3, nil))
	body := message(varint(1, 1), varint(2, 1))
	size := uint64(len(body) + n*len(label))
	return join(text(string(head("space", "bytes"))), text(string(binary.AppendUvarint(binary.AppendUvarint(nil, 2<<3|2), size))),
		text(string(body)), repeated(label, int64(n*len(label))))
}

// site is a location and a function with the number id, whose name is the string name.
func site(id, name uint64) []byte {
	return message(bytesField(4, message(varint(1, id), bytesField(4, message(varint(1, id), varint(2, 1))))),
		bytesField(5, message(varint(1, id), varint(2, name))))
}

// distinctStacks is n samples, each of a location of its own.
func distinctStacks(n int) writer { return heapOf(n, 0) }

func heapOf(n, seed int) writer {
	return func(w io.Writer) error {
		if _, err := w.Write(head("inuse_space", "bytes")); err != nil {
			return err
		}
		for i := range n {
			id := uint64(i + 1)
			name := fmt.Sprintf("example.com/app/p%d.function%d", seed, i)
			if _, err := w.Write(message(bytesField(2, message(varint(1, id), varint(2, id))), site(id, id+2), bytesField(6, []byte(name)))); err != nil {
				return err
			}
		}
		return nil
	}
}

func distinctStrings(n, size int) writer {
	return func(w io.Writer) error {
		if _, err := w.Write(head("inuse_space", "bytes")); err != nil {
			return err
		}
		for i := range n {
			id := uint64(i + 1)
			name := fmt.Sprintf("main.f%d%s", i, strings.Repeat("x", size))
			if _, err := w.Write(message(bytesField(2, message(varint(1, id), varint(2, id))), site(id, id+2), bytesField(6, []byte(name)))); err != nil {
				return err
			}
		}
		return nil
	}
}

// hugeString is a profile whose string table holds one string of the given size.
func hugeString(size int64) writer {
	length := binary.AppendUvarint(binary.AppendUvarint(nil, 6<<3|2), uint64(size))
	return join(text(string(head("inuse_space", "bytes"))), text(string(length)), repeated("x", size), text(string(bytesField(2, message(varint(1, 1), varint(2, 1))))))
}

func profileOfMapping(path string) writer {
	return text(string(message(head("inuse_space", "bytes", path),
		bytesField(3, message(varint(1, 1), varint(2, 0x1000), varint(3, 0x2000), varint(5, 3))),
		bytesField(4, message(varint(1, 1), varint(2, 1), varint(3, 0x1500))), bytesField(2, message(varint(1, 1), varint(2, 1<<20))))))
}

func heapOfSymbol(name string) writer {
	return text(string(message(head("inuse_space", "bytes", name), site(1, 3), bytesField(2, message(varint(1, 1), varint(2, 1<<30))))))
}

func goroutinesOfSymbol(name string, n uint64) writer {
	return text(string(message(head("goroutine", "count", name, "runtime.gopark", "runtime.chansend1"), site(1, 4), site(2, 5), site(3, 3),
		bytesField(2, message(varint(1, 1), varint(1, 2), varint(1, 3), varint(2, n))))))
}

// traceStrings is one generation whose string batches go on for ever.
func traceStrings(size int64) writer {
	const batch = 60 << 10
	return func(w io.Writer) error {
		if _, err := io.WriteString(w, "go 1.26 trace\x00\x00\x00"); err != nil {
			return err
		}
		id := uint64(0)
		for n := int64(0); n < size; n += batch {
			body := []byte{2} // EvStrings
			for len(body) < batch-200 {
				id++
				body = binary.AppendUvarint(append(body, 3), id) // EvString
				s := fmt.Sprintf("main.function%d%s", id, strings.Repeat("x", 100))
				body = append(binary.AppendUvarint(body, uint64(len(s))), s...)
			}
			head := binary.AppendUvarint([]byte{1}, 1)                        // EvEventBatch, generation
			head = binary.AppendUvarint(binary.AppendUvarint(head, 1<<40), 1) // M, time
			head = binary.AppendUvarint(head, uint64(len(body)))
			if _, err := w.Write(append(head, body...)); err != nil {
				return err
			}
		}
		return nil
	}
}
