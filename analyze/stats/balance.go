package stats

// Span is the stay of a request, in seconds on any clock. End is +Inf while it is open.
type Span struct{ Start, End float64 }

// Balance is Little's law on a window, in seconds: Area = Completed + AgesAtEnd − AgesAtStart, whatever the
// arrivals are like. Over a long window of a steady system the ages weigh nothing and L = X·W is left.
type Balance struct {
	Area        float64 // ∫L dt
	Completed   float64 // Σ of the stays that ended in the window, their part before it included
	AgesAtEnd   float64 // Σ of how long those open at the end have been there
	AgesAtStart float64 // the same at the begin
	Arrived     int     // in the window
	Ended       int
	AtStart     int // open at the begin
	AtEnd       int
}

// LittleBalance measures both sides over the window (from, to].
func LittleBalance(spans []Span, from, to float64) Balance {
	var b Balance
	for _, s := range spans {
		if s.End < s.Start || s.Start > to || s.End <= from {
			continue
		}
		b.Area += min(s.End, to) - max(s.Start, from)
		if s.Start > from {
			b.Arrived++
		} else {
			b.AtStart++
			b.AgesAtStart += from - s.Start
		}
		if s.End <= to {
			b.Ended++
			b.Completed += s.End - s.Start
		} else {
			b.AtEnd++
			b.AgesAtEnd += to - s.Start
		}
	}
	return b
}

// Gap is the Little gap of the window: the share of the concurrency that completed stays do not explain.
func (b Balance) Gap(window float64) float64 { return LittleGap(b.Completed, window, b.Area/window) }

// Queued is how many of L requests wait rather than are served: L·(1 − W0/W), where W0 is how long a request stays
// that meets nobody. It is 0 when W is not above W0.
func Queued(inFlight, alone, residence float64) float64 {
	if !(residence > alone) || residence <= 0 {
		return 0
	}
	return inFlight * (1 - alone/residence)
}

// QueuedMethod names Queued.
const QueuedMethod = "L·(1 − W0/W), W0 the mean latency in the bins with the fewest requests in flight"
