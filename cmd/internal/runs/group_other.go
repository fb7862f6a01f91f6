//go:build !unix

package runs

import "os/exec"

// Where there are no process groups, only the command itself is ended.
func ownGroup(*exec.Cmd)      {}
func interrupt(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
func killGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
