//go:build unix

package server

import (
	"net"
	"syscall"
)

// reusePort sets SO_REUSEPORT, for a socket of each worker's own.
func reusePort(_, _ string, raw syscall.RawConn) error {
	var err error
	if e := raw.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, soReusePort, 1) }); e != nil {
		return e
	}
	return err
}

// stopListening leaves a socket bound, so that the address stays taken, but without a queue, in which connections would
// wait for nobody.
func stopListening(l net.Listener) {
	if sc, ok := l.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			raw.Control(func(fd uintptr) { syscall.Shutdown(int(fd), syscall.SHUT_RD) })
		}
	}
}
