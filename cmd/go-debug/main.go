// Command go-debug says what is wrong with a Go service from what it already emits:
// profiles, goroutine dumps, execution traces and metrics.
package main

import "go-debug/cmd/internal/cli"

func main() { cli.Main() }
