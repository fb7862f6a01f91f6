package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
)

func (r *results) print(w io.Writer) {
	for _, s := range r.Skipped {
		fmt.Fprintln(w, "skipped:", s)
	}
	r.printScores(w)
	r.printLists(w)
	r.printGates(w)
	r.printGoroot(w)
}

// printScores prints one table a build and pass, and one of everything.
func (r *results) printScores(w io.Writer) {
	type group struct{ build, pass string }
	var groups []group
	of := map[group][]*trial{}
	for _, t := range r.Trials {
		g := group{t.Build, t.Pass}
		if t.Pass == again.name { // no faulty service has a second run
			g.pass = load.name
		}
		if of[g] == nil {
			groups = append(groups, g)
		}
		of[g] = append(of[g], t)
	}
	for _, g := range groups {
		printTable(w, g.build+", "+g.pass, of[g])
	}
	if len(groups) > 1 {
		printTable(w, "all", r.Trials)
	}
}

func printTable(w io.Writer, title string, trials []*trial) {
	faulty := 0
	for _, t := range trials {
		if len(t.marks) > 0 {
			faulty++
		}
	}
	fmt.Fprintf(w, "\n%s: %d faulty runs, %d healthy runs (95 %% Wilson intervals)\n", title, faulty, len(trials)-faulty)
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "confidence\trecall, and up\tprecision, and up\tprecision, alone\thealthy runs alarmed, and up\tlibrary lines")
	for _, c := range confidences {
		s := scoreAt(trials, c)
		fmt.Fprintf(tw, "%s\t%v\t%v\t%v\t%v\t%d\n", c, s.recall, s.precision, s.alone, s.alarmed, s.outside)
	}
	tw.Flush()
}

// printLists names what went wrong.
func (r *results) printLists(w io.Writer) {
	var missed, alarms, errors []string
	for _, t := range r.Trials {
		if t.Error != "" {
			errors = append(errors, fmt.Sprintf("%s: %s", t, t.Error))
			continue
		}
		if t.missed() {
			missed = append(missed, fmt.Sprintf("%s: %s", t, t.reason()))
		}
		for i := range t.Findings {
			if f := &t.Findings[i]; t.judge(i) == falseAlarm {
				alarms = append(alarms, fmt.Sprintf("%s: %s %s at %s: %s", t, f.Confidence, f.Rule, f.Location, f.Message))
			}
		}
	}
	printList(w, "missed at possible and above", missed)
	printList(w, "false alarms", alarms)
	printList(w, "not measured", errors)
}

func printList(w io.Writer, title string, items []string) {
	fmt.Fprintf(w, "\n%s: %d\n", title, len(items))
	slices.Sort(items)
	for _, s := range items {
		fmt.Fprintln(w, " ", s)
	}
}

func (r *results) printGates(w io.Writer) {
	var bundles, live []*gating
	for i := range r.Gates {
		if g := &r.Gates[i]; g.Live {
			live = append(live, g)
		} else {
			bundles = append(bundles, g)
		}
	}
	printGate(w, "gate, bundles against a healthy run under load", bundles)
	printGate(w, "gate, live with --settle and --retry 1", live)
}

func printGate(w io.Writer, title string, gates []*gating) {
	if len(gates) == 0 {
		return
	}
	var caught, failed, unsure share
	var wrong []string
	for _, g := range gates {
		switch {
		case g.Error != "":
			continue
		case g.Fault:
			caught.add(g.right())
		default:
			failed.add(!g.right())
			unsure.add(g.Code == exitInconclusive)
		}
		if !g.right() {
			wrong = append(wrong, fmt.Sprintf("%s: exit code %d: %s", g, g.Code, g.reason))
		}
	}
	fmt.Fprintf(w, "\n%s: regressions caught %v; healthy heads failed %v, inconclusive %v\n", title, caught, failed, unsure)
	printList(w, "wrong answers of the gate", wrong)
}

func (r *results) printGoroot(w io.Writer) {
	if len(r.Goroot) == 0 {
		return
	}
	var found share
	var lists [3][]string
	for _, c := range r.Goroot {
		found.k += c.Found
		found.n += c.Made
		for i, l := range [][]string{c.Missed, c.Alarms, c.Unmade} {
			if len(l) > 0 {
				lists[i] = append(lists[i], c.Name+": "+strings.Join(l, ", "))
			}
		}
		if c.Error != "" {
			lists[0] = append(lists[0], c.Name+": "+c.Error)
		}
	}
	fmt.Fprintf(w, "\nGOROOT's leak profile programs: %d programs, expected leaks found %v\n", len(r.Goroot), found)
	printList(w, "missed, or not measured", lists[0])
	printList(w, "false alarms", lists[1])
	printList(w, "expected, but not in the program's own profile (it depends on the scheduler)", lists[2])
}
