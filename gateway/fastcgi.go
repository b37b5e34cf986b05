package gateway

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// A FastCGI serves an Application behind a web server that speaks FastCGI: nginx, lighttpd, Apache, Caddy.
//
// The zero value but for App is ready. SCRIPT_NAME and PATH_INFO are what the web server says; REMOTE_USER,
// DOCUMENT_ROOT and its other variables are in the environ, and wsgi.errors goes to its error log. The request's context
// ends when the web server aborts the request or the connection. An answer that breaks off closes the connection without
// the record that ends a request. That is all a server can say; nginx 1.22 passes it on as an error only if the answer
// has a Content-Length. And nginx sends no more of a request's body once the answer begins: read what you need of a long
// one before.
//
// Source: the FastCGI specification 1.0, role responder. It does not multiplex requests over one connection, as no known
// web server does either. net/http/fcgi is not used: it hides SCRIPT_NAME and PATH_INFO, its context never ends, a panic
// ends the process, and an answer cut in the middle looks complete.
type FastCGI struct {
	// App answers the requests; it must be there.
	App Application

	// Mount is where the application is mounted, for a web server that gets it wrong: a prefix of the URL's path that
	// becomes SCRIPT_NAME; "/" is the root. "" believes the web server; if that sends no PATH_INFO at all, it is the root.
	Mount string

	// MaxParams bounds the variables of one request, in bytes. Zero means 1 MiB.
	MaxParams int
}

// Serve accepts connections on l until ctx is done, closes l, waits up to 5 s for requests in flight and returns nil. It
// returns an error if l fails before; running out of descriptors is waited out.
func (f *FastCGI) Serve(ctx context.Context, l net.Listener) error {
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	var running sync.WaitGroup
	requests, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	for {
		conn, err := l.Accept()
		switch {
		case err == nil:
			running.Go(func() { f.serveConn(requests, ctx, conn) })
		case ctx.Err() != nil:
			waitFor(&running, 5*time.Second)
			return nil
		case isTemporary(err):
			time.Sleep(50 * time.Millisecond)
		default:
			return err
		}
	}
}

func waitFor(running *sync.WaitGroup, limit time.Duration) {
	done := make(chan struct{})
	go func() { running.Wait(); close(done) }()
	select {
	case <-done:
	case <-time.After(limit):
	}
}

// An fcgiConn is one connection of the web server: it reads records, while at most one request runs in a goroutine.
type fcgiConn struct {
	server   *FastCGI
	stopping context.Context // done when no further request is taken
	conn     net.Conn
	in       *bufio.Reader
	mu       sync.Mutex // guards req and leaving, and that records are written whole
	req      *fcgiRequest
	leaving  bool // the last answer is out; what the web server still sends is dropped
}

// An fcgiRequest is the request in progress.
type fcgiRequest struct {
	id       uint16
	keepConn bool
	params   []byte
	stdin    *fcgiInput // nil until the params are complete
	cancel   context.CancelFunc
	done     chan struct{} // closed when the answer is out
}

// serveConn handles one connection until its end. When stopping is done, it ends after the request in progress.
func (f *FastCGI) serveConn(requests, stopping context.Context, conn net.Conn) {
	c := &fcgiConn{server: f, stopping: stopping, conn: conn, in: bufio.NewReader(conn)}
	defer conn.Close()
	stop := context.AfterFunc(stopping, c.hangUpIdle)
	defer stop()
	for {
		kind, id, content, err := c.readRecord()
		if err == nil {
			err = c.handle(requests, kind, id, content)
		}
		if err != nil {
			c.endRequest(err)
			return
		}
	}
}

// current is the request in progress, nil if its answer is out.
func (c *fcgiConn) current() *fcgiRequest {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.req
}

// hangUpIdle ends a connection that waits for its next request.
func (c *fcgiConn) hangUpIdle() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.req == nil && !c.leaving {
		c.conn.Close()
	}
}

// last reports whether no further request is taken.
func (c *fcgiConn) last() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.leaving || c.stopping.Err() != nil && c.req == nil
}

// fcgiLinger is how long the web server may go on sending a body that nobody has read.
const fcgiLinger = 2 * time.Second

// hangUp ends a connection whose answer is out, after it has read the rest of the request's body: on a socket that is closed
// the web server's write fails, and nginx makes a 502 of it although it has the whole answer.
func (c *fcgiConn) hangUp(req *fcgiRequest) {
	half, ok := c.conn.(interface{ CloseWrite() error })
	if !ok || req.stdin.whole() {
		c.conn.Close()
		return
	}
	half.CloseWrite()
	c.conn.SetReadDeadline(time.Now().Add(fcgiLinger))
}

// endRequest cancels what is still running, because the web server has gone, and waits for it.
func (c *fcgiConn) endRequest(err error) {
	req := c.current()
	if req == nil {
		return
	}
	if err == nil {
		err = io.ErrUnexpectedEOF
	}
	req.cancel()
	if req.stdin != nil {
		req.stdin.finish(err)
		<-req.done
	}
}

var errHangUp = errors.New("gateway: FastCGI connection done")

// handle does what one record asks for. An error ends the connection.
func (c *fcgiConn) handle(ctx context.Context, kind byte, id uint16, content []byte) error {
	switch kind {
	case fcgiBegin:
		return c.begin(id, content)
	case fcgiGetValues:
		return c.getValues(content)
	}
	if id == 0 {
		return c.writeRecord(fcgiUnknownType, 0, []byte{kind, 0, 0, 0, 0, 0, 0, 0})
	}
	req := c.current()
	if req == nil || req.id != id {
		return nil // the specification says to ignore it: the request has ended already
	}
	switch kind {
	case fcgiAbort:
		return c.abort(req)
	case fcgiParams:
		return c.takeParams(ctx, req, content)
	case fcgiStdin:
		req.feed(content)
	}
	return nil
}

func (c *fcgiConn) begin(id uint16, content []byte) error {
	if len(content) < 3 {
		return errors.New("gateway: FastCGI: short begin record")
	}
	if c.current() != nil {
		return c.writeEnd(id, 0, fcgiCantMpxConn)
	}
	if binary.BigEndian.Uint16(content) != fcgiResponder {
		return c.writeEnd(id, 0, fcgiUnknownRole)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leaving {
		return errHangUp
	}
	c.req = &fcgiRequest{id: id, keepConn: content[2]&fcgiKeepConn != 0, cancel: func() {}, done: make(chan struct{})}
	return nil
}

// abort ends a request whose client has left. The request's goroutine sends the end record.
func (c *fcgiConn) abort(req *fcgiRequest) error {
	req.cancel()
	if req.stdin != nil {
		req.stdin.finish(context.Canceled)
		return nil
	}
	c.forget()
	err := c.writeEnd(req.id, 0, fcgiComplete)
	if !req.keepConn {
		return errHangUp
	}
	return err
}

func (c *fcgiConn) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.req = nil
}

func (c *fcgiConn) takeParams(ctx context.Context, req *fcgiRequest, content []byte) error {
	limit := c.server.MaxParams
	if limit == 0 {
		limit = 1 << 20
	}
	if req.stdin != nil {
		return errors.New("gateway: FastCGI: params after their end")
	}
	if len(content) > 0 {
		req.params = append(req.params, content...)
		if len(req.params) > limit {
			c.forget()
			c.writeEnd(req.id, 0, fcgiOverloaded)
			return errHangUp
		}
		return nil
	}
	vars, err := parsePairs(req.params)
	if err != nil {
		return err
	}
	req.stdin, req.params = newFCGIInput(), nil
	ctx, req.cancel = context.WithCancel(ctx)
	go c.run(ctx, req, vars)
	return nil
}

// feed passes standard input on; an empty record is its end. When nobody reads any more it is dropped.
func (r *fcgiRequest) feed(content []byte) {
	if r.stdin == nil {
		return
	}
	if len(content) == 0 {
		r.stdin.finish(io.EOF)
		return
	}
	r.stdin.feed(content)
}

// run answers one request.
func (c *fcgiConn) run(ctx context.Context, req *fcgiRequest, vars map[string]string) {
	defer close(req.done)
	defer req.cancel()
	w := newCGIWriter(fcgiStream{c, fcgiStdout, req.id}, vars["REQUEST_METHOD"])
	stderr := fcgiStream{c, fcgiStderr, req.id}
	h := &handler{app: c.server.App, multithread: true, multiprocess: true, vars: vars, errors: stderr}
	err := h.serveVars(ctx, w, req.stdin, c.server.Mount)
	if err != nil && !w.sent {
		w.WriteHeader(http.StatusInternalServerError)
		err = nil
	}
	req.stdin.Close()
	if err == nil {
		err = c.finish(req, w)
	}
	switch {
	case err != nil:
		c.conn.Close()
	case c.last():
		c.hangUp(req)
	}
}

// finish ends an answer that is whole: the rest of the buffer, the end of the stream, the end record. The web server may
// send its next request as soon as it has read that.
func (c *fcgiConn) finish(req *fcgiRequest, w *cgiWriter) error {
	if err := w.finish(); err != nil {
		return err
	}
	c.writeRecord(fcgiStdout, req.id, nil)
	c.mu.Lock()
	c.req, c.leaving = nil, !req.keepConn || c.stopping.Err() != nil
	c.mu.Unlock()
	return c.writeEnd(req.id, 0, fcgiComplete)
}

// getValues answers what the server can do.
func (c *fcgiConn) getValues(content []byte) error {
	asked, err := parsePairs(content)
	if err != nil {
		return err
	}
	var answer []byte
	if _, ok := asked["FCGI_MPXS_CONNS"]; ok {
		answer = appendPair(answer, "FCGI_MPXS_CONNS", "0")
	}
	return c.writeRecord(fcgiGetValuesResult, 0, answer)
}

// ListenFastCGI is Listen, or the socket that a process manager (lighttpd's bin-path, spawn-fcgi) left as standard input
// if addr is "".
func ListenFastCGI(addr string) (net.Listener, error) {
	if addr != "" {
		return Listen(addr)
	}
	return net.FileListener(os.Stdin)
}
