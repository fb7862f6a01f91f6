// Package hotpath finds CPU that a small change at one line saves: regular expressions and templates compiled
// for each call, slices and maps that grow step by step, strings put together piece by piece, timers and
// deferred calls made in loops, stacks that grow in every goroutine, and system calls for single bytes.
//
// # What it finds
//
//   - hotpath/regexp-compile, hotpath/template-parse: made anew for each call instead of once.
//   - hotpath/slice-growth, hotpath/map-growth: appending to, or filling, what was made without room.
//   - hotpath/concatenation: strings put together with +, each step copying all so far.
//   - hotpath/conversion: copies from []byte to string and back.
//   - hotpath/time-after: a timer made for each turn of a loop (time.After, time.NewTimer).
//   - hotpath/timer-heap: so many timers that keeping them in order costs.
//   - hotpath/defer-in-loop: deferred calls that the compiler cannot place in the function's frame.
//   - hotpath/stack-growth: short goroutines that call deeply, each of which copies its stack as it grows.
//   - hotpath/small-io: reads or writes without a buffer, a system call for each small piece.
//   - hotpath/unbuffered-io: the same, where no trace says whether the pieces are small.
//   - hotpath/fmt, hotpath/json: formatting and JSON by reflection.
//   - hotpath/copying: copying or clearing memory.
//   - hotpath/cgo: calls into C.
//
// # Evidence
//
// CPU profiles. Allocs profiles add what the line allocates; alone they show regular expressions, templates
// and timers made at a high rate. Traces say how long a system call or a call into C takes, and with that
// whether the pieces are small. Metrics give the cost for each request.
//
// # How it decides
//
// A sample belongs to the program's innermost line on its stack. What stands beneath that line, towards the
// leaf, is what the line called, and the call nearest to the line says what the line does: time in growslice
// beneath fmt.Sprintf is fmt's, beneath regexp.Compile the regular expression's, and only directly beneath
// the line (or beneath a write to a bytes.Buffer or strings.Builder) that of an append which had no room.
// Work of the program's own, such as its io.Writer or MarshalJSON, belongs to its own lines.
//
// A share is that of one function's lines in all samples of the CPU profiles, since a text that is put together
// on five lines costs what it costs; the line with most of it is named. Compiling counts line by line, and what
// costs the same everywhere (JSON, cgo, stacks, timers) is added up over all. It counts when the lower end of
// its 95 % interval is above the threshold, from 200 samples on, in a program that uses at least a fifth
// of a core: what an idle one does is not judged, and said to be not checked. The interval is that of a binomial
// share (Wilson), made wider by √3, for samples come in runs.
//
// What runs once counts nowhere: package initialisation, anything below sync.Once, and the main
// goroutine of a program that does at least three quarters of its work on others.
//
// Where a dependency compiles or formats, the program's line that calls it is named. Where a dependency's
// own line appends, concatenates or defers, that line is named, and the finding is possible at most: the
// change is its authors'. Where detector profilequality doubts the shares, confidence falls by one.
//
// # Thresholds
//
// Of a JSON server's CPU at most 2 % grows slices, 3 % maps, 2 % stacks; less than 2 % copies strings, is
// spent in fmt or on timers; none compiles regular expressions or templates, or defers at a cost. Programs
// made to do just that spend 30 % on slices, 54 % on maps, 46 to 67 % on strings, 82 % on stacks, 86 %
// on defers, 65 % on regular expressions, 67 % on templates, 43 % on timers. Compiling has no place on a
// hot path, so 1 % is enough; what every program does a little of needs 5 or 10 % in one function.
//
// Copying is what copy, clear and the Clone of packages bytes, slices and strings do, the room for the copy included: two thirds of
// the CPU of a fixture whose requests look at copies of a table. Assigning and passing large structs is not seen: the compiler copies them in
// place, by instructions that belong to the line itself. append([]T(nil), s...) counts as growth.
//
// # False positives
//
// Benchmarks of these very functions. Compiling an expression that the caller sends is work, not waste. A slice
// whose final length nobody knows has to grow; a cache that is being filled grows its map once. A
// codec copies memory for a living, a formatter formats. Which pieces are small, a CPU profile does not say.
// Profiles that cover a program's start show what is done once: on the main goroutine that is possible at most.
//
// # Remedy
//
// Move what is made for each call to where it is made once; give make, Grow or a Builder the size; reuse a
// timer with Reset; put the loop's body into a function of its own, or call at its end instead of
// deferring; wrap the file in a bufio.Writer.
package hotpath
