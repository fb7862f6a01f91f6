package leak

import "go-debug/analyze"

const (
	ruleChanSend    = "leak/chan-send"
	ruleChanReceive = "leak/chan-receive"
	ruleSelect      = "leak/select"
	ruleNilChan     = "leak/nil-chan"
	ruleMutex       = "leak/mutex"
	ruleWaitGroup   = "leak/waitgroup"
	ruleCond        = "leak/cond"
	ruleIO          = "leak/io"
	ruleSleep       = "leak/sleep"
	ruleIterator    = "leak/iterator"
	ruleDeadlock    = "leak/deadlock"
	ruleOther       = "leak/other"
)

var rules = []analyze.Rule{
	{
		ID: ruleChanSend, Title: "goroutines blocked in a channel send that nobody receives", Severity: analyze.High,
		Remedy: "Give the channel room for every sender (make(chan T, n)), or send in a select with ctx.Done().",
		Doc: "The receiver returned early, timed out or was never started, and the sender waits for it for ever. " +
			"A buffer of one per sender lets the sender finish whether or not somebody listens.",
	},
	{
		ID: ruleChanReceive, Title: "goroutines blocked in a channel receive that nobody serves", Severity: analyze.High,
		Remedy: "Close the channel in the sender when it is done, or receive in a select with ctx.Done().",
		Doc:    "A receive or range over a channel that is neither sent to nor closed any more, such as a token taken twice or a worker whose queue was dropped without a close.",
	},
	{
		ID: ruleSelect, Title: "goroutines blocked in a select none of whose cases comes true", Severity: analyze.High,
		Remedy: "Add a case that ends the goroutine (ctx.Done(), a stop channel) and make sure that its owner cancels or closes it.",
		Doc:    "Often a worker with a Start and no Stop, a context whose cancel function is never called, or a connection nobody closes (net/http: a response body).",
	},
	{
		ID: ruleNilChan, Title: "goroutines that nothing can wake: a nil channel or a select without cases", Severity: analyze.High,
		Remedy: "Make the channel before it is used; end helpers by returning instead of select{}.",
		Doc:    "No event ends such a wait. A lone select{} in a helper that is meant to stay is harmless, so it is reported as possible unless more of them come.",
	},
	{
		ID: ruleMutex, Title: "goroutines piling up at a lock that is never released", Severity: analyze.High,
		Remedy: "Unlock on every return path, best with defer right after Lock.",
		Doc:    "The holder returned, panicked or blocked for ever with the lock held. Contention that moves is the business of mutexwait.",
	},
	{
		ID: ruleWaitGroup, Title: "goroutines waiting for a WaitGroup that never reaches zero", Severity: analyze.High,
		Remedy: "Start the work with wg.Go, or defer wg.Done() as its first statement.",
		Doc:    "A Done is missing on some path, or one of the goroutines waited for is itself stuck.",
	},
	{
		ID: ruleCond, Title: "goroutines waiting for a condition that is never signalled", Severity: analyze.High,
		Remedy: "Signal or Broadcast on every change that the waiters wait for, the final one included.",
		Doc:    "sync.Cond.Wait has no timeout and no cancellation: a missed Broadcast at shutdown leaves the waiters behind.",
	},
	{
		ID: ruleIO, Title: "goroutines waiting for I/O that never comes", Severity: analyze.High,
		Remedy: "Set a deadline (SetReadDeadline, http.Client.Timeout, server timeouts) and close the connection when its owner is done.",
		Doc:    "The peer keeps the connection open and says nothing, and no deadline ends the wait.",
	},
	{
		ID: ruleSleep, Title: "goroutines that sleep and never end", Severity: analyze.High,
		Remedy: "Give the loop a way out: a ticker in a select with ctx.Done() instead of time.Sleep.",
		Doc:    "Polling loops that are started again and again and never told to stop.",
	},
	{
		ID: ruleIterator, Title: "iterators that were pulled from and never stopped", Severity: analyze.High,
		Remedy: "Defer the stop function that iter.Pull returns right after the call.",
		Doc:    "iter.Pull runs the sequence in a coroutine, which waits between two values. It ends when the sequence does or when stop is called.",
	},
	{
		ID: ruleDeadlock, Title: "every goroutine waits and the runtime stopped the program", Severity: analyze.High,
		Remedy: "Take locks in one order everywhere, and let every channel operation of main have a peer that still runs.",
		Doc: "Read from a crash log: the runtime writes \"all goroutines are asleep - deadlock!\" when nothing can run any more. " +
			"It is proven, and goroutine 1 is part of it. A deadlock of some goroutines while others run is not seen by the runtime: " +
			"those show as leaks at a lock or channel. Dumps do not say who holds a lock, so a cycle of locks is not named.",
	},
	{
		ID: ruleOther, Title: "goroutines blocked for ever", Severity: analyze.High,
		Remedy: "Give the goroutine a way to end that does not depend on its peer.",
		Doc:    "The wait reason is none of the others, or the capture does not tell it (semacquire before go1.20).",
	},
}
