package server_test

import (
	"syscall"
	"testing"
	"unsafe"
)

// limitFiles sets how many descriptors a running process may open.
func limitFiles(t *testing.T, pid int, n uint64, old *syscall.Rlimit) {
	t.Helper()
	var was syscall.Rlimit
	if _, _, e := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), syscall.RLIMIT_NOFILE, 0, uintptr(unsafe.Pointer(&was)), 0, 0); e != 0 {
		t.Fatal(e)
	}
	limit := syscall.Rlimit{Cur: n, Max: was.Max}
	if _, _, e := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), syscall.RLIMIT_NOFILE, uintptr(unsafe.Pointer(&limit)), 0, 0, 0); e != 0 {
		t.Fatal(e)
	}
	if old != nil {
		*old = was
	}
}
