package render

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/olekukonko/tablewriter"
	"github.com/olekukonko/tablewriter/pkg/twwidth"
	"github.com/olekukonko/tablewriter/renderer"
	"github.com/olekukonko/tablewriter/tw"

	"go-debug/report"
)

// text is for terminals and logs: no line is wider than the terminal, except commands,
// which stay whole so that they can be copied.
var text = &Format{
	Name:       "text",
	Title:      "for people, as wide as the terminal",
	Extensions: []string{".txt", ".text"},
	Render:     renderText,
}

func renderText(w io.Writer, r *report.Report, o Options) error {
	p := &printer{Options: o}
	if p.Width == 0 {
		p.Width = DefaultWidth
	}
	p.Width = max(p.Width, minWidth)
	p.report(clean(r))
	if p.err != nil {
		return p.err
	}
	_, err := w.Write(plainSpaces(p.out.Bytes()))
	return err
}

// printer lays out lines. Texts it is given are clean.
type printer struct {
	Options
	out bytes.Buffer
	err error
}

// style is an SGR sequence. Colour only repeats what the words say.
type style string

const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	red    style = "1;31"
	yellow style = "1;33"
	green  style = "1;32"
	cyan   style = "1;36"
)

func (p *printer) paint(s style, text string) string {
	if !p.Color || s == plain || text == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

// block prints a label and a text that is wrapped and hangs beside it.
func (p *printer) block(indent int, label string, s style, text string) {
	p.hang(indent, indent+displayWidth(label)+1, label, s, text)
}

// hang prints a label at one column and a text wrapped at another.
func (p *printer) hang(indent, column int, label string, s style, text string) {
	column = min(column, p.Width/2)
	label = cutMiddle(label, p.Width*2/3-indent) // some labels are names from the capture
	used := indent + displayWidth(label)
	pad := 1
	if used < column {
		pad = column - used
	}
	if label == "" {
		pad = column - indent
	}
	lines := wrap(text, p.Width-used-pad, p.Width-column)
	p.line(strings.Repeat(" ", indent) + p.paint(s, label) + strings.Repeat(" ", pad) + lines[0])
	for _, l := range lines[1:] {
		p.line(strings.Repeat(" ", column) + l)
	}
}

func (p *printer) line(s string) { fmt.Fprintln(&p.out, strings.TrimRight(s, " "+joint)) }

// command prints a line that is never wrapped or cut.
func (p *printer) command(indent int, label, command string) {
	if command = strings.TrimSpace(command); command != "" {
		fmt.Fprintf(&p.out, "%s%s %s\n", strings.Repeat(" ", indent), p.paint(dim, label), p.paint(bold, command))
	}
}

func (p *printer) heading(title string) {
	fmt.Fprintf(&p.out, "\n%s\n", p.paint(bold, title))
}

func (p *printer) more(indent, n int, noun string) {
	if n > 0 {
		p.block(indent, "and", plain, plural(n, "more "+noun)+" (-v shows all)")
	}
}

// column describes a column of a table.
type column struct {
	title string
	right bool
	least int  // where not 0: cells may be cut to so many columns to make the table fit
	tail  bool // what is cut goes at the beginning, not in the middle
}

// gutter is the space between two columns.
const gutter = 2

// table prints rows under a header. Columns in which nothing is known are left out. Where
// the table cannot be made to fit, rows become lines, so that no value is lost.
func (p *printer) table(indent int, cols []column, rows [][]string) {
	cols, rows = known(cols, rows)
	widths, ok := plan(cols, rows, p.Width-indent)
	if !ok {
		for _, row := range rows {
			p.hang(indent, indent+2, row[0]+":", plain, pairs(cols, row))
		}
		return
	}
	twwidth.SetEastAsian(false) // else the width of "…" would depend on the locale
	align := make([]tw.Align, len(cols))
	header := make([]string, len(cols))
	for i, c := range cols {
		align[i], header[i] = tw.AlignLeft, c.title
		if c.right {
			align[i] = tw.AlignRight
		}
	}
	var b bytes.Buffer
	padding := tw.CellPadding{Global: tw.Padding{Right: strings.Repeat(" ", gutter), Overwrite: true}}
	cell := tw.CellConfig{Padding: padding, Alignment: tw.CellAlignment{PerColumn: align},
		Formatting: tw.CellFormatting{AutoFormat: tw.Off, AutoWrap: tw.WrapNone}}
	t := tablewriter.NewTable(&b,
		tablewriter.WithConfig(tablewriter.Config{Header: cell, Row: cell}),
		tablewriter.WithHeaderAutoFormat(tw.Off),
		tablewriter.WithRenderer(renderer.NewBlueprint(tw.Rendition{
			Borders: tw.BorderNone,
			Settings: tw.Settings{
				Separators: tw.Separators{BetweenColumns: tw.Off, BetweenRows: tw.Off, ShowHeader: tw.Off},
				Lines:      tw.Lines{ShowHeaderLine: tw.Off, ShowTop: tw.Off, ShowBottom: tw.Off, ShowFooterLine: tw.Off},
			},
		})))
	t.Header(header)
	for _, row := range rows {
		for i := range row {
			row[i] = cols[i].cut(row[i], widths[i])
		}
		p.fail(t.Append(row))
	}
	p.fail(t.Render())
	for i, line := range strings.Split(strings.TrimRight(b.String(), "\n"), "\n") {
		s := plain
		if i == 0 {
			s = dim
		}
		fmt.Fprintln(&p.out, strings.Repeat(" ", indent)+p.paint(s, strings.TrimRight(line, " ")))
	}
}

func (p *printer) fail(err error) {
	if err != nil && p.err == nil {
		p.err = fmt.Errorf("cannot lay out a table: %w", err)
	}
}

// displayWidth is the number of terminal columns that a text takes.
func displayWidth(s string) int {
	return twwidth.WidthWithOptions(s, twwidth.Options{})
}
