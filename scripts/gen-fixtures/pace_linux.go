package main

import (
	"runtime"
	"syscall"
	"time"
)

// keepTime gives the goroutine a thread of its own, which the kernel wakes from a pause when it has asked for it and
// not up to 50 µs later.
func keepTime() error {
	runtime.LockOSThread()
	const setTimerSlack, nanosecond = 29, 1 // of prctl
	if _, _, errno := syscall.Syscall(syscall.SYS_PRCTL, setTimerSlack, nanosecond, 0); errno != 0 {
		return errno
	}
	return nil
}

// pause sleeps in the kernel: the runtime's timers are as fine as a millisecond while all Ps are idle.
func pause(d time.Duration) {
	if d > 0 {
		t := syscall.NsecToTimespec(int64(d))
		syscall.Nanosleep(&t, nil)
	}
}
