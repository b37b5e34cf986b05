//go:build unix

package server

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// execEnv is the file that a process whose role is exec becomes.
const execEnv = "CARAFE_EXEC"

// A command must find its own pid in LISTEN_PID, which nobody knows before it is started. So this program is started, puts
// the pid there, and becomes the command. It happens here, before main, because main may do anything, and because nothing
// else may have begun: the fewest lines between fork and exec that the system has to offer.
func init() {
	if os.Getenv(roleEnv) != roleExec {
		return
	}
	path, pid := os.Getenv(execEnv), strconv.Itoa(os.Getpid())
	unset(execEnv)
	os.Setenv(roleEnv, roleWorker)
	os.Setenv("LISTEN_PID", pid)
	os.Setenv("WATCHDOG_PID", pid)
	if fd, err := strconv.Atoi(strings.TrimPrefix(path, "/proc/self/fd/")); err == nil {
		syscall.CloseOnExec(fd)
	}
	err := syscall.Exec(path, os.Args, os.Environ())
	fmt.Fprintf(os.Stderr, "server: cannot become %s: %v\n", os.Args[0], err)
	os.Exit(126)
}

// anybody is what a worker has that may be any program: the socket on which it says how it is.
type anybody struct {
	notify *net.UnixConn
	path   string      // of the socket, to be removed; "" if it has none in the file system
	mute   atomic.Bool // it does not know the wire
	uid    int
	socks  map[uint64]bool // the listening sockets, as [awaits] knows them
	over   chan struct{}
}

// openCommand opens the file that argv names, as it is now.
func openCommand(argv []string) (*program, error) {
	path, err := exec.LookPath(argv[0])
	if err == nil {
		path, err = filepath.Abs(path)
	}
	if err != nil {
		return nil, err
	}
	p, err := openProgram(path)
	if err == nil {
		p.args = argv
	}
	return p, err
}

// serveThread starts processes from one thread that never ends: the signal that a command gets at its parent's death is
// really sent at the death of the thread that started it.
func (l *launcher) serveThread() {
	runtime.LockOSThread()
	for f := range l.thread {
		f()
	}
}

// adapt makes cmd, so far a worker of this program, the start of a command.
func (l *launcher) adapt(cmd *exec.Cmd, sp spec) (*anybody, error) {
	a := &anybody{over: make(chan struct{}), uid: os.Geteuid(), socks: inodes(cmd.ExtraFiles[:len(sp.sockets)])}
	if c := cmd.SysProcAttr.Credential; c != nil {
		a.uid = int(c.Uid)
	}
	var name string
	var err error
	if a.notify, name, a.path, err = notifySocket(a.uid); err != nil {
		return nil, err
	}
	become := sp.program.path
	if f := sp.program.file; f != nil {
		cmd.ExtraFiles = append(cmd.ExtraFiles, f)
		become = "/proc/self/fd/" + strconv.Itoa(2+len(cmd.ExtraFiles))
	}
	cmd.Path, cmd.Args = l.self.path, sp.program.args
	if sp.config.ProcName != "" {
		cmd.Args = append([]string{sp.config.ProcName}, sp.program.args[1:]...)
	}
	cmd.Env = append(cmd.Env, roleEnv+"="+roleExec, execEnv+"="+become, "NOTIFY_SOCKET="+name,
		fmt.Sprintf("LISTEN_FDS=%d", len(sp.sockets)), "LISTEN_FDNAMES="+fdNames(sp.sockets),
		fmt.Sprintf("WATCHDOG_USEC=%d", sp.config.WorkerTimeout.Microseconds()),
		"CARAFE_GRACEFUL_TIMEOUT="+sp.config.GracefulTimeout.String(), "CARAFE_DRAIN_IDLE="+sp.config.DrainIdle.String())
	cmd.SysProcAttr.Setpgid = true // what a terminal sends to the group is for the master
	dieWithParent(cmd.SysProcAttr)
	return a, nil
}

// fdNames are LISTEN_FDNAMES: systemd's own where the sockets came from there.
func fdNames(list []*socket) string {
	var names []string
	for _, s := range list {
		name, ok := strings.CutPrefix(s.bind, "systemd:")
		if !ok {
			name = "carafe"
		}
		names = append(names, name)
	}
	return strings.Join(names, ":")
}

func (a *anybody) close() {
	if a == nil {
		return
	}
	a.notify.Close()
	if a.path != "" {
		os.Remove(a.path)
	}
}

// listen hears what the worker says to NOTIFY_SOCKET, until that is closed.
func (p *process) listen(id int, emit func(event)) {
	defer close(p.any.over)
	text, control := make([]byte, 4096), make([]byte, 256)
	for {
		n, nc, _, _, err := p.any.notify.ReadMsgUnix(text, control)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || p.speaks.Load() || !mayNotify(control[:nc], p.any.uid) {
			continue
		}
		for line := range strings.SplitSeq(string(text[:n]), "\n") {
			switch line {
			case "READY=1":
				p.serves(id, emit)
			case "STOPPING=1":
				emit(event{id: id, msg: message{Type: msgLeaving}})
			case "WATCHDOG=1":
				emit(event{id: id, msg: message{Type: msgBeat}})
			}
		}
	}
}

// serves notes that a worker that does not know the wire is ready.
func (p *process) serves(id int, emit func(event)) {
	if !p.any.mute.Swap(true) {
		emit(event{id: id, msg: message{Type: msgReady, Mute: true}})
	}
}

// courtesy is what a program that was seen to wait has for saying READY=1: it may have taken its sockets just before.
const courtesy = 200 * time.Millisecond

// look is for programs that say nothing at all: they serve when they have been seen to wait for connections.
func (p *process) look(id int, emit func(event)) {
	t := time.NewTicker(20 * time.Millisecond)
	defer t.Stop()
	var seen time.Time
	for !p.speaks.Load() && !p.any.mute.Load() {
		select {
		case <-p.any.over:
			return
		case <-t.C:
		}
		switch {
		case seen.IsZero():
			if awaits(p.PID(), p.any.socks) {
				seen = time.Now()
			}
		case time.Since(seen) > courtesy && !p.speaks.Load():
			p.serves(id, emit)
		}
	}
}

// errMute is a message that there is no signal for.
var errMute = errors.New("server: this worker is a program that does not know the wire")

// translate is the wire for who does not know it.
func (p *process) translate(m message) error {
	switch m.Type {
	case msgDrain:
		return p.Signal(syscall.SIGTERM)
	case msgQuick:
		return p.Signal(syscall.SIGINT)
	}
	return errMute
}
