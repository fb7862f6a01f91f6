// Package netwait finds what a program waits for at the other end of a connection, and what connections cost it:
// pools that are too small or too many, clients that send nothing, handshakes and polling.
//
// # What it finds
//
//   - netwait/pool-starved: queries wait for a connection of database/sql longer than they take.
//   - netwait/sql-open: pools of database/sql are opened again and again and not closed.
//   - netwait/slow-clients: requests wait for clients that send, or take, nothing.
//   - netwait/handshakes: TLS handshakes take a large share of the CPU.
//   - netwait/polling: asking the kernel what is ready does.
//
// # Evidence
//
// Goroutine snapshots say who waits, by the exact frames of net/http and database/sql, and those with ids who still
// waits in the next one. A trace has how long each wait took (P50, P95, P99), who made no move, and for which line connections
// are dialled. CPU profiles have the shares of handshakes and polling. Allocs and heap profiles name the line that opens pools where no
// trace does. Metrics give requests a second.
//
// # How it decides
//
// One cause is one finding, so detectors divide the work. What grows because it never ends is leak's: bodies that are not
// closed (a persistConn.readLoop in a select for each, with its writeLoop), transports made for each request, streams
// and connections of gRPC, goroutines in reads that nobody ends. A queue that lengthens is inflight's. What is left is here: what
// stands, and hurts; and the pools of database/sql, whose goroutines leak leaves to this detector.
//
// A goroutine waits for a pool when (*DB).conn is its innermost frame, in a select. One in a driver's frames
// has a connection or makes one. The pool is starved when on average, over the trace or else over the snapshots, at least two wait, and
// as many as have a connection: then a query waits longer than it takes. From one snapshot it takes ten, and is possible.
// Where the same goroutines wait in all snapshots none got a connection: they are not given back.
//
// The number of goroutines in (*DB).connectionOpener is that of pools. Ten and more that become more at every
// snapshot are a finding; many that stay are those of tenants. Those that the runtime finds unreachable (goroutineleak) are proven.
//
// A request waits for its client in (*body).readLocked (the body), in (*conn).readRequest (the header) or in a write of the response. A connection
// that is idle between two requests stands in (*conn).serve itself and is none. Slow is not stalled: at least 20 goroutines have to be the same, by id, in snapshots
// over 5 s, and nine in ten of them must not have moved while a trace looked, if there is one. Long polls wait elsewhere, and streams move.
//
// Shares of the CPU count when the lower end of their 95 % interval, widened for runs of samples, is above the
// threshold, from 200 samples on. Where the scheduler takes more than a quarter beside it, polling is part of that: the
// program switches goroutines, which sched reports, or has so little to do that it falls asleep between any two things.
// The line named for handshakes is the one for which most connections are dialled; a server has none.
//
// # Thresholds
//
// The parameters below. What polling takes depends on how many messages an answer of the kernel brings. A receiver of
// datagrams that come one by one spends 0.42 of its CPU on asking and 0.44 on reading. Writing outweighs both: one who echoes 8 bytes
// over a connection spends 0.2 on asking and 0.8 on reads and writes, over eight of them 0.05 and 0.9, and hotpath/small-io names the cause.
// 26,000 small messages a second on 32 connections cost 0.09.
//
// # False positives
//
// A batch that keeps a small pool busy on purpose: what waits for it are its own workers, and nobody waits for them. Load tests
// of connection set-up are nothing but handshakes; those of test binaries are left out. Uploads over networks that stop for longer than 5 s, and bodies
// that are left open as a stream of events to come, look like stalled clients; a timeout is missing there nonetheless.
// Reports that use names of third parties (gRPC) rest on no list of this detector.
//
// # Remedy
//
// Deadlines for whatever depends on a peer; one pool, as large as its database allows; connections that are kept.
package netwait
