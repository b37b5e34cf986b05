package server

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"time"
)

// A system is everything that the master asks of the operating system, so that its loop can be tested without processes.
type system struct {
	// launch starts a process. What it says and how it ends come as events; emit may be called from any goroutine.
	launch func(spec, func(event)) (child, error)
	// bind makes the listening socket of one address.
	bind func(ctx context.Context, c *Config, addr string) (*socket, error)
	// forget takes a worker that has ended off the scoreboard: one that was killed could not do so.
	forget func(worker int)
	// served is called once, when the first worker serves.
	served func()
	// openProgram opens the binary on disk, for the workers of a new generation.
	openProgram func() (*program, error)
	// openCommand opens the program that workers are, if that is not this one.
	openCommand func(argv []string) (*program, error)
	// flush ends with the children's last words having been passed on.
	flush func()
	// notify tells the service manager (sd_notify(3)).
	notify func(state string)
	// resident is the memory of a process in bytes, 0 if unknown.
	resident func(pid int) int64
	// terminal reports whether stdin is a terminal.
	terminal func() bool
	// jitter is a random number below n.
	jitter func(n int) int
}

// A child is a process that was launched.
type child interface {
	PID() int
	Send(message) error
	Signal(os.Signal) error
}

// Roles of a process, in the environment variable CARAFE_ROLE.
const (
	roleEnv    = "CARAFE_ROLE"
	roleWorker = "worker" // serves with the master's configuration
	roleScout  = "scout"  // first worker of a reload: says what configuration its binary comes to
	roleMaster = "master" // new master of an upgrade
	roleExec   = "exec"   // becomes another program, which is then a worker
)

// A spec is a process to launch.
type spec struct {
	id      int // of the worker; 0 for a master
	slot    int
	role    string
	program *program
	sockets []*socket
	config  *Config
	control string          // of a master: the path of the control socket that it leaves to the new one; "" if it has none
	env     []string        // added to the master's
	before  func(*exec.Cmd) // called before the start; nil for nothing
}

// A program is a binary that workers are started from: an open file, so that a replaced one is not mixed in.
type program struct {
	path string   // for exec
	file *os.File // keeps path meaning the same file; nil where the system cannot
	args []string // of a command; nil for this program, which is started as it was
}

func (p *program) close() {
	if p != nil && p.file != nil {
		p.file.Close()
	}
}

// An event is something that happened to a child.
type event struct {
	id     int
	msg    message // when exit is nil
	exit   *exit
	gone   bool    // the child closed its end of the socket pair without a word
	err    error   // of Config.Build,
	reload *reload // for this reload
}

// An exit is how a child ended.
type exit struct {
	code   int    // -1 if it was killed by a signal
	signal string // "killed", "" if none
	last   string // last line that it wrote to stderr before it served
}

func (x *exit) String() string {
	if x.signal != "" {
		return "signal " + x.signal
	}
	return "exit code " + itoa(x.code)
}

// level is how loud a worker's end is: only one that it was told to is silent. One that never served is killed when it is not
// wanted any more.
func (x *exit) level(w *worker) slog.Level {
	if w.expected && (x.code == 0 || x.signal == "terminated" || w.since.IsZero() && w.killed) {
		return slog.LevelInfo
	}
	return slog.LevelError
}

// tick is how often the master looks at deadlines when nothing else wakes it.
const tick = 250 * time.Millisecond
