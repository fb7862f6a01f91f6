package report

import (
	"fmt"
	"path"
	"strings"
	"time"

	"go-debug/analyze/evidence"
)

// Acceptance is a finding that somebody has looked at and wants no failure for, until a day.
type Acceptance struct {
	// Fingerprint names the finding. Else Rule and Function do, which are patterns with * and ?.
	Fingerprint    string
	Rule, Function string
	Reason         string
	// Until is the last day on which it holds.
	Until Day
	// Origin is where it stands: ".go-debug.yaml:7".
	Origin string
}

// Day is a calendar day, in UTC.
type Day struct{ t time.Time }

// ParseDay reads a day in the form 2026-12-31.
func ParseDay(text string) (Day, error) {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		return Day{}, fmt.Errorf("%q is no day in the form YYYY-MM-DD", text)
	}
	return Day{t}, nil
}

// DayOf is the day of a moment. The zero time has none.
func DayOf(t time.Time) Day {
	if t.IsZero() {
		return Day{}
	}
	y, m, d := t.UTC().Date()
	return Day{time.Date(y, m, d, 0, 0, 0, 0, time.UTC)}
}

func (d Day) String() string { return d.t.Format(time.DateOnly) }

// MatchPattern reports whether a name matches a pattern in which * stands for any text and ?
// for one character. Everything else stands for itself: function names hold brackets.
func MatchPattern(pattern, name string) bool {
	// path.Match keeps * from crossing a slash, which names of packages have.
	escape := strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`, "/", "\x00")
	ok, err := path.Match(escape.Replace(pattern), strings.ReplaceAll(name, "/", "\x00"))
	return ok && err == nil
}

// matches reports whether the acceptance is about a finding. Closures are matched with and
// without their numbers.
func (a *Acceptance) matches(ch *Change) bool {
	if a.Fingerprint != "" {
		return a.Fingerprint == ch.Print
	}
	if !MatchPattern(a.Rule, ch.Rule) || ch.Location == nil {
		return false
	}
	f := ch.Location.Function
	return MatchPattern(a.Function, f) || MatchPattern(a.Function, evidence.NormalFunction(f))
}

// Expired reports whether the acceptance is past at a day; it is past if the day is not known.
func (a *Acceptance) Expired(today Day) bool {
	return today.t.IsZero() || a.Until.t.Before(today.t)
}

func (a *Acceptance) String() string {
	if a.Fingerprint != "" {
		return "fingerprint " + a.Fingerprint
	}
	return a.Rule + " in " + a.Function
}

// accept marks the changes that the policy accepts, and reports what is wrong with the
// acceptances themselves: those that have expired are reasons to fail, those that met nothing
// are remarked on.
func accept(changes []Change, list []Acceptance, today Day) (expired, unused []string) {
	for i := range list {
		a := &list[i]
		past := a.Expired(today)
		met := 0
		for j := range changes {
			ch := &changes[j]
			if ch.Class == ClassFixed || !a.matches(ch) {
				continue
			}
			met++
			if !past && ch.Accepted == "" {
				ch.Accepted, ch.AcceptedUntil = Text(a.Reason), Text(a.Until.String())
			}
		}
		switch {
		case past:
			expired = append(expired, fmt.Sprintf("%s: the acceptance of %s (%s) expired after %s: %s", a.Origin, a, a.Reason, a.Until, remedy(met)))
		case met == 0:
			unused = append(unused, fmt.Sprintf("%s: the acceptance of %s (%s) met no finding: it can go", a.Origin, a, a.Reason))
		}
	}
	return expired, unused
}

func remedy(met int) string {
	if met == 0 {
		return "it meets no finding any more, remove it"
	}
	return fmt.Sprintf("it meets %s, fix that or set a new day", count(met, "finding"))
}

// day is the day by which a report is judged: that of the latest capture, so that a stored
// capture is judged the same on every day; now where nobody recorded it.
func (r *Report) day(now time.Time) Day {
	latest := time.Time{}
	for _, in := range r.Inputs {
		if t, err := time.Parse(time.RFC3339Nano, string(in.CapturedAt)); err == nil && t.After(latest) {
			latest = t
		}
	}
	if latest.IsZero() {
		latest = now
	}
	return DayOf(latest)
}
