// Package profilequality says when not to believe a profile: samples that are too few, lost, or taken where the
// time was not spent, stacks without their outer ends, and profiles that cannot be compared.
//
// # What it finds
//
//   - profilequality/starved-host: the program had to wait for its CPU, and samples pile up where it got it back.
//   - profilequality/lost-samples: the runtime could not keep or place a part of the samples.
//   - profilequality/stale-samples: samples are older than the profile, so that no amount of CPU follows from it.
//   - profilequality/truncated-stacks: the outer ends of stacks are missing.
//   - profilequality/rate-above-tick: more samples a second were asked for than the kernel delivers.
//   - profilequality/difference: a profile is the difference of two, where a whole one is wanted.
//   - profilequality/incomparable: profiles of one kind differ in what their values mean.
//
// Too few samples are no finding: what cannot be answered then is said as not checked.
//
// # Evidence
//
// The profiles themselves: their samples, period, duration, build and sample types, and the Go version
// that the capture recorded.
//
// # How it decides
//
// A share of k in n samples has an interval: that of a binomial share (Wilson), made wider by √3, for
// samples come in runs. Below 200 samples that of 10 % goes from 4 to 20 %, and no detector reports a
// share; a program that was idle for sure needs no more samples to say so.
//
// Samples at runtime.asyncPreempt pile up where a thread that waited for its CPU gets two signals at once. Lost
// samples stand under runtime._LostExternalCode, runtime._LostSIGPROFDuringAtomic64 and
// runtime/pprof.lostProfileEvent. The runtime cuts stacks of CPU profiles at 64 frames, of all others at
// 128 (32 before go1.23): a stack of that depth is cut.
//
// Samples are older than a profile when those of goroutines stand for a tenth more CPU time than GOMAXPROCS Ps have in
// its duration; what runs without a P (system calls, C) and what was lost is left out. GOMAXPROCS is known from a trace or
// from metrics of the same target, which captures record. Costs are then said as shares, without cores.
//
// Where the shares of a CPU profile may be wrong (starved, lost, difference, periods that are mixed),
// detectors that rest on them lower the confidence of their findings by one; this one says why. Cut
// stacks and a high rate leave shares near the leaf as they are.
//
// # Thresholds
//
// Samples at runtime.asyncPreempt are 0 to 4 % on a machine of one's own and 11 to 26 % on a crowded one:
// above 5 %, by the lower end of the interval, shares are to be distrusted. Programs lose no samples; 1 %
// is worth saying. Cut stacks count from 5 % of the samples. Profiles at 100 samples a second hold 0.85 to 0.98
// of the CPU time that the kernel accounts, at 500 a second 0.51, for a kernel with CONFIG_HZ=250 looks
// 250 times a second. These are properties of the runtime and the kernel and no parameters.
//
// Fixtures show a starved host, cut stacks, a high rate and lost samples; real profiles of two builds, and those that were taken
// over a time or subtracted, the rest. The runtime keeps a mebibyte of samples until they are read, some thousand with deep stacks: a program that
// calls runtime.SetCPUProfileRate as it starts fills that within minutes, loses what comes after, and its next profile begins with
// what is long past, so that it holds more CPU time than its window has. Where profiles are read as they are taken, samples get lost on machines with many cores, or on threads of C.
//
// # False positives
//
// Kernels with CONFIG_HZ=1000 do deliver 500 samples a second. A program whose stacks are exactly as deep
// as the limit is taken for cut; so is one that runs with another GODEBUG=profstackdepth. Threads of C whose
// stacks a registered traceback shows are taken for goroutines. Profiles of a
// fleet differ in their build while a new version is rolled out.
//
// # Remedy
//
// Capture for longer, under load, on a machine with CPU to spare; leave the sampling rate at its default
// of 100; raise GODEBUG=profstackdepth for heap, block and mutex profiles; compare profiles of one
// build, taken alike.
package profilequality
