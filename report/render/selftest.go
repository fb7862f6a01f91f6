package render

import (
	"fmt"
	"strings"

	"go-debug/report"
)

// The phrases of a gate's self-test that the formats for people share. What is dead stands among the gate's
// reasons.

// selfTestPhrase says how many of the planted regressions failed the gate, and which.
func selfTestPhrase(s *report.SelfTest, o Options) string {
	alive, dead := s.Of(report.PlantFails), s.Of(report.PlantDead)
	text := fmt.Sprintf("%d of %s fail the gate", len(alive), plural(len(alive)+len(dead), "planted regression"))
	if len(alive) > 0 {
		text += ": " + strings.Join(plantNames(alive), ", ")
	}
	if n := len(s.Of(report.PlantNotGated)); n > 0 {
		text += fmt.Sprintf("; %d not asked for", n)
		if !o.Verbose {
			text += " (-v shows why)"
		}
	}
	return text
}

func plantNames(all []report.Planting) []string {
	var out []string
	for i := range all {
		out = append(out, plantName(&all[i]))
	}
	return out
}

func plantName(p *report.Planting) string {
	if len(p.Rules) > 0 {
		return p.Rules[0]
	}
	return p.Subject
}

// plantLine is the planting as one line: what was planted, or why the gate does not fail on it.
func plantLine(p *report.Planting) string {
	switch {
	case p.State == report.PlantFails:
		return plantName(p) + ": " + p.What
	case p.What != "":
		return plantName(p) + ": " + p.Why + " (planted: " + p.What + ")"
	}
	return plantName(p) + ": " + p.Why
}

func (p *printer) selfTest(s *report.SelfTest) {
	if s == nil {
		return
	}
	p.heading("Self-test")
	p.hang(2, 2, "", plain, selfTestPhrase(s, p.Options))
	for i := range s.Plants {
		if p.Verbose {
			p.block(2, string(s.Plants[i].State), dim, plantLine(&s.Plants[i]))
		}
	}
}

func (m *page) selfTest(s *report.SelfTest) {
	if s == nil {
		return
	}
	m.printf("\n### Self-test\n\n%s\n", prose(selfTestPhrase(s, m.Options)))
	for i := range s.Plants {
		if p := &s.Plants[i]; m.Verbose {
			if i == 0 {
				m.printf("\n")
			}
			m.printf("- %s: %s\n", p.State, prose(plantLine(p)))
		}
	}
}
