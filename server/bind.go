package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strconv"
	"strings"
	"time"
)

// A bindAddr is one address of Bind, taken apart.
type bindAddr struct {
	network string // tcp, unix or fd
	addr    string // for net.Listen; the number for fd
}

func (b bindAddr) String() string {
	if b.network == "tcp" {
		return b.addr
	}
	return b.network + ":" + b.addr
}

// parseBind reads the forms that Config.Bind lists.
func parseBind(s string) (bindAddr, error) {
	bad := func() (bindAddr, error) {
		return bindAddr{}, fmt.Errorf("server: bind %q is no address: use host:port, :port, [v6]:port, unix:/path or fd://3", s)
	}
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		if path = strings.TrimPrefix(path, "//"); path == "" {
			return bad()
		}
		return bindAddr{"unix", path}, nil
	}
	if n, ok := strings.CutPrefix(s, "fd://"); ok {
		if _, err := strconv.ParseUint(n, 10, 31); err != nil {
			return bad()
		}
		return bindAddr{"fd", n}, nil
	}
	s2 := strings.TrimPrefix(s, "tcp://")
	if !strings.Contains(s2, ":") || strings.HasPrefix(s2, "[") && strings.HasSuffix(s2, "]") {
		s2 += ":8000"
	}
	host, port, err := net.SplitHostPort(s2)
	if err != nil || strings.ContainsAny(host, "/ ") {
		return bad()
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return bad()
	}
	return bindAddr{"tcp", net.JoinHostPort(host, port)}, nil
}

// A socket is one listening socket that the master owns: the listener itself is never accepted from in the master, only
// handed on.
type socket struct {
	bind     string // as configured: what is compared on reload
	listener net.Listener
	foreign  bool // somebody else made it (systemd, fd://): its path is not ours to remove
	path     string
	inode    fs.FileInfo // of the unix socket we made
}

// listen makes the socket of one address.
func listen(ctx context.Context, c *Config, bind string) (*socket, error) {
	b, err := parseBind(bind)
	if err != nil {
		return nil, err
	}
	var s *socket
	for try := 0; ; try++ {
		s, err = tryListen(ctx, c, b)
		if err == nil || try >= c.BindRetries || !isInUse(err) {
			break
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(time.Second):
		}
	}
	if err != nil {
		return nil, bindError(b, err)
	}
	s.bind = bind
	setBacklog(s.listener, c.Backlog)
	if len(c.Command) > 0 {
		makeBlocking(s.listener) // as systemd's: a program that knows of nothing else may wait in accept
	}
	if c.ReusePort && b.network == "tcp" {
		stopListening(s.listener)
	}
	return s, nil
}

// tryListen makes the socket of one address, if it can be had now.
func tryListen(ctx context.Context, c *Config, b bindAddr) (*socket, error) {
	switch b.network {
	case "tcp":
		return listenTCP(ctx, c, b)
	case "unix":
		return listenUnix(c, b)
	}
	return listenFD(b)
}

func listenTCP(ctx context.Context, c *Config, b bindAddr) (*socket, error) {
	l, err := listenConfig(c).Listen(ctx, "tcp", b.addr)
	if err != nil {
		return nil, err
	}
	return &socket{listener: l}, nil
}

// listenConfig is how a TCP socket is made, the server's or a worker's own.
func listenConfig(c *Config) *net.ListenConfig {
	lc := &net.ListenConfig{KeepAlive: 15 * time.Second}
	lc.SetMultipathTCP(false) // which has no filters: see takeNoMore
	if c.ReusePort {
		lc.Control = reusePort
	}
	return lc
}

// errInUse is a unix socket that somebody listens on.
var errInUse = errors.New("address already in use")

func isInUse(err error) bool { return errors.Is(err, errInUse) || isAddrInUse(err) }

// listenUnix binds under another name and renames, so that the path always leads to a socket that is listened on; and only
// after nobody has answered there: unlike Gunicorn, a live server's socket is not stolen.
func listenUnix(c *Config, b bindAddr) (*socket, error) {
	if fi, err := os.Lstat(b.addr); err == nil {
		if fi.Mode().Type() != fs.ModeSocket {
			return nil, fmt.Errorf("%s exists and is no socket", b.addr)
		}
		// Only a refusal says that nobody listens. A server too busy to take one more connection is alive.
		conn, err := net.DialTimeout("unix", b.addr, time.Second)
		if err == nil {
			conn.Close()
		}
		switch {
		case isRefused(err), errors.Is(err, fs.ErrNotExist):
		case errors.Is(err, fs.ErrPermission): // it may be alive or not: there is no asking it
			return nil, fmt.Errorf("the socket %s belongs to another user: remove it", b.addr)
		default:
			return nil, errInUse
		}
	}
	temp := fmt.Sprintf("%s.%d", b.addr, os.Getpid())
	os.Remove(temp)
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: temp, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	if err := errors.Join(os.Chmod(temp, c.SocketMode), os.Rename(temp, b.addr)); err != nil {
		l.Close()
		os.Remove(temp)
		return nil, err
	}
	if err := chownSocket(c, b.addr); err != nil {
		l.Close()
		return nil, err
	}
	fi, err := os.Lstat(b.addr)
	return &socket{listener: l, path: b.addr, inode: fi}, err
}

func listenFD(b bindAddr) (*socket, error) {
	n, err := strconv.Atoi(b.addr)
	if err != nil {
		return nil, err
	}
	l, err := adopt(uintptr(n), b.String())
	if err != nil {
		return nil, err
	}
	return &socket{listener: l, foreign: true}, nil
}

// adopt makes a listener of a descriptor that the master inherits. Whether accept waits is a property of the socket, which all
// who share it have in common, so that stays as it is: workers of an old master may be waiting.
func adopt(fd uintptr, name string) (net.Listener, error) {
	waits := isBlocking(fd)
	l, err := listenerFromFD(fd, name)
	if err == nil && waits {
		makeBlocking(l)
	}
	return l, err
}

// listenerFromFD makes a listener of an inherited descriptor, which it closes.
func listenerFromFD(fd uintptr, name string) (net.Listener, error) {
	f := os.NewFile(fd, name)
	if f == nil {
		return nil, fmt.Errorf("descriptor %d is not open", fd)
	}
	defer f.Close()
	l, err := net.FileListener(f)
	if err != nil {
		return nil, fmt.Errorf("descriptor %d is no listening socket: %w", fd, err)
	}
	if u, ok := l.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	return l, nil
}

// close closes the master's end. The path of a unix socket goes only with remove, and only if it is still ours.
func (s *socket) close(remove bool) {
	s.listener.Close()
	if !remove || s.path == "" || s.foreign {
		return
	}
	if fi, err := os.Lstat(s.path); err == nil && os.SameFile(fi, s.inode) {
		os.Remove(s.path)
	}
}

// bindError says what can be done about an address that cannot be listened on.
func bindError(b bindAddr, err error) error {
	switch {
	case isInUse(err):
		who := ""
		if b.network == "tcp" {
			who = holder(b.addr)
		}
		return fmt.Errorf("server: %s is in use%s: stop that, or bind another address: %w", b, who, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("server: %s needs more rights than this user has: bind a port above 1023, or pass the socket in: %w", b, err)
	}
	return fmt.Errorf("server: cannot listen on %s: %w", b, err)
}

// sockets binds all addresses, or none.
func sockets(ctx context.Context, c *Config) (made []*socket, err error) {
	if made, err = systemdSockets(); err != nil || len(made) > 0 {
		return made, err
	}
	for _, b := range c.Bind {
		s, err := listen(ctx, c, b)
		if err != nil {
			closeAll(made, true)
			return nil, err
		}
		made = append(made, s)
	}
	return made, nil
}

func closeAll(list []*socket, remove bool) {
	for _, s := range list {
		s.close(remove)
	}
}

// systemdSockets takes the sockets that systemd passes (sd_listen_fds(3)), and removes the variables that say so.
func systemdSockets() ([]*socket, error) {
	pid, n, names := os.Getenv("LISTEN_PID"), os.Getenv("LISTEN_FDS"), strings.Split(os.Getenv("LISTEN_FDNAMES"), ":")
	if n == "" || pid != strconv.Itoa(os.Getpid()) {
		return nil, nil
	}
	for _, v := range []string{"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"} {
		os.Unsetenv(v)
	}
	count, err := strconv.Atoi(n)
	if err != nil || count < 0 {
		return nil, fmt.Errorf("server: LISTEN_FDS is %q, which is no number", n)
	}
	var made []*socket
	for i := range count {
		name := fmt.Sprintf("fd:%d", 3+i)
		if i < len(names) && names[i] != "" && names[i] != "unknown" {
			name = "systemd:" + names[i]
		}
		l, err := adopt(uintptr(3+i), name)
		if err != nil {
			return nil, fmt.Errorf("server: socket %d from systemd: %w", i+1, err)
		}
		made = append(made, &socket{bind: name, listener: l, foreign: true})
	}
	return made, nil
}
