package gostack

import (
	"bytes"
	"slices"
	"strconv"

	"go-debug/analyze/evidence"
)

// A debug=1 dump hides the runtime's functions at the inner end of a stack, and with them
// what a goroutine waits for in a channel: "1 @ 0x43e1c5 0x40a1dc 0x409fd7 0x48e3f0" shows
// main.f alone. Its addresses still tell that it waits, and how. Every goroutine that waits
// has the one return address in runtime.gopark first, which those that wait in a function
// that is shown (a network read, a lock, time.Sleep) give away. A channel operation hides
// two more frames (chansend and chansend1, chanrecv and chanrecv1 or 2), a select one.
const (
	hiddenOfChan   = 3
	hiddenOfSelect = 2
	maxAddresses   = 8
)

// addresses are the first return addresses of a debug=1 group.
type addresses struct {
	pcs [maxAddresses]uint64
	n   int
	// hidden counts those of functions that the dump does not show; -1 when unknown.
	hidden int
}

// readAddresses reads "@ 0x43e1c5 0x40a1dc …".
func (a *addresses) readAddresses(text []byte) {
	*a = addresses{hidden: -1}
	for a.n < maxAddresses {
		at := bytes.Index(text, []byte(" 0x"))
		if at < 0 {
			return
		}
		text = text[at+len(" 0x"):]
		end := 0
		for end < len(text) && isHex(text[end]) {
			end++
		}
		pc, err := strconv.ParseUint(string(text[:end]), 16, 64)
		if err != nil {
			return
		}
		a.pcs[a.n] = pc
		a.n++
	}
}

// shown takes note of the first frame that is shown, by its line: what is printed lies
// within the call, one before the return address.
func (a *addresses) shown(line []byte) {
	digits, _ := bytes.CutPrefix(line, []byte("#\t0x"))
	digits, _, _ = bytes.Cut(digits, []byte("\t"))
	pc, err := strconv.ParseUint(string(digits), 16, 64)
	if err != nil {
		return
	}
	a.hidden = slices.Index(a.pcs[:a.n], pc+1)
}

// mixedInto tells groups of one stack apart that may wait in different ways.
func (a *addresses) mixedInto(hash uint64) uint64 {
	return mix(mix(hash, a.pcs[0]), uint64(a.hidden))
}

// settleParked finds the waits that a debug=1 dump does not show, then joins the groups
// that differed in addresses alone.
func (d *dump) settleParked() {
	park := d.parkAddress()
	for _, g := range d.groups {
		if g.Wait != evidence.WaitNone || g.at.n == 0 || g.at.hidden < 1 || d.kind != evidence.GoroutineLeak && g.at.pcs[0] != park {
			continue
		}
		switch g.at.hidden {
		case hiddenOfChan:
			g.Wait = evidence.WaitChan
		case hiddenOfSelect:
			g.Wait = evidence.WaitSelect
		default:
			g.Wait = evidence.WaitOther
		}
	}
	d.joinGroups()
}

// parkAddress is the return address in runtime.gopark; 0 when nothing gives it away.
func (d *dump) parkAddress() uint64 {
	votes := map[uint64]int{}
	vote := func(counts func(*group) bool) (best uint64) {
		clear(votes)
		for _, g := range d.groups {
			if g.at.n == 0 || g.at.hidden < 1 || !counts(g) {
				continue
			}
			pc := g.at.pcs[0]
			if votes[pc]++; best == 0 || votes[pc] > votes[best] || votes[pc] == votes[best] && pc < best {
				best = pc
			}
		}
		return best
	}
	best := vote(func(g *group) bool { return parksVisibly[g.Wait] })
	if best == 0 {
		// Nothing but a channel operation hides three: preemption hides two.
		best = vote(func(g *group) bool { return g.Wait == evidence.WaitNone && g.at.hidden == hiddenOfChan })
	}
	return best
}

// parksVisibly are the waits in runtime.gopark that a debug=1 dump shows.
var parksVisibly = map[evidence.Wait]bool{
	evidence.WaitIO: true, evidence.WaitSleep: true, evidence.WaitMutex: true, evidence.WaitRWMutex: true,
	evidence.WaitCond: true, evidence.WaitWaitGroup: true, evidence.WaitSemaphore: true,
}

// joinGroups joins groups of the same stack and wait.
func (d *dump) joinGroups() {
	type key struct {
		stack uint64
		wait  evidence.Wait
	}
	first := map[key]*group{}
	kept := d.groups[:0]
	for _, g := range d.groups {
		k := key{g.stackHash, g.Wait}
		have, ok := first[k]
		if !ok {
			first[k] = g
			kept = append(kept, g)
			continue
		}
		have.Count = addCapped(have.Count, g.Count)
		have.Leaked = addCapped(have.Leaked, g.Leaked)
		have.Labels = slices.DeleteFunc(have.Labels, func(l string) bool { return !slices.Contains(g.Labels, l) })
		if len(have.Labels) == 0 {
			have.Labels = nil
		}
	}
	d.groups = kept
}
