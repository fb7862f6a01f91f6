package evidence

import (
	"math"
	"testing"
)

func TestNarrow(t *testing.T) {
	f := func(function string) Frame { return Frame{Function: function, File: "/src/x.go", Line: 1} }
	set := &Set{
		Profiles:  []*Profile{{Frames: []Frame{f("runtime.mallocgc"), f("example.com/shop/cart.(*Cart).Add"), f("example.com/shopping.Go"), f("main.main")}}},
		Trace:     &Trace{Frames: []Frame{f("example.com/lib.Do")}},
		Snapshots: []Snapshot{{Groups: []Group{{Stack: Stack{f("example.com/shop.Serve"), f("example.com/lib.Do")}}}}},
	}
	set.Narrow([]string{"example.com/shop/"}, func(f Frame) bool { return f.Package() == "main" })
	for _, tt := range []struct {
		frame   Frame
		foreign bool
	}{
		{set.Profiles[0].Frames[0], false}, {set.Profiles[0].Frames[1], false}, {set.Profiles[0].Frames[2], true}, {set.Profiles[0].Frames[3], false},
		{set.Trace.Frames[0], true}, {set.Snapshots[0].Groups[0].Stack[0], false}, {set.Snapshots[0].Groups[0].Stack[1], true},
	} {
		if tt.frame.Foreign != tt.foreign {
			t.Errorf("%s: foreign %v", tt.frame.Function, tt.frame.Foreign)
		}
	}
}

func TestSettingsOfFleet(t *testing.T) {
	in := func(s *Settings) Input { return Input{Settings: s} }
	set := &Set{Inputs: []Input{in(nil), in(&Settings{Module: "a", MemoryLimit: 5, GOGC: 100}), in(&Settings{Module: "a", MemoryLimit: 6, CPUQuota: 50_000, CPUPeriod: 100_000})}}
	if got, want := set.Settings(), (Settings{Module: "a", GOGC: 100, CPUQuota: 50_000, CPUPeriod: 100_000}); got != want || got.CPUs() != 0.5 || got.Limited() {
		t.Errorf("%+v, want %+v", got, want)
	}
	if s := (Settings{MemoryLimit: math.MaxInt64}); s.Limited() || !s.Unlimited() {
		t.Error("no limit is none")
	}
}
