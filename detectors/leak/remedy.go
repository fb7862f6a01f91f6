package leak

import (
	"regexp"
	"strings"

	"go-debug/analyze/evidence"
)

// remedy is what to change, where that is not what the rule says: rules speak of operations of the program's
// own. It is empty where they are right. begun says that the finding's line is the one for which a library
// started the goroutines.
func (c *candidate) remedy(begun bool) string {
	switch {
	case c.code != nil && c.code.Fix != "":
		return c.code.Fix
	case accepts(c.stack):
		return "Close the listener when its owner is done, or the server that serves it (defer srv.Close()): Accept returns then."
	case c.class == evidence.WaitIO && c.stack.Contains(fileRead):
		return "Have the other side end when this one is done: close the standard input of the command that writes here, or start it " +
			"with a context (exec.CommandContext) and cancel that; a pipe or device of the program's own, close."
	case c.class == evidence.WaitCoroutine:
		return ""
	case begun:
		return "End what is begun here when its owner is done with it: cancel the context that it was given, or close it."
	case c.library() != "" && own(c.creator):
		return "Stop what is started here when its owner is done: close the stop channel or cancel the context that it was given."
	}
	if callee := c.libraryCall(); callee != "" {
		return callee + " waits for others: let them end, or give back what they hold, on every path (defer), and call it with a " +
			"context that ends where it takes one."
	}
	return ""
}

// libraryCall is the function of a library in which the program waits on a channel; empty where the program
// itself does.
func (c *candidate) libraryCall() string {
	switch c.class {
	case evidence.WaitSelect, evidence.WaitChanRecv, evidence.WaitChanSend, evidence.WaitChan:
	default:
		return ""
	}
	k := innermostOwn(c.stack)
	if k <= 0 {
		return ""
	}
	callee := c.stack[k-1]
	if p := callee.Package(); internalFrame(callee) || callee.IsWrapper() || p == "sync" || p == "time" {
		return ""
	}
	return shortName(callee.Function)
}

// shortName is a function as a program that imports it writes it: backoff.Retry of
// github.com/cenkalti/backoff/v4.Retry, yaml.Unmarshal of gopkg.in/yaml%2ev3.Unmarshal.
func shortName(function string) string {
	function = majorVersion.ReplaceAllString(function, ".")
	return function[strings.LastIndexByte(function, '/')+1:]
}

// majorVersion is what the path of a module ends in from its second major version on, and that of one of gopkg.in always.
// A path that ends in /v1 is that of a package which is called so.
var majorVersion = regexp.MustCompile(`(?:/v(?:[2-9]|[1-9][0-9]+)|%2ev[0-9]+)\.`)
