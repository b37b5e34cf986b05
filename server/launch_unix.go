//go:build unix

package server

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// canFork says that sockets can be passed to processes.
const canFork = true

// Descriptors that a child gets besides 0, 1 and 2: the listening sockets, where sd_listen_fds(3) has them, and then
// so far behind the last of them:
const (
	fdSocket = 3 // the first listening socket

	atWire   = 0 // its end of the socket pair
	atStderr = 1 // the real stderr; 2 is a pipe to the master until the child serves
	atScore  = 2 // the scoreboard
	extras   = 3
)

const (
	bindsEnv   = "CARAFE_BINDS"   // JSON list: what the sockets are bound to
	controlEnv = "CARAFE_CONTROL" // for a new master: the path of the old one's control socket
)

// terminate is the signal that asks a new master to end.
const terminate = syscall.SIGTERM

// A process is a child with a wire.
type process struct {
	cmd    *exec.Cmd
	wire   *wire
	echo   *logFile // where its words go until it serves
	any    *anybody // a program that need not know the wire; nil for this one
	speaks atomic.Bool
}

func (p *process) PID() int { return p.cmd.Process.Pid }

func (p *process) Send(m message) error {
	if p.any != nil && p.any.mute.Load() {
		return p.translate(m)
	}
	return p.wire.send(m)
}

func (p *process) Signal(s os.Signal) error {
	if p.any != nil && s == syscall.SIGKILL {
		return syscall.Kill(-p.PID(), syscall.SIGKILL) // whatever it has started goes with it
	}
	return p.cmd.Process.Signal(s)
}

// A launcher starts processes.
type launcher struct {
	args   []string
	dir    string // where the program was started
	score  *os.File
	stderr *os.File // the real one
	echo   *logFile // this process's own, for what children say until they serve
	self   *program // what a command is started through
	thread chan func()
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
	p := &process{wire: ours, echo: l.echo}
	if p.cmd, err = l.command(sp, theirs, errIn); err == nil {
		err = l.start(p, sp)
		closeFiles(p.cmd.ExtraFiles[:len(sp.sockets)])
	}
	if err != nil {
		ours.conn.Close()
		errOut.Close()
		p.any.close()
		return nil, err
	}
	go p.follow(sp.id, errOut, emit)
	return p, nil
}

// start starts a process of this program, or any program as worker.
func (l *launcher) start(p *process, sp spec) (err error) {
	if sp.before != nil {
		sp.before(p.cmd)
	}
	if sp.program.args == nil || sp.role == roleMaster {
		return p.cmd.Start()
	}
	if p.any, err = l.adapt(p.cmd, sp); err != nil {
		return err
	}
	started := make(chan error)
	l.thread <- func() { started <- p.cmd.Start() }
	return <-started
}

func closeFiles(list []*os.File) {
	for _, f := range list {
		f.Close()
	}
}

func (l *launcher) command(sp spec, theirs, errIn *os.File) (*exec.Cmd, error) {
	cmd := &exec.Cmd{Path: sp.program.path, Args: l.args, Dir: l.folder(sp), Stdout: os.Stdout, Stderr: errIn, SysProcAttr: &syscall.SysProcAttr{}}
	if sp.role != roleMaster {
		var err error
		if cmd.SysProcAttr.Credential, err = credential(sp.config); err != nil {
			return nil, err
		}
		if sp.config.ProcName != "" {
			cmd.Args = append([]string{sp.config.ProcName}, l.args[1:]...)
		}
	}
	score := l.score
	if score == nil {
		score = l.stderr // holds the place; too short to be taken for a scoreboard
	}
	binds := []string{}
	for _, s := range sp.sockets {
		f, err := rawFile(s.listener)
		if err != nil {
			closeFiles(cmd.ExtraFiles)
			return nil, err
		}
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
		binds = append(binds, bindName(s))
	}
	cmd.ExtraFiles = append(cmd.ExtraFiles, theirs, l.stderr, score)
	names, err := json.Marshal(binds)
	if err != nil {
		return nil, err
	}
	cmd.Env = append(childEnv(sp.role), sp.env...)
	cmd.Env = append(cmd.Env, roleEnv+"="+sp.role, bindsEnv+"="+string(names))
	if sp.control != "" {
		cmd.Env = append(cmd.Env, controlEnv+"="+sp.control)
	}
	return cmd, nil
}

// folder is where a process starts: where the program was started, for this one changes its folder by itself; another program
// starts there at once. It is "" if that was deleted since: the child inherits what is left of it.
func (l *launcher) folder(sp spec) string {
	dir := l.dir
	if sp.program.args != nil && sp.role != roleMaster {
		dir = firstOf(sp.config.Chdir, dir)
	}
	if _, err := os.Stat(dir); err != nil {
		return ""
	}
	return dir
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
		case name == roleEnv || name == bindsEnv || name == controlEnv:
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
		hear(p.wire, id, func(e event) { p.speaks.Store(true); emit(e) })
	}()
	if p.any != nil {
		go p.listen(id, emit)
		go p.look(id, emit)
		defer p.any.close()
	}
	tail := &lastLine{}
	go func() {
		defer close(copied)
		io.Copy(io.MultiWriter(tail, p.echo), errOut)
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

// newSystem is the real one. It is made before the process changes its folder: what it remembers is where the program was started.
func newSystem(ctx context.Context, h http.Handler, user Config, c *Config, parent *elder) (*system, error) {
	sys := commonSystem()
	path, err := exec.LookPath(os.Args[0])
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return nil, fmt.Errorf("server: cannot find this program's own file: %w", err)
	}
	sys.openProgram = func() (*program, error) { return openProgram(path) }
	l := &launcher{args: os.Args, dir: startDir(), stderr: parent.output()}
	if l.echo, err = openLog("-", os.Stderr, c, 0); err != nil {
		return nil, err
	}
	sys.flush = l.echo.close
	if c.Workers == 0 {
		sys.launch = func(sp spec, emit func(event)) (child, error) {
			if sp.role == roleMaster {
				return l.launch(sp, emit)
			}
			return launchInside(ctx, h, user, sp, emit)
		}
		return sys, nil
	}
	if l.score = scoreFile(); l.score != nil {
		sys.forget = mapScore(int(l.score.Fd())).clear
	}
	sys.launch = l.launch
	sys.served = func() { go reserveThreads(spareThreads) }
	if len(c.Command) > 0 {
		sys.openCommand = openCommand
		l.self, l.thread = runningProgram(), make(chan func())
		go l.serveThread()
	}
	return sys, nil
}

// spareThreads are enough for what a master does at once beside waiting for its workers: a start, a log, its sockets.
const spareThreads = 8

// reserveThreads has the Go runtime make threads, and keep them, where there is room for many more. A process may be forbidden more at any
// time (RLIMIT_NPROC, pids.max of a container): then a start of a worker fails, which is tried again, but a thread that Go lacks ends the
// process. Where there is no room from the beginning, asking for them would.
func reserveThreads(n int) {
	if !roomForThreads() {
		return
	}
	release := make(chan struct{})
	defer close(release)
	for range n {
		made := make(chan struct{})
		go func() {
			runtime.LockOSThread() // so that each has one of its own
			defer runtime.UnlockOSThread()
			close(made)
			<-release
		}()
		<-made
	}
}

// manyThreads is what has to be left for others before a server takes some that it may never need.
const manyThreads = 128

// roomForThreads looks at the limits that a system shows, which are Linux's; where none is to be seen there is room.
func roomForThreads() bool {
	limits, _ := os.ReadFile("/proc/self/limits")
	_, row, _ := strings.Cut(string(limits), "\nMax processes")
	if cells := strings.Fields(row); len(cells) > 0 {
		if n, err := strconv.Atoi(cells[0]); err == nil && n < manyThreads { // the user's other processes count as well, and cannot be counted cheaply
			return false
		}
	}
	for _, dir := range []string{"/sys/fs/cgroup/", "/sys/fs/cgroup/pids/"} {
		most, err := numberInFile(dir + "pids.max")
		if now, _ := numberInFile(dir + "pids.current"); err == nil && most-now < manyThreads {
			return false
		}
	}
	return true
}

func numberInFile(name string) (int, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(data))) // "max" is none
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

// scoreFile is the memory that workers share; without a place for it there is none, and balance is the kernel's. It is written, not only
// made so long: a page that a full disk has no room for would end the worker that touches it first (SIGBUS).
func scoreFile() *os.File {
	f, err := os.CreateTemp("", "carafe-score-")
	if err != nil {
		return nil
	}
	os.Remove(f.Name())
	if _, err := f.Write(make([]byte, scoreBytes)); err != nil {
		f.Close()
		return nil
	}
	return f
}
