//go:build !linux

package devserver

import "os/exec"

// dieWithParent does nothing where the kernel cannot: the pipe that breaks has to do.
func dieWithParent(*exec.Cmd) {}

func outliveParent() {}
