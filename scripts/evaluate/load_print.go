package main

import (
	"cmp"
	"fmt"
	"io"
	"text/tabwriter"
)

// printLoad prints a line for each trial and what they add up to, from traces and from scrapes.
func printLoad(w io.Writer, trials []loadTrial) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "\t\tfrom a trace\t\t\t\tfrom scrapes\t\t\t\t")
	fmt.Fprintln(tw, "scenario\ttruth\tverdict\tcause\tQPS off\tin flight\tverdict\tcause\tQPS off\tin flight")
	for i := range trials {
		t := &trials[i]
		truth := "stable"
		if t.Diverges {
			truth = t.Cause
		}
		switch {
		case t.Error != "":
			fmt.Fprintf(tw, "%s\t%s\tnot measured: %s\n", t.Name, truth, t.Error)
		case !t.Made:
			fmt.Fprintf(tw, "%s\t%s\tnot made: requests did not pile up\n", t.Name, truth)
		default:
			fmt.Fprintf(tw, "%s\t%s\t%s\t%s\n", t.Name, truth, t.Trace.columns(t), t.Scrapes.columns(t))
		}
	}
	if err := tw.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w)
	for _, from := range []struct {
		name string
		of   func(*loadTrial) *loadJudgement
	}{{"traces", func(t *loadTrial) *loadJudgement { return &t.Trace }}, {"scrapes", func(t *loadTrial) *loadJudgement { return &t.Scrapes }}} {
		if _, err := fmt.Fprintf(w, "from %s: %s\n", from.name, sumLoad(trials, from.of)); err != nil {
			return err
		}
	}
	return nil
}

func (j *loadJudgement) columns(t *loadTrial) string {
	mark := func(text string, right bool) string {
		if !right {
			return text + " (wrong)"
		}
		return text
	}
	cause := cmp.Or(j.Cause, "-")
	if j.Cause != "" {
		cause = mark(cause, j.Cause == t.Cause)
	}
	return fmt.Sprintf("%s\t%s\t%+.2f %%\t%+.1f %%", mark(j.Verdict, j.Right), cause, 100*j.QPSError, 100*j.FlightErr)
}

// sumLoad adds up what was made of one kind of evidence.
func sumLoad(trials []loadTrial, of func(*loadTrial) *loadJudgement) string {
	var alarms, healthy, found, faulty, right, why int
	for i := range trials {
		t := &trials[i]
		if t.Error != "" || !t.Made {
			continue
		}
		j := of(t)
		switch {
		case !t.Diverges:
			healthy++
			if j.Alarm {
				alarms++
			}
		default:
			faulty++
			if j.Alarm {
				found++
			}
			if j.RightWhy {
				why++
			}
		}
		if j.Right {
			right++
		}
	}
	return fmt.Sprintf("false alarms %d of %d, found %d of %d, right cause %d of %d, right verdict %d of %d",
		alarms, healthy, found, faulty, why, faulty, right, healthy+faulty)
}
