package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// A service is the inside of a worker: it accepts from its listeners and serves until it is told to leave.
type service struct {
	cfg       *Config
	log       *logs
	handler   http.Handler
	hooks     Hooks
	wire      *wire
	id        int
	limit     int64 // requests after which the master is told
	listeners []net.Listener
	lim       limits
	trusted   trust
	schemes   []schemeHeader
	access    *accessFormat
	requests  *registry
	score     *scoreboard
	clock     clock

	h1, h2   *http.Server
	in1, in2 *handover
	conns    atomic.Int64
	strange  atomic.Int64 // when a connection without its PROXY header was last told of, in seconds since 1970
	guards   sync.Map     // of *guard, for as long as it is open
	room     chan struct{}
	closing  chan struct{} // closed when accepting ends
	accepts  sync.WaitGroup
	draining atomic.Bool
	starved  atomic.Bool // the last accept has failed: the process has no descriptors left
	lame     atomic.Bool
	slots    chan struct{} // MaxConcurrent
	leave    chan order
	maxConns int64
}

// handshakeTime is how long a connection that was accepted just before the end may take to become HTTP/2.
const handshakeTime = 150 * time.Millisecond

// An order to leave.
type order struct {
	grace time.Duration
	empty bool
	final bool // the sockets are nobody's after this
	quick bool
	why   string
}

// errGone is the master's end.
var errGone = errors.New("the master has gone")

// receiveConfig waits for the master's configuration; a scout first says what its own binary comes to.
func receiveConfig(user *Config, w *wire, scout bool) (*Config, message, error) {
	if scout {
		if err := w.send(message{Type: msgHello, Config: user.values()}); err != nil {
			return nil, message{}, err
		}
	}
	for {
		m, err := w.receive()
		if err != nil {
			return nil, m, errGone
		}
		if m.Type == msgConfig {
			c, err := user.with(m.Config)
			return c, m, err
		}
	}
}

// newService makes a service that is ready to serve; nothing is accepted yet.
func newService(c *Config, m message, h http.Handler, w *wire, l *logs, listeners []net.Listener) (*service, error) {
	trusted, err := parseTrust(c.TrustedProxies)
	if err != nil {
		return nil, err
	}
	schemes, err := parseSchemeHeaders(c.SecureSchemeHeaders)
	if err != nil {
		return nil, err
	}
	access, err := compileAccessFormat(c.AccessLogFormat)
	if err != nil {
		return nil, err
	}
	s := &service{
		cfg: c, log: l, handler: h, wire: w, id: m.Worker, limit: m.Limit, listeners: listeners,
		lim: limitsOf(c), trusted: trusted, schemes: schemes, access: access, requests: newRegistry(),
		room: make(chan struct{}, 1), closing: make(chan struct{}), leave: make(chan order, 4), maxConns: openable(c.MaxConns),
	}
	s.requests.limit = s.limit
	s.clock.epoch = time.Now()
	s.lame.Store(m.Lame)
	if c.MaxConcurrent > 0 {
		s.slots = make(chan struct{}, c.MaxConcurrent)
	}
	if err := s.makeServers(); err != nil {
		return nil, err
	}
	return s, nil
}

// run serves until an order to leave has been carried out. ctx ends it at once.
func (s *service) run(ctx context.Context) error {
	defer keepHeapFloor()()
	s.serve()
	if err := s.wire.send(message{Type: msgReady}); err != nil {
		s.leave <- order{grace: s.cfg.GracefulTimeout, why: errGone.Error()}
	}
	stopped := make(chan struct{})
	var background sync.WaitGroup
	background.Go(func() { s.heartbeat(stopped) })
	background.Go(func() { s.watch(stopped) })
	background.Go(func() { s.sweep(stopped) })
	background.Go(func() { s.pulse(stopped) })
	go s.obey()
	defer background.Wait()
	defer close(stopped)
	select {
	case o := <-s.leave:
		s.drain(ctx, o)
	case <-ctx.Done():
		s.cut("killed")
	}
	return nil
}

// obey does what the master says, until it has gone.
func (s *service) obey() {
	for {
		m, err := s.wire.receive()
		if err != nil {
			// All workers of the dead master leave: what waits in the queue is for them, or for nobody.
			s.order(order{grace: s.cfg.GracefulTimeout, empty: true, why: errGone.Error()})
			return
		}
		switch m.Type {
		case msgDrain:
			s.order(order{grace: m.Grace, empty: m.Empty, final: m.Final, why: "master"})
		case msgQuick:
			s.order(order{quick: true, why: "master"})
		case msgReopen:
			s.log.reopen()
		case msgLame:
			s.lame.Store(true)
		case msgAsk:
			s.wire.send(message{Type: msgAnswer, ID: m.ID, Text: s.tell(m.Text)})
		}
	}
}

func (s *service) order(o order) {
	select {
	case s.leave <- o:
	default:
	}
}

// heartbeat tells the master each second, and four times in WorkerTimeout, how the worker is.
func (s *service) heartbeat(stopped chan struct{}) {
	t := time.NewTicker(min(time.Second, s.cfg.WorkerTimeout/4))
	defer t.Stop()
	for {
		select {
		case <-stopped:
			return
		case <-s.requests.full:
		case <-t.C:
		}
		s.wire.send(message{Type: msgBeat, Beat: s.beat()})
	}
}

func (s *service) beat() *beat {
	b := s.requests.beat()
	b.Conns = int(s.conns.Load())
	b.Memory = residentMemory(os.Getpid())
	if s.cfg.BacklogMetric {
		for _, l := range s.listeners {
			b.Backlog = max(b.Backlog, queueLength(l))
		}
	}
	return b
}

// drain leaves without losing what has arrived: see the package's invariant.
func (s *service) drain(ctx context.Context, o order) {
	began := time.Now()
	s.lame.Store(true)
	s.draining.Store(true)
	s.stopAccepting(o)
	s.wire.send(message{Type: msgDeaf})
	defer s.in1.Close()
	defer s.in2.Close()
	if o.quick {
		s.quit()
		return
	}
	// Handshakes that have begun end first: Shutdown closes what is not yet a connection of its own.
	defer time.AfterFunc(handshakeTime, func() { s.h2.Shutdown(ctx) }).Stop()
	idle := began.Add(max(0, s.cfg.DrainIdle))
	end := began.Add(o.grace)
	poll := time.NewTicker(5 * time.Millisecond)
	defer poll.Stop()
	for s.conns.Load() > 0 {
		select {
		case <-ctx.Done():
			s.cut("killed")
			return
		case again := <-s.leave:
			if again.quick {
				s.quit()
				return
			}
		case now := <-poll.C:
			if now.After(end) {
				s.cut("graceful timeout")
				return
			}
			if now.After(idle) {
				s.closeIdle()
			}
		}
	}
}

// quit leaves at once.
func (s *service) quit() {
	if s.hooks.WorkerInt != nil {
		s.hooks.WorkerInt()
	}
	s.cut("quick stop")
}

// closeIdle closes the connections on which nothing has arrived since their last answer.
func (s *service) closeIdle() {
	s.guards.Range(func(g, _ any) bool {
		g.(*guard).closeIfIdle()
		return true
	})
}

// cut answers 503 to what has no answer yet, names what is cut, and closes everything.
func (s *service) cut(why string) {
	for _, x := range s.requests.list() {
		answered := x.expire(http.StatusServiceUnavailable)
		s.log.Warn("request is cut", "why", why, "method", x.method, "path", x.path, "age", time.Since(x.began).Round(time.Millisecond), "answered", answered)
	}
	// What has been written must leave before the process does.
	deadline := time.Now().Add(50 * time.Millisecond)
	for s.requests.beat().Busy > 0 && time.Now().Before(deadline) {
		time.Sleep(2 * time.Millisecond)
	}
	s.closeIdle()
	s.h1.Close()
	s.h2.Close()
	// net/http has forgotten the connections that handlers have taken over.
	s.guards.Range(func(g, _ any) bool {
		g.(*guard).Close()
		return true
	})
}

// tell answers a question of the master.
func (s *service) tell(question string) string {
	var number int64
	if n, _ := fmt.Sscanf(question, "stack %d", &number); n == 1 {
		for _, x := range s.requests.list() {
			if x.number == number {
				return fmt.Sprintf("%s %s\n%s", x.method, quoted(x.path), stackOf(x.goroutine()))
			}
		}
		return ""
	}
	text := ""
	for _, x := range s.requests.list() {
		text += fmt.Sprintf("%d %d %s %s %s %v\n", os.Getpid(), x.number, x.remote, x.method, quoted(x.path), time.Since(x.began).Round(time.Millisecond))
	}
	return text
}
