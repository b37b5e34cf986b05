package server

import (
	"context"
	"net"
	"syscall"
	"unsafe"
)

// FiltersOf are how many steps the filters have that keep connections from the sockets of a server with this configuration, when they are
// to take no more: the server's socket, and one of a worker's own.
func FiltersOf(c Config) (shared, own int, err error) {
	c.Bind = []string{"127.0.0.1:0"}
	r, err := c.resolved()
	if err != nil {
		return 0, 0, err
	}
	b, err := parseBind(r.Bind[0])
	if err != nil {
		return 0, 0, err
	}
	s, err := listenTCP(context.Background(), r, b)
	if err != nil {
		return 0, 0, err
	}
	defer s.listener.Close()
	l, err := ownListener(r, s.listener.Addr().String())
	if err != nil {
		return 0, 0, err
	}
	defer l.Close()
	takeNoMore(s.listener)
	takeNoMore(l)
	return filterOf(s.listener), filterOf(l), nil
}

// filterOf is how many steps a socket's filter has (socket(7), SO_GET_FILTER, which is SO_ATTACH_FILTER read).
func filterOf(l net.Listener) int {
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err != nil {
		return 0
	}
	var steps uint32
	raw.Control(func(fd uintptr) {
		syscall.Syscall6(syscall.SYS_GETSOCKOPT, fd, syscall.SOL_SOCKET, syscall.SO_ATTACH_FILTER, 0, uintptr(unsafe.Pointer(&steps)), 0)
	})
	return int(steps)
}

// CaptureOutput has an error log become the process's output, and tells whether writing never waits: to the output, and to the log. Then
// the output is what it was. between is called when the log is open.
func CaptureOutput(path string, between func()) (output, log bool, err error) {
	l, err := openLog(path, nil, &Config{}, 0)
	if err != nil {
		return false, false, err
	}
	defer l.close()
	for fd := 1; fd <= 2; fd++ {
		saved, err := syscall.Dup(fd)
		if err != nil {
			return false, false, err
		}
		defer syscall.Close(saved)
		defer dup2(saved, fd)
	}
	between()
	err = l.becomeOutput()
	return neverWaits(1) || neverWaits(2), neverWaits(l.f.Fd()), err
}

func neverWaits(fd uintptr) bool {
	flags, _, _ := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_GETFL, 0)
	return flags&syscall.O_NONBLOCK != 0
}
