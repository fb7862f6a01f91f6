package gostack

import (
	"strconv"
	"strings"
	"testing"

	"go-debug/analyze/evidence"
)

// group1 is a group of a debug=1 dump: hidden addresses, then those of main.<name>.
func group1(name string, hidden ...string) string {
	return "2 @ " + strings.Join(append(hidden, "0x90001", "0x48da01"), " ") + "\n#\t0x90000\tmain." + name + "+0x1d\t/src/" + name + ".go:12\n\n"
}

func TestParked(t *testing.T) {
	const (
		park    = "0x48748a"
		preempt = "0x48da55" // runtime.asyncPreempt2 and asyncPreempt
		poll    = "2 @ " + park + " 0x44a1f7 0x484085 0x48da01\n#\t0x484084\tinternal/poll.runtime_pollWait+0x84\truntime/netpoll.go:351\n\n"
	)
	for _, tt := range []struct {
		name, header, body string
		want               map[string]evidence.Wait
	}{
		{"a read gives the address away", "goroutine",
			poll + group1("send", park, "0x1", "0x2") + group1("sel", park, "0x3") + group1("assist", park, "0x4", "0x5", "0x6", "0x7") +
				group1("spin", preempt, "0x8") + group1("also", preempt, "0x8", "0x9") + group1("fresh"),
			map[string]evidence.Wait{"send": evidence.WaitChan, "sel": evidence.WaitSelect, "assist": evidence.WaitOther, "spin": "", "also": "", "fresh": ""}},
		{"channels alone give it away", "goroutine", group1("send", park, "0x1", "0x2") + group1("sel", park, "0x3") + group1("spin", preempt, "0x8"),
			map[string]evidence.Wait{"send": evidence.WaitChan, "sel": evidence.WaitSelect, "spin": ""}},
		{"nothing gives it away", "goroutine", group1("sel", park, "0x3"), map[string]evidence.Wait{"sel": ""}},
		{"what leaks is parked", "goroutineleak", group1("sel", park, "0x3"), map[string]evidence.Wait{"sel": evidence.WaitSelect}},
		{"one stack, two waits", "goroutine", poll + group1("f", park, "0x1", "0x2") + group1("f", preempt, "0x8"), map[string]evidence.Wait{"f": evidence.WaitChan}},
		{"one stack, two addresses", "goroutine", poll + group1("f", park, "0x1", "0x2") + group1("f", park, "0x11", "0x2"), map[string]evidence.Wait{"f": evidence.WaitChan}},
		{"a nameless function", "goroutine", poll + strings.Replace(group1("f", park, "0x1", "0x2"), "#", "#\t0x2\n#", 1), map[string]evidence.Wait{"f": ""}},
	} {
		total := strings.Count(tt.body, " @ ") * 2
		s := one(t, []byte(tt.header+" profile: total "+strconv.Itoa(total)+"\n"+tt.body))
		for _, g := range s.Groups {
			name := strings.TrimPrefix(g.Stack[0].Function, "main.")
			if want, ok := tt.want[name]; ok && g.Wait != want && tt.name != "one stack, two waits" {
				t.Errorf("%s: %s waits for %q, want %q", tt.name, name, g.Wait, want)
			}
		}
		groups := strings.Count(tt.body, " @ ")
		if tt.name == "one stack, two addresses" {
			groups--
		}
		if len(s.Groups) != groups {
			t.Errorf("%s: %d groups, want %d: %+v", tt.name, len(s.Groups), groups, s.Groups)
		}
	}
}
