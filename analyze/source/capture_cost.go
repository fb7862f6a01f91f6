package source

import "time"

// What a full dump (goroutine?debug=2) costs a Go program, measured on go1.26 with 2 cores:
// 100,000 goroutines took 8.6 s, during 2.9 s of which the program stood still at a stretch; 1,000,000
// took 93 s and 58 s, and had 957 bytes each. Stacks of a few frames cost half of that, so these
// are estimates on the safe side.
const (
	dumpBytes   = 957                   // a goroutine
	dumpRequest = 86 * time.Microsecond // a goroutine
	dumpStall   = 29 * time.Microsecond // a goroutine, up to manyDumped
	dumpStallUp = 61 * time.Microsecond // a goroutine above: (58 s - 2.9 s) / 900,000
	manyDumped  = int64(100_000)
)

// Cost is what a capture costs the program that is captured.
type Cost struct {
	// Goroutines is how many there were at the start; null when that could not be read.
	Goroutines *int64 `json:"goroutines"`
	// Expected is the estimate that was made before anything but the first goroutine profile was
	// asked for: of the full dumps alone, which are what can hurt.
	Expected Expense `json:"expected"`
	// Measured are the requests as they went. The stalls in it are estimates from the number of
	// goroutines, and never longer than the request.
	Measured Expense `json:"measured"`
}

// Expense adds up requests.
type Expense struct {
	Requests int   `json:"requests"`
	Bytes    int64 `json:"bytes"`
	// RequestS is the seconds that the target took to answer, beyond the time that it was asked
	// to collect.
	RequestS float64 `json:"request_s"`
	// Dumps counts the full dumps among the requests; each stops the program while its stacks
	// are written. StallS adds the stalls up, LongestStallS is the worst of them.
	Dumps         int     `json:"dumps"`
	StallS        float64 `json:"stall_s"`
	LongestStallS float64 `json:"longest_stall_s"`
}

// dumpStallS estimates for how many seconds a full dump of n goroutines stops the program.
func dumpStallS(n int64) float64 {
	few := min(n, manyDumped)
	return float64(few)*dumpStall.Seconds() + float64(n-few)*dumpStallUp.Seconds()
}

// expect estimates the full dumps that a plan asks for.
func expect(goroutines int64, dumps int) Expense {
	stall := dumpStallS(goroutines)
	return Expense{Requests: dumps, Dumps: dumps, Bytes: goroutines * dumpBytes * int64(dumps),
		RequestS: float64(goroutines) * dumpRequest.Seconds() * float64(dumps), StallS: stall * float64(dumps), LongestStallS: stall}
}

// estimate tells, before anything else is asked for, what the full dumps will cost.
func (c *capturer) estimate(first snapshot) {
	c.mu.Lock()
	defer c.mu.Unlock()
	cost := c.out.Cost // the first request is in it
	if first.known {
		cost.Goroutines = &first.total
		if first.total < c.opt.StackLimit {
			cost.Expected = expect(first.total, c.plannedDumps())
		}
	}
	if c.opt.Estimated != nil {
		c.opt.Estimated(*cost)
	}
}

// plannedDumps is how many full dumps the window has room for.
func (c *capturer) plannedDumps() int {
	n := 1 + int(c.opt.For/c.opt.Every)
	if c.opt.Settle > 0 {
		n++
		if c.opt.Load == nil {
			n++
		}
	}
	return n
}

// charge notes what one request for a file cost, also when it failed.
func (c *capturer) charge(f *File, took time.Duration) {
	f.RequestS = max(0, took-time.Duration(f.DurationS*float64(time.Second))).Seconds()
	e := Expense{Requests: 1, Bytes: f.Bytes, RequestS: f.RequestS}
	if f.Format == "debug2" {
		f.StallS = min(dumpStallS(c.last.total), f.RequestS)
		e.Dumps, e.StallS, e.LongestStallS = 1, f.StallS, f.StallS
	}
	c.spend(e)
}

func (c *capturer) spend(e Expense) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.out.Cost == nil {
		c.out.Cost = &Cost{}
	}
	m := &c.out.Cost.Measured
	m.Requests += e.Requests
	m.Bytes += e.Bytes
	m.RequestS += e.RequestS
	m.Dumps += e.Dumps
	m.StallS += e.StallS
	m.LongestStallS = max(m.LongestStallS, e.LongestStallS)
}
