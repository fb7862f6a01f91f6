//go:build !linux

package main

import (
	"errors"
	"time"
)

func keepTime() error { return errors.New("pauses of some microseconds take Linux") }

func pause(d time.Duration) { time.Sleep(d) }
