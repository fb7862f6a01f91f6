package render

import (
	"encoding/json"
	"fmt"
	"io"

	"go-debug/analyze"
	"go-debug/report"
)

// gitlab is GitLab's code quality report: an entry for each finding with a place. GitLab compares it with
// that of the target branch by fingerprint, so what is known is listed like what is new.
var gitlab = &Format{
	Name:   "gitlab",
	Title:  "code quality report of GitLab (JSON)",
	Render: renderGitLab,
}

type gitlabIssue struct {
	Description string         `json:"description"`
	CheckName   string         `json:"check_name"`
	Fingerprint string         `json:"fingerprint"`
	Severity    string         `json:"severity"`
	Location    gitlabLocation `json:"location"`
}

type gitlabLocation struct {
	Path  string      `json:"path"`
	Lines gitlabLines `json:"lines"`
}

type gitlabLines struct {
	Begin int `json:"begin"`
}

// gitlabSeverities maps ours to GitLab's: info, minor, major, critical, blocker.
var gitlabSeverities = map[analyze.Severity]string{
	analyze.Info: "info", analyze.Low: "minor", analyze.Medium: "major", analyze.High: "critical",
}

func renderGitLab(w io.Writer, r *report.Report, _ Options) error {
	issues := []gitlabIssue{}
	seen := map[string]int{}
	for _, c := range checks(clean(r)) {
		switch {
		case c.State == report.Errored || c.State == report.Failed && c.Rule == "":
			c.Fingerprint, c.Severity = c.Suite+": "+c.Name, analyze.High
		case c.Finding == nil:
			continue
		}
		issues = append(issues, newGitLabIssue(&c, seen))
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(issues)
}

// newGitLabIssue gives the second finding of a fingerprint one of its own: GitLab keeps one of each.
func newGitLabIssue(c *report.Check, seen map[string]int) gitlabIssue {
	print := c.Fingerprint
	if seen[print]++; seen[print] > 1 {
		print = fmt.Sprintf("%s-%d", print, seen[print])
	}
	severity := gitlabSeverities[c.Severity]
	if c.State == report.Failed {
		severity = "blocker"
	}
	check := c.Rule
	if check == "" {
		check = c.Suite
	}
	// The path must not be empty: what has no place stands at the top of the repository.
	at := gitlabLocation{Path: ".", Lines: gitlabLines{Begin: 1}}
	if f := c.Location; f != nil && f.File != "" {
		at.Path = sourcePath(f)
		if f.Line != nil {
			at.Lines.Begin = *f.Line
		}
	}
	return gitlabIssue{Description: c.Text, CheckName: check, Fingerprint: print, Severity: severity, Location: at}
}
