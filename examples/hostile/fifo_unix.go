//go:build unix

package main

import "syscall"

// makeFIFO makes a pipe with a name. Whoever opens it for reading waits until somebody writes: a file server that does
// not look first waits for ever.
func makeFIFO(path string) error { return syscall.Mkfifo(path, 0o600) }
