package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime/debug"
	"strconv"
	"sync"
	"time"
)

// An exchange is one request and its answer: the ResponseWriter that handlers get. It hides nothing of net/http's: files
// still go by sendfile, and Flush, Hijack and Unwrap work. It is made for each request and never used again.
//
// The lock is for the one other goroutine that may end an exchange, when the request's time is up.
type exchange struct {
	s        *service
	w        http.ResponseWriter
	guard    *guard // nil for HTTP/2
	began    time.Time
	method   string
	path     string
	remote   string
	number   int64
	routine  uint64 // of HTTP/2, where each request has its own
	cancel   context.CancelCauseFunc
	before   *exchange
	after    *exchange
	stuck    bool // belongs to the registry
	hijacked bool // likewise
	streamed bool // it was sent before its end was known
	dressed  bool // the handler has asked for the header: it may have set fields

	mu        sync.Mutex
	header    http.Header // HTTP/2: what the handler sets, until it is sent
	status    int
	bytes     int64
	committed bool
	expired   bool
	ended     bool
	entered   bool // holds a place among MaxConcurrent
	hooked    bool // PreRequest was called
}

// errExpired is what writing gives after the request's time was up.
var errExpired = errors.New("server: the request's time was up, and it was answered")

// handle serves one request.
func (s *service) handle(w http.ResponseWriter, r *http.Request) {
	g, _ := r.Context().Value(guardKey{}).(*guard)
	if g != nil {
		if g.routine.Load() == 0 {
			g.routine.Store(goroutineID())
		}
		if no := g.refusalOf(r); no != nil {
			s.refuse(w, r, g, no)
			return
		}
	}
	if s.cfg.ReadyPath != "" && r.URL.Path == s.cfg.ReadyPath {
		s.answerReady(w)
		return
	}
	x := &exchange{s: s, w: w, guard: g, began: time.Now(), method: r.Method, path: r.URL.Path, remote: r.RemoteAddr}
	if g == nil {
		r = x.overHTTP2(r)
	}
	s.requests.begin(x)
	defer x.end(r)
	seen, no := s.prepare(r, g)
	if no != nil {
		s.plain(x, no)
		return
	}
	if x.entered = s.enter(r); !x.entered && s.slots != nil {
		return
	}
	x.hooked = true
	if hook := s.hooks.PreRequest; hook != nil {
		hook(seen)
	}
	s.handler.ServeHTTP(x, seen)
}

// overHTTP2 gives a request what HTTP/1 has by its connection: a context to cancel, a goroutine to look at; and a header
// of its own, because the answer may have to be sent while the handler still sets fields.
func (x *exchange) overHTTP2(r *http.Request) *http.Request {
	ctx, cancel := context.WithCancelCause(r.Context())
	x.cancel, x.header = cancel, http.Header{}
	if x.s.cfg.RequestTimeout > 0 || x.s.cfg.ControlSocket != "" {
		x.routine = goroutineID()
	}
	return r.WithContext(ctx)
}

// enter takes a place among MaxConcurrent, waiting for it. It reports false if there is no limit, or the client has gone.
func (s *service) enter(r *http.Request) bool {
	if s.slots == nil {
		return false
	}
	select {
	case s.slots <- struct{}{}:
		return true
	case <-r.Context().Done():
		return false
	}
}

// end is what follows the handler, whether it returned or panicked.
func (x *exchange) end(r *http.Request) {
	abort := x.finish(recover())
	if x.entered {
		<-x.s.slots
	}
	took := time.Since(x.began)
	x.s.requests.end(x, took)
	if x.cancel != nil {
		x.cancel(nil)
	}
	if x.s.log.access != nil {
		x.s.log.access.put(x.s.access.line(x, r, took))
	}
	if x.hooked && x.s.hooks.PostRequest != nil {
		x.postRequest(r, took)
	}
	if abort {
		panic(http.ErrAbortHandler)
	}
}

// finish commits an answer that the handler left empty. After a panic it answers 500 while nothing is out; after that the
// connection is to be cut, so that nobody takes half an answer for a whole one: then it reports true.
func (x *exchange) finish(fault any) (abort bool) {
	if fault != nil && fault != http.ErrAbortHandler {
		x.s.log.Error("panic", "method", x.method, "path", x.path, "panic", fmt.Sprint(fault), "stack", string(debug.Stack()))
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	x.ended = true
	switch {
	case fault == nil:
		x.commit(http.StatusOK)
	case fault == http.ErrAbortHandler, x.committed, x.expired, x.hijacked:
		return true
	default:
		clear(x.Header())
		x.text(http.StatusInternalServerError)
	}
	return false
}

// text answers with a status and its text. The caller holds the lock, and nothing is out.
func (x *exchange) text(status int) {
	body := http.StatusText(status) + "\n"
	h := x.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if x.guard != nil {
		h.Set("Connection", "close")
	}
	x.commit(status)
	n, _ := io.WriteString(x.w, body)
	x.sent(int64(n))
}

// sent counts bytes of the body. What a handler writes for a HEAD goes nowhere. The caller holds the lock.
func (x *exchange) sent(n int64) {
	if x.method != http.MethodHead {
		x.bytes += n
	}
}

// Header is the answer's header.
func (x *exchange) Header() http.Header {
	x.dressed = true
	if x.header != nil {
		return x.header
	}
	return x.w.Header()
}

// CountsBodies tells an app that net/http says how long a short answer is: the app need not.
func (x *exchange) CountsBodies() {}

// WriteHeader sends the header. An impossible status, which would panic in net/http, becomes a 500.
func (x *exchange) WriteHeader(status int) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
		if !x.committed && !x.expired {
			x.w.WriteHeader(status)
		}
		return
	}
	if !x.committed && (status < 100 || status > 999) {
		x.s.log.Error("impossible status", "method", x.method, "path", x.path, "status", status)
		status = http.StatusInternalServerError
	}
	x.commit(status)
}

// commit sends the header, once. The caller holds the lock.
func (x *exchange) commit(status int) {
	if x.committed || x.expired || x.hijacked {
		return
	}
	if g := x.guard; g != nil {
		fault := g.bodyFault.Load()
		if fault != nil && status <= http.StatusBadRequest {
			// The body was not what its framing said, or too slow, or too large: no answer may count as success, and a
			// handler that says 400 for a body that it could not read is made precise.
			status = fault.status
		}
		if fault != nil || x.s.draining.Load() {
			x.Header().Set("Connection", "close")
		}
	}
	// A header that nobody has asked for is empty; asking would make net/http keep a copy.
	if x.dressed {
		clean(x.Header())
	}
	x.committed, x.status = true, status
	if x.header != nil {
		for k, v := range x.header {
			x.w.Header()[k] = v
		}
	}
	x.w.WriteHeader(status)
}

// clean removes what the server owns, framing, and what no field may hold.
func clean(h http.Header) {
	delete(h, "Transfer-Encoding")
	for _, values := range h {
		for i, v := range values {
			if hasControl(v) {
				values[i] = blankControls(v)
			}
		}
	}
}

func (x *exchange) Write(p []byte) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.expired {
		return 0, errExpired
	}
	x.commit(http.StatusOK)
	n, err := x.w.Write(p)
	x.sent(int64(n))
	return n, err
}

// WriteString saves io.WriteString a copy.
func (x *exchange) WriteString(p string) (int, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.expired {
		return 0, errExpired
	}
	x.commit(http.StatusOK)
	n, err := io.WriteString(x.w, p)
	x.sent(int64(n))
	return n, err
}

// ReadFrom keeps sendfile: net/http hands a file to the connection when the ResponseWriter is an io.ReaderFrom.
func (x *exchange) ReadFrom(src io.Reader) (int64, error) {
	rf, ok := x.w.(io.ReaderFrom)
	if !ok {
		return io.Copy(struct{ io.Writer }{x}, src)
	}
	x.mu.Lock()
	if x.expired {
		x.mu.Unlock()
		return 0, errExpired
	}
	if !x.committed && x.Header().Get("Content-Type") == "" {
		x.mu.Unlock() // net/http looks at the first bytes to find the type
		return io.Copy(struct{ io.Writer }{x}, src)
	}
	x.commit(http.StatusOK)
	x.streamed = true
	x.mu.Unlock()
	n, err := rf.ReadFrom(src)
	x.mu.Lock()
	x.sent(n)
	x.mu.Unlock()
	return n, err
}

// Flush sends what has been written.
func (x *exchange) Flush() { x.FlushError() }

// FlushError is Flush as http.ResponseController calls it.
func (x *exchange) FlushError() error {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.expired {
		return errExpired
	}
	x.commit(http.StatusOK)
	x.streamed = true
	return http.NewResponseController(x.w).Flush()
}

// Hijack hands the connection to the handler, and the guard steps aside.
func (x *exchange) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.expired {
		return nil, nil, errExpired
	}
	c, rw, err := http.NewResponseController(x.w).Hijack()
	if err == nil {
		x.s.requests.mu.Lock()
		x.hijacked = true
		x.s.requests.mu.Unlock()
		x.status = http.StatusSwitchingProtocols
		if x.guard != nil {
			x.guard.stepAside()
		}
	}
	return c, rw, err
}

// Unwrap is net/http's ResponseWriter, for http.ResponseController.
func (x *exchange) Unwrap() http.ResponseWriter { return x.w }

func (x *exchange) goroutine() uint64 {
	if x.guard != nil {
		return x.guard.routine.Load()
	}
	return x.routine
}

// expire ends an exchange from outside: if nothing is out the client gets status, its context is cancelled, and the handler's
// writes fail from now on. It reports whether the client was answered.
func (x *exchange) expire(status int) bool {
	if !x.mu.TryLock() {
		x.abandon() // it is writing, so its header is out
		return false
	}
	defer x.mu.Unlock()
	if x.hijacked || x.expired || x.ended {
		return x.expired
	}
	x.abandon() // before the connection ends, which would be a cause as well
	answered := !x.committed
	switch {
	case answered && x.guard != nil:
		// net/http's writer is the handler's goroutine's alone; the connection is ours.
		x.guard.answerOver(x.method, status)
	case answered:
		body := http.StatusText(status) + "\n"
		h := x.w.Header()
		h.Set("Content-Type", "text/plain; charset=utf-8")
		h.Set("Content-Length", strconv.Itoa(len(body)))
		x.committed = true
		x.w.WriteHeader(status)
		n, _ := io.WriteString(x.w, body)
		x.sent(int64(n))
		http.NewResponseController(x.w).Flush()
	}
	x.expired = true
	if answered {
		x.status = status
	}
	return answered
}

// errAbandoned is the cause of a context that the server has cancelled: nobody is to take it for a client that has left.
var errAbandoned = errors.New("server: the request was ended by the server: its time was up")

// abandon cancels the request's context.
func (x *exchange) abandon() {
	if x.cancel != nil {
		x.cancel(errAbandoned)
	}
	if x.guard != nil {
		x.guard.cancel(errAbandoned)
	}
}

// watch ends requests whose time is up.
func (s *service) watch(stopped chan struct{}) {
	limit := s.cfg.RequestTimeout
	if limit <= 0 {
		return
	}
	t := time.NewTicker(min(max(limit/20, 5*time.Millisecond), 250*time.Millisecond))
	defer t.Stop()
	for {
		select {
		case <-stopped:
			return
		case now := <-t.C:
			for _, x := range s.requests.overdue(now.Add(-limit)) {
				stack := stackOf(x.goroutine())
				answered := x.expire(http.StatusServiceUnavailable)
				s.log.Error("request takes too long", "method", x.method, "path", x.path, "age", time.Since(x.began).Round(time.Millisecond),
					"answered", answered, "stack", stack)
			}
		}
	}
}

// answerReady is ReadyPath: for load balancers.
func (s *service) answerReady(w http.ResponseWriter) {
	if s.lame.Load() {
		w.Header().Set("Connection", "close")
		http.Error(w, "leaving", http.StatusServiceUnavailable)
		return
	}
	io.WriteString(w, "ready\n")
}
