//go:build unix

package devserver

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
)

// supported says whether a child can inherit a socket.
const supported = true

// duplicate is a descriptor of the listener for a child. Not the listener's own File: its Fd, which exec calls, would make the socket
// blocking for every process that shares it.
func duplicate(l net.Listener) (*os.File, error) {
	sc, ok := l.(syscall.Conn)
	if !ok {
		return nil, fmt.Errorf("devserver: a %T has no descriptor: give a *net.TCPListener or a *net.UnixListener", l)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil, err
	}
	var fd int
	var dupErr error
	err = raw.Control(func(from uintptr) {
		syscall.ForkLock.RLock()
		defer syscall.ForkLock.RUnlock()
		if fd, dupErr = syscall.Dup(int(from)); dupErr == nil {
			syscall.CloseOnExec(fd)
		}
	})
	if err = errors.Join(err, dupErr); err != nil {
		return nil, os.NewSyscallError("dup", err)
	}
	return os.NewFile(uintptr(fd), l.Addr().String()), nil
}

// keepPrivate keeps a descriptor from the processes that this one starts.
func keepPrivate(fd int) { syscall.CloseOnExec(fd) }

func interrupt(p *os.Process) error { return p.Signal(os.Interrupt) }

// endedBy says how a process ended.
func endedBy(state *os.ProcessState) string {
	if ws, ok := state.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		return "was ended by the signal " + ws.Signal().String()
	}
	return fmt.Sprintf("ended with exit code %d", state.ExitCode())
}

// parentID is the id of the process that started this one.
func parentID() int { return syscall.Getppid() }
