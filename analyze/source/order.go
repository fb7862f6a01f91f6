package source

import (
	"cmp"
	"path"
	"slices"
	"strings"
)

// compareNatural orders names as people read them: digits by their value, so that
// goroutine.2 stands before goroutine.10. Names that differ only in leading zeros are
// ordered by length.
func compareNatural(a, b string) int {
	x, y := a, b
	for x != "" && y != "" {
		dx, dy := digits(x), digits(y)
		if dx == 0 || dy == 0 {
			if x[0] != y[0] {
				return cmp.Compare(x[0], y[0])
			}
			x, y = x[1:], y[1:]
			continue
		}
		nx, ny := strings.TrimLeft(x[:dx], "0"), strings.TrimLeft(y[:dy], "0")
		if c := cmp.Or(cmp.Compare(len(nx), len(ny)), cmp.Compare(nx, ny)); c != 0 {
			return c
		}
		x, y = x[dx:], y[dy:]
	}
	return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
}

// digits is the length of the run of digits that s starts with.
func digits(s string) int {
	n := 0
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return n
}

// sortLoose orders items of which nobody recorded the time: by file name, as if they all
// stood in one directory; equal names keep the order of the arguments.
func sortLoose(items []Item) {
	slices.SortStableFunc(items, func(a, b Item) int {
		return compareNatural(path.Base(a.Source), path.Base(b.Source))
	})
}

// sortRecorded orders the items of one capture.json: by time if every item has one, else
// as they are listed.
func sortRecorded(items []Item) {
	for i := range items {
		if items[i].At.IsZero() {
			return
		}
	}
	slices.SortStableFunc(items, func(a, b Item) int { return a.At.Compare(b.At) })
}

// mergeOrdered merges lists that are each in order into one, and numbers it. Two items that
// both have a time are compared by it, others by name; so the order within a list is kept
// whatever it was made from.
func mergeOrdered(lists [][]Item) []Item {
	var out []Item
	for {
		best := -1
		for i := range lists {
			if len(lists[i]) == 0 {
				continue
			}
			if best < 0 || before(lists[i][0], lists[best][0]) {
				best = i
			}
		}
		if best < 0 {
			break
		}
		it := lists[best][0]
		lists[best] = lists[best][1:]
		it.Seq = len(out)
		out = append(out, it)
	}
	return out
}

func before(a, b Item) bool {
	if !a.At.IsZero() && !b.At.IsZero() {
		return a.At.Before(b.At)
	}
	return compareNatural(path.Base(a.Source), path.Base(b.Source)) < 0
}
