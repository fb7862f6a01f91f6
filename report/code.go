package report

import (
	"strings"

	"go-debug/analyze/evidence"
)

// Source is the program's source code that was read beside the captures.
type Source struct {
	Dir     string `json:"dir" jsonschema:"as the user named it, or the module at hand relative to where the tool ran"`
	Blocked int    `json:"blocked" jsonschema:"places at which goroutines of the captures block in code that is not the standard library's"`
	Found   int    `json:"found" jsonschema:"those of them that the source has"`
}

// Code is what the program's source says about the place of a finding.
type Code struct {
	Pattern   Text     `json:"pattern" jsonschema:"the fault by name: premature-return, timeout, n-cast and so on; null when none was recognised, and why says what stood in the way"`
	Why       string   `json:"why" jsonschema:"the pattern in the names of the source, in one sentence"`
	Culprit   *Frame   `json:"culprit" jsonschema:"the line to change; its path is relative to the source directory"`
	Certain   bool     `json:"certain" jsonschema:"true when the source alone shows a way that leaves the goroutine blocked"`
	Fix       string   `json:"fix" jsonschema:"what to change, in one sentence"`
	Before    []string `json:"before" jsonschema:"lines of the source as they are; without lines after, the one that the finding names; empty where nothing is certain"`
	After     []string `json:"after" jsonschema:"the same lines changed, as gofmt writes them"`
	Invisible string   `json:"invisible" jsonschema:"why the runtime's leak profile cannot see this goroutine; empty when it can, or nothing is known"`
}

func newCode(c *evidence.CodeSite) *Code {
	if c == nil {
		return nil
	}
	return &Code{Pattern: Text(c.Pattern), Why: c.Why, Culprit: newFrame(c.Culprit), Certain: c.Certain,
		Fix: c.Fix, Before: linesOf(c.Before), After: linesOf(c.After), Invisible: c.Invisible}
}

func linesOf(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(text, "\n"), "\n")
}
