//go:build darwin || freebsd || netbsd || openbsd || dragonfly

package devserver

import "syscall"

const getTerminal, setTerminal = syscall.TIOCGETA, syscall.TIOCSETA
