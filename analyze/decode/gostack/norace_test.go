//go:build !race

package gostack

const deadlocksAreSeen = true
