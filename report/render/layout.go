package render

import (
	"strings"
	"unicode/utf8"
)

// wrap breaks a text into lines of at most first (the first line) and rest columns.
// Words that are too long for a line are broken. There is at least one line.
func wrap(text string, first, rest int) []string {
	var lines []string
	line, width, room := "", 0, max(first, 1)
	flush := func() {
		lines = append(lines, line)
		line, width, room = "", 0, max(rest, 1)
	}
	for _, word := range strings.FieldsFunc(text, func(c rune) bool { return c == ' ' }) {
		w := displayWidth(word)
		if width > 0 && width+1+w > room {
			flush()
		}
		if width > 0 {
			line, width = line+" ", width+1
		}
		for w > room-width {
			head := prefix(word, room-width)
			if head == "" && width == 0 { // a wide character in a line of one column
				_, n := utf8.DecodeRuneInString(word)
				head = word[:n]
			}
			head = head[:len(head)-commandBreak(head, word[len(head):])]
			line, word = line+head, word[len(head):]
			flush()
			w = displayWidth(word)
		}
		line, width = line+word, width+w
	}
	if width > 0 || len(lines) == 0 {
		flush()
	}
	return lines
}

// commandBreak is by how many bytes a break must come earlier, so that the next line does not begin
// with what GitHub's runner takes for a command.
func commandBreak(head, rest string) int {
	_, n := utf8.DecodeLastRuneInString(head)
	if !strings.HasPrefix(rest, "::") || n == len(head) {
		return 0
	}
	return n
}

// prefix is the longest beginning of a text that fits in so many columns.
func prefix(s string, columns int) string {
	width := 0
	for i, c := range s {
		w := displayWidth(string(c))
		if width+w > columns {
			return s[:i]
		}
		width += w
	}
	return s
}

// suffix is the longest end of a text that fits in so many columns.
func suffix(s string, columns int) string {
	runes := []rune(s)
	width := 0
	for i := len(runes) - 1; i >= 0; i-- {
		w := displayWidth(string(runes[i]))
		if width+w > columns {
			return string(runes[i+1:])
		}
		width += w
	}
	return s
}

// cutMiddle shortens a text to so many columns with an ellipsis in the middle: of a
// function name the package and the last element say most.
func cutMiddle(s string, columns int) string {
	if len(s) <= columns || displayWidth(s) <= columns {
		return s
	}
	tail := (columns - 1) / 2
	return prefix(s, columns-1-tail) + "…" + suffix(s, tail)
}

// known leaves out the columns in which no row knows a value.
func known(cols []column, rows [][]string) ([]column, [][]string) {
	var keep []int
	for i := range cols {
		for _, row := range rows {
			if row[i] != "-" && row[i] != "" {
				keep = append(keep, i)
				break
			}
		}
	}
	outCols := make([]column, len(keep))
	outRows := make([][]string, len(rows))
	for k, i := range keep {
		outCols[k] = cols[i]
		for j, row := range rows {
			outRows[j] = append(outRows[j], row[i])
		}
	}
	return outCols, outRows
}

// plan finds widths for the columns so that the table takes at most so many columns of the
// terminal. It takes from the widest flexible column first, and is false when the table
// cannot be made to fit.
func plan(cols []column, rows [][]string, columns int) (widths []int, ok bool) {
	widths = make([]int, len(cols))
	total := gutter * (len(cols) - 1)
	for i, c := range cols {
		widths[i] = displayWidth(c.title)
		for _, row := range rows {
			widths[i] = max(widths[i], displayWidth(row[i]))
		}
		total += widths[i]
	}
	for ; total > columns; total-- {
		widest := -1
		for i, c := range cols {
			if c.least > 0 && widths[i] > c.least && (widest < 0 || widths[i] > widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return nil, false
		}
		widths[widest]--
	}
	return widths, true
}

// cut shortens a cell to its column.
func (c column) cut(cell string, width int) string {
	if c.tail && displayWidth(cell) > width {
		return "…" + suffix(cell, width-1)
	}
	return cutMiddle(cell, width)
}

// pairs writes a row as words: "QPS 950/s, in flight 91".
func pairs(cols []column, row []string) string {
	var parts []string
	for i := 1; i < len(cols); i++ {
		if row[i] != "-" && row[i] != "" {
			parts = append(parts, cols[i].title+" "+row[i])
		}
	}
	return strings.Join(parts, ", ")
}
