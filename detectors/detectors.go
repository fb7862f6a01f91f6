// Package detectors lists the detectors. Adding one is a folder beside this file and a
// line below; help, completion, explain and the documentation derive from the list.
package detectors

import (
	"go-debug/analyze"
	"go-debug/detectors/gc"
	"go-debug/detectors/heapgrowth"
	"go-debug/detectors/hotpath"
	"go-debug/detectors/inflight"
	"go-debug/detectors/leak"
	"go-debug/detectors/mutexwait"
	"go-debug/detectors/netwait"
	"go-debug/detectors/profilequality"
	"go-debug/detectors/sched"
	"go-debug/detectors/selectwait"
)

// All are the detectors, in the order in which reports list them.
var All = []*analyze.Detector{
	leak.Detector,
	mutexwait.Detector,
	selectwait.Detector,
	gc.Detector,
	sched.Detector,
	hotpath.Detector,
	heapgrowth.Detector,
	netwait.Detector,
	inflight.Detector,
	profilequality.Detector,
}
