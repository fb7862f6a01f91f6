package report

import (
	"testing"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

func TestCommandsNameTheTarget(t *testing.T) {
	const (
		generic = "go-debug capture http://localhost:6060 --for 30s"
		fetch   = "curl -o cpu.pb.gz 'http://localhost:6060/debug/pprof/profile?seconds=5'"
	)
	from := func(targets ...string) *Report {
		set := &evidence.Set{}
		for _, target := range targets {
			in := input("a", false)
			in.Target, in.Hint = target, fetch
			set.Inputs = append(set.Inputs, in)
		}
		f := faultOf("leak", analyze.High, analyze.Likely)
		f.Next = generic
		return New(set, &analyze.Result{Findings: []analyze.Finding{f}, Outcomes: []analyze.Outcome{{Detector: "leak", State: analyze.Skipped, Try: generic,
			Unchecked: []analyze.Unchecked{{What: "growth", Try: generic}}}}}, tool)
	}
	cases := map[string]struct {
		report             *Report
		target, next, hint string
	}{
		"files only":  {from("", ""), "", generic, fetch},
		"one program": {from("http://app:8080", "", "http://app:8080"), "http://app:8080", "go-debug capture http://app:8080 --for 30s", "curl -o cpu.pb.gz 'http://app:8080/debug/pprof/profile?seconds=5'"},
		"two":         {from("http://a:1", "http://b:1"), "", generic, fetch},
		"hostile":     {from("http://a/$(reboot)"), "http://a/$(reboot)", "go-debug capture 'http://a/$(reboot)' --for 30s", fetch},
		"a quote":     {from("http://a/'b"), "http://a/'b", `go-debug capture 'http://a/'\''b' --for 30s`, fetch},
	}
	for name, c := range cases {
		d := c.report.Detectors[0]
		if string(c.report.Target) != c.target || c.report.Findings[0].Next != c.next || d.Try != c.next || d.Unchecked[0].Try != c.next || c.report.Inputs[0].Hint != c.hint {
			t.Errorf("%s: target %q, next %q, try %q, open question %q, hint %q", name, c.report.Target, c.report.Findings[0].Next, d.Try, d.Unchecked[0].Try, c.report.Inputs[0].Hint)
		}
	}
}
