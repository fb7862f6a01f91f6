package selectwait

import (
	"go-debug/analyze/evidence"
	"go-debug/analyze/signature"
)

// sendingShare is the part of its wake-ups that receivers make, from which a select waits to send: what is left is
// contexts that end and timeouts. One that waits for input as well has more.
const sendingShare = 0.9

// sendingSelects are the lines of those selects that wait to send, by who lets them go on: a plain receive in the
// trace. A receiver that is in a select itself looks like a sender. Those of a standing crew that hands in as much as
// is taken are left out: nobody waits for it.
func sendingSelects(t *evidence.Trace) map[string]bool {
	out := map[string]bool{}
	if t == nil {
		return out
	}
	come := comers(t)
	all, received := map[string]int64{}, map[string]int64{}
	for i := range t.Wakes {
		w := &t.Wakes[i]
		woken := t.StackOf(w.Woken)
		if !isSelect(w.Wait, woken) {
			continue
		}
		key, _, ok := siteOf(woken)
		if !ok || !signature.InRequest(woken) && !come[woken[len(woken)-1].Function] {
			continue
		}
		all[key] += w.Count
		if receives(t.StackOf(w.Waker)) {
			received[key] += w.Count
		}
	}
	for key, n := range received {
		out[key] = n >= minTracedWaits && float64(n) >= sendingShare*float64(all[key])
	}
	return out
}

// comers are the functions in which goroutines of the trace start that are made while it lasts.
func comers(t *evidence.Trace) map[string]bool {
	out := map[string]bool{}
	for i := range t.Sites {
		if start := t.StackOf(t.Sites[i].Start); t.Sites[i].Created > 0 && len(start) > 0 {
			out[start[len(start)-1].Function] = true
		}
	}
	return out
}

// receives reports a plain receive, not one of a select.
func receives(s evidence.Stack) bool {
	return len(s) > 0 && (s[0].Function == "runtime.chanrecv1" || s[0].Function == "runtime.chanrecv2" || s[0].Function == "runtime.chanrecv")
}

func sends(s evidence.Stack) bool {
	return len(s) > 0 && (s[0].Function == "runtime.chansend1" || s[0].Function == "runtime.chansend")
}

// waitsToSend reports a wait of a plain send, or of a select that is known to send.
func (c *channels) waitsToSend(w evidence.Wait, s evidence.Stack) bool {
	switch {
	case w == evidence.WaitChanSend, w == evidence.WaitNone && sends(s):
		return true
	case !isSelect(w, s):
		return false
	}
	key, _, ok := siteOf(s)
	return ok && c.sending[key]
}
