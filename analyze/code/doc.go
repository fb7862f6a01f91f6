// Package code reads the program's own source at the places where its goroutines block
// and says what is wrong there: an early return past an unbuffered channel, a context that
// nobody cancels, a return with a mutex locked.
//
// It works on syntax and types alone, without the go command and without the packages that
// the program imports: imports.txt declares the part of the standard library that matters,
// every other import is unknown and so is what it returns. What is unknown is never guessed
// at: a channel that leaves the visible code, or a place that differs from the capture, gets
// no pattern.
//
// From the capture to a fact:
//
//	sites     the blocked stacks of a capture, each once          (sites.go)
//	tree      their files below the directory, nothing outside    (tree.go)
//	program   the packages of those files, parsed and checked     (load.go, program.go)
//	place     the operation and the goroutine's start             (place.go)
//	values    which channels, contexts and functions meet where   (values.go, flow.go)
//	paths     what happens on every way through a function        (paths.go and others)
//	judges    one per kind of wait: send, receive, lock, …        (judge_*.go)
package code
