package gc

import "go-debug/analyze/signature"

// The signatures name functions of go1.20 to go1.27. From go1.27 on the compiler calls the allocator's
// functions for a size class directly, hence the patterns.
var (
	sigCollector = signature.Signature{Anywhere: []string{
		"runtime.gcBgMarkWorker", "runtime.gcAssistAlloc", "runtime.gcStart", "runtime.gcMarkDone", "runtime.gcMarkTermination",
		"runtime.bgsweep", "runtime.bgscavenge", "runtime.deductSweepCredit", "runtime.(*sweepLocked).sweep",
		"runtime.GC", "runtime.wbBufFlush"}}
	// go1.22 and later: marking on Ps that had nothing else to do, and for the collector's own share.
	sigIdleMark  = signature.Signature{Anywhere: []string{"runtime.gcDrainMarkWorkerIdle"}}
	sigMark      = signature.Signature{Anywhere: []string{"runtime.gcBgMarkWorker"}}
	sigNamedMark = signature.Signature{Anywhere: []string{
		"runtime.gcDrainMarkWorkerIdle", "runtime.gcDrainMarkWorkerDedicated", "runtime.gcDrainMarkWorkerFractional"}}

	sigAssist = signature.Signature{Anywhere: []string{"runtime.gcAssistAlloc"}}
	// Not all of bgsweep: what it spends on yielding and on waking up is the scheduler's, however little there is to sweep.
	sigSweep = signature.Signature{Anywhere: []string{"runtime.sweepone", "runtime.deductSweepCredit", "runtime.(*sweepLocked).sweep"}}
	// sigAllocating has the lines that allocate, whatever comes of it.
	sigAllocating = signature.Signature{Anywhere: []string{"runtime.mallocgc*"}}
	// Allocating without what the collector takes of it.
	sigAlloc = signature.Signature{Anywhere: []string{"runtime.mallocgc*"},
		Unless: []string{"runtime.gcAssistAlloc", "runtime.gcStart", "runtime.deductSweepCredit", "runtime.(*sweepLocked).sweep"}}
	sigBarriers = signature.Signature{Anywhere: []string{
		"runtime.gcWriteBarrier*", "runtime.wbBufFlush", "runtime.wbBufFlush1", "runtime.bulkBarrierPreWrite", "runtime.bulkBarrierPreWriteSrcOnly"}}
	sigFinalizers = signature.Signature{
		Anywhere: []string{"runtime.SetFinalizer", "runtime.runFinalizers", "runtime.runfinq", "runtime.AddCleanup", "runtime.runCleanups",
			"runtime.addspecial", "runtime.queuefinalizer"},
		// The heap profiler keeps a special record for each object that it samples.
		Unless: []string{"runtime.setprofilebucket"},
		Gone:   []string{"runtime.runfinq"},
	}
	// sigSetFinalizer has the line that asks for the finalizer, not that of the finalizer.
	sigSetFinalizer = signature.Signature{Anywhere: []string{"runtime.SetFinalizer", "runtime.AddCleanup"}}

	sigForced = signature.Signature{Anywhere: []string{"runtime.GC", "runtime/debug.FreeOSMemory"}}
	sigStops  = signature.Signature{Anywhere: []string{"runtime.ReadMemStats", "runtime.GOMAXPROCS"},
		// The testing package reads statistics around what it measures.
		Unless: []string{"testing.(*B).StartTimer", "testing.(*B).StopTimer", "testing.(*B).ResetTimer"}}

	// sigBulk is work on memory in one piece, in assembly, in which no goroutine can be stopped.
	sigBulk = signature.Signature{Leaf: []string{
		"runtime.memmove", "runtime.memclrNoHeapPointers", "runtime.memequal", "internal/bytealg.*", "hash/crc32.*",
		"crypto/md5.block*", "crypto/sha1.block*", "crypto/sha256.block*", "crypto/sha512.block*", "crypto/internal/fips140/sha256.block*",
		"crypto/internal/fips140/sha512.block*", "crypto/internal/fips140/sha3.*"},
		Gone: []string{"crypto/sha256.block*", "crypto/sha512.block*"}}
)

// signatures are all of them, for the test that compares them with the toolchain.
var signatures = []signature.Signature{sigCollector, sigIdleMark, sigMark, sigNamedMark, sigAssist, sigSweep, sigAlloc, sigBarriers,
	sigFinalizers, sigSetFinalizer, sigForced, sigStops, sigBulk}
