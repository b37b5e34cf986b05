package server

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"unsafe"
)

const soReusePort = 15

func dup2(from, to int) { syscall.Dup3(from, to, 0) }

// isBlocking reports whether accept waits on a descriptor.
func isBlocking(fd uintptr) bool {
	flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, fd, syscall.F_GETFL, 0)
	return errno == 0 && flags&syscall.O_NONBLOCK == 0
}

// highFD is above every descriptor that a child gets, so that exec through /proc/self/fd still finds the program there.
const highFD = 48

// openProgram opens a binary for workers to be started from, whatever happens to its name afterwards.
func openProgram(path string) (*program, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return programOf(f, path)
}

func programOf(f *os.File, path string) (*program, error) {
	if fi, err := f.Stat(); err != nil || !fi.Mode().IsRegular() || fi.Mode()&0o111 == 0 {
		return nil, fmt.Errorf("%s is not executable (%v)", path, err)
	}
	var begin [2]byte
	if _, err := f.ReadAt(begin[:], 0); err == nil && string(begin[:]) == "#!" {
		return &program{path: path}, nil // its interpreter opens it by name
	}
	fd, _, errno := syscall.Syscall(syscall.SYS_FCNTL, f.Fd(), syscall.F_DUPFD_CLOEXEC, highFD)
	if errno != 0 {
		fd, _, errno = syscall.Syscall(syscall.SYS_FCNTL, f.Fd(), syscall.F_DUPFD_CLOEXEC, highFD/3)
	}
	if errno != 0 {
		return &program{path: path}, nil
	}
	return &program{path: "/proc/self/fd/" + strconv.Itoa(int(fd)), file: os.NewFile(fd, path)}, nil
}

// runningProgram is the binary that this process runs, even if another has its name by now.
func runningProgram() *program {
	if f, err := os.Open("/proc/self/exe"); err == nil {
		defer f.Close()
		if p, err := programOf(f, "/proc/self/exe"); err == nil {
			return p
		}
	}
	path, err := os.Executable()
	if err != nil {
		path = os.Args[0]
	}
	return &program{path: path}
}

// residentMemory is the resident bytes of a process.
func residentMemory(pid int) int64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		return 0
	}
	fields := bytes.Fields(data)
	if len(fields) < 2 {
		return 0
	}
	pages, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}

// memoryLimit is the cgroup's, 0 for none.
func memoryLimit() int64 {
	for _, name := range []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"} {
		if data, err := os.ReadFile(name); err == nil {
			if n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64); err == nil && n < 1<<50 {
				return n
			}
		}
	}
	return 0
}

// queueLength is how many connections wait in a listener's queue: TCP_INFO's tcpi_unacked.
func queueLength(l net.Listener) int {
	sc, ok := l.(*net.TCPListener)
	if !ok {
		return 0
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0
	}
	length := 0
	raw.Control(func(fd uintptr) {
		var info [104]byte
		size := uint32(len(info))
		_, _, errno := syscall.Syscall6(syscall.SYS_GETSOCKOPT, fd, syscall.IPPROTO_TCP, syscall.TCP_INFO, uintptr(unsafe.Pointer(&info)), uintptr(unsafe.Pointer(&size)), 0)
		if errno == 0 {
			length = int(*(*uint32)(unsafe.Pointer(&info[24])))
		}
	})
	return length
}

// takeNoMore has the kernel ignore who wants to connect to a listener from now on: it tries again a second later, when nobody listens any
// more, or somebody else does. Handshakes that have begun are finished. Nothing else keeps a queue from growing at the last look. It
// holds for all processes that share the socket, and is done by a filter (socket(7), SO_ATTACH_FILTER) over the TCP header's flags.
func takeNoMore(l net.Listener) {
	tcp, ok := l.(*net.TCPListener)
	if !ok {
		return
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return
	}
	const synAck, syn, flagsAt, whole = 0x12, 0x02, 13, 1 << 18
	code := [...]syscall.SockFilter{
		{Code: syscall.BPF_LD | syscall.BPF_B | syscall.BPF_ABS, K: flagsAt},
		{Code: syscall.BPF_ALU | syscall.BPF_AND | syscall.BPF_K, K: synAck},
		{Code: syscall.BPF_JMP | syscall.BPF_JEQ | syscall.BPF_K, Jt: 0, Jf: 1, K: syn},
		{Code: syscall.BPF_RET | syscall.BPF_K, K: 0},
		{Code: syscall.BPF_RET | syscall.BPF_K, K: whole},
	}
	program := syscall.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	raw.Control(func(fd uintptr) { // where the system does not know it, the queue is emptied as well as can be
		syscall.Syscall6(syscall.SYS_SETSOCKOPT, fd, syscall.SOL_SOCKET, syscall.SO_ATTACH_FILTER,
			uintptr(unsafe.Pointer(&program)), unsafe.Sizeof(program), 0)
	})
}

// monotonic is the line that RELOADING=1 needs (sd_notify(3)).
func monotonic() string {
	var ts syscall.Timespec
	syscall.Syscall(syscall.SYS_CLOCK_GETTIME, 1, uintptr(unsafe.Pointer(&ts)), 0)
	return fmt.Sprintf("MONOTONIC_USEC=%d", ts.Nano()/1000)
}

// holder names the process that listens on an address, if it can be found.
func holder(addr string) string {
	_, port, err := net.SplitHostPort(addr)
	if err != nil {
		return ""
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return ""
	}
	inodes := map[string]bool{}
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		data, err := os.ReadFile(table)
		if err != nil {
			continue
		}
		for line := range strings.SplitSeq(string(data), "\n") {
			if f := strings.Fields(line); len(f) > 9 && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", n)) && f[3] == "0A" {
				inodes["socket:["+f[9]+"]"] = true
			}
		}
	}
	links, err := filepath.Glob("/proc/[0-9]*/fd/[0-9]*")
	if err != nil || len(inodes) == 0 {
		return ""
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err == nil && inodes[to] {
			return " by pid " + strings.Split(link, "/")[2]
		}
	}
	return ""
}
