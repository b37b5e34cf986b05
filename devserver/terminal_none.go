//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package devserver

func saneTerminal() (restore func()) { return func() {} }
