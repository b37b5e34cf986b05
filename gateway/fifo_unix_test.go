//go:build unix

package gateway_test

import "syscall"

// makeFIFO makes a file that blocks whoever opens it.
func makeFIFO(name string) error { return syscall.Mkfifo(name, 0o600) }
