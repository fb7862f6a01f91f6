//go:build unix

package runs

import (
	"os/exec"
	"syscall"
)

// ownGroup gives a command a process group: a shell's children do not outlive it then, and a terminal's interrupt
// reaches it through go-debug alone.
func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

// The group of a process that has ended may be gone, or still hold its children: both are fine.
func interrupt(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
func killGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
