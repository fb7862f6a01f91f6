package report

import (
	"testing"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

func TestVerdict(t *testing.T) {
	high, medium, low, info := analyze.High, analyze.Medium, analyze.Low, analyze.Info
	whole := []evidence.Input{input("a", true)}
	cut := append([]evidence.Input{input("b", false)}, whole...)
	gone := []evidence.Input{{Position: evidence.Position{Source: "gone"}, Error: "no such file"}}
	skipped := analyze.Outcome{Detector: "mutexwait", State: analyze.Skipped}
	unsure := analyze.Outcome{Detector: "inflight", State: analyze.Inconclusive}
	failed := analyze.Outcome{Detector: "selectwait", State: analyze.Failed}
	cases := map[string]struct {
		inputs   []evidence.Input
		findings []analyze.Finding
		outcomes []analyze.Outcome
		status   Status
		summary  string
	}{
		"clean":                            {whole, nil, ran("leak", "mutexwait"), OK, "no findings"},
		"likely high":                      {whole, []analyze.Finding{faultOf("leak", high, analyze.Likely), faultOf("contention", medium, analyze.Proven)}, ran("leak"), Fail, "1 likely leak, 1 contention"},
		"plural":                           {whole, []analyze.Finding{faultOf("leak", high, analyze.Proven), faultOf("leak", high, analyze.Proven)}, ran("leak"), Fail, "2 leaks"},
		"possible high":                    {whole, []analyze.Finding{faultOf("leak", high, analyze.Possible)}, ran("leak"), Warn, "1 possible leak"},
		"proven medium":                    {whole, []analyze.Finding{faultOf("contention", medium, analyze.Proven)}, ran("leak"), Warn, "1 contention"},
		"weak low":                         {whole, []analyze.Finding{faultOf("queue", low, analyze.Weak)}, ran("leak"), Warn, "1 low-confidence queue"},
		"fail after warn":                  {whole, []analyze.Finding{faultOf("contention", medium, analyze.Proven), faultOf("leak", high, analyze.Likely)}, ran("leak"), Fail, "1 contention, 1 likely leak"},
		"info only":                        {whole, []analyze.Finding{faultOf("note", info, analyze.Proven)}, ran("leak"), OK, "no findings, 1 remark"},
		"some unchecked":                   {whole, nil, append(ran("leak", "x"), skipped, unsure), OK, "no findings; 2 of 4 detectors could not check"},
		"none checked":                     {whole, nil, []analyze.Outcome{skipped, unsure}, Inconclusive, "nothing was checked: no detector could answer with this evidence"},
		"the evidence alone was judged":    {whole, nil, []analyze.Outcome{skipped, {Detector: "quality", State: analyze.Ran, Supporting: true}}, Inconclusive, "nothing was checked: no detector could answer with this evidence"},
		"one failed":                       {whole, nil, append(ran("leak"), failed), Warn, "no findings; 1 of 2 detectors failed"},
		"only failed":                      {whole, nil, []analyze.Outcome{failed}, Inconclusive, "nothing was checked: no detector could answer with this evidence; 1 of 1 detector failed"},
		"cut input":                        {cut, nil, ran("leak"), Warn, "no findings; 1 input not wholly read"},
		"cut with finding":                 {cut, []analyze.Finding{faultOf("leak", high, analyze.Likely)}, ran("leak"), Fail, "1 likely leak; 1 input not wholly read"},
		"only a cut input":                 {cut[:1], nil, ran("leak"), Warn, "no findings; 1 input not wholly read"},
		"cut, unanswered":                  {cut[:1], nil, []analyze.Outcome{skipped}, Inconclusive, "nothing was checked: no input was wholly read"},
		"nothing read":                     {gone, nil, []analyze.Outcome{skipped}, Inconclusive, "nothing was checked: no input could be read"},
		"nothing read, yet a detector ran": {gone, nil, ran("leak"), Inconclusive, "nothing was checked: no input could be read"},
		"no input":                         {nil, nil, []analyze.Outcome{skipped}, Inconclusive, "nothing was checked: there was no input"},
		"no detectors":                     {whole, nil, nil, Inconclusive, "nothing was checked: no detector could answer with this evidence"},
	}
	for name, c := range cases {
		r := New(&evidence.Set{Inputs: c.inputs}, &analyze.Result{Findings: c.findings, Outcomes: c.outcomes}, tool)
		if r.Verdict.Status != c.status || r.Verdict.Summary != c.summary {
			t.Errorf("%s: %s %q, want %s %q", name, r.Verdict.Status, r.Verdict.Summary, c.status, c.summary)
		}
	}
}
