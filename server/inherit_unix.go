//go:build unix

package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

func openScore(fd int) *scoreboard {
	fi, err := os.NewFile(uintptr(fd), "scoreboard").Stat()
	if err != nil || fi.Size() != scoreBytes || !fi.Mode().IsRegular() {
		return nil
	}
	return mapScore(fd)
}

// mapScore is the scoreboard in an open file; without the memory for it there is none.
func mapScore(fd int) *scoreboard {
	memory, err := syscall.Mmap(fd, 0, scoreBytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil
	}
	return newScoreboard(memory)
}

// A legacy is what a master has left in a process that it has started.
type legacy struct {
	wire   *wire
	binds  []string // of the sockets, from fdSocket on
	stderr int      // the real one
	score  int
	// control is the old master's control socket, in a new master; nil if it has none. It has no listener.
	control *socket
}

// inheritance takes it, and keeps children of the app from having it too.
func inheritance() (*legacy, error) {
	var in legacy
	if err := json.Unmarshal([]byte(os.Getenv(bindsEnv)), &in.binds); err != nil {
		return nil, fmt.Errorf("server: %s: %w", bindsEnv, err)
	}
	after := fdSocket + len(in.binds)
	for fd := fdSocket; fd < after+extras; fd++ {
		syscall.CloseOnExec(fd)
	}
	in.stderr, in.score = after+atStderr, after+atScore
	f := os.NewFile(uintptr(after+atWire), "master")
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("server: %s is set, but no master has started this process: %w", roleEnv, err)
	}
	in.wire = newWire(conn)
	if os.Getenv(roleEnv) != roleMaster {
		// What a worker that is any program was told in systemd's way, this one knows by the wire.
		unset("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
	}
	if path := os.Getenv(controlEnv); path != "" {
		if fi, err := os.Lstat(path); err == nil {
			in.control = &socket{path: path, inode: fi}
		}
	}
	unset(roleEnv, bindsEnv, controlEnv)
	return &in, nil
}

func unset(names ...string) {
	for _, n := range names {
		os.Unsetenv(n)
	}
}

// runWorker is Run in a worker.
func runWorker(ctx context.Context, h http.Handler, user Config) error {
	scout := os.Getenv(roleEnv) == roleScout
	in, err := inheritance()
	if err != nil {
		return err
	}
	workerSignals()
	in.wire.send(message{Type: msgBeat}) // first of all: this program speaks the master's language
	return serveInside(ctx, h, &user, in.wire, scout, func(c *Config) (*insides, error) { return takeUp(&user, c, in) })
}

// A worker leaves the master's signals to it before its main begins, not only when that calls Run: what main does until then
// may take seconds, and a signal to all processes of this name would end it.
func init() {
	if role := os.Getenv(roleEnv); role == roleWorker || role == roleScout {
		workerSignals()
	}
}

// workerSignals leaves to the master what is the master's, also what a terminal sends to the whole group.
func workerSignals() {
	signal.Ignore(syscall.SIGPIPE, syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGUSR2, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGWINCH)
}

// takeUp opens what a worker process has of its own.
func takeUp(user, c *Config, left *legacy) (*insides, error) {
	if _, err := c.settle(); err != nil {
		return nil, err
	}
	in := &insides{}
	if !c.ReusePort { // nobody else can take what is in a queue of one's own
		in.score = openScore(left.score)
	}
	for i, b := range left.binds {
		l, err := workerListener(c, i, b)
		if err != nil {
			return nil, err
		}
		in.listeners = append(in.listeners, l)
	}
	l, err := openLogs(c, workerPatience)
	if err != nil {
		return nil, err
	}
	in.logs = l
	in.started = func(s *service) {
		signals := make(chan os.Signal, 8)
		signal.Notify(signals, syscall.SIGTERM, syscall.SIGUSR1)
		if user.Hooks.WorkerAbort != nil {
			signal.Notify(signals, syscall.SIGABRT)
		}
		redirect(c, l, left.stderr)
		go obeySignals(signals, s, user.Hooks.WorkerAbort, left.wire)
	}
	return in, nil
}

// workerListener is the shared socket, or with ReusePort one of the worker's own.
func workerListener(c *Config, i int, bind string) (net.Listener, error) {
	l, err := listenerFromFD(uintptr(fdSocket+i), bind)
	if err != nil || !c.ReusePort {
		return l, err
	}
	b, err := parseBind(strings.TrimPrefix(bind, "!"))
	if err != nil || b.network != "tcp" {
		return l, nil
	}
	addr := l.Addr().String()
	l.Close()
	return ownListener(c, addr)
}

// ownListener is a socket of the worker's own on an address that the master has bound.
func ownListener(c *Config, addr string) (net.Listener, error) {
	l, err := listenConfig(c).Listen(context.Background(), "tcp", addr)
	if err == nil {
		setBacklog(l, c.Backlog)
	}
	return l, err
}

// redirect gives the worker its real stderr back, or the error log in place of both outputs.
func redirect(c *Config, l *logs, stderr int) {
	dup2(stderr, 2)
	syscall.Close(stderr)
	if c.CaptureOutput && l.errors.path != "-" {
		l.captured = l.errors.becomeOutput
		l.capture()
	}
}

// becomeOutput makes the file what the process writes to without asking: prints, panics. If that fails the outputs stay what they are.
//
// Source: Gunicorn's Logger.reopen_files.
func (l *logFile) becomeOutput() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	fd := int(l.f.Fd())
	if fi, err := l.f.Stat(); err == nil && !fi.Mode().IsRegular() {
		if fd, err = openToWait(l.path); err != nil {
			return fmt.Errorf("server: cannot open log file: %w", err)
		}
		defer syscall.Close(fd)
	}
	dup2(fd, 1)
	dup2(fd, 2)
	return nil
}

// openToWait is a descriptor of a pipe or device to which writing waits for room, as whoever prints expects. The log's own is none: it
// was opened so that writing never waits, which is a property of the open file, and so of every copy of its descriptor.
func openToWait(path string) (int, error) {
	fd, err := syscall.Open(path, syscall.O_WRONLY|syscall.O_APPEND|syscall.O_CLOEXEC|withoutWaiting, 0)
	if err != nil {
		return -1, &os.PathError{Op: "open", Path: path, Err: err}
	}
	if err := syscall.SetNonblock(fd, false); err != nil {
		syscall.Close(fd)
		return -1, os.NewSyscallError("fcntl", err)
	}
	return fd, nil
}

// obeySignals does what signals to this process ask for. To leave at TERM is for the master to order; only a second one is done at once.
func obeySignals(signals chan os.Signal, s *service, abort func(), w *wire) {
	told := false
	for sig := range signals {
		switch sig {
		case syscall.SIGTERM:
			w.send(message{Type: msgLeaving})
			if told {
				s.order(order{grace: s.cfg.GracefulTimeout, why: "signal TERM"})
			}
			told = true
		case syscall.SIGUSR1:
			s.log.reopen()
		case syscall.SIGABRT:
			abort()
			signal.Reset(syscall.SIGABRT)
			syscall.Kill(os.Getpid(), syscall.SIGABRT)
		}
	}
}

// fromOldMaster is what an upgrade's old master has left; nil if there is none.
func fromOldMaster() (*elder, []*socket, error) {
	if os.Getenv(roleEnv) != roleMaster {
		return nil, nil, nil
	}
	in, err := inheritance()
	if err != nil {
		return nil, nil, err
	}
	var socks []*socket
	for i, b := range in.binds {
		l, err := adopt(uintptr(fdSocket+i), b)
		if err != nil {
			return nil, nil, err
		}
		name, foreign := strings.CutPrefix(b, "!")
		s := &socket{bind: name, listener: l, foreign: foreign}
		if u, ok := l.Addr().(*net.UnixAddr); ok && !foreign {
			if b, err := parseBind(name); err == nil && u != nil {
				s.path = b.addr
				s.inode, _ = os.Lstat(b.addr)
			}
		}
		socks = append(socks, s)
	}
	return &elder{wire: in.wire, left: in.control, stderr: os.NewFile(uintptr(in.stderr), "stderr")}, socks, nil
}

// An elder is the old master of an upgrade, as the new one sees it.
type elder struct {
	wire   *wire
	left   *socket  // its control socket, without the listener; nil if it has none
	stderr *os.File // the real one; 2 is a pipe that the old master reads for as long as it lives
}

func (e *elder) PID() int               { return os.Getppid() }
func (e *elder) Send(m message) error   { return e.wire.send(m) }
func (e *elder) Signal(os.Signal) error { return errors.ErrUnsupported }

// listen tells the loop what the old master says, and that it has gone. Its only word is that it hands over: from then on, or
// from its end, nobody need know what this one says last, and soon nobody reads the pipe.
func (e *elder) listen(id int, emit func(event)) {
	hear(e.wire, id, func(m event) {
		e.giveBack()
		emit(m)
	})
	e.giveBack()
	emit(event{id: id, gone: true})
}

// giveBack makes the real stderr this process's own.
func (e *elder) giveBack() { dup2(int(e.stderr.Fd()), 2) }

// output is what the launcher gives to its children as their stderr.
func (e *elder) output() *os.File {
	if e == nil {
		return os.Stderr
	}
	return e.stderr
}

// stopSignals end a server.
var stopSignals = []os.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT}

// notifySignals sends the master's signals to its loop.
func notifySignals(c chan os.Signal) {
	signal.Notify(c, syscall.SIGTERM, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2,
		syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGWINCH)
}

func signalName(s os.Signal) string {
	return map[os.Signal]string{
		syscall.SIGTERM: "TERM", syscall.SIGINT: "INT", syscall.SIGQUIT: "QUIT", syscall.SIGHUP: "HUP", syscall.SIGUSR1: "USR1",
		syscall.SIGUSR2: "USR2", syscall.SIGTTIN: "TTIN", syscall.SIGTTOU: "TTOU", syscall.SIGWINCH: "WINCH",
	}[s]
}
