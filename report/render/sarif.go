package render

import (
	"cmp"
	"encoding/json"
	"io"
	"net/url"
	"strings"

	"go-debug/analyze"
	"go-debug/report"
)

// sarifFormat is SARIF 2.1.0 (OASIS), for code scanning: results with places and fingerprints, the
// rules' help, and notifications for what was not read or not answered.
var sarifFormat = &Format{
	Name:       "sarif",
	Title:      "SARIF 2.1.0, for code scanning",
	Extensions: []string{".sarif"},
	Render:     renderSARIF,
}

const sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"

type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool        sarifTool         `json:"tool"`
	Invocations []sarifInvocation `json:"invocations"`
	Results     []sarifResult     `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name    string      `json:"name"`
	Version string      `json:"version,omitempty"`
	Rules   []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID               string       `json:"id"`
	ShortDescription sarifMessage `json:"shortDescription"`
	FullDescription  sarifMessage `json:"fullDescription"`
	Help             sarifMessage `json:"help"`
	Configuration    sarifConfig  `json:"defaultConfiguration"`
}

type sarifConfig struct {
	Level string `json:"level"`
}

type sarifInvocation struct {
	Successful    bool                `json:"executionSuccessful"`
	ExitCode      *int                `json:"exitCode,omitempty"`
	Notifications []sarifNotification `json:"toolExecutionNotifications,omitempty"`
}

type sarifNotification struct {
	Level   string       `json:"level"`
	Message sarifMessage `json:"message"`
}

type sarifResult struct {
	RuleID       string            `json:"ruleId"`
	RuleIndex    *int              `json:"ruleIndex,omitempty"`
	Level        string            `json:"level"`
	Kind         string            `json:"kind"`
	Message      sarifMessage      `json:"message"`
	Locations    []sarifLocation   `json:"locations,omitempty"`
	Fingerprints map[string]string `json:"partialFingerprints,omitempty"`
	Properties   map[string]string `json:"properties,omitempty"`
}

type sarifMessage struct {
	Text string `json:"text"`
}

type sarifLocation struct {
	Physical *sarifPhysical `json:"physicalLocation,omitempty"`
	Logical  []sarifLogical `json:"logicalLocations,omitempty"`
}

type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"`
	Region   *sarifRegion  `json:"region,omitempty"`
}

type sarifArtifact struct {
	URI string `json:"uri"`
}

type sarifRegion struct {
	StartLine int `json:"startLine"`
}

type sarifLogical struct {
	Name string `json:"fullyQualifiedName"`
	Kind string `json:"kind"`
}

func renderSARIF(w io.Writer, r *report.Report, _ Options) error {
	r = clean(r)
	run := sarifRun{Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: r.Tool.Name, Version: r.Tool.Version, Rules: []sarifRule{}}
	if run.Tool.Driver.Name == "" {
		run.Tool.Driver.Name = "go-debug"
	}
	index := map[string]int{}
	for _, rule := range r.Rules {
		index[rule.ID] = len(run.Tool.Driver.Rules)
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, newSARIFRule(rule))
	}
	call := sarifInvocation{Successful: true}
	if r.Gate != nil {
		call.ExitCode = &r.Gate.ExitCode
	}
	for _, c := range checks(r) {
		switch {
		case c.Rule != "" && c.State != report.Skipped:
			run.Results = append(run.Results, newSARIFResult(&c, index))
		case c.State != report.Passed:
			call.Successful = call.Successful && c.State != report.Errored
			call.Notifications = append(call.Notifications, sarifNotification{Level: sarifLevel(&c), Message: sarifMessage{c.Suite + ": " + c.Name + ": " + c.Text}})
		}
	}
	run.Invocations = []sarifInvocation{call}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(sarifLog{Schema: sarifSchema, Version: "2.1.0", Runs: []sarifRun{run}})
}

func newSARIFRule(rule report.Rule) sarifRule {
	level := "warning"
	switch {
	case rule.Severity >= analyze.High:
		level = "error"
	case rule.Severity <= analyze.Info:
		level = "note"
	}
	return sarifRule{ID: rule.ID, ShortDescription: sarifMessage{rule.Title}, FullDescription: sarifMessage{cmp.Or(rule.Help, rule.Title)},
		Help: sarifMessage{cmp.Or(rule.Remedy, rule.Title)}, Configuration: sarifConfig{level}}
}

// sarifLevel is how much a check weighs.
func sarifLevel(c *report.Check) string {
	switch c.State {
	case report.Failed, report.Errored:
		return "error"
	case report.Warned:
		return "warning"
	}
	return "note"
}

func newSARIFResult(c *report.Check, index map[string]int) sarifResult {
	out := sarifResult{RuleID: c.Rule, Level: sarifLevel(c), Kind: "fail", Message: sarifMessage{c.Text},
		Properties: map[string]string{"severity": c.Severity.String(), "confidence": c.Confidence.String()}}
	if c.State == report.Passed {
		out.Kind, out.Level = "pass", "none" // the specification asks for the level none with any kind but fail
	}
	if i, ok := index[c.Rule]; ok {
		out.RuleIndex = &i
	}
	if c.Fingerprint != "" {
		out.Fingerprints = map[string]string{"goDebug/v1": c.Fingerprint}
	}
	if f := c.Location; f != nil {
		var at sarifLocation
		if f.File != "" {
			at.Physical = &sarifPhysical{Artifact: sarifArtifact{pathURI(sourcePath(f))}}
			if f.Line != nil && *f.Line > 0 {
				at.Physical.Region = &sarifRegion{*f.Line}
			}
		}
		if f.Function != "" {
			at.Logical = []sarifLogical{{Name: f.Function, Kind: "function"}}
		}
		out.Locations = []sarifLocation{at}
	}
	return out
}

// pathURI is a relative reference: each element of the path escaped, and no colon in the first, which
// would read as a scheme.
func pathURI(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		parts[i] = strings.ReplaceAll(url.PathEscape(p), ":", "%3A")
	}
	return strings.Join(parts, "/")
}
