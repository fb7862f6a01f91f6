// Package heapgrowth finds memory that grows, by the line that allocates it, and lines that hold much of the
// heap in buffers.
//
// # What it finds
//
//   - heapgrowth/retained: memory in use at one line grows, and nothing that it allocates is let go.
//   - heapgrowth/growing: it grows, though part of it is let go.
//   - heapgrowth/channel-buffers: channels with buffers so deep that they are much of the heap.
//   - heapgrowth/connection-buffers: buffers of connections, most of which wait.
//   - heapgrowth/goroutine-buffers: goroutines that wait and each hold a large object.
//   - heapgrowth/huge-objects: objects of a mebibyte and more.
//   - heapgrowth/many-objects: a remark, thousands of objects of one size that hold a third of the heap.
//
// A finding on growth says how much it is a second, for each request where those are counted, what part of the heap, and how long until it is a gigabyte.
// One on buffers says how many objects, how large each is, and what part of the heap they hold.
//
// # Evidence
//
// Heap profiles. One shows what holds the heap; growth takes three, each of a collection of its own. A capture
// spreads six over its window. Goroutine snapshots beside them tell whose the objects are: as many objects at
// a line as goroutines that wait, which the line's function has started or stands on the stacks of. Metrics give the growth
// for each request.
//
// Heap profiles leave out the runtime's functions above the program's, so that a line with make(chan T, n)
// shows no makechan: that an object is a channel follows from the goroutines that wait on one.
//
// # How it decides
//
// What is in use is known as of the last collection that ended, and the profile may be two collections old.
// Profiles in which no total has changed are of one collection and count as one. A program that
// collects rarely needs a longer window, or go-debug capture --gc, which has it collect before each profile. What is in use is
// a state: it is compared, never subtracted and called a rate. Profiles that are differences (?seconds=N,
// -diff_base; golang/go#67942) or sums are left out; so are those of other programs, builds and sampling rates, and
// those from before or after a restart, in which what was allocated since the start falls.
//
// Each stack belongs to the program's own innermost line on it, else to that of a module that it depends on. A
// line grows when all of these hold:
//
//   - it holds more at every profile than at the one before (of six and more: Mann-Kendall, p < 0.01);
//   - the slope, by least squares, is above two standard errors. Those are of sampling, or of the distance
//     from the line, whichever is larger. A sampled number of bytes has σ = bytes·√((1−p)/(p·n)) for n objects
//     of s bytes, each sampled with p = 1 − exp(−s/rate): √(rate/bytes) relative where objects are small. What stays
//     is the same sample in each profile, so that only what came and went in between makes growth uncertain;
//   - growth within the window is 5 % of the heap and a mebibyte.
//
// Growth that comes to its end is a cache that fills. To tell, growth is taken per byte that the whole program
// allocated, a clock that stands still with the load and is as old as the profile: the later half of the profiles
// over the earlier half, and within the profiles over before them. Below a half, or a quarter, it is no finding, and the line is named among
// what was not checked. Objects in use over objects ever allocated is what the line retains: from 0.9 on nothing is let go.
//
// Confidence is likely where nothing is let go, both ratios are 0.7 or more, five profiles or more rise by three standard errors, and the line held
// twice the growth before the first: it has grown evenly for three windows. All else is possible: fewer
// profiles, a program that has just started, a line that also frees. A cache that fills evenly for longer than three windows
// cannot be told from a leak by any profile, only by its bound.
//
// Where goroutines grow by half and by a hundred within the capture, what they hold grows with them. That is
// one cause, which detectors leak and inflight report; memory is then noted as not checked.
//
// Buffers are judged on the last profile. Objects of 16 KiB and more, 50 at least, that hold a tenth of the heap
// (at the lower end of the interval) and 16 MiB are those of channels, connections or goroutines where as many
// goroutines wait (within a tenth and 2σ), those of goroutines also where these sleep or wait for locks; those of connections also where bufio or net/http makes them. What a function makes for
// goroutines that it starts, and that wait on channels, is taken for the channels' buffers unless each is a power of two of bytes, which a
// channel with its values is not: possible, for they may be given anything else. Lines of
// dependencies and of the distribution are low: their size is a setting at best. Huge and many objects are remarked on unless the main
// goroutine made them: data that a program loads as it starts is what it is for.
//
// # Thresholds
//
// The parameters below. Sampling makes a site of 10 MiB uncertain by 22 % (2σ) at the default rate, one of 100
// MiB by 14 % at objects of 40 KiB.
//
// # False positives
//
// Caches and tables by design: that nothing is let go is what they are for. They end growing at their bound, and then
// are none; filling, they are possible at most unless it takes them longer than three windows. Work in progress that grows with
// the load is possible. Large buffers that a protocol needs (video, bulk copies) are what the program is for; one size for
// all objects is normal for a cache of pages, a remark at most. A program that allocates little between
// collections shows memory of a while ago.
//
// # Remedy
//
// Bound what keeps: a size with eviction, an expiry, a delete on every path. Make buffers as deep as bursts need, and let
// go of what a goroutine does not need while it waits.
package heapgrowth
