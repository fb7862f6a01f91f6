package mutexwait

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
)

var epoch = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func TestDecisions(t *testing.T) {
	window := 10 * time.Second
	for _, tt := range []struct {
		name       string
		set        *evidence.Set
		rule       string // empty for no finding
		confidence analyze.Confidence
		location   string
		line       int
		message    string
	}{
		{"holder alone", profiles(profile(evidence.Mutex, window, sample{unlockPut, 4000, 50 * second})),
			ruleContended, analyze.Likely, "main.(*store).put", 30, "5 s per second"},
		{"holder and waiter: the Lock call of the holder's function",
			profiles(profile(evidence.Mutex, window, sample{unlockPut, 4000, 50 * second}), profile(evidence.Block, window, sample{lockPut, 4000, 50 * second})),
			ruleContended, analyze.Likely, "main.(*store).put", 21, "held by main.(*store).put"},
		{"waiters in another method of the type belong to the holder's lock",
			profiles(profile(evidence.Mutex, window, sample{unlockPut, 4000, 50 * second}), profile(evidence.Block, window, sample{lockGet, 4000, 50 * second})),
			ruleContended, analyze.Likely, "main.(*store).put", 30, ""},
		{"waiter alone", profiles(profile(evidence.Block, window, sample{lockGet, 4000, 50 * second})),
			ruleContended, analyze.Likely, "main.(*store).get", 41, ""},
		{"ten asleep on average", profiles(profile(evidence.Mutex, window, sample{unlockPut, 4000, 120 * second})),
			ruleConvoy, analyze.Likely, "main.(*store).put", 30, "12 goroutines asleep"},
		{"a writer among readers", profiles(profile(evidence.Mutex, window, sample{unlockWrite, 4000, 50 * second})),
			ruleStarved, analyze.Likely, "main.(*table).write", 70, "readers wait 5 s per second"},
		{"a writer among readers, by both sides",
			profiles(profile(evidence.Mutex, window, sample{unlockWrite, 4000, 150 * second}), profile(evidence.Block, window, sample{lockRead, 4000, 150 * second}, sample{lockWrite, 100, second})),
			ruleStarved, analyze.Likely, "main.(*table).write", 66, ""},
		{"writers among writers", profiles(profile(evidence.Block, window, sample{lockWrite, 4000, 50 * second}, sample{lockRead, 100, second})),
			ruleContended, analyze.Likely, "main.(*table).write", 66, "an RWMutex"},
		{"one lock inside log, taken from two places",
			profiles(profile(evidence.Mutex, window, sample{unlockLog, 2000, 30 * second}, sample{unlockLog2, 2000, 20 * second})),
			ruleLog, analyze.Likely, "main.handle", 12, "the lock of a logger (log.(*Logger).output), taken most by main.handle"},
		{"a wrapper named Unlock is no critical section", profiles(profile(evidence.Mutex, window, sample{wrapped, 4000, 50 * second})),
			ruleContended, analyze.Likely, "main.(*store).evict", 55, ""},
		{"a deferred Unlock is the function's that deferred it", profiles(profile(evidence.Mutex, window, sample{deferred, 4000, 50 * second})),
			ruleContended, analyze.Likely, "main.(*store).put", 22, "held by main.(*store).put from line 22 until it returns, line 25"},
		{"a deferred Unlock, and waiters at the Lock before it",
			profiles(profile(evidence.Mutex, window, sample{deferred, 4000, 50 * second}), profile(evidence.Block, window, sample{lockPut, 4000, 50 * second})),
			ruleContended, analyze.Likely, "main.(*store).put", 21, "from line 21 until it returns, line 25"},
		{"runtime locks", profiles(profile(evidence.Mutex, window, sample{unlockTimer, 90_000, 20 * second})),
			ruleRuntime, analyze.Possible, "main.produce", 50, "2 s per second for locks inside the runtime, most of it in runtime.(*timers).unlock"},
		{"runtime locks while threads stand still", profiles(profile(evidence.Mutex, window, sample{unlockTimer, 200, 20 * second})), "", 0, "", 0, ""},
		{"runtime locks of channels are selectwait's", profiles(profile(evidence.Mutex, window, sample{unlockChan, 90_000, 20 * second})), "", 0, "", 0, ""},

		{"healthy: a tenth of a second per second", profiles(profile(evidence.Mutex, window, sample{unlockPut, 4000, second})), "", 0, "", 0, ""},
		{"healthy: all of almost nothing", profiles(profile(evidence.Mutex, window, sample{unlockPut, 9, second / 1000})), "", 0, "", 0, ""},
		{"healthy: few contentions", profiles(profile(evidence.Mutex, window, sample{unlockPut, 12, 50 * second})), "", 0, "", 0, ""},
		{"healthy: waits that are no locks", profiles(profile(evidence.Block, window,
			sample{waitGroup, 1000, 900 * second}, sample{receive, 1000, 900 * second}, sample{selectWait, 1000, 900 * second})), "", 0, "", 0, ""},
		{"healthy: runtime locks", profiles(profile(evidence.Mutex, window, sample{unlockTimer, 90_000, second})), "", 0, "", 0, ""},

		{"a total, no rate: slow work under the lock", profiles(profile(evidence.Mutex, 0, sample{unlockPut, 4000, 50 * second})),
			ruleContended, analyze.Weak, "main.(*store).put", 30, "12.5 ms each time on average; over what time is not known"},
		{"a total, no rate: short waits", profiles(profile(evidence.Mutex, 0, sample{unlockPut, 4_000_000, 50 * second})), "", 0, "", 0, ""},
		{"a total, no rate: a small share", profiles(profile(evidence.Mutex, 0, sample{unlockPut, 400, 2 * second}, sample{unlockLog, 90_000_000, 900 * second})), "", 0, "", 0, ""},
		{"a total of waiters, no rate", profiles(profile(evidence.Block, 0, sample{lockGet, 4000, 50 * second}, sample{onceInternal, 1, 1})),
			ruleContended, analyze.Weak, "main.(*store).get", 41, "12.5 ms"},
		{"two totals ten seconds apart", profiles(at(profile(evidence.Mutex, 0, sample{unlockPut, 4000, 50 * second}), 0, epoch),
			at(profile(evidence.Mutex, 0, sample{unlockPut, 8000, 90 * second}), 1, epoch.Add(window))),
			ruleContended, analyze.Likely, "main.(*store).put", 30, "4 s per second"},
		{"two totals, quiet in between", profiles(at(profile(evidence.Mutex, 0, sample{unlockPut, 4000, 50 * second}), 0, epoch),
			at(profile(evidence.Mutex, 0, sample{unlockPut, 4001, 50*second + 1}), 1, epoch.Add(window))), "", 0, "", 0, ""},

		{"a crowd in one snapshot", &evidence.Set{Snapshots: []evidence.Snapshot{snapshot(0, sleepers(40, dumpPut))}},
			ruleConvoy, analyze.Possible, "main.(*store).put", 21, "up to 40 goroutines asleep"},
		{"a crowd in two snapshots", &evidence.Set{Snapshots: []evidence.Snapshot{snapshot(0, sleepers(40, dumpPut)), snapshot(1, sleepers(60, dumpPut))}},
			ruleConvoy, analyze.Likely, "main.(*store).put", 21, "up to 60"},
		{"a burst in one of five snapshots", &evidence.Set{Snapshots: []evidence.Snapshot{snapshot(0, sleepers(40, dumpPut)), snapshot(1), snapshot(2), snapshot(3), snapshot(4)}}, "", 0, "", 0, ""},
		{"a few asleep", &evidence.Set{Snapshots: []evidence.Snapshot{snapshot(0, sleepers(4, dumpPut))}}, "", 0, "", 0, ""},

		{"a fight in the CPU profile", profiles(cpuProfile(sample{dumpPut, 200, 0}, sample{stack("main.work@1"), 300, 0})),
			ruleContended, analyze.Possible, "main.(*store).put", 21, "40 % of the CPU"},
		{"readers bounce", profiles(cpuProfile(sample{stack("internal/runtime/atomic.Xadd@1", "sync.(*RWMutex).RLock@70", "main.(*table).read@80"), 300, 0}, sample{stack("main.work@1"), 200, 0})),
			ruleBounce, analyze.Likely, "main.(*table).read", 80, "60 % of the CPU (0.75 cores)"},
		{"runtime locks in the CPU profile", profiles(cpuProfile(sample{stack("runtime.procyieldAsm@1", "runtime.procyield@1", "runtime.lock2@9", "runtime.(*timer).modify@3", "time.AfterFunc@1", "main.produce@50"), 200, 0}, sample{stack("main.work@1"), 300, 0})),
			ruleRuntime, analyze.Possible, "main.produce", 50, "40 % of the CPU (0.5 cores) goes into locks inside the runtime, most of it in runtime.(*timer).modify"},
		{"runtime locks, most of the CPU", profiles(cpuProfile(sample{stack("runtime.lock2@9", "runtime.(*timer).modify@3", "time.AfterFunc@1", "main.produce@50"), 400, 0}, sample{stack("main.work@1"), 100, 0})),
			ruleRuntime, analyze.Likely, "main.produce", 50, "80 % of the CPU"},
		{"healthy CPU", profiles(cpuProfile(sample{dumpPut, 6, 0}, sample{stack("main.work@1"), 494, 0})), "", 0, "", 0, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			found, _ := detect(t, tt.set)
			if tt.rule == "" {
				if len(found) != 0 {
					t.Fatalf("found %s: %s", found[0].Rule, found[0].Message)
				}
				return
			}
			if len(found) != 1 {
				t.Fatalf("%d findings, want one lock: %+v", len(found), found)
			}
			f := found[0]
			if f.Rule != tt.rule || f.Confidence != tt.confidence || f.Location.Function != tt.location || f.Location.Line != tt.line || !strings.Contains(f.Message, tt.message) {
				t.Errorf("%s (%s) at %s:%d: %q\nwant %s (%s) at %s:%d: %q", f.Rule, f.Confidence, f.Location.Function, f.Location.Line, f.Message,
					tt.rule, tt.confidence, tt.location, tt.line, tt.message)
			}
			if len(f.Measures) == 0 || f.Measures[0].Unit == "" || f.Measures[0].Method == "" || len(f.Stacks) == 0 || f.Next == "" {
				t.Errorf("the finding lacks measures, stacks or a next command: %+v", f)
			}
		})
	}
}

func TestTwoLocksAreTwoFindings(t *testing.T) {
	found, _ := detect(t, profiles(profile(evidence.Mutex, 10*time.Second, sample{unlockPut, 4000, 50 * second}, sample{unlockWrite, 4000, 40 * second})))
	if len(found) != 2 || found[0].Rule == found[1].Rule {
		t.Errorf("findings %+v", found)
	}
}

func TestProfilesOfARestartedProcessAreNotSubtracted(t *testing.T) {
	total := func(seq int, ns int64) *evidence.Profile {
		return at(profile(evidence.Mutex, 0, sample{unlockPut, ns / 1e6, ns}), seq, epoch.Add(time.Duration(seq)*time.Minute))
	}
	d := readDelays([]*evidence.Profile{total(0, 50*second), total(1, 20*second)})
	if d.totalNS != 20*second || d.windowS != 0 || !strings.Contains(d.noRate, "started anew") {
		t.Errorf("total %d ns over %v s (%s), want those of the last profile over an unknown time", d.totalNS, d.windowS, d.noRate)
	}
	d = readDelays([]*evidence.Profile{total(0, 50*second), total(1, 20*second), total(2, 30*second)})
	if d.totalNS != 10*second || d.windowS != 60 {
		t.Errorf("total %d ns over %v s, want those since the restart", d.totalNS, d.windowS)
	}
}

func TestOutcomes(t *testing.T) {
	for _, tt := range []struct {
		name  string
		set   *evidence.Set
		state analyze.State
		open  string // a question that stays open
	}{
		{"empty mutex profile", profiles(profile(evidence.Mutex, 0)), analyze.Inconclusive, ""},
		{"empty mutex profile and a quiet snapshot", &evidence.Set{Profiles: []*evidence.Profile{profile(evidence.Mutex, 0)},
			Snapshots: []evidence.Snapshot{snapshot(0, sleepers(5, receive))}}, analyze.Inconclusive, ""},
		{"empty mutex profile, but a trace", &evidence.Set{Profiles: []*evidence.Profile{profile(evidence.Mutex, 0)},
			Trace: &evidence.Trace{Windows: []evidence.TraceWindow{{DurationNS: second}}}}, analyze.Ran, ""},
		{"empty mutex profile, waiters known", profiles(profile(evidence.Mutex, 0), profile(evidence.Block, time.Second, sample{lockPut, 5, 500})), analyze.Ran, "the mutex profile is empty"},
		{"no sample of interest", profiles(profile(evidence.Mutex, time.Second, sample{unlockLog, 5, 500})), analyze.Ran, ""},
		{"no rate", profiles(profile(evidence.Mutex, 0, sample{unlockLog, 5, 500})), analyze.Ran, "no duration"},
		{"snapshot alone", &evidence.Set{Snapshots: []evidence.Snapshot{snapshot(0)}}, analyze.Inconclusive, ""},
		{"snapshots alone", &evidence.Set{Snapshots: []evidence.Snapshot{snapshot(0), snapshot(1)}}, analyze.Ran, "no mutex or block profile"},
		{"CPU profile with few samples", profiles(cpuProfile(sample{dumpPut, 3, 0})), analyze.Inconclusive, ""},
		{"nothing", &evidence.Set{}, analyze.Skipped, ""},
	} {
		_, out := detect(t, tt.set)
		if out.State != tt.state {
			t.Errorf("%s: %s (%s), want %s", tt.name, out.State, out.Why, tt.state)
		}
		open := slices.ContainsFunc(out.Unchecked, func(u analyze.Unchecked) bool { return strings.Contains(u.What, tt.open) && u.Try != "" })
		if (len(out.Unchecked) > 0) != (tt.open != "") || tt.open != "" && !open {
			t.Errorf("%s: open questions %+v, want %q", tt.name, out.Unchecked, tt.open)
		}
	}
	if _, out := detect(t, profiles(profile(evidence.Block, 0))); out.State != analyze.Inconclusive || !strings.Contains(out.Why, "runtime.SetBlockProfileRate(10_000)") {
		t.Errorf("empty block profile: %+v", out)
	}
	_, out := detect(t, profiles(profile(evidence.Mutex, 0)))
	if !strings.Contains(out.Why, "runtime.SetMutexProfileFraction was never called") || out.Try == "" {
		t.Errorf("outcome %+v does not say what to do", out)
	}
}

func TestScope(t *testing.T) {
	for function, want := range map[string]string{
		"main.(*store).put":                    "main.(store)",
		"main.(*store).put.func1":              "main.(store)",
		"main.store.get":                       "main.(store)",
		"main.handle":                          "main.handle",
		"main.handle.func2.1":                  "main.handle",
		"main.main.gowrap1":                    "main.main",
		"example.com/a.b/cache.(*LRU[...]).Do": "example.com/a.b/cache.(LRU)",
		"log.(*Logger).output":                 "log.(Logger)",
	} {
		if got := scope(function); got != want {
			t.Errorf("scope(%q) = %q, want %q", function, got, want)
		}
	}
}

func TestResultDoesNotDependOnOrder(t *testing.T) {
	a := []sample{{unlockPut, 4000, 50 * second}, {unlockWrite, 3000, 40 * second}, {unlockLog, 2000, 30 * second}, {unlockLog2, 2000, 30 * second}}
	b := slices.Clone(a)
	slices.Reverse(b)
	fa, _ := detect(t, profiles(profile(evidence.Mutex, 10*time.Second, a...)))
	fb, _ := detect(t, profiles(profile(evidence.Mutex, 10*time.Second, b...)))
	ja, _ := json.Marshal(fa)
	jb, _ := json.Marshal(fb)
	if string(ja) != string(jb) {
		t.Errorf("%s\n%s", ja, jb)
	}
}
