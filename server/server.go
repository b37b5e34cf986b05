package server

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

// Run serves h until a signal or the end of ctx stops it, and returns nil after a stop that was asked for, else an error
// for [ExitCode].
//
// In the program's first process Run becomes the master. In a process that a master has started it becomes a worker: main
// runs there as well, up to Run, so what main does before is done in each worker. After Run returns, main should return.
//
// A cut request is no error: after a stop that had to cut some, Run returns nil, and the log names them.
//
// Source: gunicorn.app.base.Application.run.
func Run(ctx context.Context, h http.Handler, cfg Config) error {
	role := os.Getenv(roleEnv)
	if role == roleWorker || role == roleScout {
		return runWorker(ctx, h, cfg)
	}
	cfg.remember()
	c, err := cfg.resolved()
	if err != nil {
		return &ExitError{1, err}
	}
	if c.PrintConfig {
		c.print(os.Stdout)
	}
	if c.PrintConfig || c.CheckConfig {
		return checkOnly(c)
	}
	if c.Workers > 0 && !canFork {
		return &ExitError{1, fmt.Errorf("server: workers is %d, but this system cannot pass sockets to processes: use 0, one process", c.Workers)}
	}
	return runMaster(ctx, h, cfg, c)
}

// checkOnly opens what a start would open, from the same folder and with the same umask, and closes it again.
func checkOnly(c *Config) error {
	back, err := c.settle()
	defer back()
	if err != nil {
		return &ExitError{1, err}
	}
	l, err := openLogs(c, 0)
	if err != nil {
		return &ExitError{1, err}
	}
	l.close()
	return nil
}

// Main is the whole main of a program that only serves: flags over environment over file over cfg, then [Run], then
// os.Exit with [ExitCode]. An error is printed to stderr.
//
//	func main() { server.Main(handler, server.Default()) }
func Main(h http.Handler, cfg Config) {
	err := cfg.Load(os.Args[1:])
	if err == nil {
		err = Run(context.Background(), h, cfg)
	}
	if errors.Is(err, flag.ErrHelp) {
		os.Exit(0)
	}
	if err != nil {
		lastWord(err)
	}
	os.Exit(ExitCode(err))
}

// lastWord says on stderr why a process ends, even if nobody reads that: then it ends all the same.
func lastWord(err error) {
	if l, fault := openLog("-", os.Stderr, nil, 0); fault == nil {
		fmt.Fprintln(l, err)
		l.close()
	}
}

// Load applies a file, the environment and flags, in this order: each overrides what came before. A reload without worker
// processes does so anew, from what c was before. The error is flag.ErrHelp if args ask for help.
func (c *Config) Load(args []string) error {
	c.remember()
	given := *c
	c.again = func() (Config, error) {
		fresh := given
		err := fresh.load(args)
		return fresh, err
	}
	return c.load(args)
}

func (c *Config) load(args []string) error {
	probe := *c
	if err := probe.parse(args); err != nil {
		return err
	}
	if err := c.FromFile(probe.ConfigFile); err != nil {
		return err
	}
	file := c.ConfigFile
	if err := c.FromEnv(); err != nil {
		return err
	}
	if err := c.parse(args); err != nil {
		return err
	}
	c.ConfigFile = c.within(firstOf(file, c.ConfigFile)) // the flag may say it from where the program was started
	return nil
}

// remember notes where relative folders and files begin: where the program was started. Chdir changes that, and a reload reads
// the same names again.
func (c *Config) remember() {
	if c.start == "" {
		c.start, _ = os.Getwd() // a folder that was deleted has no name: then paths stay as they are
	}
}

// within is a path from where the program was started.
func (c *Config) within(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(c.start, path)
}

// parse reads flags. Help goes to stdout; an error says what is wrong, and not also all that could be said.
func (c *Config) parse(args []string) error {
	fs := flag.NewFlagSet(filepath.Base(os.Args[0]), flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	c.flags(fs, func(s *Setting, v flag.Value) {
		for _, name := range s.GunicornFlags() {
			fs.Var(v, name, "Gunicorn's name for --"+s.Flag)
		}
	})
	err := fs.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Printf("Usage of %s:\n", fs.Name())
		listed := flag.NewFlagSet(fs.Name(), flag.ContinueOnError)
		listed.SetOutput(os.Stdout)
		c.Flags(listed)
		listed.PrintDefaults()
		return err
	case err != nil:
		hint := ""
		if name, unknown := strings.CutPrefix(err.Error(), "flag provided but not defined: -"); unknown {
			hint = nearestFlag(name)
		}
		return fmt.Errorf("server: %w%s (--help lists all flags)", err, hint)
	case fs.NArg() > 0:
		return fmt.Errorf("server: %q is no flag", fs.Arg(0))
	}
	return nil
}

// runMaster sets up what a master needs, runs its loop, and clears up.
func runMaster(ctx context.Context, h http.Handler, user Config, c *Config) (err error) {
	parent, inherited, err := fromOldMaster()
	if err != nil {
		return &ExitError{1, err}
	}
	sys, err := newSystem(ctx, h, user, c, parent)
	if err != nil {
		return &ExitError{1, err}
	}
	if _, err := c.settle(); err != nil {
		return &ExitError{1, err}
	}
	l, err := openLogs(c, 0)
	if err != nil {
		return &ExitError{1, err}
	}
	m := newMaster(sys, user, c, l)
	defer func() { sys.flush(); m.closeLogs() }()
	if parent != nil {
		m.parent, m.left, m.owner = parent, parent.left, false
	}
	// From here on a signal is queued: one that comes while addresses are tried must not end the process as it stands.
	signal.Ignore(syscall.SIGPIPE)
	notifySignals(m.signals)
	defer signal.Stop(m.signals)
	opening, opened := signal.NotifyContext(ctx, stopSignals...)
	err = m.open(ctx, opening, inherited, parent != nil)
	why := context.Cause(opening)
	opened()
	switch {
	case err != nil && why != nil:
		l.Info("stopped before it served", "why", why)
		return nil
	case err != nil:
		return &ExitError{1, err}
	}
	defer m.close()
	if parent != nil {
		go parent.listen(parentID, m.emit)
	}
	over, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	go reap(over)
	l.Info("listening", "on", m.addresses(), "workers", c.Workers, "pid", os.Getpid())
	return m.run(ctx)
}

// open takes what the master holds for its life: sockets, pidfile, the program, the doors for questions. The hook and trying
// addresses, which may take long, end with opening.
func (m *master) open(ctx, opening context.Context, inherited []*socket, second bool) (err error) {
	if hook := m.user.Hooks.OnStarting; hook != nil {
		if err := await(opening, hook); err != nil {
			return err
		}
	}
	if m.pidfile, err = lockPIDFile(m.cfg.PIDFile, second); err != nil {
		return err
	}
	if m.sockets, err = m.firstSockets(opening, inherited); err != nil {
		m.pidfile.close()
		return err
	}
	if err := m.openDoors(ctx); err != nil {
		m.closeDoors()
		closeAll(m.sockets, !second)
		m.pidfile.close()
		return err
	}
	if m.program, err = m.firstProgram(); err != nil {
		m.closeDoors()
		closeAll(m.sockets, !second)
		m.pidfile.close()
	}
	return err
}

// firstSockets binds all addresses, but takes from an old master what it has.
func (m *master) firstSockets(ctx context.Context, inherited []*socket) ([]*socket, error) {
	if inherited == nil {
		return sockets(ctx, m.cfg)
	}
	m.sockets = inherited
	all, _, err := m.rebind(ctx, m.cfg)
	for _, s := range inherited {
		kept := false
		for _, t := range all {
			kept = kept || t == s
		}
		if !kept {
			s.close(false)
		}
	}
	return all, err
}

func (m *master) close() {
	m.closeDoors()
	m.pidfile.close()
	m.program.close()
	if hook := m.user.Hooks.OnExit; hook != nil {
		patient, stop := signal.NotifyContext(context.Background(), stopSignals...)
		defer stop()
		if err := await(patient, func() error { hook(); return nil }); err != nil {
			m.log.Warn("the hook OnExit is not waited for", "why", err)
		}
	}
	m.log.Info("stopped")
}

// serveInside runs one service to its end; both kinds of worker use it.
func serveInside(ctx context.Context, h http.Handler, user *Config, w *wire, scout bool, take func(*Config) (*insides, error)) error {
	c, msg, err := receiveConfig(user, w, scout)
	if err != nil {
		return err
	}
	in, err := take(c)
	if err != nil {
		w.send(message{Type: msgFailed, Text: err.Error()})
		return err
	}
	defer in.logs.close()
	s, err := newService(c, msg, h, w, in.logs, in.listeners)
	if err == nil {
		s.score, s.hooks = in.score, user.Hooks
		if err = user.Hooks.begin(ctx, s.id); err == nil {
			err = ctx.Err() // nobody waits for it any more
		}
	}
	if err != nil {
		w.send(message{Type: msgFailed, Text: err.Error()})
		return err
	}
	if in.started != nil {
		in.started(s)
	}
	err = s.run(ctx)
	if hook := user.Hooks.WorkerExit; hook != nil {
		hook()
	}
	return err
}

func (h *Hooks) begin(ctx context.Context, worker int) error {
	if h.PostSpawn != nil {
		h.PostSpawn(worker)
	}
	if h.WorkerInit != nil {
		return h.WorkerInit(ctx)
	}
	return nil
}

var _ slog.Handler = (*lineHandler)(nil)
