package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// quotaPeriod is that of the kernel's default, in microseconds.
const quotaPeriod = 100_000

// A group competes with all that runs beside it as one process would, unless it weighs more: what is
// captured is the quota and not the other load.
const (
	mostShares = "262144"
	mostWeight = "10000"
)

// limitCPU puts a process into a control group of its own, which may use so many CPUs, and returns what removes the
// group when the process has ended. It takes the right to make one: that of root, most often.
func limitCPU(pid int, cpus float64) (remove func(), err error) {
	root, files := "/sys/fs/cgroup", map[string]string{"cpu.max": fmt.Sprintf("%.0f %d", cpus*quotaPeriod, quotaPeriod), "cpu.weight": mostWeight}
	if _, err := os.Stat(filepath.Join(root, "cgroup.controllers")); err != nil { // the first version
		root = filepath.Join(root, "cpu")
		files = map[string]string{"cpu.cfs_period_us": strconv.Itoa(quotaPeriod), "cpu.cfs_quota_us": fmt.Sprintf("%.0f", cpus*quotaPeriod),
			"cpu.shares": mostShares}
	}
	group := filepath.Join(root, "gen-fixtures-"+strconv.Itoa(pid))
	if err := os.Mkdir(group, 0o755); err != nil {
		return nil, fmt.Errorf("a CPU quota takes a control group of its own, which root may make: %w", err)
	}
	for name, value := range files {
		err = errors.Join(err, os.WriteFile(filepath.Join(group, name), []byte(value), 0o644))
	}
	err = errors.Join(err, os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o644))
	remove = func() { os.Remove(group) }
	if err != nil {
		remove()
		return nil, fmt.Errorf("CPU quota of %v: %w (a real-time process, as by chrt, has none)", cpus, err)
	}
	return remove, nil
}
