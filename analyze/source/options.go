package source

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"time"

	"go-debug/analyze/evidence"
)

// CaptureKinds are the kinds that a live endpoint can be asked for, in the order of a plan.
var CaptureKinds = []evidence.Kind{
	evidence.Goroutine, evidence.CPU, evidence.Mutex, evidence.Block, evidence.Allocs, evidence.Execution,
	evidence.Metrics, evidence.Heap, evidence.ThreadCreate, evidence.GoroutineLeak,
}

// The defaults of a capture.
const (
	DefaultFor   = 10 * time.Second
	DefaultTrace = time.Second
	// DefaultSnapshots is how many goroutine snapshots are spread over the window.
	DefaultSnapshots = 6
	// DefaultStackLimit is the number of goroutines from which on debug=2 is not asked for:
	// it stops the program while it writes (2.9 s at 100,000 goroutines), debug=0 does not.
	DefaultStackLimit = 20_000
	// DefaultLeakLimit is the number of goroutines from which on the runtime is not asked to
	// look for leaks: it collects garbage for it, once for each layer of goroutines that only
	// other blocked ones can reach.
	DefaultLeakLimit = 50_000
	// NoLimit is above any number of goroutines.
	NoLimit = math.MaxInt64

	maxSnapshots = 1000
	maxWindow    = time.Hour
)

// CaptureOptions say what to capture. The zero value of a field means its default.
type CaptureOptions struct {
	// Output is the bundle to write: a .zip, .tar.gz, .tgz or .tar by its name, else a
	// directory. It must not exist yet.
	Output string
	// For is the window. The target counts in whole seconds, so profiles cover it rounded up.
	For time.Duration
	// Every is the time between goroutine snapshots.
	Every time.Duration
	// Trace is the length of the execution trace.
	Trace time.Duration
	// StackLimit is the number of goroutines from which on debug=2 is not asked for, LeakLimit
	// that for goroutineleak.
	StackLimit, LeakLimit int64
	// Collect has the target collect garbage before each heap profile, which then shows what is in use at that
	// moment and not up to two collections ago. It costs the target so many collections.
	Collect bool
	// Kinds are the kinds to capture; empty means all of CaptureKinds.
	Kinds []evidence.Kind
	// Tool is the version of go-debug, for capture.json.
	Tool string

	// Load, if set, drives load on the target. It is called when the goroutines without it have
	// been captured, and the window begins; the capture waits for it to return.
	Load func(context.Context)
	// Settle is how long to wait, after the window and the load have ended, before goroutines
	// are captured once more, to see which survive; 0 means that they are not. Without a Load they
	// are captured twice, to see whether it goes on.
	Settle time.Duration

	// Client makes the requests. Its redirect policy and timeout are replaced.
	Client *http.Client
	// Access is what the target demands of who asks.
	Access Access
	// HeaderTimeout, IdleTimeout (the longest pause of a body) and TotalTimeout bound one request,
	// on top of the time that the target was asked to collect; MaxBytes bounds one body.
	HeaderTimeout, IdleTimeout, TotalTimeout time.Duration
	MaxBytes                                 int64

	// Progress, if set, is told of every file and remark. Calls do not overlap.
	Progress func(Event)
	// Estimated, if set, is told what the capture will cost before it begins, and Settling that
	// the window and the load are over and the wait of Settle begins.
	Estimated func(Cost)
	Settling  func()
}

// Event is a step of a capture.
type Event struct {
	Target  string
	Elapsed time.Duration // since the start
	For     time.Duration // the window
	File    string        // the file that was taken; empty for a remark alone
	Bytes   int64
	Remark  string // why something was skipped or cut
}

func (o CaptureOptions) withDefaults() (CaptureOptions, error) {
	if o.For == 0 {
		o.For = DefaultFor
	}
	if o.Every == 0 {
		o.Every = o.For / (DefaultSnapshots - 1)
	}
	if o.Trace == 0 {
		o.Trace = DefaultTrace
	}
	if o.StackLimit == 0 {
		o.StackLimit = DefaultStackLimit
	}
	if o.LeakLimit == 0 {
		o.LeakLimit = DefaultLeakLimit
	}
	if len(o.Kinds) == 0 {
		o.Kinds = CaptureKinds
	}
	switch {
	case o.For < 0 || o.For > maxWindow:
		return o, fmt.Errorf("a window of %s is not between 0 and %s", o.For, maxWindow)
	case o.Every <= 0:
		return o, fmt.Errorf("%s between snapshots is not above 0", o.Every)
	case o.For/o.Every >= maxSnapshots:
		return o, fmt.Errorf("a snapshot every %s for %s makes more than %d", o.Every, o.For, maxSnapshots)
	case o.Settle < 0 || o.Settle > maxWindow:
		return o, fmt.Errorf("a wait of %s is not between 0 and %s", o.Settle, maxWindow)
	case o.Trace < 0 || o.Trace > o.For && o.Trace > DefaultTrace:
		return o, fmt.Errorf("a trace of %s does not fit into a window of %s", o.Trace, o.For)
	}
	for _, k := range o.Kinds {
		if !slices.Contains(CaptureKinds, k) {
			return o, fmt.Errorf("%q is no kind that a live endpoint serves (have %v)", k, CaptureKinds)
		}
	}
	return o, nil
}
