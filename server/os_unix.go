//go:build unix

package server

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// withoutWaiting is for opening what may be a named pipe.
const withoutWaiting = syscall.O_NONBLOCK

func isAddrInUse(err error) bool { return errors.Is(err, syscall.EADDRINUSE) }

func isRefused(err error) bool { return errors.Is(err, syscall.ECONNREFUSED) }

// setBacklog calls listen(2) again: Go has taken the system's greatest.
func setBacklog(l net.Listener, n int) {
	if sc, ok := l.(syscall.Conn); ok && n > 0 {
		if raw, err := sc.SyscallConn(); err == nil {
			raw.Control(func(fd uintptr) { syscall.Listen(int(fd), n) })
		}
	}
}

// makeBlocking has accept wait. The listener itself is not to be used any more, but to be handed on.
func makeBlocking(l net.Listener) {
	if sc, ok := l.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			raw.Control(func(fd uintptr) { syscall.SetNonblock(int(fd), false) })
		}
	}
}

// rawFile is a duplicate of a listener's descriptor. Not the listener's own File: its Fd, which exec calls, would make the
// socket blocking for every process that shares it, and accept would ignore deadlines from then on.
func rawFile(l net.Listener) (*os.File, error) {
	sc, ok := l.(syscall.Conn)
	if !ok {
		return nil, fmt.Errorf("server: a %T has no descriptor", l)
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return nil, err
	}
	var fd int
	var dupErr error
	err = raw.Control(func(from uintptr) {
		syscall.ForkLock.RLock()
		defer syscall.ForkLock.RUnlock()
		if fd, dupErr = syscall.Dup(int(from)); dupErr == nil {
			syscall.CloseOnExec(fd)
		}
	})
	if err = errors.Join(err, dupErr); err != nil {
		return nil, os.NewSyscallError("dup", err)
	}
	return os.NewFile(uintptr(fd), l.Addr().String()), nil
}

// readable reports whether bytes, or the end, wait in the kernel.
func readable(c net.Conn) bool {
	if p, ok := c.(*prefixed); ok {
		c = p.Conn
	}
	sc, ok := c.(syscall.Conn)
	if !ok {
		return false
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	waiting := false
	raw.Control(func(fd uintptr) {
		var b [1]byte
		n, _, err := syscall.Recvfrom(int(fd), b[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		waiting = err == nil && n > 0
	})
	return waiting
}

// openable is how many connections fit into the descriptors that the process may open.
func openable(want int) int64 {
	var r syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r) != nil {
		return int64(want)
	}
	return max(4, min(int64(want), int64(r.Cur)-32))
}

func parseUmask(s string) (int, error) {
	if s == "" {
		return -1, nil
	}
	n, err := strconv.ParseUint(s, 8, 9)
	if err != nil {
		return 0, fmt.Errorf("server: umask is %q: use octal, as 027", s)
	}
	return int(n), nil
}

func umask(mask int) (old int) { return syscall.Umask(mask) }

// identity is who workers run as; ok is false if that is who the master is.
func identity(c *Config) (uid, gid int, groups []uint32, ok bool, err error) {
	uid, gid = os.Geteuid(), os.Getegid()
	if c.User == "" && c.Group == "" {
		return uid, gid, nil, false, nil
	}
	if c.User != "" {
		u, err := user.Lookup(c.User)
		if err != nil {
			if u, err = user.LookupId(c.User); err != nil {
				return 0, 0, nil, false, fmt.Errorf("server: user is %q, whom this system does not know", c.User)
			}
		}
		uid, _ = strconv.Atoi(u.Uid)
		gid, _ = strconv.Atoi(u.Gid)
		ids, err := u.GroupIds()
		if err != nil {
			return 0, 0, nil, false, fmt.Errorf("server: groups of user %q: %w", c.User, err)
		}
		for _, id := range ids {
			n, _ := strconv.ParseUint(id, 10, 32)
			groups = append(groups, uint32(n))
		}
	}
	if c.Group != "" {
		g, err := user.LookupGroup(c.Group)
		if err != nil {
			if g, err = user.LookupGroupId(c.Group); err != nil {
				return 0, 0, nil, false, fmt.Errorf("server: group is %q, which this system does not know", c.Group)
			}
		}
		gid, _ = strconv.Atoi(g.Gid)
	}
	return uid, gid, groups, true, nil
}

func checkUser(c *Config) error {
	uid, _, _, ok, err := identity(c)
	if err == nil && ok && os.Geteuid() != 0 && uid != os.Geteuid() {
		err = fmt.Errorf("server: user is %q, but only root can become another user", c.User)
	}
	return err
}

func credential(c *Config) (*syscall.Credential, error) {
	uid, gid, groups, ok, err := identity(c)
	if err != nil || !ok || os.Geteuid() != 0 {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid), Groups: groups}, nil
}

func chownSocket(c *Config, path string) error {
	uid, gid, _, ok, err := identity(c)
	if err != nil || !ok || os.Geteuid() != 0 {
		return err
	}
	return os.Chown(path, uid, gid)
}

// giveLog makes a log file the workers' own, so that they can open it too, now and after it was renamed. It is for the master
// that runs as root; devices and pipes stay as they are. So does what a link leads to, and what is somebody else's: whoever may write into
// the folder could have root give away any file.
//
// Source: Gunicorn's Logger._set_handler.
func giveLog(c *Config, f *os.File) error {
	uid, gid, _, ok, err := identity(c)
	if err != nil || !ok || os.Geteuid() != 0 {
		return err
	}
	named, err := os.Lstat(f.Name())
	if err != nil {
		return err
	}
	fi, err := f.Stat()
	if err != nil || !fi.Mode().IsRegular() || !os.SameFile(named, fi) {
		return err
	}
	if st, ok := fi.Sys().(*syscall.Stat_t); !ok || st.Nlink != 1 || st.Uid != 0 && int(st.Uid) != uid {
		return nil
	}
	return f.Chown(uid, gid)
}

// A pidfile is locked for as long as its process lives, so that a stale one, whatever it holds, is no hindrance. A nil
// pidfile is none.
type pidfile struct {
	path  string
	f     *os.File
	final string // what path becomes when this master is promoted
	left  bool   // path is the new master's, whose file comes there by renaming: it is not to be removed
}

func lockPIDFile(path string, second bool) (*pidfile, error) {
	if path == "" {
		return nil, nil
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, err
	}
	p := &pidfile{path: path}
	if second {
		p.path, p.final = path+".2", path
	}
	// Whoever held it may have removed it between opening and locking: then the lock is on a file that nobody else finds.
	for p.f == nil || !p.there() {
		p.f.Close()
		if err := p.open(); err != nil {
			return nil, err
		}
	}
	err = p.f.Truncate(0)
	if err == nil {
		_, err = fmt.Fprintf(p.f, "%d\n", os.Getpid())
	}
	if err != nil {
		p.close() // which leaves no empty one behind
		return nil, fmt.Errorf("server: pidfile: %w", err)
	}
	return p, nil
}

// open opens and locks the file.
func (p *pidfile) open() (err error) {
	if p.f, err = os.OpenFile(p.path, os.O_RDWR|os.O_CREATE, 0o644); err != nil {
		return fmt.Errorf("server: pidfile: %w", err)
	}
	if err := syscall.Flock(int(p.f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		var held [32]byte
		n, _ := p.f.ReadAt(held[:], 0)
		p.f.Close()
		return fmt.Errorf("server: pidfile %s is held by a running server (pid %q)", p.path, strings.TrimSpace(string(held[:n])))
	}
	return nil
}

// there reports whether the path still leads to the file.
func (p *pidfile) there() bool {
	mine, err1 := p.f.Stat()
	there, err2 := os.Stat(p.path)
	return err1 == nil && err2 == nil && os.SameFile(mine, there)
}

// promote gives the second master's file the first one's name.
func (p *pidfile) promote() error {
	if p == nil || p.final == "" {
		return nil
	}
	if err := os.Rename(p.path, p.final); err != nil {
		return err
	}
	p.path, p.final = p.final, ""
	return nil
}

// succeeded reports whether a new master has a file that is to take this one's name.
func (p *pidfile) succeeded(pid int) bool {
	if p == nil {
		return false
	}
	data, err := os.ReadFile(p.path + ".2")
	return err == nil && string(data) == fmt.Sprintf("%d\n", pid)
}

// leave leaves the name to a new master. Between a look whose file it is and its removal that one could rename its own.
func (p *pidfile) leave() {
	if p != nil {
		p.left = true
	}
}

// close removes the file, if it is still this one and not left to another.
func (p *pidfile) close() {
	if p == nil {
		return
	}
	if p.left {
		p.f.Close()
		return
	}
	if fi, err := os.Lstat(p.path); err == nil && fi.Mode().IsRegular() && p.there() {
		os.Remove(p.path)
	}
	p.f.Close()
}

// removeSecond removes what a new master that was killed has left.
func (p *pidfile) removeSecond(pid int) {
	if p.succeeded(pid) {
		os.Remove(p.path + ".2")
	}
}

func terminal() bool {
	fi, err := os.Stdin.Stat()
	return err == nil && fi.Mode()&fs.ModeCharDevice != 0 && fi.Mode()&fs.ModeDevice != 0 && !isNull(fi)
}

// isNull tells /dev/null, a character device too, from a terminal.
func isNull(fi fs.FileInfo) bool {
	null, err := os.Stat(os.DevNull)
	return err == nil && os.SameFile(fi, null)
}
