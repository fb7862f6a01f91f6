//go:build go1.23

package main

import "iter"

func init() {
	further = append(further, func() { go ranger() }, func() { go pulled() })
}

// ranger waits in the body of a range over a function.
func ranger() {
	for v := range numbers {
		func() { full <- v }()
	}
}

// pulled leaves a coroutine behind.
func pulled() {
	next, _ := iter.Pull(numbers)
	next()
	<-never
}

func numbers(yield func(int) bool) {
	for i := 0; yield(i); i++ {
	}
}
