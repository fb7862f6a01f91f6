package sched

import "go-debug/analyze/signature"

// The signatures name functions of go1.20 to go1.27.
var (
	sigScheduler = signature.Signature{Anywhere: []string{
		"runtime.schedule", "runtime.findRunnable", "runtime.park_m", "runtime.mcall", "runtime.goschedImpl"}}
	sigSearch = signature.Signature{Anywhere: []string{"runtime.findRunnable"}}
	// Switching is scheduling without the search for work, which is large where there is none.
	sigSwitching = signature.Signature{Anywhere: sigScheduler.Anywhere, Unless: sigSearch.Anywhere}
	// Yielding is goschedImpl by the program's own wish: goroutines that are interrupted come there too.
	sigYielding = signature.Signature{Anywhere: []string{"runtime.goschedImpl"}, Unless: []string{"runtime.gopreempt_m", "runtime.preemptPark"}}
	// The collector's sweeper yields after every few spans while all Ps are busy.
	sigSweeper = signature.Signature{Anywhere: []string{"runtime.bgsweep"}}
	sigGosched = signature.Signature{Anywhere: []string{"runtime.Gosched"}}
	// Looking for work and parking and waking the threads that do, but not the poller's own work, nor that of timers.
	sigSpinning = signature.Signature{Anywhere: []string{"runtime.findRunnable", "runtime.wakep", "runtime.startm", "runtime.stopm"},
		Unless: []string{"runtime.netpoll", "runtime.(*timers).check", "runtime.checkTimers"}, Gone: []string{"runtime.checkTimers"}}
	// Operations by which a goroutine waits, wakes another or makes one: the part of a switch that has the
	// program's own stack.
	sigSwitchCalls = signature.Signature{Anywhere: []string{
		"runtime.newproc", "runtime.goready", "runtime.ready", "runtime.gopark", "runtime.mcall",
		"runtime.chansend", "runtime.chanrecv", "runtime.selectgo", "runtime.semacquire1", "runtime.semrelease1", "time.Sleep"}}
)

// signatures are all of them, for the test that compares them with the toolchain.
var signatures = []signature.Signature{sigScheduler, sigSearch, sigSwitching, sigYielding, sigSweeper, sigGosched, sigSpinning, sigSwitchCalls, signature.Preempted}
