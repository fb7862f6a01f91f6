package report

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"go-debug/analyze/evidence"
)

// SiteList is where goroutines blocked while the program was watched, healthy or not. A later
// comparison needs it to tell a place that is new in the program from one at which goroutines
// have always waited.
type SiteList struct {
	Sites   []Site   `json:"sites" jsonschema:"by function"`
	Dropped int      `json:"dropped" jsonschema:"sites beyond the bound of the list"`
	WindowS *float64 `json:"window_s" jsonschema:"seconds from the first to the last of the dumps that survivors are counted over; null when they have no times"`
}

// Site is one place at which goroutines block.
type Site struct {
	ID       string        `json:"id" jsonschema:"hash of the wait and of the program's functions on the stack; no lines, ids or counts"`
	Function string        `json:"function" jsonschema:"innermost function of the program"`
	Wait     evidence.Wait `json:"wait" jsonschema:"what the goroutines wait for"`
	// Direction tells workers that wait for work from those that cannot get rid of its result, where one function
	// does both.
	Direction Text `json:"direction" jsonschema:"of waits on channels: send, receive or both; null for other waits, and where not every capture shows it"`
	// Survivors lets a later run say that goroutines stay where they used to pass.
	Survivors *int `json:"survivors" jsonschema:"goroutines there in the last dump that came after the first and were alive in the last but one; null where dumps with goroutine ids do not show it"`
}

// maxSites bounds the list. A large service has some hundreds.
const maxSites = 5000

// newSites lists the sites of all snapshots, and of the waits of a trace. It is nil when there
// is neither: then nothing is known, which is not the same as no site.
func newSites(set *evidence.Set) *SiteList {
	if len(set.Snapshots) == 0 && set.Trace == nil {
		return nil
	}
	index := map[string]int{}
	stayed, windowS := survivorsBySite(set)
	out := &SiteList{Sites: []Site{}, WindowS: windowS}
	add := func(wait evidence.Wait, stack evidence.Stack) {
		s, ok := siteOf(wait, stack)
		if !ok {
			return
		}
		if i, seen := index[s.ID]; seen {
			if i < len(out.Sites) {
				out.Sites[i].Direction = bothWays(out.Sites[i].Direction, directionOf(wait, stack))
			}
			return
		}
		index[s.ID] = len(out.Sites)
		if len(out.Sites) == maxSites {
			out.Dropped++
			return
		}
		if stayed != nil {
			s.Survivors = stayed(s.ID)
		}
		s.Direction = directionOf(wait, stack)
		out.Sites = append(out.Sites, s)
	}
	for i := range set.Snapshots {
		for _, g := range set.Snapshots[i].Groups {
			add(g.Wait, g.Stack)
		}
	}
	if t := set.Trace; t != nil {
		for i := range t.Blocks {
			add(t.Blocks[i].Wait, t.StackOf(t.Blocks[i].Stack))
		}
	}
	slices.SortFunc(out.Sites, func(a, b Site) int {
		return cmp.Or(cmp.Compare(a.Function, b.Function), cmp.Compare(a.Wait, b.Wait), cmp.Compare(a.ID, b.ID))
	})
	return out
}

// The directions of a wait on a channel.
const (
	sends    Text = "send"
	receives Text = "receive"
	both     Text = "both"
)

// directionOf is that of a wait on a channel, empty where it is not known or there is none.
func directionOf(wait evidence.Wait, stack evidence.Stack) Text {
	if w := evidence.WaitOf(stack); w != evidence.WaitNone && wait != evidence.WaitNilChan {
		wait = w
	}
	switch wait {
	case evidence.WaitChanSend:
		return sends
	case evidence.WaitChanRecv:
		return receives
	}
	return ""
}

// bothWays joins what two groups of a site show: what one does not tell is not known of the site.
func bothWays(a, b Text) Text {
	switch {
	case a == "" || b == "":
		return ""
	case a == b:
		return a
	}
	return both
}

// siteOf identifies the place at which a stack blocks, the same for every format that shows it.
// It is false for goroutines that do not block, or only inside the runtime.
func siteOf(wait evidence.Wait, stack evidence.Stack) (Site, bool) {
	if w := evidence.WaitOf(stack); w != evidence.WaitNone && wait != evidence.WaitNilChan && wait != evidence.WaitNoCases {
		wait = w
	}
	functions := blocking(stack)
	if len(functions) == 0 || wait == evidence.WaitNone || wait == evidence.WaitSystem || wait == evidence.WaitGC {
		return Site{}, false
	}
	switch wait {
	case evidence.WaitChanSend, evidence.WaitChanRecv, evidence.WaitNilChan:
		wait = evidence.WaitChan // some formats show no more
	}
	h := sha256.Sum256([]byte(string(wait) + "\x00" + strings.Join(functions, "\x00")))
	return Site{ID: hex.EncodeToString(h[:8]), Function: functions[0], Wait: wait}, true
}

// blocking are the program's functions on a stack, innermost first; where there are none, those
// of the standard library that every format shows.
func blocking(stack evidence.Stack) []string {
	_, user := stack.User()
	var out []string
	for _, f := range stack {
		pkg := f.Package()
		hidden := pkg == "" || pkg == "runtime" || strings.HasPrefix(pkg, "internal/") || strings.HasPrefix(f.Function, "sync.runtime_")
		if user && f.Std() || !user && hidden || f.IsWrapper() {
			continue
		}
		out = append(out, evidence.NormalFunction(f.Function))
	}
	return out
}

// site is that of a finding about blocked goroutines.
func (f *Finding) site() (Site, bool) {
	if len(f.StackFrames) == 0 {
		return Site{}, false
	}
	stack := make(evidence.Stack, len(f.StackFrames[0]))
	for i, fr := range f.StackFrames[0] {
		stack[i] = evidence.Frame{Function: fr.Function, File: string(fr.Path)}
		if fr.Line != nil {
			stack[i].Line = *fr.Line
		}
	}
	return siteOf(f.Wait, stack)
}

// lacksSite reports whether nobody was seen to block at the finding's site: nobody at all, or nobody who waited in
// its direction, to send or to receive. A report that does not list sites, and a finding that names none, count
// as lacking it.
func (r *Report) lacksSite(f *Finding) bool {
	s, ok := f.site()
	if !ok {
		return true
	}
	known := r.siteOf(s.ID)
	if known == nil {
		return true
	}
	way := directionOf(f.Wait, nil)
	return way != "" && known.Direction != "" && known.Direction != both && known.Direction != way
}

// siteOf finds a site by its ID; nil when the report does not list it.
func (r *Report) siteOf(id string) *Site {
	if r.Sites == nil {
		return nil
	}
	for i := range r.Sites.Sites {
		if r.Sites.Sites[i].ID == id {
			return &r.Sites.Sites[i]
		}
	}
	return nil
}
