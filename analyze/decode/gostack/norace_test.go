//go:build !race

package gostack

const deadlocksAreSeen = true

const raceDetector = false
