package server

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
)

// RunCommand is [Run] for a program that is not this one: each worker is argv, started with the shared sockets. It is what
// "carafe serve" does.
//
// The program may be one whose main ends in [Run] or [Main], with whatever Config: then it is a worker like any other,
// and cfg is what holds in it. Or it is any program that takes its sockets as systemd passes them (sd_listen_fds(3): from
// descriptor 3 on, LISTEN_FDS, LISTEN_PID and LISTEN_FDNAMES say how many and whose; accept waits on them until the program says
// otherwise), which a Carafe app's Run does too.
// Such a program
//
//   - serves when it says READY=1 to NOTIFY_SOCKET (sd_notify(3)), or, on Linux, when it is seen to wait for connections;
//   - is sent TERM to drain, INT to leave quickly, and is killed, with all that it has started, when its time is up;
//   - is aborted when it has said WATCHDOG=1 at least once and then nothing for WorkerTimeout;
//   - keeps its stderr, and is told CARAFE_GRACEFUL_TIMEOUT and CARAFE_DRAIN_IDLE;
//   - gets TERM when the master dies (Linux).
//
// What a worker does within its process does not hold for it: limits, timeouts of requests, access log, metrics of requests.
// With TLS, the PROXY protocol or ReusePort it is refused, for it would serve something else than was asked for.
//
// Reload, upgrade, recycling by MaxMemory, scaling and stop are as ever. A reload reads the configuration again, calls
// Config.Build, and starts the file that argv[0] names by then. The hooks of workers are not called.
//
// Workers zero means [Auto]. argv[0] is looked for as a shell does. The error is Run's.
func RunCommand(ctx context.Context, argv []string, cfg Config) error {
	if len(argv) == 0 {
		return &ExitError{1, fmt.Errorf("server: there is no command to run")}
	}
	cfg.Command = argv
	return Run(ctx, http.NotFoundHandler(), cfg)
}

// IsWorker reports whether this process was started by a master whose worker it is to be: then [Run] will serve, whatever
// else the program's arguments ask for. It is false after Run was called.
func IsWorker() bool {
	role := os.Getenv(roleEnv)
	return role == roleWorker || role == roleScout
}

func (c *Config) checkCommand() error {
	if len(c.Command) == 0 {
		return nil
	}
	if _, err := exec.LookPath(c.Command[0]); err != nil {
		return fmt.Errorf("server: command is %q, which cannot be run: %w", c.Command[0], err)
	}
	return nil
}

// firstProgram is what workers are started from until a reload.
func (m *master) firstProgram() (*program, error) {
	if len(m.cfg.Command) > 0 {
		return m.sys.openCommand(m.cfg.Command)
	}
	return runningProgram(), nil
}

// unfit are the settings that change what a client meets, and that a program which does not speak the wire knows nothing of.
func (c *Config) unfit() []string {
	var list []string
	for name, set := range map[string]bool{
		"tls_cert_file": c.TLSCertFile != "", "proxy_protocol": c.ProxyProtocol != "off", "reuse_port": c.ReusePort,
		"http2_cleartext": c.HTTP2Cleartext != "off",
	} {
		if set {
			list = append(list, name)
		}
	}
	return list
}

// suits reports whether a worker that was started as any program can do what the configuration asks for; else it is killed.
func (m *master) suits(w *worker) bool {
	if w.state != booting {
		return true
	}
	list := w.config.unfit()
	if len(list) == 0 {
		return true
	}
	w.failed = "the program takes its sockets as from systemd, and knows nothing of " + strings.Join(list, ", ")
	m.kill(w)
	return false
}

// reloadCommand begins the reload of a server whose workers are another program.
func (m *master) reloadCommand() {
	build := m.user.Build
	if build == nil {
		build = func(context.Context) error { return nil }
	}
	r := m.reload
	ctx, cancel := context.WithCancel(context.Background())
	r.cancel = cancel
	go func() { m.emit(event{id: buildID, err: build(ctx), reload: r}) }()
}

// built goes on when Config.Build has ended: the configuration is read here, not by a scout, for it is this program's.
func (m *master) built(ctx context.Context, e event) {
	r := m.reload
	if r == nil || r != e.reload {
		return
	}
	if e.err != nil {
		m.refuseReload("the program cannot be built", e.err.Error())
		return
	}
	fresh := m.user
	err := fresh.readAgain()
	var c *Config
	if err == nil {
		c, err = fresh.resolved()
	}
	if err == nil {
		err = m.sameKind(c)
	}
	if err != nil {
		m.refuseReload("the new configuration is no good", err.Error())
		return
	}
	if r.program, err = m.sys.openCommand(c.Command); err != nil {
		m.refuseReload("the command cannot be opened", err.Error())
		return
	}
	if m.adoptConfig(ctx, c) {
		s := &slot{}
		r.slots = []*slot{s}
		m.startNew(s, roleWorker, c, r.sockets)
	}
}
