package selectwait

import "go-debug/analyze/signature"

// The signatures name functions of go1.20 to go1.27.
var (
	sigSelecting = signature.Signature{Anywhere: []string{"runtime.selectgo"}}
	// Polling is a select of one case and a default. Those of more cases are in selectgo.
	sigPolling = signature.Signature{Anywhere: []string{"runtime.selectnbrecv", "runtime.selectnbsend"}}
	sigClosing = signature.Signature{Anywhere: []string{"runtime.closechan"}}
	// Channels are plain sends and receives.
	sigChannels = signature.Signature{Anywhere: []string{"runtime.chansend", "runtime.chanrecv"}, Unless: sigPolling.Anywhere}
	// Locks are the channels' own, in sends and receives that may wait.
	sigLocks = signature.Signature{Anywhere: []string{"runtime.lock2", "runtime.unlock2", "runtime.lock", "runtime.unlock"}}
	// Enqueueing is what a select does that waits, and one with a default never does.
	sigEnqueueing = signature.Signature{Anywhere: []string{"runtime.acquireSudog", "runtime.releaseSudog", "runtime.gopark"}}
	// Moving is what a select does that has sent or received: elements go to and from buffers and other goroutines. To
	// wake such a goroutine, which is rare and takes long, is not of it.
	sigMoving = signature.Signature{Anywhere: []string{
		"runtime.typedmemmove", "runtime.typedmemclr", "runtime.chanbuf", "runtime.sendDirect", "runtime.recvDirect"}}
	// Switching is what the scheduler takes to go from one goroutine to the next.
	sigSwitching = signature.Signature{Anywhere: []string{
		"runtime.schedule", "runtime.findRunnable", "runtime.park_m", "runtime.mcall", "runtime.goschedImpl"}}
)

// signatures are all of them, for the test that compares them with the toolchain.
var signatures = []signature.Signature{sigSelecting, sigPolling, sigClosing, sigChannels, sigLocks, sigEnqueueing, sigMoving, sigSwitching}
