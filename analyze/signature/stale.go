package signature

import (
	"fmt"

	"go-debug/analyze/evidence"
	"go-debug/analyze/stats"
)

// offP are the functions in which a thread may use CPU without a P: system calls, and C. Lost samples may be of
// either.
var offP = Signature{Anywhere: append([]string{
	"internal/runtime/syscall/linux.Syscall6",
	"runtime/internal/syscall.Syscall6", "internal/runtime/syscall.Syscall6", // gone
	"runtime.cgocall", "runtime._ExternalCode",
}, lost.Anywhere...)}

// staleExcess is how much more than its Ps could use a profile may hold: kernels account CPU time in ticks of up to
// 10 ms a thread.
const staleExcess = 1.1

// stale reports samples of goroutines for more CPU time than GOMAXPROCS allows in the profiles' time. The runtime
// keeps samples until somebody reads them: where sampling was on before the profile was asked for, it begins
// with what has gathered.
func (p *Profile) stale() (Doubt, bool) {
	onP := p.Samples - p.Of(offP).Samples
	used, most := float64(onP*p.PeriodNS())/1e9, float64(p.procs)*float64(p.durationNS)/1e9
	return Doubt{
		Kind: StaleSamples,
		Why: fmt.Sprintf("samples of goroutines for %.3g s of CPU in profiles of %.3g s, where %d Ps can use %.3g: some are older than the profile, and how much CPU was in use nothing tells",
			used, float64(p.durationNS)/1e9, p.procs, most),
		Measure: stats.Measure{Name: "sampled_cpu", Value: used, Unit: "s", N: onP,
			Method: "samples times their period, without those in system calls and in C, and lost ones"},
	}, p.procs > 0 && p.durationNS > 0 && used > staleExcess*most
}

// procsOf is GOMAXPROCS of the program that the CPU profiles are of, the most where captures of it differ. It is 0 where
// none of the same target says, and where the profiles are of several targets or nobody recorded of which.
func procsOf(set *evidence.Set, profiles []*evidence.Profile) int {
	targets, stated := map[string]string{}, map[string]int{}
	for i := range set.Inputs {
		in := &set.Inputs[i]
		targets[in.Source] = in.Target
		stated[in.Target] = max(stated[in.Target], in.MaxProcs)
	}
	if set.Trace != nil {
		for i := range set.Trace.Windows {
			w := &set.Trace.Windows[i]
			stated[targets[w.Source]] = max(stated[targets[w.Source]], w.MaxProcs)
		}
	}
	of := ""
	for _, p := range profiles {
		target := targets[p.Source]
		if target == "" || of != "" && of != target {
			return 0
		}
		of = target
	}
	return stated[of]
}
