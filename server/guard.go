package server

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// A guard is an HTTP/1 connection as net/http sees it. It reads what the client sends before net/http does, and lets
// through only whole heads that a strict reader of RFC 9112 accepts, and bodies framed as their head says. So everything
// that net/http would understand otherwise than a proxy in front of it (folded lines, bare LF, Content-Length beside
// Transfer-Encoding, …) is refused before it is understood at all.
//
// A head that is refused is replaced by a request of the guard's own, marked with a secret, which [service.handle] answers:
// so the refusal comes in its turn behind the answers to earlier requests, is logged, and closes the connection.
//
// It also keeps the time: of a head from its first byte, of a body while it is read, of each write.
//
// Reads come from one goroutine at a time, as net/http makes them.
type guard struct {
	net.Conn               // TLS, or what is below
	s        *service      // whose connection it is
	base     *tracked      // the bottom, for half-closing and files
	tls      *tls.Conn     // nil without
	remote   net.Addr      // PROXY header's, or the socket's
	scan     scanner       // where in the stream of requests we are
	held     []byte        // read, not let through yet
	ready    []byte        // let through, not taken by net/http yet
	drained  bool          // the refusal's request has been handed out
	told     bool          // the body's fault likewise
	one      [1]byte       // for net/http's wait while a handler runs
	headFrom time.Time     // first byte of the head being read
	reading  time.Duration // time spent waiting for the present body
	got      int64         // bytes of it
	cancel   context.CancelCauseFunc
	wake     chan struct{} // ends a pause
	shut     atomic.Bool   // closed

	routine     atomic.Uint64           // the goroutine that serves it
	refused     atomic.Pointer[refusal] // why nothing more is let through
	bodyFault   atomic.Pointer[refusal] // the present body's framing is broken, or it is too slow
	aside       atomic.Bool             // hijacked: bytes pass as they are
	aborted     atomic.Bool             // net/http wants its pending read back: the deadline is no timeout
	underscores atomic.Bool             // names with one have come
	look        atomic.Bool             // the handler has run for a while: look whether the client has left
	timed       atomic.Bool             // somebody has set a deadline for reading
	answers     atomic.Int64            // finished
	since       atomic.Int64            // the moment since when it waits for a request

	mu       sync.Mutex // of what follows
	heads    int64      // let through; written by the reader alone
	partial  bool       // bytes of a next head are here
	over     bool       // answered or closed from outside
	deep     bool       // a read of the connection is under way
	deadline time.Time  // the handler's, for reading
	force    time.Time  // what is set on the connection
	writing  moment     // when the deadline for writing was last set
	own      bool       // the handler has set one for writing
}

// A refusal is an answer to a request that is not let through.
type refusal struct {
	status int
	why    string
}

func refuse(status int, why string) *refusal { return &refusal{status, why} }

func (r *refusal) Error() string { return strconv.Itoa(r.status) + ": " + r.why }

// secret marks the guard's own requests; nobody outside this process can know it.
var secret = func() string {
	var b [16]byte
	rand.Read(b[:])
	return fmt.Sprintf("%x", b)
}()

const refusedHeader = "X-Carafe-Refused"

// http2Preface is what an HTTP/2 client begins with (RFC 9113 3.4).
const http2Preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

func (s *service) newGuard(c net.Conn, base *tracked, tc *tls.Conn) *guard {
	g := &guard{Conn: c, s: s, base: base, tls: tc, remote: c.RemoteAddr(), cancel: func(error) {}, wake: make(chan struct{}, 1), writing: never}
	g.since.Store(int64(s.clock.now()))
	g.scan.lim = &s.lim
	s.guards.Store(g, nil)
	return g
}

// RemoteAddr is the client's, as the PROXY header says if there was one.
func (g *guard) RemoteAddr() net.Addr { return g.remote }

// readSize is how much a head that does not come in one piece is read by.
const readSize = 2048

// Read hands net/http bytes that have been looked at.
func (g *guard) Read(p []byte) (int, error) {
	for {
		if n := g.take(p); n > 0 {
			return n, nil
		}
		if g.aside.Load() {
			return g.Conn.Read(p)
		}
		if fault := g.bodyFault.Load(); fault != nil {
			return 0, g.tellFault(fault)
		}
		if g.refused.Load() != nil {
			// One byte is what net/http reads while a handler runs, which may yet take the connection over: then what
			// was refused as HTTP is not meant to be any.
			if len(p) == 1 && !g.drained {
				if err := g.pause(); err != nil {
					return 0, err
				}
				continue
			}
			if n, err := g.handOut(); n == 0 {
				return 0, err
			}
			continue
		}
		// Once per request, and nearly always taken back before anything has come: so the connection is not asked before
		// the handler has run for a while. Asked at once, it cost 5 % of a small request.
		if len(p) == 1 && !g.look.Load() && g.answering() {
			if err := g.pause(); err != nil {
				return 0, err
			}
			continue
		}
		// The frequent case: a whole request arrives at once, and goes from the socket to net/http without a copy.
		if len(g.held) == 0 && len(p) >= readSize {
			n, err := g.fetch(p)
			if pass := g.inspect(p[:n]); pass > 0 {
				return pass, nil
			}
			if err != nil && g.refused.Load() == nil && g.bodyFault.Load() == nil {
				return 0, err
			}
			continue
		}
		if err := g.gather(p); err != nil {
			return 0, err
		}
	}
}

// answering reports whether a handler is at work, and has all of its body. It is the reader's to ask.
func (g *guard) answering() bool { return g.heads > g.answers.Load() && !g.scan.inBody() }

// pause waits until net/http takes its read back, the connection is handed over, or it is time to look whether the client is
// there, which is of no interest once something was refused.
func (g *guard) pause() error {
	for !g.aside.Load() && (!g.look.Load() || g.refused.Load() != nil) {
		if g.aborted.Load() {
			return os.ErrDeadlineExceeded
		}
		if g.shut.Load() {
			return net.ErrClosed
		}
		<-g.wake
	}
	return nil
}

// nudge ends a pause.
func (g *guard) nudge() {
	select {
	case g.wake <- struct{}{}:
	default:
	}
}

// tellFault gives the reader of a body the fault, and whoever reads on afterwards the end of the connection.
func (g *guard) tellFault(fault *refusal) error {
	if g.told {
		return io.EOF
	}
	g.told = true
	return fault
}

// take hands out what has been let through.
func (g *guard) take(p []byte) int {
	n := copy(p, g.ready)
	if g.ready = g.ready[n:]; len(g.ready) == 0 {
		g.ready = nil // an idle connection keeps no buffer
	}
	return n
}

// gather reads more behind what is held, and lets through what has become whole.
func (g *guard) gather(p []byte) error {
	// net/http waits with one byte for the client to leave; no buffer is spent on that.
	more := g.one[:]
	if len(p) > 1 || len(g.held) > 0 {
		more = make([]byte, readSize)
	}
	n, err := g.fetch(more)
	if n > 0 {
		all := append(g.held, more[:n]...)
		g.held = nil
		pass := g.inspect(all)
		g.ready = all[:pass:pass]
		return nil
	}
	if g.refused.Load() != nil || g.bodyFault.Load() != nil {
		return nil
	}
	return err
}

// inspect runs the scanner over new bytes and returns how many of them may pass. What follows is held.
func (g *guard) inspect(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	heads := g.scan.heads
	pass, no := g.scan.run(b)
	if g.scan.underscores && !g.underscores.Load() {
		g.underscores.Store(true)
	}
	if rest := b[pass:]; len(rest) > 0 {
		g.held = append([]byte(nil), rest...)
	}
	switch {
	case no != nil && g.scan.inBody():
		g.bodyFault.Store(no)
	case no != nil:
		g.refused.Store(no)
	}
	g.note(g.scan.heads-heads, len(g.held) > 0 || g.refused.Load() != nil)
	return pass
}

// note keeps what decides whether the connection is idle.
func (g *guard) note(heads int, partial bool) {
	if heads > 0 {
		g.reading, g.got = 0, 0
		g.look.Store(false)
	}
	if !partial {
		g.headFrom = time.Time{}
	} else if g.headFrom.IsZero() {
		g.headFrom = time.Now()
	}
	g.mu.Lock()
	g.heads += int64(heads)
	g.partial = partial
	g.mu.Unlock()
}

// handOut puts the refusal's request in front of net/http, once.
func (g *guard) handOut() (int, error) {
	if g.drained {
		return 0, io.EOF
	}
	g.drained = true
	g.held = nil
	g.ready = fmt.Appendf(nil, "GET / HTTP/1.1\r\nHost: refused\r\n%s: %s\r\nConnection: close\r\n\r\n", refusedHeader, secret)
	g.mu.Lock()
	g.heads++
	g.mu.Unlock()
	return len(g.ready), nil
}

// refusalOf is the refusal that r stands for, nil if r is a client's.
func (g *guard) refusalOf(r *http.Request) *refusal {
	no := g.refused.Load()
	if no == nil {
		return nil // most requests
	}
	if v := r.Header[refusedHeader]; len(v) == 1 && v[0] == secret {
		return no
	}
	return nil
}

// fetch reads from the client under the deadline that the place in the stream asks for.
func (g *guard) fetch(p []byte) (int, error) {
	body := g.scan.inBody()
	if !g.arm(body) {
		return 0, os.ErrDeadlineExceeded
	}
	var began time.Time
	if body {
		began = time.Now()
	}
	n, err := g.Conn.Read(p)
	if body {
		g.reading += time.Since(began)
		g.got += int64(n)
	}
	if g.closedMeanwhile(n) {
		return 0, io.EOF
	}
	if err == nil && !body {
		return n, nil
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded) && !g.aborted.Load():
		g.tooSlow(body)
	case body && n > 0 && g.reading > g.s.cfg.BodyTimeout/3 && float64(g.got) < g.reading.Seconds()*float64(g.s.cfg.BodyMinRate):
		g.bodyFault.Store(refuse(http.StatusRequestTimeout, "the body comes too slowly"))
		return 0, nil
	case err == io.EOF && body:
		g.bodyFault.Store(refuse(http.StatusBadRequest, "the body ends before its framing says"))
	case err == io.EOF && len(g.held) > 0:
		g.refused.Store(refuse(http.StatusBadRequest, "the head is not finished"))
	}
	return n, err
}

// closedMeanwhile reports whether the connection was closed as idle while bytes were on their way.
func (g *guard) closedMeanwhile(n int) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.deep = false
	if n > 0 {
		g.partial = true
	}
	return g.over
}

// tooSlow turns a deadline into a 408, if the client has begun to say something.
func (g *guard) tooSlow(body bool) {
	no := refuse(http.StatusRequestTimeout, "the request comes too slowly")
	if body {
		g.bodyFault.Store(no)
	} else if len(g.held) > 0 {
		g.refused.Store(no)
	}
}

// arm sets the deadline of the next read: for a head, HeaderTimeout from its first byte; for a body, BodyTimeout or what
// the handler has set, if that is earlier; between requests, what net/http has set. It reports false if net/http has taken
// the read back already.
func (g *guard) arm(body bool) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.aborted.Load() {
		return false
	}
	g.deep = true
	limit := g.deadline
	switch {
	case body:
		limit = time.Now().Add(g.s.cfg.BodyTimeout)
		if !g.deadline.IsZero() && g.deadline.Before(limit) {
			limit = g.deadline
		}
	case !g.headFrom.IsZero():
		limit = g.headFrom.Add(g.s.cfg.HeaderTimeout)
	}
	g.limitReading(limit)
	return true
}

// limitReading sets the connection's deadline, if it is another one. Most requests come whole, and never set one: a
// connection that only waits is closed by [service.sweep].
func (g *guard) limitReading(t time.Time) error {
	if t.Equal(g.force) {
		return nil
	}
	g.force = t
	return g.Conn.SetReadDeadline(t)
}

// SetReadDeadline is net/http's and the handler's. One in the past is how net/http takes a pending read back. For each
// request net/http takes back a deadline three times that nobody has set, which is nothing to do.
func (g *guard) SetReadDeadline(t time.Time) error {
	if g.aside.Load() {
		return g.Conn.SetReadDeadline(t)
	}
	if t.IsZero() && !g.timed.Load() {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	past := !t.IsZero() && (t.Before(g.s.clock.epoch) || t.Before(time.Now()))
	g.aborted.Store(past)
	if !past {
		g.deadline = t
	}
	g.timed.Store(past || !g.deadline.IsZero())
	if !g.deep {
		// The next read sets it; a pause only has to end.
		if past {
			g.nudge()
		}
		return nil
	}
	return g.limitReading(t)
}

// SetWriteDeadline is the handler's, and net/http's after each answer, which takes the handler's back.
func (g *guard) SetWriteDeadline(t time.Time) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t.IsZero() && !g.own {
		return nil // the next write sets its own
	}
	g.own, g.writing = !t.IsZero(), never
	return g.Conn.SetWriteDeadline(t)
}

// mayWrite gives a write its time, give or take an eighth: setting a deadline for each would cost more than it is worth.
// It reports false when the connection has been answered, or closed, from outside.
func (g *guard) mayWrite() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.over {
		return false
	}
	if now := g.s.clock.now(); !g.own && !g.aside.Load() && now-g.writing > moment(g.s.cfg.WriteTimeout/8) {
		g.writing = now
		g.Conn.SetWriteDeadline(time.Now().Add(g.s.cfg.WriteTimeout))
	}
	return true
}

// SetDeadline sets both.
func (g *guard) SetDeadline(t time.Time) error {
	return errors.Join(g.SetReadDeadline(t), g.SetWriteDeadline(t))
}

// stepAside lets bytes pass as they are from now on.
func (g *guard) stepAside() {
	g.ready = append(g.ready, g.held...)
	g.held = nil
	if !g.drained {
		g.refused.Store(nil)
	}
	g.aside.Store(true)
	g.nudge()
	g.Conn.SetDeadline(time.Time{})
	g.mu.Lock()
	g.force, g.deadline = time.Time{}, time.Time{}
	g.timed.Store(false)
	g.mu.Unlock()
}

// answerOver answers a request in the place of a handler that does not, and ends the connection for writing.
func (g *guard) answerOver(method string, status int) {
	body := http.StatusText(status) + "\n"
	length := len(body)
	if method == http.MethodHead {
		body = ""
	}
	g.Conn.SetWriteDeadline(time.Now().Add(time.Second))
	fmt.Fprintf(g.Conn, "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\nDate: %s\r\n\r\n%s",
		status, http.StatusText(status), length, time.Now().UTC().Format(http.TimeFormat), body)
	g.mu.Lock()
	g.over = true
	g.mu.Unlock()
	g.closeWrite()
}

func (g *guard) closeWrite() {
	if g.tls != nil {
		g.tls.CloseWrite()
	}
	if c, ok := bottom(g.base).(interface{ CloseWrite() error }); ok {
		c.CloseWrite()
	}
}

// bottom is the socket.
func bottom(t *tracked) net.Conn { return t.Conn }

// Write sends under WriteTimeout: a client that reads nothing does not hold a goroutine for ever.
func (g *guard) Write(p []byte) (int, error) {
	if !g.mayWrite() {
		return 0, errExpired
	}
	return g.Conn.Write(p)
}

// fileChunk is how much of a file is sent under one WriteTimeout.
const fileChunk = 4 << 20

// ReadFrom keeps sendfile: the socket's own ReadFrom gets the file itself, a piece at a time.
func (g *guard) ReadFrom(src io.Reader) (total int64, err error) {
	rf, ok := g.base.Conn.(io.ReaderFrom)
	if g.tls != nil || !ok {
		return io.Copy(struct{ io.Writer }{g}, src)
	}
	remain := int64(1<<63 - 1)
	whole, limited := src.(*io.LimitedReader)
	if limited {
		src, remain = whole.R, whole.N
	}
	for remain > 0 {
		if !g.mayWrite() {
			return total, errExpired
		}
		piece := min(remain, fileChunk)
		n, err := rf.ReadFrom(&io.LimitedReader{R: src, N: piece})
		total, remain = total+n, remain-n
		if limited {
			whole.N = remain
		}
		if err != nil || n < piece {
			return total, err
		}
	}
	return total, nil
}

// lingerTime is how long a connection that is closed with bytes unread goes on reading, so that the client can read the
// answer: closed at once, TCP would reset it.
const lingerTime = 500 * time.Millisecond

// Close ends the connection.
func (g *guard) Close() error {
	g.shut.Store(true)
	g.nudge()
	g.s.guards.Delete(g)
	if (g.refused.Load() != nil || g.bodyFault.Load() != nil) && !g.s.draining.Load() {
		g.closeWrite()
		g.Conn.SetReadDeadline(time.Now().Add(lingerTime))
		io.CopyN(io.Discard, g.Conn, 64<<10)
	}
	return g.Conn.Close()
}

// A tlsGuard is a guard that net/http fills Request.TLS from.
type tlsGuard struct{ *guard }

// ConnectionState is the TLS connection's.
func (g tlsGuard) ConnectionState() tls.ConnectionState { return g.tls.ConnectionState() }

// guardOf is the guard of a connection that net/http holds.
func guardOf(c net.Conn) *guard {
	if t, ok := c.(tlsGuard); ok {
		return t.guard
	}
	g, _ := c.(*guard)
	return g
}
