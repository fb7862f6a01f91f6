package render

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"go-debug/report"
)

// github is the annotations of GitHub Actions: one workflow command a line for what fails, is worth a
// warning, or was not checked. Everything stands inside the commands' own fields, with the escapes that
// the runner undoes, so that no text can begin a command.
var github = &Format{
	Name:   "github",
	Title:  "annotations of GitHub Actions (workflow commands)",
	Render: renderGitHub,
}

func renderGitHub(w io.Writer, r *report.Report, _ Options) error {
	r = clean(r)
	var out bytes.Buffer
	for _, c := range checks(r) {
		if level := githubLevel(&c); level != "" {
			githubCommand(&out, level, &c)
		}
	}
	level := "notice"
	if r.Gate != nil && r.Gate.Failed {
		level = "error"
	}
	fmt.Fprintf(&out, "::%s title=go-debug::%s\n", level, githubData(verdictLine(r)))
	_, err := w.Write(out.Bytes())
	return err
}

// verdictLine is the verdict, behind the gate's where there is one.
func verdictLine(r *report.Report) string {
	line := strings.ToUpper(string(r.Verdict.Status)) + "  " + r.Verdict.Summary
	if r.Gate != nil {
		line = fmt.Sprintf("%s  %s; %s", gateStatus(r.Gate), gatePhrase(r.Gate), line)
	}
	return line
}

func githubLevel(c *report.Check) string {
	switch c.State {
	case report.Failed, report.Errored:
		return "error"
	case report.Warned:
		return "warning"
	case report.Skipped:
		return "notice"
	}
	return ""
}

func githubCommand(out *bytes.Buffer, level string, c *report.Check) {
	var properties []string
	if c.Location != nil && c.Location.File != "" {
		properties = append(properties, "file="+githubProperty(sourcePath(c.Location)))
		if c.Location.Line != nil {
			properties = append(properties, fmt.Sprintf("line=%d", *c.Location.Line))
		}
	}
	properties = append(properties, "title="+githubProperty(c.Name))
	text := c.Text
	if c.Hint != "" {
		text += "\n" + c.Hint
	}
	fmt.Fprintf(out, "::%s %s::%s\n", level, strings.Join(properties, ","), githubData(text))
}

// githubData and githubProperty escape what the runner's command parser gives a meaning, as its own
// toolkit does.
func githubData(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

func githubProperty(s string) string {
	return strings.NewReplacer(":", "%3A", ",", "%2C").Replace(githubData(s))
}

// sourcePath is the file of a frame as a repository would name it: as it was found in the source; else the path as
// recorded where that is relative (built with -trimpath it begins with the module path, which no repository
// holds), else the short name.
func sourcePath(f *report.Frame) string {
	if f.Source != "" {
		return string(f.Source)
	}
	path := strings.ReplaceAll(string(f.Path), `\`, "/")
	first, rest, _ := strings.Cut(path, "/")
	if path == "" || first == "" || rest == "" || strings.Contains(first, ":") || strings.Contains(first, ".") {
		return string(f.File)
	}
	return path
}
