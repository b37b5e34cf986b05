//go:build unix

package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"
)

// canFork says that sockets can be passed to processes.
const canFork = true

// Descriptors that a child gets besides 0, 1 and 2.
const (
	fdWire   = 3 + iota // its end of the socket pair
	fdStderr            // the real stderr; 2 is a pipe to the master until the child serves
	fdScore             // the scoreboard
	fdSocket            // the first listening socket
)

const bindsEnv = "CARAFE_BINDS" // JSON list: what the sockets are bound to

// terminate is the signal that asks a new master to end.
const terminate = syscall.SIGTERM

// A process is a child with a wire.
type process struct {
	cmd  *exec.Cmd
	wire *wire
}

func (p *process) PID() int                 { return p.cmd.Process.Pid }
func (p *process) Send(m message) error     { return p.wire.send(m) }
func (p *process) Signal(s os.Signal) error { return p.cmd.Process.Signal(s) }

// A launcher starts processes.
type launcher struct {
	args  []string
	dir   string // where the program was started
	score *os.File
}

// launch starts a process and follows it: what it says, the last line it writes before it serves, how it ends.
func (l *launcher) launch(sp spec, emit func(event)) (child, error) {
	ours, theirs, err := socketPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	errOut, errIn, err := os.Pipe()
	if err != nil {
		ours.conn.Close()
		return nil, err
	}
	defer errIn.Close()
	cmd, err := l.command(sp, theirs, errIn)
	if err == nil {
		err = cmd.Start()
		closeFiles(cmd.ExtraFiles[fdSocket-3:])
	}
	if err != nil {
		ours.conn.Close()
		errOut.Close()
		return nil, err
	}
	p := &process{cmd: cmd, wire: ours}
	go p.follow(sp.id, errOut, emit)
	return p, nil
}

func closeFiles(list []*os.File) {
	for _, f := range list {
		f.Close()
	}
}

func (l *launcher) command(sp spec, theirs, errIn *os.File) (*exec.Cmd, error) {
	cmd := &exec.Cmd{Path: sp.program.path, Args: l.args, Dir: l.dir, Stdout: os.Stdout, Stderr: errIn, SysProcAttr: &syscall.SysProcAttr{}}
	if _, err := os.Stat(l.dir); err != nil {
		cmd.Dir = "" // deleted since: the child inherits what is left of it
	}
	score := l.score
	if score == nil {
		score = os.Stderr // holds the place; too short to be taken for a scoreboard
	}
	cmd.ExtraFiles = []*os.File{theirs, os.Stderr, score}
	var binds []string
	for _, s := range sp.sockets {
		f, err := rawFile(s.listener)
		if err != nil {
			closeFiles(cmd.ExtraFiles[fdSocket-3:])
			return nil, err
		}
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
		binds = append(binds, bindName(s))
	}
	names, err := json.Marshal(binds)
	if err != nil {
		return nil, err
	}
	cmd.Env = append(childEnv(sp.role), sp.env...)
	cmd.Env = append(cmd.Env, roleEnv+"="+sp.role, bindsEnv+"="+string(names))
	if sp.role != roleMaster {
		if sp.config.ProcName != "" {
			cmd.Args = append([]string{sp.config.ProcName}, l.args[1:]...)
		}
		cmd.SysProcAttr.Credential, err = credential(sp.config)
	}
	return cmd, err
}

// bindName marks sockets that were made by somebody else, for the next master to know.
func bindName(s *socket) string {
	if s.foreign {
		return "!" + s.bind
	}
	return s.bind
}

// childEnv is the environment of a child: a worker does not talk to the service manager.
func childEnv(role string) []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		switch {
		case name == roleEnv || name == bindsEnv:
		case role != roleMaster && (name == "NOTIFY_SOCKET" || name == "WATCHDOG_USEC" || name == "WATCHDOG_PID"):
		default:
			env = append(env, kv)
		}
	}
	return env
}

func socketPair() (*wire, *os.File, error) {
	syscall.ForkLock.RLock()
	fds, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
	if err == nil {
		syscall.CloseOnExec(fds[0])
		syscall.CloseOnExec(fds[1])
	}
	syscall.ForkLock.RUnlock()
	if err != nil {
		return nil, nil, os.NewSyscallError("socketpair", err)
	}
	f := os.NewFile(uintptr(fds[0]), "worker")
	defer f.Close()
	conn, err := net.FileConn(f)
	theirs := os.NewFile(uintptr(fds[1]), "master")
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return newWire(conn), theirs, nil
}

// follow tells the master's loop about the child; its end comes last.
func (p *process) follow(id int, errOut *os.File, emit func(event)) {
	heard, copied := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(heard)
		hear(p.wire, id, emit)
	}()
	tail := &lastLine{}
	go func() {
		defer close(copied)
		io.Copy(io.MultiWriter(tail, quiet{os.Stderr}), errOut)
		errOut.Close()
	}()
	err := p.cmd.Wait()
	// A grandchild may hold the other ends open: what it says is no concern of ours.
	for _, done := range []chan struct{}{heard, copied} {
		select {
		case <-done:
		case <-time.After(100 * time.Millisecond):
		}
	}
	p.wire.conn.Close()
	x := exitOf(p.cmd.ProcessState, err)
	x.last = tail.text()
	emit(event{id: id, exit: x})
}

// quiet is a writer whose errors do not stop a copy.
type quiet struct{ w io.Writer }

func (q quiet) Write(p []byte) (int, error) { q.w.Write(p); return len(p), nil }

// lastLine keeps the last line that was written to it, that is not empty.
type lastLine struct {
	mu   sync.Mutex
	line []byte
}

func (l *lastLine) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	all := append(l.line, p...)
	trimmed := bytes.TrimRight(all, "\r\n \t")
	keep := trimmed[bytes.LastIndexByte(trimmed, '\n')+1:]
	l.line = append([]byte(nil), all[len(trimmed)-len(keep):]...)
	if len(l.line) > 4096 {
		l.line = l.line[:4096]
	}
	return len(p), nil
}

func (l *lastLine) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.TrimSpace(string(l.line))
}

func exitOf(s *os.ProcessState, err error) *exit {
	if s == nil {
		return &exit{code: -1, last: err.Error()}
	}
	x := &exit{code: s.ExitCode()}
	if ws, ok := s.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		x.signal = ws.Signal().String()
	}
	return x
}

// newSystem is the real one.
func newSystem(ctx context.Context, h http.Handler, user Config, c *Config) (*system, error) {
	sys := commonSystem()
	path, err := exec.LookPath(os.Args[0])
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return nil, fmt.Errorf("server: cannot find this program's own file: %w", err)
	}
	sys.openProgram = func() (*program, error) { return openProgram(path) }
	if c.Workers == 0 {
		l := &launcher{args: os.Args, dir: startDir()}
		sys.launch = func(sp spec, emit func(event)) (child, error) {
			if sp.role == roleMaster {
				return l.launch(sp, emit)
			}
			return launchInside(ctx, h, user, sp, emit)
		}
		return sys, nil
	}
	l := &launcher{args: os.Args, dir: startDir()}
	l.score = scoreFile()
	sys.launch = l.launch
	return sys, nil
}

// startDir prefers $PWD, which may lead through the symbolic link of a release.
func startDir() string {
	pwd := os.Getenv("PWD")
	a, err1 := os.Stat(pwd)
	b, err2 := os.Stat(".")
	if pwd != "" && err1 == nil && err2 == nil && os.SameFile(a, b) {
		return pwd
	}
	dir, err := os.Getwd()
	if err != nil {
		return "/"
	}
	return dir
}

// scoreFile is the memory that workers share; without a place for it there is none, and balance is the kernel's.
func scoreFile() *os.File {
	f, err := os.CreateTemp("", "carafe-score-")
	if err != nil {
		return nil
	}
	os.Remove(f.Name())
	if f.Truncate(scoreBytes) != nil {
		f.Close()
		return nil
	}
	return f
}

func openScore() *scoreboard {
	fi, err := os.NewFile(fdScore, "scoreboard").Stat()
	if err != nil || fi.Size() != scoreBytes || !fi.Mode().IsRegular() {
		return nil
	}
	memory, err := syscall.Mmap(fdScore, 0, scoreBytes, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		return nil
	}
	return newScoreboard(memory)
}

// inheritance takes what the master has left in this process, and keeps children of the app from having it too.
func inheritance() (w *wire, binds []string, err error) {
	if err := json.Unmarshal([]byte(os.Getenv(bindsEnv)), &binds); err != nil {
		return nil, nil, fmt.Errorf("server: %s: %w", bindsEnv, err)
	}
	for fd := fdWire; fd < fdSocket+len(binds); fd++ {
		syscall.CloseOnExec(fd)
	}
	f := os.NewFile(fdWire, "master")
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, nil, fmt.Errorf("server: %s is set, but no master has started this process: %w", roleEnv, err)
	}
	os.Unsetenv(roleEnv)
	os.Unsetenv(bindsEnv)
	return newWire(conn), binds, nil
}

// runWorker is Run in a worker.
func runWorker(ctx context.Context, h http.Handler, user Config) error {
	scout := os.Getenv(roleEnv) == roleScout
	w, binds, err := inheritance()
	if err != nil {
		return err
	}
	workerSignals()
	return serveInside(ctx, h, &user, w, scout, func(c *Config) (*insides, error) { return takeUp(&user, c, w, binds) })
}

// workerSignals leaves to the master what is the master's, also what a terminal sends to the whole group.
func workerSignals() {
	signal.Ignore(syscall.SIGPIPE, syscall.SIGHUP, syscall.SIGINT, syscall.SIGQUIT, syscall.SIGUSR2, syscall.SIGTTIN, syscall.SIGTTOU, syscall.SIGWINCH)
}

// takeUp opens what a worker process has of its own.
func takeUp(user, c *Config, w *wire, binds []string) (*insides, error) {
	if err := c.settle(); err != nil {
		return nil, err
	}
	in := &insides{score: openScore()}
	for i, b := range binds {
		l, err := workerListener(c, i, b)
		if err != nil {
			return nil, err
		}
		in.listeners = append(in.listeners, l)
	}
	l, err := openLogs(c)
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
		go obeySignals(signals, s, user.Hooks.WorkerAbort, w)
		redirect(c, l)
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
	lc := net.ListenConfig{KeepAlive: 15 * time.Second, Control: reusePort}
	own, err := lc.Listen(context.Background(), "tcp", addr)
	if err == nil {
		setBacklog(own, c.Backlog)
	}
	return own, err
}

// redirect gives the worker its real stderr back, or the error log in place of both outputs.
func redirect(c *Config, l *logs) {
	if c.CaptureOutput && l.errors.path != "-" {
		dup2(int(l.errors.f.Fd()), 1)
		dup2(int(l.errors.f.Fd()), 2)
	} else {
		dup2(fdStderr, 2)
	}
	syscall.Close(fdStderr)
}

func obeySignals(signals chan os.Signal, s *service, abort func(), w *wire) {
	for sig := range signals {
		switch sig {
		case syscall.SIGTERM:
			w.send(message{Type: msgLeaving})
			s.order(order{grace: s.cfg.GracefulTimeout, why: "signal TERM"})
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
	w, binds, err := inheritance()
	if err != nil {
		return nil, nil, err
	}
	var socks []*socket
	for i, b := range binds {
		l, err := listenerFromFD(uintptr(fdSocket+i), b)
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
	return &elder{wire: w}, socks, nil
}

// An elder is the old master of an upgrade, as the new one sees it.
type elder struct{ wire *wire }

func (e *elder) PID() int               { return os.Getppid() }
func (e *elder) Send(m message) error   { return e.wire.send(m) }
func (e *elder) Signal(os.Signal) error { return errors.ErrUnsupported }

// listen tells the loop what the old master says, and that it has gone.
func (e *elder) listen(id int, emit func(event)) {
	hear(e.wire, id, emit)
	emit(event{id: id, gone: true})
}

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
