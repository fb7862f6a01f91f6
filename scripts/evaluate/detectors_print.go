package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"go-debug/analyze"
	"go-debug/detectors"
)

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// alarms are the findings of medium severity and up that nobody planted.
func alarms(s *subject) []verdictLine {
	return slices.DeleteFunc(slices.Clone(s.Findings), func(l verdictLine) bool { return l.Wanted || l.severity < analyze.Medium })
}

// remarks are those below.
func remarks(s *subject) []verdictLine {
	return slices.DeleteFunc(slices.Clone(s.Findings), func(l verdictLine) bool { return l.Wanted || l.severity >= analyze.Medium })
}

// tally is what one rule did.
type tally struct {
	planted, found              int // wants of the rule in fixtures of its own detector
	heads, top                  int // fixtures whose first fault it is, and those of them whose first finding is that
	twins, cross, survey, minor int
}

// tallies counts by rule. Of findings of other detectors' fixtures all count, wanted or not.
func tallies(subjects []*subject) map[string]*tally {
	out := map[string]*tally{}
	for _, d := range detectors.All {
		for _, r := range d.Rules {
			out[r.ID] = &tally{}
		}
	}
	for _, s := range subjects {
		for i, w := range s.wants {
			if t := out[w.Rule]; t != nil && !w.Low && detectorOf(w.Rule) == s.Home {
				t.planted++
				if i > 0 {
					continue
				}
				t.heads++
				if len(s.Findings) > 0 && s.Findings[0].Wanted && s.Findings[0].Rule == w.Rule {
					t.top++
				}
			}
		}
		for _, l := range s.Findings {
			t := out[l.Rule]
			switch {
			case l.Wanted && l.detector() == s.Home:
				if l.Confidence != "low" {
					t.found++
				}
			case s.Kind == kindFixture:
				t.cross++
			case l.severity < analyze.Medium || l.Wanted:
				t.minor++
			case s.Kind == kindTwin:
				t.twins++
			default:
				t.survey++
			}
		}
	}
	return out
}

func printDetectors(w io.Writer, subjects []*subject) {
	count := map[string]int{}
	for _, s := range subjects {
		if s.Error == "" {
			count[s.Kind]++
		}
	}
	fmt.Fprintf(w, "%d fixtures, %d healthy twins, %d healthy programs of others\n\n", count[kindFixture], count[kindTwin], count[kindSurvey])
	printRules(w, tallies(subjects))
	fmt.Fprintf(w, "\nfindings on the fixtures of each detector, by the detector that reports them\n\n%s", matrix(subjects))
	printCross(w, subjects)
	var missed, twins, surveys, minor, broken []string
	for _, s := range subjects {
		for _, m := range s.Missed {
			missed = append(missed, s.Name+": "+m)
		}
		if s.Error != "" {
			broken = append(broken, s.Name+": "+s.Error)
		}
		if s.Kind == kindFixture {
			continue
		}
		for _, l := range alarms(s) {
			if s.Kind == kindTwin {
				twins = append(twins, l.String(s))
			} else {
				surveys = append(surveys, l.String(s))
			}
		}
		for _, l := range remarks(s) {
			minor = append(minor, l.String(s))
		}
	}
	printList(w, "planted and missed", missed)
	printList(w, "false alarms of medium severity and up on twins", twins)
	printList(w, "false alarms of medium severity and up on others' programs", surveys)
	printList(w, "below medium on twins and others' programs", minor)
	printList(w, "not measured", broken)
}

func (l *verdictLine) String(s *subject) string {
	return fmt.Sprintf("%s: %s %s %s %s: %s", s.Name, l.Severity, l.Confidence, l.Rule, l.At, l.Message)
}

func printRules(w io.Writer, by map[string]*tally) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "rule\tplanted\tfound\tat the top\tother fixtures\ttwins\tothers' programs\tbelow medium")
	for _, d := range detectors.All {
		for _, r := range d.Rules {
			t := by[r.ID]
			if *t == (tally{}) {
				fmt.Fprintf(tw, "%s\tnone\t\t\t\t\t\t\n", r.ID)
				continue
			}
			top := ""
			if t.heads > 0 {
				top = fmt.Sprintf("%d of %d", t.top, t.heads)
			}
			fmt.Fprintf(tw, "%s\t%d\t%d\t%s\t%d\t%d\t%d\t%d\n", r.ID, t.planted, t.found, top, t.cross, t.twins, t.survey, t.minor)
		}
	}
	tw.Flush()
}

// matrix is a table in Markdown: a row for the fixtures of each detector, a column for each detector.
func matrix(subjects []*subject) string {
	cells := map[[2]string]int{}
	rows := map[string]int{}
	for _, s := range subjects {
		if s.Kind != kindFixture {
			continue
		}
		rows[s.Home]++
		for _, l := range s.Findings {
			cells[[2]string{s.Home, l.detector()}]++
		}
	}
	var b strings.Builder
	b.WriteString("| fixtures of |")
	for _, d := range detectors.All {
		fmt.Fprintf(&b, " %s |", d.Name)
	}
	b.WriteString("\n| --- |" + strings.Repeat(" ---: |", len(detectors.All)) + "\n")
	for _, home := range detectors.All {
		if rows[home.Name] == 0 {
			continue
		}
		fmt.Fprintf(&b, "| %s (%d) |", home.Name, rows[home.Name])
		for _, d := range detectors.All {
			if n := cells[[2]string{home.Name, d.Name}]; n > 0 {
				fmt.Fprintf(&b, " %d |", n)
			} else {
				b.WriteString(" |")
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

// crossTalk are the findings on fixtures of other detectors, a line each with its reason.
func crossTalk(subjects []*subject) (explained, unexplained []string) {
	for _, s := range subjects {
		if s.Kind != kindFixture {
			continue
		}
		for _, l := range s.Findings {
			if l.detector() == s.Home {
				continue
			}
			at := ""
			if l.At != "" {
				at = " at " + l.At
			}
			line := fmt.Sprintf("%s: %s%s, %s", s.Name, l.Rule, at, l.Confidence)
			if l.Reason == "" {
				unexplained = append(unexplained, line)
				continue
			}
			explained = append(explained, line+": "+l.Reason)
		}
	}
	return explained, unexplained
}

// crossTalkPage is the page about what detectors say of others' fixtures.
func crossTalkPage(subjects []*subject) string {
	explained, unexplained := crossTalk(subjects)
	var b strings.Builder
	b.WriteString(`# Cross-talk

What each detector reports on the fixtures of the others, whose fault is another one. A row is the fixtures of one
detector, a column a detector, a cell the number of its findings there: off the diagonal each is explained below, by a
comment at the end of the fixture's source ("// crosstalk RULE: why"). Healthy twins have no finding at all but those
that their sources announce as of low confidence.

`)
	b.WriteString(matrix(subjects))
	if len(explained) > 0 {
		b.WriteString("\n")
	}
	for _, line := range explained {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	for _, line := range unexplained {
		fmt.Fprintf(&b, "- %s: not explained\n", line)
	}
	b.WriteString("\nWritten by `go test ./scripts/evaluate -run CrossTalk -update`; `scripts/eval detectors` prints the same, and more.\n")
	return b.String()
}

func printCross(w io.Writer, subjects []*subject) {
	explained, unexplained := crossTalk(subjects)
	printList(w, "findings on other detectors' fixtures, explained", explained)
	printList(w, "findings on other detectors' fixtures, unexplained", unexplained)
}
