package analyze

import "strings"

// Text is the detector's doc.go as plain text: the package comment without its markers
// and without the "Package x" of its first sentence.
func (d *Detector) Text() string {
	var lines []string
	for _, line := range strings.Split(d.Doc, "\n") {
		if strings.HasPrefix(line, "package ") {
			break
		}
		if text, ok := strings.CutPrefix(line, "//"); ok {
			lines = append(lines, strings.TrimPrefix(text, " "))
		}
	}
	text := strings.TrimSpace(strings.Join(lines, "\n"))
	return strings.TrimPrefix(text, "Package "+d.Name+" ")
}

// Title is the first sentence of the detector's text.
func (d *Detector) Title() string {
	text, _, _ := strings.Cut(d.Text(), "\n\n")
	text = strings.Join(strings.Fields(text), " ")
	if i := strings.Index(text, ". "); i >= 0 {
		text = text[:i]
	}
	return strings.TrimSuffix(text, ".")
}
