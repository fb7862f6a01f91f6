package evidence

// Requests is what the requests of one route look like in execution traces, rebuilt without annotations.
// All durations are nanoseconds. Stack ids are the Trace's.
//
// A request lasts from its arrival to its end. Where the server read it without having to wait, nobody saw it
// arrive: it came at some time between the end of the one before on its connection and that read. Latency and
// all that is not called otherwise then count from the read (the lower bound), Upper from that end (the upper). Upper
// also counts that requests may have come up to 20 ms before they were seen to while all processors were busy.
type Requests struct {
	Protocol string `json:"protocol"` // http/1, http/2, grpc or function
	Route    string `json:"route"`    // the program's function that handles it; empty when no event shows it

	Completed int64 `json:"completed"` // arrived and ended in the window
	// Earlier arrived before the window and ended in it, Open were not over at its end: of those the duration
	// is a lower bound.
	Earlier int64 `json:"earlier"`
	Open    int64 `json:"open"`
	// OpenEarlier are those of Open that arrived before the window too.
	OpenEarlier int64 `json:"open_earlier,omitempty"`
	// Unseen are those of Completed and Open whose arrival nobody saw.
	Unseen int64 `json:"unseen"`
	// Abandoned had lost their client before the handler returned.
	Abandoned int64 `json:"abandoned,omitempty"`
	// Hijacked handed their connection to the handler, and count as over then.
	Hijacked int64 `json:"hijacked,omitempty"`

	Latency  Histogram `json:"latency"` // of Completed
	Upper    Histogram `json:"upper"`
	Handler  Histogram `json:"handler"`  // of Completed: from the start of the handler to the end
	Censored Histogram `json:"censored"` // of Earlier and Open, as far as the window shows
	// Ages are of those of Open that arrived in the window, as long as it keeps single requests: see Met.
	Ages Histogram `json:"ages"`

	// InFlightNS is the time that all of them took within the window, which is the sum of States; over the
	// window it is the mean number in flight. UpperNS is that with the arrivals nobody saw as early as can be.
	InFlightNS int64 `json:"in_flight_ns"`
	UpperNS    int64 `json:"upper_ns"`

	// Arrived is how many arrived in each of RequestParts parts of the window of one length. It is empty when several
	// windows were merged, whether or not the route is in all of them, or not all requests kept.
	Arrived []int64 `json:"arrived,omitempty"`

	States []RequestState `json:"states"`
	// FanOut is nil where no request was seen to start a goroutine.
	FanOut *FanOut `json:"fan_out,omitempty"`
	// Met are latencies by the number of requests of all routes that one met on its arrival, itself included.
	// It holds those of Completed, as long as the window keeps single requests: the first half million.
	Met       []Met             `json:"met,omitempty"`
	Exemplars []RequestExemplar `json:"exemplars,omitempty"`
}

// RequestState is the time that requests of a route spent in one state at one stack.
type RequestState struct {
	State string `json:"state"`
	Stack int32  `json:"stack"` // where it waits or is in a system call; 0 for running and runnable
	NS    int64  `json:"ns"`
	// Parts is that time over the window, in RequestParts parts of the window of one length. It is empty when
	// several windows were merged.
	Parts []int64 `json:"parts,omitempty"`
}

// RequestParts is the number of parts of a window in which states are told apart.
const RequestParts = 12

// The states of a request beside the names of Wait. Each nanosecond is in one.
const (
	StateRunning     = "running"
	StateRunnable    = "runnable"     // for a processor
	StateAssist      = "gc-assist"    // running, but for the collector
	StateSyscall     = "syscall"      // files, mostly
	StateDownstream  = "downstream"   // the answer of another service or database
	StatePool        = "pool"         // a free connection or worker
	StateLimiter     = "limiter"      // the program's own limit of a rate
	StateClientRead  = "client-read"  // the rest of the request
	StateClientWrite = "client-write" // room for the reply
	StateNetwork     = "network"      // any other socket
	StateUnknown     = "unknown"
)

// RequestExemplar is one of the slowest requests of a route.
type RequestExemplar struct {
	Exemplar
	Open bool `json:"open,omitempty"` // not over at the end of the window
	// Line is what it did, in order. Where Sums is true there was more than fits: then it is the sum by state.
	Line []RequestSegment `json:"line"`
	Sums bool             `json:"sums,omitempty"`
}

// RequestSegment is one state of a request, or of a goroutine of its own.
type RequestSegment struct {
	State string `json:"state"`
	Stack int32  `json:"stack"`
	NS    int64  `json:"ns"`
	// Waker is the stack of who ended the wait; 0 where that is no code of the program, or not known.
	Waker int32 `json:"waker,omitempty"`
	// Child is who ended the wait, if that was a goroutine of the request's own; of several, the one that was waited
	// for longest.
	Child *RequestChild `json:"child,omitempty"`
}

// RequestSeries is the requests of all routes over time, in bins of BinNS.
type RequestSeries struct {
	BinNS      int64   `json:"bin_ns"`
	Arrived    []int64 `json:"arrived"`
	Ended      []int64 `json:"ended"`
	InFlightNS []int64 `json:"in_flight_ns"` // request time in the bin
	UpperNS    []int64 `json:"upper_ns"`     // with arrivals that nobody saw as early as can be
	// DurationNS is how long those that ended in the bin took, as far as the window shows. It is nil where that is not
	// known of all.
	DurationNS []int64 `json:"duration_ns,omitempty"`
}

// MaxRoutes bounds the routes that are told apart; further ones share OtherRoute.
const MaxRoutes = 256

// OtherRoute is the route of all beyond MaxRoutes.
const OtherRoute = "(other)"

// RequestWindow is what is known of the requests of one trace as a whole.
type RequestWindow struct {
	Series   RequestSeries `json:"series"`
	Max      int64         `json:"max"`                // most in flight at once, by the lower bounds
	MaxUpper int64         `json:"max_upper"`          // by the upper ones
	Excluded int64         `json:"excluded,omitempty"` // requests for profiles and metrics, which are left out
	// Blind is the time in which requests could not be looked for.
	BlindNS int64 `json:"blind_ns,omitempty"`
	// Lost are requests of which events are missing or contradict each other.
	Lost int64 `json:"lost,omitempty"`
	// Unfollowed are goroutines that requests started while more than 131,072 others of requests were known.
	Unfollowed int64 `json:"unfollowed,omitempty"`
}
