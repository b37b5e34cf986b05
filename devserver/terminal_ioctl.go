//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package devserver

import (
	"os"
	"syscall"
	"unsafe"
)

// saneTerminal notes how the terminal is set and returns what sets it so again: a program that was killed may have left it without echo.
func saneTerminal() (restore func()) {
	fd := os.Stdin.Fd()
	var state syscall.Termios
	if !ioctl(fd, getTerminal, &state) {
		return func() {}
	}
	return func() { ioctl(fd, setTerminal, &state) }
}

func ioctl(fd uintptr, request uintptr, state *syscall.Termios) bool {
	_, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, request, uintptr(unsafe.Pointer(state)))
	return errno == 0
}
