package devserver

import (
	"os/exec"
	"syscall"
)

// dieWithParent has the kernel kill the process when the thread that started it ends: a second string to the pipe that breaks, for a
// program that is stuck before it reads that. Threads of Go programs last as long as the process unless a goroutine is locked to them.
func dieWithParent(cmd *exec.Cmd) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
}

// outliveParent takes that back, once the pipe is read: then there is time to clean up. It must run in the main thread, as the
// initialization of packages does.
//
// Source: prctl(2), PR_SET_PDEATHSIG.
func outliveParent() {
	const setDeathSignal = 1
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, setDeathSignal, 0, 0)
}
