//go:build unix && !linux

package server

import (
	"net"
	"os"
	"syscall"
)

const soReusePort = syscall.SO_REUSEPORT

func dup2(from, to int) { syscall.Dup2(from, to) }

// openProgram can only go by the name here: between an upgrade on disk and the next HUP, a worker that is replaced runs
// the new binary.
func openProgram(path string) (*program, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	return &program{path: path}, nil
}

func runningProgram() *program {
	path, err := os.Executable()
	if err != nil {
		path = os.Args[0]
	}
	return &program{path: path}
}

func isBlocking(uintptr) bool      { return false }
func residentMemory(int) int64     { return 0 }
func memoryLimit() int64           { return 0 }
func queueLength(net.Listener) int { return 0 }
func takeNoMore(net.Listener)      {}
func monotonic() string            { return "" }
func holder(string) string         { return "" }
