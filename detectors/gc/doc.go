// Package gc finds what the garbage collector costs: CPU time, pauses, allocations that have to help,
// collections without rest, and what the program adds by finalizers, runtime.GC and runtime.ReadMemStats.
//
// # What it finds
//
// Collecting costs what is marked for each collection, times the collections that allocating asks for.
// Findings name the line that allocates most, or that calls what costs:
//
//   - gc/back-to-back: one collection follows the other. The memory limit (GOMEMLIMIT) is near what is in
//     use, or GOGC is far too low: the program stands at the edge of doing nothing else.
//   - gc/forced: the program runs the collector itself, by runtime.GC or debug.FreeOSMemory.
//   - gc/cpu: a large share of the CPU goes into collecting.
//   - gc/assist: goroutines are made to help the collector where they allocate, in the middle of requests.
//   - gc/pause: the collector stops the world for long, because a line of the program cannot be stopped.
//   - gc/stretched-pause: it does, and nothing in the program explains it.
//   - gc/stop-the-world: the program stops the world itself, by runtime.ReadMemStats or runtime.GOMAXPROCS.
//   - gc/sweep: allocations wait for memory to be swept.
//   - gc/alloc: allocating itself is a large share of the CPU.
//   - gc/finalizers: finalizers and cleanups are set and run at a high rate.
//   - gc/write-barriers: pointers are written at a high rate while the collector marks.
//
// # Evidence
//
// CPU profiles say what share collecting takes; execution traces have every pause by kind, every assist
// with its line and whether a request was hit by it, and how long the collector marked; allocs profiles name
// the lines that allocate.
//
// # How it decides
//
// Shares are of all samples of the CPU profiles and count when the lower end of their 95 % interval is
// above the threshold, from at least 200 samples, and the cost is a tenth of a core or more. The interval is that of a binomial share (Wilson), made
// wider by √3, for samples come in runs. What the collector does on Ps that had nothing else to do
// (gcDrainMarkWorkerIdle, go1.22 and later) is part of the share and told apart: it costs CPU, quota and
// battery, and no latency. A share of 40 % or more is likely too much, less is possible.
//
// Shares of one cause are one finding. Where gc/back-to-back, gc/forced or gc/cpu is reported, assists,
// sweeping, write barriers and allocating are measures of it and no findings of their own. Finalizers that
// outweigh the collector explain it: sweeping what has one is most of what it does. Sweeping or write barriers that
// are more than half of the collector's share and above their own threshold explain it, too, and are reported
// instead: what helps is another change.
//
// Collections are back to back when a trace shows at least five that mark for 75 % of the time or more,
// while the heap does not grow: a program that starts up grows. They are forced when at least half of
// those in the trace began while a goroutine waited in runtime.GC.
//
// A pause is from the request to stop until the world goes on, as traces record it. A quantile is above a
// threshold when so many pauses are longer that their share's interval is. Pauses for starting and stopping
// the trace and for goroutine dumps are those of whoever looks, and are left out. What cannot be
// interrupted while the world should stop is code in assembly that copies, clears, compares or hashes memory
// in one piece: the line that does most of that in the CPU profile is named. It is not named where its pieces cannot last for most
// of the long pauses, given the size of the heap and of the largest piece that the line allocates (2 bytes a nanosecond for copying; what is hashed, at 0.3,
// or compared is read alone). That piece is the largest of the sizes of the line's stacks in the allocs profile, or all that a stack allocated where it
// allocated several sizes, which are added up. Nor is it named
// where the profile shows that the kernel withheld the CPU. Where there is none the reason lies
// outside of the program, possible where the profile has few samples; without a CPU profile nothing tells, and the pauses are gc/pause, possible.
//
// The line named for the collector's cost is the one that allocates most bytes in the allocs profile, else
// the one with most CPU samples in the allocator, else the one with the longest assists.
//
// # Thresholds
//
// A JSON server spends 13 to 15 % of its CPU on collecting, a type checker 18 %, the same work with
// GOGC=20 63 %. The runtime's pacer plans 25 % of the Ps for marking while a collection runs, and its
// limiter stops at 50 %. Assists are 0 to 2 % in healthy programs and 29 to 34 % in ones that allocate
// faster than is marked, sweeping (without the sweeper's yielding) 3 to 5 and 19 to 25 %, allocating 14 to 17 (a type checker: 23) and 67 to
// 72 %, finalizers 0 and 58 to 73 %, write barriers 2 to 5 %. Pauses of healthy programs
// on a machine of their own are 20 to 150 µs; the runtime's design goal of 2015 was 10 ms.
//
// Write barriers have a fixture in which they take 0.18, gc/assist one of 0.15 and gc/sweep one of 0.23. Stretched
// pauses have one with eight Ps under a CPU quota of one: a tenth of its pauses is longer than 5 ms, by the runtime's own count too, and
// none of its twin's. With a CPU profile sched/throttled says what withholds the CPU, and the pauses are
// folded into that; a trace alone shows the pauses, not why, and assists that last as long as their threads stand still: those are low
// beside such pauses.
//
// # False positives
//
// Batch programs with a small heap collect often and may not care: GOGC=400 costs them a few megabytes.
// Benchmarks call runtime.GC and runtime.ReadMemStats between runs: what the testing package does counts
// nowhere, and where it asks for half of the collections nothing is said of their cost. Profiles of go1.21 and older do not tell idle marking from other marking. On a machine with
// other load, or under a CPU quota, pauses last until the kernel lets the last thread run: detector
// profilequality and sched/throttled say so. Where the former doubts the shares, confidence falls by one.
//
// # Remedy
//
// Allocate less at the named line: reuse buffers, preallocate, keep values instead of pointers. Then let
// the heap grow: raise GOGC, with GOMEMLIMIT at nine tenths of the container's memory as the guard, and
// with room between that limit and what is in use.
package gc
