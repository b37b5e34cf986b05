package server

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/carafeweb/carafe/gateway"
)

// A handover is a listener that is fed: connections come from the accept loops, checked and with TLS done.
type handover struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func newHandover() *handover { return &handover{conns: make(chan net.Conn), done: make(chan struct{})} }

func (h *handover) Accept() (net.Conn, error) {
	select {
	case c := <-h.conns:
		return c, nil
	case <-h.done:
		return nil, net.ErrClosed
	}
}

func (h *handover) Close() error   { h.once.Do(func() { close(h.done) }); return nil }
func (h *handover) Addr() net.Addr { return &net.TCPAddr{} }

// give hands a connection to whoever serves.
func (h *handover) give(c net.Conn) {
	select {
	case h.conns <- c:
	case <-h.done:
		c.Close()
	}
}

type guardKey struct{}

// makeServers makes the two HTTP servers: HTTP/1 behind a guard, and HTTP/2, which needs Shutdown to leave politely, where
// HTTP/1 must not be sent it (golang/go#75591).
func (s *service) makeServers() error {
	c := s.cfg
	base := func() *http.Server {
		srv := &http.Server{
			Handler: http.HandlerFunc(s.handle), ReadHeaderTimeout: c.HeaderTimeout, IdleTimeout: max(c.KeepAlive, 0),
			MaxHeaderBytes: c.MaxHeaderBytes, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
			Protocols: new(http.Protocols),
		}
		return srv
	}
	s.h1, s.h2 = base(), base()
	s.h1.Protocols.SetHTTP1(true)
	s.h1.ReadHeaderTimeout, s.h1.IdleTimeout = 0, 0 // the guard's and the sweep's
	s.h1.MaxHeaderBytes += c.MaxRequestLine         // likewise: net/http counts the request line in
	s.h1.SetKeepAlivesEnabled(c.KeepAlive >= 0)
	s.h1.ConnState = func(conn net.Conn, state http.ConnState) {
		if state == http.StateIdle {
			guardOf(conn).answered()
		}
	}
	s.h1.ConnContext = func(ctx context.Context, conn net.Conn) context.Context {
		g := guardOf(conn)
		ctx, g.cancel = context.WithCancelCause(context.WithValue(gateway.WithGuard(ctx), guardKey{}, g))
		return ctx
	}
	s.h2.Protocols.SetHTTP2(true)
	s.h2.Protocols.SetUnencryptedHTTP2(c.HTTP2Cleartext == "prior-knowledge")
	s.h2.HTTP2 = &http.HTTP2Config{
		MaxConcurrentStreams: c.HTTP2MaxStreams, MaxReceiveBufferPerStream: c.HTTP2WindowSize,
		MaxReadFrameSize: c.HTTP2MaxFrameSize, WriteByteTimeout: c.WriteTimeout,
	}
	s.in1, s.in2 = newHandover(), newHandover()
	return s.makeTLS()
}

// serve starts accepting.
func (s *service) serve() {
	go s.h1.Serve(s.in1)
	go s.h2.Serve(s.in2)
	for _, l := range s.listeners {
		s.accepts.Go(func() { s.accept(l) })
	}
}

// accept takes connections until accepting ends. Running out of descriptors is waited out.
func (s *service) accept(l net.Listener) {
	wait := time.Duration(0)
	var told time.Time
	var v vain
	for s.waitForRoom(&v) {
		c, err := l.Accept()
		if err == nil {
			wait = 0
			s.starved.Store(false)
			s.admit(c)
			continue
		}
		if s.closed() || errors.Is(err, net.ErrClosed) {
			return
		}
		if errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		s.starved.Store(true)
		s.score.clear(s.id)
		wait = min(max(2*wait, 5*time.Millisecond), time.Second)
		if time.Since(told) > time.Minute {
			told = time.Now()
			s.log.Error("cannot accept", "err", err, "again_in", wait, "conns", s.conns.Load())
		}
		select {
		case <-s.closing:
			return
		case <-time.After(wait):
		}
	}
}

// waitForRoom waits while the worker holds as many connections as it may, or clearly more than another that is worth
// waiting for. It reports false when accepting has ended.
func (s *service) waitForRoom(v *vain) bool {
	for s.conns.Load() >= s.maxConns {
		s.score.set(s.id, full)
		select {
		case <-s.room:
		case <-s.closing:
			return false
		}
	}
	s.tellScore(s.conns.Load())
	for range balanceTries {
		if !s.score.ahead(s.id, s.conns.Load(), v) {
			return !s.closed()
		}
		select {
		case <-s.closing:
			return false
		case <-time.After(time.Millisecond):
		}
	}
	s.score.giveUp(s.id, s.conns.Load(), v)
	return !s.closed()
}

// closed reports whether accepting has ended.
func (s *service) closed() bool {
	select {
	case <-s.closing:
		return true
	default:
		return false
	}
}

// How long nothing must have come for a queue to be taken for empty. Where the kernel lets nobody in before the last look, waiting is
// not needed for that, and would be for the worse: who connects meanwhile, while one worker waits and another has had the kernel do so, is
// a second late.
const (
	quietQueue = 20 * time.Millisecond
	quietFinal = 2 * time.Millisecond
)

// stopAccepting ends the accept loops. With empty, nobody else will take what is in the queues, so it is taken first; with final, the kernel
// lets nobody in before the last look.
func (s *service) stopAccepting(o order) {
	close(s.closing)
	s.score.clear(s.id)
	for _, l := range s.listeners {
		if d, ok := l.(interface{ SetDeadline(time.Time) error }); ok {
			d.SetDeadline(time.Now())
		}
	}
	s.accepts.Wait()
	quiet := quietQueue
	if o.final {
		quiet = quietFinal
	}
	for _, l := range s.listeners {
		if o.empty {
			s.emptyQueue(l, quiet, time.Now().Add(150*time.Millisecond))
		}
		if o.final {
			takeNoMore(l)
			s.emptyQueue(l, quiet, time.Now())
		}
		l.Close()
	}
}

// emptyQueue accepts until nothing has come for a moment, which is shorter after end, and ends with a look that finds nothing.
func (s *service) emptyQueue(l net.Listener, quiet time.Duration, end time.Time) {
	d, ok := l.(interface{ SetDeadline(time.Time) error })
	if !ok {
		return
	}
	for {
		if time.Now().After(end) {
			quiet = time.Millisecond
		}
		d.SetDeadline(time.Now().Add(quiet))
		c, err := l.Accept()
		if err != nil {
			return
		}
		s.admit(c)
	}
}

// tellScore says how many connections the worker holds. One that leaves is off the board: put back there with ever fewer, and
// at last with none, it would have the others wait for it to take the next one, for ever. So is one that cannot accept.
func (s *service) tellScore(conns int64) {
	if !s.draining.Load() && !s.starved.Load() {
		s.score.set(s.id, conns)
	}
}

// A tracked connection is counted until it is closed.
type tracked struct {
	net.Conn
	s    *service
	once sync.Once
}

func (t *tracked) Close() error {
	t.once.Do(func() {
		t.s.tellScore(t.s.conns.Add(-1))
		select {
		case t.s.room <- struct{}{}:
		default:
		}
	})
	return t.Conn.Close()
}

// admit takes a new connection in. What needs a conversation first, PROXY headers or TLS, has it in a goroutine of its own.
func (s *service) admit(c net.Conn) {
	s.tellScore(s.conns.Add(1))
	t := &tracked{Conn: c, s: s}
	if s.cfg.ProxyProtocol == "off" && s.lim.tls == nil && s.cfg.HTTP2Cleartext == "off" {
		s.in1.give(s.newGuard(t, t, nil))
		return
	}
	go s.introduce(t)
}

// introduce reads what comes before HTTP.
func (s *service) introduce(t *tracked) {
	t.SetDeadline(time.Now().Add(s.cfg.HeaderTimeout))
	var conn net.Conn = t
	if s.cfg.ProxyProtocol != "off" {
		p, err := s.readProxyHeader(t)
		if err != nil {
			s.log.Log(context.Background(), s.strangeness(err), "PROXY header refused", "peer", t.RemoteAddr().String(), "why", err)
			t.Close()
			return
		}
		conn = p
	}
	if s.lim.tls != nil {
		s.introduceTLS(conn, t)
		return
	}
	if s.cfg.HTTP2Cleartext != "off" && s.trusted.has(t.RemoteAddr()) {
		p := &prefixed{Conn: conn}
		if p.startsWith(http2Preface) {
			p.SetDeadline(time.Time{})
			s.in2.give(p)
			return
		}
		conn = p
	}
	conn.SetDeadline(time.Time{})
	s.in1.give(s.newGuard(conn, t, nil))
}

// strangeness is how loud a refused PROXY header is: once a minute loud enough to be seen, because a proxy that is set up otherwise
// than the server gets nothing but closed connections. Who says nothing only looks whether somebody listens.
func (s *service) strangeness(err error) slog.Level {
	if errors.Is(err, io.EOF) || errors.Is(err, os.ErrDeadlineExceeded) {
		return slog.LevelDebug
	}
	now, last := time.Now().Unix(), s.strange.Load()
	if now-last >= 60 && s.strange.CompareAndSwap(last, now) {
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

func (s *service) introduceTLS(conn net.Conn, t *tracked) {
	tc := tls.Server(conn, s.lim.tls)
	if err := tc.Handshake(); err != nil {
		s.log.Debug("TLS handshake failed", "peer", conn.RemoteAddr().String(), "err", err)
		tc.Close()
		return
	}
	tc.SetDeadline(time.Time{})
	if tc.ConnectionState().NegotiatedProtocol == "h2" {
		s.in2.give(tc)
		return
	}
	s.in1.give(tlsGuard{s.newGuard(tc, t, tc)})
}
