package heapgrowth

import "go-debug/analyze"

var rules = []analyze.Rule{
	{
		ID: ruleRetained, Title: "memory in use at one line grows, and nothing that it allocates is let go", Severity: analyze.High,
		Remedy: "Find the map, slice or list that what is allocated here ends up in, and give it an end: a bound with eviction, an expiry, or a delete when the request is over.",
		Doc: "All or nearly all that the line ever allocated is still in use, and more comes at an even rate. Something reachable from a global, a long-lived object or a goroutine " +
			"holds on to it. A cache that fills looks the same until it slows down; see the confidence and the measures.",
	},
	{
		ID: ruleGrowing, Title: "memory in use at one line grows, though part of it is let go", Severity: analyze.Medium,
		Remedy: "Look for what holds on to a part of what is allocated here: a sub-slice of a large array, a map whose entries are deleted on one path only, a queue that is filled faster than emptied.",
		Doc:    "The line also allocates what is freed again, so growth may be that of work in progress. Compare with the requests in flight, and capture for longer.",
	},
	{
		ID: ruleChannels, Title: "buffers of channels hold much of the heap", Severity: analyze.Medium,
		Remedy: "Make the buffer as deep as bursts need, not as deep as it may be; send pointers or indices instead of large values; share one queue between receivers.",
		Doc: "make(chan T, n) allocates n times the size of T at once, whether or not anything is ever sent, and holds it until the channel is gone. For thousands of channels that is memory for the " +
			"worst moment of each at the same time.",
	},
	{
		ID: ruleConnections, Title: "buffers of connections hold much of the heap", Severity: analyze.Medium,
		Remedy: "Use smaller buffers (bufio has 4 KiB by default), take large ones from a sync.Pool while there is something to read, or have fewer connections: reuse them, and close idle ones.",
		Doc:    "A connection that waits holds its buffers: idle connections cost as much as busy ones. golang/go#43966 is a program of which 59 % was buffers of net/http's transport.",
	},
	{
		ID: ruleGoroutines, Title: "goroutines that wait each hold a large object", Severity: analyze.Low,
		Remedy: "Allocate when there is something to do and let go before waiting, take the object from a sync.Pool, or have fewer goroutines.",
		Doc:    "There are as many objects of one size as goroutines that wait, and the line that allocates them is a function of theirs. What a waiting goroutine holds is in use, however long it waits.",
	},
	{
		ID: ruleHuge, Title: "a few huge objects at one line hold much of the heap", Severity: analyze.Low,
		Remedy: "If it is a buffer: read, process and write in pieces. If it is a slice that grew: its old array is garbage until the next collection, so make it once with its size. If it is the program's data, nothing.",
		Doc:    "Objects of a mebibyte and more. Buffers for whole files and bodies, arrays sized for the worst case, but also tables that a program has for good reason.",
	},
	{
		ID: ruleMany, Title: "many objects of one size at one line hold much of the heap", Severity: analyze.Info,
		Remedy: "If these are buffers of channels or scratch space, make them smaller or fewer. If it is a cache, its bound is what to look at.",
		Doc:    "A remark: who decides on the size of one decides on a large part of the heap. Heap profiles leave out the runtime's functions, so they do not show whether it is a channel, a slice or a map.",
	},
}
