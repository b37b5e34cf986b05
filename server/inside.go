package server

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"syscall"
	"time"
)

// insides are what a worker has besides its service: made in its own way by each kind of worker.
type insides struct {
	logs      *logs
	listeners []net.Listener
	score     *scoreboard
	started   func(*service)
}

// An inner child is the worker of a server without worker processes: a service in this process, behind the same wire.
// So Workers=0 has the same signals, drain and limits, by the same code.
type inner struct {
	wire    *wire
	cancel  context.CancelFunc
	abandon func() // takes it for ended
}

func (i *inner) PID() int             { return os.Getpid() }
func (i *inner) Send(m message) error { return i.wire.send(m) }

// Signal only knows the end: there is no process to send others to. A hook of the worker's that does not heed its context
// cannot be killed; it is left behind.
func (i *inner) Signal(s os.Signal) error {
	if s == syscall.SIGKILL {
		i.cancel()
		time.AfterFunc(killAfter, i.abandon)
	}
	return nil
}

// launchInside starts a service in this process.
func launchInside(ctx context.Context, h http.Handler, user Config, sp spec, emit func(event)) (child, error) {
	listeners, err := ownListeners(sp.sockets)
	if err != nil {
		return nil, err
	}
	if sp.role == roleScout {
		if err := user.readAgain(); err != nil {
			closeListeners(listeners)
			return nil, err
		}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	here, there := net.Pipe()
	var once sync.Once
	end := func(x *exit) { once.Do(func() { emit(event{id: sp.id, exit: x}) }) }
	i := &inner{wire: newWire(there), cancel: cancel, abandon: func() {
		there.Close()
		closeListeners(listeners) // it will not accept: what came into their queues would never be answered
		end(&exit{code: -1, signal: "killed", last: "it does not heed its context"})
	}}
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		hear(i.wire, sp.id, emit)
	}()
	go func() {
		defer cancel()
		w := newWire(here)
		err := serveInside(ctx, h, &user, w, sp.role == roleScout, func(c *Config) (*insides, error) {
			l, err := openLogs(c, workerPatience)
			return &insides{logs: l, listeners: listeners}, err
		})
		here.Close()
		<-heard
		there.Close()
		closeListeners(listeners)
		x := &exit{}
		if err != nil {
			x.code, x.last = 1, err.Error()
		}
		end(x)
	}()
	return i, nil
}

// readAgain is what a new process would come to: by Main's way if there was one, else by the file alone.
func (c *Config) readAgain() error {
	if c.again == nil {
		return c.FromFile("")
	}
	fresh, err := c.again()
	if err != nil {
		return err
	}
	n, err := c.with(fresh.values())
	if err == nil {
		*c = *n
	}
	return err
}

// hear turns what a child says into events, until its end of the wire is closed.
func hear(w *wire, id int, emit func(event)) {
	for {
		m, err := w.receive()
		if err != nil {
			return
		}
		emit(event{id: id, msg: m})
	}
}

// ownListeners are listeners of their own for the sockets: closing one does not close the master's.
func ownListeners(socks []*socket) ([]net.Listener, error) {
	var list []net.Listener
	for _, s := range socks {
		l, err := duplicate(s.listener)
		if err != nil {
			closeListeners(list)
			return nil, err
		}
		list = append(list, l)
	}
	return list, nil
}

func closeListeners(list []net.Listener) {
	for _, l := range list {
		l.Close()
	}
}

func duplicate(l net.Listener) (net.Listener, error) {
	if !canFork {
		return &shared{Listener: l, done: make(chan struct{})}, nil
	}
	f, err := rawFile(l)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	d, err := net.FileListener(f)
	if u, ok := d.(*net.UnixListener); ok {
		u.SetUnlinkOnClose(false)
	}
	return d, err
}

// shared is a listener that cannot be duplicated: closing it only ends waiting.
type shared struct {
	net.Listener
	once sync.Once
	done chan struct{}
}

func (s *shared) Close() error {
	s.once.Do(func() { close(s.done) })
	return s.SetDeadline(time.Now())
}

func (s *shared) Accept() (net.Conn, error) {
	select {
	case <-s.done:
		return nil, net.ErrClosed
	default:
		return s.Listener.Accept()
	}
}

func (s *shared) SetDeadline(t time.Time) error {
	if d, ok := s.Listener.(interface{ SetDeadline(time.Time) error }); ok {
		return d.SetDeadline(t)
	}
	return errors.ErrUnsupported
}
