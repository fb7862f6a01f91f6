//go:build race

package gostack

// The race detector's own threads keep the runtime from noticing that all goroutines sleep.
const deadlocksAreSeen = false

const raceDetector = true
