package render

import (
	"io"

	"go-debug/report"
)

// jsonFormat is the report itself. It always holds everything, in raw units.
var jsonFormat = &Format{
	Name:       "json",
	Title:      "the report as data (see go-debug schema)",
	Extensions: []string{".json"},
	Render:     func(w io.Writer, r *report.Report, _ Options) error { return report.Write(w, r) },
}
