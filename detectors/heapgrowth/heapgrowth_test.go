package heapgrowth

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"go-debug/analyze"
	"go-debug/analyze/evidence"
	"go-debug/detectors/detectortest"
)

func TestSignatures(t *testing.T) { detectortest.Signatures(t, signatures) }

func TestGrowth(t *testing.T) {
	const (
		retained = "heapgrowth/retained main.keep"
		growingR = "heapgrowth/growing main.keep"
	)
	more := func(heaps []heap) []heap { // a line that frees half of what it allocates
		for i := range heaps {
			s := &heaps[i].sites[0]
			s.allocBytes, s.allocObjects = 2*s.bytes, 2*s.objects
		}
		return heaps
	}
	for name, tt := range map[string]struct {
		heaps     []heap
		want      string
		unchecked string
	}{
		// It held 100 MiB after 1000 MiB of work, and takes 10 MiB for each 100 MiB more.
		"a leak":                     {growing(2, 100, 110, 120, 130, 140, 150), "likely " + retained, ""},
		"seen from the start":        {growing(2, 5, 15, 25, 35, 45, 55), "possible " + retained, ""},
		"three profiles":             {growing(5, 100, 125, 150), "possible " + retained, ""},
		"two profiles":               {growing(5, 100, 150), "", "whether memory grows: 2 heap profiles, it takes 3"},
		"part is let go":             {more(growing(2, 100, 110, 120, 130, 140, 150)), "possible " + growingR, ""},
		"steady":                     {growing(2, 100, 100, 100, 100, 100, 100), "", ""},
		"a sawtooth":                 {growing(2, 100, 140, 100, 140, 100, 140), "", ""},
		"it falls":                   {growing(2, 150, 140, 130, 120, 110, 100), "", ""},
		"a cache that fills":         {growing(2, 100, 120, 130, 135, 137, 138), "", "whether memory at main.go:10, which grows ever more slowly"},
		"nearly full since long":     {growing(2, 400, 407.2, 414.4, 421.6, 428.8, 436), "", "grows ever more slowly"},
		"less than matters":          {growing(2, 100, 100.5, 101, 101.5, 102, 102.5), "", ""},
		"noise that rises":           {churning(growing(2, 10, 11, 11.5, 12, 13, 14)), "", ""},
		"a few samples":              {growing(2, 10, 11, 11.5, 12, 13, 14), "possible " + retained, ""},
		"slower than before":         {growing(2, 200, 208, 216, 224, 232, 240), "possible " + retained, ""},
		"no collection in between":   {append(growing(2, 100), repeat(growing(2, 100, 110)[1], 5)...), "", "collections: what is in use is known as of the last one only"},
		"one collection less matter": {withRepeat(growing(2, 100, 110, 120, 130, 140, 150)), "likely " + retained, ""},
	} {
		t.Run(name, func(t *testing.T) {
			for i := range tt.heaps {
				tt.heaps[i].at = 2 * i
			}
			set := setOf(tt.heaps...)
			set.Snapshots = dumps([]int{20})
			res, out := judge(t, set)
			if got := shown(res); got != tt.want {
				t.Errorf("found %q, want %q", got, tt.want)
			}
			if got := unchecked(out); !strings.Contains(got, tt.unchecked) || tt.unchecked == "" && got != "" {
				t.Errorf("unchecked %q, want %q", got, tt.unchecked)
			}
		})
	}
}

// churning has the line allocate fifty times what it holds.
func churning(heaps []heap) []heap {
	for i := range heaps {
		s := &heaps[i].sites[0]
		s.allocBytes, s.allocObjects = int64(500+100*i)*mib, int64(500+100*i)*mib/2048
	}
	return heaps
}

func repeat(h heap, n int) (out []heap) {
	for range n {
		out = append(out, h)
	}
	return out
}

// withRepeat has each profile after the third twice, as of a program that collects rarely.
func withRepeat(hs []heap) (out []heap) {
	for i, h := range hs {
		out = append(out, h)
		if i > 2 {
			out = append(out, h)
		}
	}
	return out
}

func TestGrowthInNumbers(t *testing.T) {
	res, _ := judge(t, setOf(growing(2, 100, 110, 120, 130, 140, 150)...))
	f := res.Findings[0]
	if want := "memory in use grows by 5.24 MB a second, 36 % of the heap in 10 s; 100 % of the objects allocated here are still in use"; f.Message != want {
		t.Errorf("message %q, want %q", f.Message, want)
	}
	for name, want := range map[string]float64{"in_use": 150 * mib, "in_use_growth": 5 * mib, "growth_late_over_early": 1, "growth_now_over_before": 1, "retained_share": 1, "time_to_1gb": 190.73} {
		found := false
		for _, m := range f.Measures {
			if m.Name == name {
				found = true
				if math.Abs(m.Value/want-1) > 1e-3 {
					t.Errorf("%s is %g, want %g", name, m.Value, want)
				}
			}
		}
		if !found {
			t.Errorf("no measure %s", name)
		}
	}
}

// What the sampling of the runtime makes of a size is what variance says, for small and for large objects.
func TestVarianceOfSampling(t *testing.T) {
	const rate = 512 << 10
	rng := rand.New(rand.NewPCG(1, 2))
	for _, size := range []float64{1 << 10, 40 << 10, 512 << 10, 1 << 20} {
		chance := -math.Expm1(-size / rate)
		n := int(200 * mib / size)
		const trials = 400
		var sum, squares float64
		for range trials {
			k := 0
			for range n {
				if rng.Float64() < chance {
					k++
				}
			}
			v := float64(k) / chance * size
			sum, squares = sum+v, squares+v*v
		}
		mean := sum / trials
		got, want := squares/trials-mean*mean, variance(float64(n)*size, float64(n), rate)
		if want > 0 && math.Abs(got/want-1) > 0.25 {
			t.Errorf("objects of %g: variance %g, want %g", size, got, want)
		}
	}
	if simple, exact := float64(rate)*mib*100, variance(100*mib, 100*mib/1000, rate); math.Abs(exact/simple-1) > 0.01 {
		t.Errorf("small objects: %g, want rate × bytes = %g", exact, simple)
	}
	if v := variance(100*mib, 100, 1); v != 0 {
		t.Errorf("everything is sampled: %g", v)
	}
}

// Growth of objects that stay is as certain as the objects that came are many, not as those that are there.
func TestSamplingOfWhatStays(t *testing.T) {
	const rate, size, n, runs = 512 << 10, 20480, 1500, 300
	rng := rand.New(rand.NewPCG(5, 6))
	chance := -math.Expm1(-float64(size) / rate)
	sample := func(objects int) (bytes float64) {
		for range objects {
			if rng.Float64() < chance {
				bytes += size / chance
			}
		}
		return bytes
	}
	var sum, squares, claimed float64
	for range runs {
		keep := []float64{sample(n) / mib}
		for i := range 5 {
			keep = append(keep, keep[i]+sample(300)/mib)
		}
		s := read(setOf(growing(2, keep...)...))
		for i := range s.points {
			s.points[i].at = float64(2 * i)
		}
		for _, st := range s.sites() {
			if st.location.Function == "main.keep" {
				for i := range st.states { // growing has smaller objects
					st.states[i].variance = variance(st.states[i].bytes, st.states[i].bytes/size, rate)
				}
				tr := s.trendOf(st)
				sum, squares, claimed = sum+tr.slope, squares+tr.slope*tr.slope, claimed+tr.sigma
			}
		}
	}
	got := math.Sqrt(squares/runs - sum/runs*sum/runs)
	if want := claimed / runs; got > 1.2*want || got < 0.5*want {
		t.Errorf("slopes spread by %g, the error claimed is %g", got, want)
	}
}

// Sampling alone raises no alarm: a line that holds the same all the time, seen through the runtime's sampling.
func TestSteadyMemoryDoesNotGrow(t *testing.T) {
	const rate, runs = 512 << 10, 300
	rng := rand.New(rand.NewPCG(3, 4))
	alarms := 0
	for range runs {
		var keep []float64
		for range 6 {
			n := 0.0
			for range 2000 { // 40 MiB in objects of 20 KiB
				if rng.Float64() < -math.Expm1(-20480.0/rate) {
					n += 20480 / -math.Expm1(-20480.0/rate)
				}
			}
			keep = append(keep, n/mib)
		}
		res, _ := judge(t, setOf(churning(growing(2, keep...))...))
		alarms += len(res.Findings)
	}
	if alarms > runs/100 {
		t.Errorf("%d alarms in %d runs", alarms, runs)
	}
}

func TestGoroutinesThatGrowHoldTheirMemory(t *testing.T) {
	set := setOf(growing(2, 100, 110, 120, 130, 140, 150)...)
	set.Snapshots = dumps([]int{100, 200, 400})
	res, out := judge(t, set)
	if shown(res) != "" || !strings.Contains(unchecked(out), "300 more goroutines hold") {
		t.Errorf("found %q, unchecked %q", shown(res), unchecked(out))
	}
}

func TestWhatIsNoState(t *testing.T) {
	leak := func(edit func(i int, p *evidence.Profile)) []heap {
		heaps := growing(2, 100, 110, 120, 130, 140, 150)
		for i := range heaps {
			heaps[i].edit = func(p *evidence.Profile) { edit(i, p) }
		}
		return heaps
	}
	for name, tt := range map[string]struct {
		heaps []heap
		why   string
	}{
		"over a time":  {leak(func(_ int, p *evidence.Profile) { p.DurationNS = 1e9 }), "shows how memory changed in a time"},
		"a difference": {leak(func(_ int, p *evidence.Profile) { p.Stacks[1].Values[3] = -5 }), "shows how memory changed in a time"},
		"a sum":        {leak(func(_ int, p *evidence.Profile) { p.Folded = 100 }), "their sum is no state"},
		"another kind": {leak(func(_ int, p *evidence.Profile) { p.SampleTypes[3].Type = "objects" }), "has no inuse_space"},
		"not of Go": {leak(func(_ int, p *evidence.Profile) {
			p.Frames = []evidence.Frame{{Function: "malloc", File: "a.cc"}}
			p.Stacks = p.Stacks[:0]
		}), "not a heap profile of a Go program"},
		"empty":          {leak(func(_ int, p *evidence.Profile) { p.Stacks, p.Frames = nil, nil }), "the heap profile is empty"},
		"several rates":  {leak(func(i int, p *evidence.Profile) { p.Period = int64(1000 * (1 + i/2)) }), "of several programs, builds or sampling rates"},
		"several builds": {leak(func(i int, p *evidence.Profile) { p.Build = string(rune('a' + i/2)) }), "of several programs, builds or sampling rates"},
		"restarts": {leak(func(i int, p *evidence.Profile) {
			for _, s := range []int{0, 1} {
				p.Stacks[s].Values[1] = int64(1000-200*(i/2)) * mib
			}
			p.Totals[1] = int64(5000-1000*(i/2)+i%2) * mib
		}), "started anew"},
		"alone": {growing(2, 100), "one heap profile: growth cannot be seen"},
	} {
		t.Run(name, func(t *testing.T) {
			res, out := judge(t, setOf(tt.heaps...))
			if shown(res) != "" || out.State != analyze.Inconclusive || !strings.Contains(out.Why, tt.why) {
				t.Errorf("found %q; %s: %s", shown(res), out.State, out.Why)
			}
		})
	}
	// Beside other evidence a single profile leaves a question open, no more.
	set := setOf(growing(2, 100)...)
	set.Snapshots = dumps([]int{5})
	if _, out := judge(t, set); out.State != analyze.Ran || !strings.Contains(unchecked(out), "one heap profile") {
		t.Errorf("%s, %q", out.State, unchecked(out))
	}
}

func TestBuffers(t *testing.T) {
	one := func(objects, size int64, functions ...string) []held {
		return []held{{functions: functions, bytes: objects * size, objects: objects}, {functions: []string{"main.work"}, bytes: 20 * mib, objects: 20_000}}
	}
	follow := group(5000, evidence.WaitChanRecv, "main.(*hub).handleListen", "main.(*listener).follow")
	for name, tt := range map[string]struct {
		sites  []held
		groups []evidence.Group
		want   string
	}{
		"a channel for each goroutine": {one(5000, 40960, "main.(*hub).handleListen"), []evidence.Group{follow}, "possible heapgrowth/channel-buffers main.(*hub).handleListen"},
		"made by a constructor":        {one(5000, 40960, "main.newListener"), []evidence.Group{follow}, "possible heapgrowth/many-objects main.newListener"},
		"the runtime says so":          {one(5000, 40960, "runtime.makechan", "main.newListener"), nil, "likely heapgrowth/channel-buffers main.newListener"},
		"shallow ones":                 {one(5000, 112, "main.(*hub).handleListen"), []evidence.Group{follow}, ""},
		"more goroutines than objects": {one(500, 409600, "main.(*hub).handleListen"), []evidence.Group{follow}, ""},
		"scratch space":                {one(400, 1<<19, "main.(*worker).run"), []evidence.Group{group(400, evidence.WaitSelect, "main.main", "main.(*worker).run")}, "possible heapgrowth/goroutine-buffers main.(*worker).run"},
		"scratch space of sleepers":    {one(400, 1<<19, "main.(*meter).watch"), []evidence.Group{group(300, evidence.WaitSleep, "main.main", "time.Sleep", "main.(*meter).watch"), group(100, evidence.WaitCond, "main.main", "sync.(*Cond).Wait", "main.(*meter).watch")}, "possible heapgrowth/goroutine-buffers main.(*meter).watch"},
		"scratch space of a closure":   {one(400, 1<<19, "main.(*pool).start.func1"), []evidence.Group{group(400, evidence.WaitChanRecv, "main.(*pool).start", "main.(*pool).start.func1")}, "possible heapgrowth/goroutine-buffers main.(*pool).start.func1"},
		"a channel for each closure":   {one(400, 1<<19+8192, "main.(*pool).start"), []evidence.Group{group(400, evidence.WaitChanRecv, "main.(*pool).start", "main.(*pool).start.func1")}, "possible heapgrowth/channel-buffers main.(*pool).start"},
		"a buffer for each closure":    {one(400, 1<<19, "main.(*pool).start"), []evidence.Group{group(400, evidence.WaitChanRecv, "main.(*pool).start", "main.(*pool).start.func1")}, "possible heapgrowth/goroutine-buffers main.(*pool).start"},
		"a buffer for each connection": {one(400, 1<<18, "bufio.NewReaderSize", "main.serve"), []evidence.Group{group(400, evidence.WaitIO, "main.accept", "net.(*conn).Read", "main.serve")}, "likely heapgrowth/connection-buffers main.serve"},
		"without goroutines":           {one(400, 1<<18, "bufio.NewReaderSize", "main.serve"), nil, "possible heapgrowth/connection-buffers main.serve"},
		"bufio's own size":             {one(9000, 4096, "bufio.NewReaderSize", "main.serve"), []evidence.Group{group(9000, evidence.WaitIO, "main.accept", "net.(*conn).Read", "main.serve")}, ""},
		"of net/http":                  {one(400, 1<<18, "bufio.NewReaderSize", "net/http.(*Transport).dialConn", "net/http.(*Transport).dialConnFor"), nil, "low heapgrowth/connection-buffers net/http.(*Transport).dialConn"},
		"huge":                         {one(3, 64*mib, "main.load"), nil, "low heapgrowth/huge-objects main.load"},
		"data of the program":          {one(3, 64*mib, "main.load", "main.main", "runtime.main"), nil, ""},
		"a cache of pages":             {one(20_000, 8192, "main.(*cache).page"), nil, "possible heapgrowth/many-objects main.(*cache).page"},
		"a small heap":                 {one(100, 1<<17, "bufio.NewReaderSize", "main.serve"), nil, ""},
		"a small part":                 {append(one(400, 1<<16, "bufio.NewReaderSize", "main.serve"), held{functions: []string{"main.data"}, bytes: 900 * mib, objects: 900_000}), nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			set := setOf(heap{sites: tt.sites})
			if tt.groups != nil {
				set.Snapshots = dumps([]int{1, 1}, tt.groups...)
			}
			res, _ := judge(t, set)
			if got := shown(res); got != tt.want {
				t.Errorf("found %q, want %q", got, tt.want)
			}
		})
	}
	res, _ := judge(t, func() *evidence.Set {
		set := setOf(heap{sites: one(5000, 40960, "main.(*hub).handleListen")})
		set.Snapshots = dumps([]int{5000}, follow)
		return set
	}())
	if want := "5,000 objects of 41 kB hold 205 MB, 91 % of the heap; as many goroutines (5,000) are started here and wait on a channel: its buffer, n times the size of an element, unless it is something else that each is given"; len(res.Findings) != 1 || res.Findings[0].Message != want {
		t.Errorf("%+v", res.Findings)
	}
}

// TestTurnoverIsNoGrowth: what takes the place of what was there from the start grows, and the heap does not.
func TestTurnoverIsNoGrowth(t *testing.T) {
	heaps := growing(5, 10, 12, 14, 16, 18, 20)
	for i := range heaps {
		first := int64(40-2*i) * mib
		heaps[i].sites = append(heaps[i].sites, held{functions: []string{"main.load"}, bytes: first, objects: first / 2048, allocBytes: 40 * mib, allocObjects: 40 * mib / 2048})
	}
	res, out := judge(t, setOf(heaps...))
	if len(res.Findings) != 0 || !strings.Contains(unchecked(out), "as much is given back by other lines") {
		t.Errorf("findings %s, not checked: %s", shown(res), unchecked(out))
	}
}
