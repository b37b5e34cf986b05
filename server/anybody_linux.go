package server

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// dieWithParent makes a command drain when its master dies, whose end it cannot see by a wire.
func dieWithParent(a *syscall.SysProcAttr) { a.Pdeathsig = syscall.SIGTERM }

// notifySocket makes the socket of a worker's NOTIFY_SOCKET. It has no name in the file system that could be deleted or stay
// behind, so whoever writes to it is looked at: see [mayNotify].
func notifySocket(int) (c *net.UnixConn, name, path string, err error) {
	name = fmt.Sprintf("@carafe-%d-%s", os.Getpid(), rand.Text())
	if c, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: name, Net: "unixgram"}); err != nil {
		return nil, "", "", err
	}
	raw, err := c.SyscallConn()
	if err == nil {
		err = raw.Control(func(fd uintptr) { syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_PASSCRED, 1) })
	}
	return c, name, "", err
}

// mayNotify reports whether a datagram comes from the worker's user, or from one who may signal it anyway.
func mayNotify(control []byte, uid int) bool {
	messages, err := syscall.ParseSocketControlMessage(control)
	if err != nil {
		return false
	}
	for _, m := range messages {
		if c, err := syscall.ParseUnixCredentials(&m); err == nil {
			return c.Uid == 0 || int(c.Uid) == uid || int(c.Uid) == os.Geteuid()
		}
	}
	return false
}

// inodes are the listening sockets' own numbers, by which they are known in every process.
func inodes(files []*os.File) map[uint64]bool {
	set := map[uint64]bool{}
	for _, f := range files {
		if fi, err := f.Stat(); err == nil {
			if st, ok := fi.Sys().(*syscall.Stat_t); ok {
				set[st.Ino] = true
			}
		}
	}
	return set
}

// awaits reports whether a process waits for a connection on one of these sockets: a thread of it is in accept, poll or
// select for one, or it has given one to epoll.
func awaits(pid int, sockets map[uint64]bool) bool {
	dir := fmt.Sprintf("/proc/%d", pid)
	return polled(dir, sockets) || waiting(dir, sockets)
}

func polled(dir string, sockets map[uint64]bool) bool {
	links, err := filepath.Glob(dir + "/fd/*")
	if err != nil {
		return false
	}
	for _, link := range links {
		if to, err := os.Readlink(link); err != nil || to != "anon_inode:[eventpoll]" {
			continue
		}
		info, err := os.ReadFile(dir + "/fdinfo/" + filepath.Base(link))
		if err != nil {
			continue
		}
		for _, field := range strings.Fields(string(info)) {
			if hex, ok := strings.CutPrefix(field, "ino:"); ok {
				if n, err := strconv.ParseUint(hex, 16, 64); err == nil && sockets[n] {
					return true
				}
			}
		}
	}
	return false
}

// Numbers of system calls that other processors than amd64 do not have.
const (
	amd64Poll   = 7
	amd64Select = 23
)

// waiting looks at what the threads are in. What a system call was given is told only to who may trace the process: then
// this finds nothing.
func waiting(dir string, sockets map[uint64]bool) bool {
	calls, err := filepath.Glob(dir + "/task/*/syscall")
	if err != nil {
		return false
	}
	for _, c := range calls {
		text, err := os.ReadFile(c)
		if err != nil {
			continue
		}
		var number int
		var arg [3]uint64
		if n, _ := fmt.Sscanf(string(text), "%d 0x%x 0x%x 0x%x", &number, &arg[0], &arg[1], &arg[2]); n != 4 {
			continue
		}
		for _, fd := range awaited(dir, number, arg) {
			if isSocket(dir, fd, sockets) {
				return true
			}
		}
	}
	return false
}

func isSocket(dir string, fd uint64, sockets map[uint64]bool) bool {
	to, err := os.Readlink(fmt.Sprintf("%s/fd/%d", dir, fd))
	if err != nil {
		return false
	}
	var inode uint64
	n, _ := fmt.Sscanf(to, "socket:[%d]", &inode)
	return n == 1 && sockets[inode]
}

// awaited are the descriptors that a system call waits for.
func awaited(dir string, number int, arg [3]uint64) (fds []uint64) {
	if runtime.GOARCH == "amd64" {
		switch number {
		case amd64Poll:
			number = syscall.SYS_PPOLL
		case amd64Select:
			number = syscall.SYS_PSELECT6
		}
	}
	switch number {
	case syscall.SYS_ACCEPT, syscall.SYS_ACCEPT4:
		return arg[:1]
	case syscall.SYS_PPOLL: // struct pollfd *fds, nfds
		for b := peek(dir, arg[0], 8*min(arg[1], 1024)); len(b) >= 8; b = b[8:] {
			fds = append(fds, uint64(binary.NativeEndian.Uint32(b)))
		}
	case syscall.SYS_PSELECT6: // nfds, fd_set *readfds
		b := peek(dir, arg[1], (min(arg[0], 1024)+63)/64*8)
		for i := range 8 * len(b) {
			if b[i/8]>>(i%8)&1 == 1 {
				fds = append(fds, uint64(i))
			}
		}
	}
	return fds
}

// peek reads the memory of a process; nil if that is not allowed.
func peek(dir string, address, size uint64) []byte {
	f, err := os.Open(dir + "/mem")
	if err != nil {
		return nil
	}
	defer f.Close()
	b := make([]byte, size)
	if _, err := f.ReadAt(b, int64(address)); err != nil {
		return nil
	}
	return b
}
