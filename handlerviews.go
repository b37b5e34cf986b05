package carafe

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/carafeweb/carafe/routing"
)

// handlerBuffer is how much of an http.Handler's answer is kept as a value before it is streamed.
const handlerBuffer = 64 << 10

// errHandlerDone is what a handler's writer answers once the handler has returned.
var errHandlerDone = errors.New("carafe: write after the http.Handler returned")

// runHandler calls an http.Handler that is a view, or was returned by one. A short answer becomes a
// Response like any other. One that is flushed, hijacked or longer than handlerBuffer goes through the after
// hooks at that moment, with its headers, and is passed on as it is written.
func (a *App) runHandler(c *Context, h http.Handler) (*Response, error) {
	if c == nil {
		return nil, errors.New("carafe: an http.Handler can only be answered with inside of a request")
	}
	hw := &handlerWriter{c: c, header: http.Header{}}
	defer hw.finish()
	h.ServeHTTP(hw, c.handlerRequest())
	return hw.response()
}

// handlerRequest is the request as net/http's handlers know it: its Context is c, and the rule's variables are its PathValues.
func (c *Context) handlerRequest() *http.Request {
	r := c.Request.Request.WithContext(c)
	if c.match.Rule == nil || len(c.match.Rule.Variables()) == 0 {
		return r
	}
	variables := c.match.Rule.Variables()
	if r.Pattern != "" || slices.ContainsFunc(variables, func(v routing.Variable) bool { return r.PathValue(v.Name) != "" }) {
		r = c.Request.Request.Clone(c) // who is around the app has values of its own there, which are not ours to change
	}
	for _, v := range variables {
		r.SetPathValue(v.Name, c.Param(v.Name))
	}
	return r
}

// handlerWriter is the http.ResponseWriter of a handler that is a view.
type handlerWriter struct {
	c      *Context
	header http.Header // the handler's to change; what it was when the status was written is what counts

	mu     sync.Mutex // a handler may leave goroutines behind that still write
	status int
	begun  http.Header // header as it is sent, without trailers; nil until the status is written
	body   bytes.Buffer
	resp   *Response // what was sent when the answer began to be streamed
	out    http.ResponseWriter
	err    error // why nothing more can be written

	written int64 // of the body
	failed  bool  // a write has failed: the client has left

	done atomic.Bool // the handler has returned
}

func (hw *handlerWriter) Header() http.Header { return hw.header }

func (hw *handlerWriter) WriteHeader(status int) {
	hw.mu.Lock()
	defer hw.mu.Unlock()
	if hw.err == errHandlerDone {
		_ = hw.refused()
	}
	if hw.status == 0 && hw.err == nil {
		if status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
			hw.interim(status)
			return
		}
		hw.begin(status)
	}
}

// begin settles status and header, as net/http does: what the handler changes later is for trailers alone.
func (hw *handlerWriter) begin(status int) {
	hw.status, hw.begun = status, hw.header.Clone()
	for name := range hw.begun {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			delete(hw.begun, name)
		}
	}
}

// interim passes a 1xx answer on at once.
func (hw *handlerWriter) interim(status int) {
	w := hw.c.w
	if w == nil {
		return
	}
	h := w.Header()
	outer := maps.Clone(h) // what middleware has set is for the final answer too
	maps.Copy(h, hw.header)
	w.WriteHeader(status)
	clear(h)
	maps.Copy(h, outer)
}

func (hw *handlerWriter) Write(p []byte) (int, error) {
	hw.mu.Lock()
	defer hw.mu.Unlock()
	switch {
	case hw.err != nil:
		return 0, hw.refused()
	case hw.out != nil:
		hw.written += int64(len(p))
		return hw.passed(hw.out.Write(p))
	}
	hw.sniff(p)
	hw.written += int64(len(p))
	hw.body.Write(p)
	if hw.body.Len() > handlerBuffer {
		return len(p), hw.stream()
	}
	return len(p), nil
}

// refused is why nothing can be written; hw.mu is held.
func (hw *handlerWriter) refused() error {
	if hw.err == errHandlerDone {
		return hw.c.lateWrite()
	}
	return hw.err
}

// passed notes what became of a write of the server's.
func (hw *handlerWriter) passed(n int, err error) (int, error) {
	hw.failed = hw.failed || isBroken(err)
	return n, err
}

// ReadFrom keeps the server's sendfile within reach of handlers that serve files.
func (hw *handlerWriter) ReadFrom(r io.Reader) (int64, error) {
	head, err := io.CopyN(writerOnly{hw}, r, handlerBuffer+1)
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return head, err
	}
	rest, err := hw.readRest(r)
	return head + rest, err
}

// readRest passes on what is behind the first piece, in the way of [streamWriter.ReadFrom].
func (hw *handlerWriter) readRest(r io.Reader) (int64, error) {
	if !isRegularFile(r) {
		return copyPieces(hw, r)
	}
	hw.mu.Lock()
	defer hw.mu.Unlock()
	if hw.err != nil {
		return 0, hw.refused()
	}
	n, err := io.Copy(hw.out, r)
	hw.written += n
	_, err = hw.passed(0, err)
	return n, err
}

// writerOnly hides ReadFrom, so that io.Copy does not come back to it.
type writerOnly struct{ io.Writer }

// FlushError sends what is there; the answer is streamed from then on.
func (hw *handlerWriter) FlushError() error {
	hw.mu.Lock()
	defer hw.mu.Unlock()
	if err := hw.stream(); err != nil {
		return err
	}
	return http.NewResponseController(hw.out).Flush()
}

// Flush is FlushError for those who ask for an http.Flusher.
func (hw *handlerWriter) Flush() { _ = hw.FlushError() }

// Hijack gives the connection away; no hook sees an answer then.
func (hw *handlerWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	hw.mu.Lock()
	defer hw.mu.Unlock()
	w := hw.c.w
	if hw.err != nil || w == nil {
		return nil, nil, errors.Join(hw.err, http.ErrNotSupported)
	}
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err == nil {
		hw.resp, hw.err, hw.c.sent = &Response{sent: true}, http.ErrHijacked, true
	}
	return conn, rw, err
}

// SetReadDeadline is that of an [http.ResponseController].
func (hw *handlerWriter) SetReadDeadline(t time.Time) error {
	return hw.control(func(rc *http.ResponseController) error { return rc.SetReadDeadline(t) })
}

// SetWriteDeadline is that of an [http.ResponseController].
func (hw *handlerWriter) SetWriteDeadline(t time.Time) error {
	return hw.control(func(rc *http.ResponseController) error { return rc.SetWriteDeadline(t) })
}

// EnableFullDuplex is that of an [http.ResponseController].
func (hw *handlerWriter) EnableFullDuplex() error {
	return hw.control(func(rc *http.ResponseController) error { return rc.EnableFullDuplex() })
}

// control is what the server's writer can do to the connection. An Unwrap would give away the writer too, past the hooks. It does not
// wait for hw.mu: a deadline is also what ends a write that hangs.
func (hw *handlerWriter) control(f func(*http.ResponseController) error) error {
	switch {
	case hw.done.Load(): // the connection may be with the next request
		return errHandlerDone
	case hw.c.w == nil:
		return http.ErrNotSupported
	}
	return f(http.NewResponseController(hw.c.w))
}

// stream sends the headers, after the hooks have seen them, and what has been written; hw.mu is held.
func (hw *handlerWriter) stream() error {
	if hw.err != nil {
		return hw.refused()
	}
	if hw.out != nil {
		return nil
	}
	w := hw.c.w
	if w == nil {
		return http.ErrNotSupported
	}
	if hw.begun == nil {
		hw.begin(hw.status)
	}
	made := &Response{Status: hw.status, Header: hw.begun, stream: func(w http.ResponseWriter) error {
		_, err := hw.body.WriteTo(w)
		return err
	}}
	resp, err := hw.c.App().processResponse(hw.c, made)
	if err == nil {
		err = checkStatus(resp.status())
	}
	if err != nil {
		hw.err = err
		return err
	}
	hw.resp = resp
	resp.sent = true
	hw.err = resp.writeTo(hw.c)
	if !hw.c.sent { // a hook's own stream failed before its first byte
		hw.resp = nil
		resp.close(hw.c)
		return hw.err
	}
	if resp != made {
		resp.err = hw.err
	}
	if resp != made || hw.c.Request.Method == http.MethodHead || !bodyAllowed(resp.status()) {
		w = discardBody{w} // a hook has put another answer in its place, or there is no body
	}
	hw.out = w
	return hw.err
}

// discardBody drops what a handler goes on to write for an answer that has no body of its own.
type discardBody struct{ http.ResponseWriter }

func (discardBody) Write(p []byte) (int, error) { return len(p), nil }

func (d discardBody) Unwrap() http.ResponseWriter { return d.ResponseWriter }

// sniff settles status and type at the first byte, as net/http does.
func (hw *handlerWriter) sniff(p []byte) {
	if hw.begun == nil {
		hw.begin(http.StatusOK)
	}
	if _, ok := hw.begun[headerType]; !ok && hw.body.Len() == 0 && len(p) > 0 && hw.begun.Get("Content-Encoding") == "" {
		hw.begun[headerType] = []string{http.DetectContentType(p)}
	}
}

// trailer is what the handler has set of it; nil if there is none.
func (hw *handlerWriter) trailer() http.Header { return trailersOf(hw.begun["Trailer"], hw.header) }

// response is what the handler has answered.
func (hw *handlerWriter) response() (*Response, error) {
	lockAtLast(&hw.mu, hw.c.w)
	defer hw.mu.Unlock()
	if hw.begun == nil {
		hw.begin(hw.status)
	}
	trailer := hw.trailer()
	wrong := hw.checkLength()
	if hw.resp == nil {
		return &Response{Status: hw.status, Header: hw.begun, data: hw.body.Bytes(), trailer: trailer}, cmp.Or(hw.err, wrong)
	}
	if _, replaced := hw.out.(discardBody); hw.out != nil && !replaced { // net/http sends what is in its header by now
		maps.Copy(hw.out.Header(), trailer)
		hw.resp.err = cmp.Or(hw.resp.err, wrong)
	}
	return hw.resp, nil
}

// checkLength compares what was written with the Content-Length that the handler has declared. Unlike Flask, which sends what it is given:
// a client that waits for the rest, or that takes half of it for the whole, is no better than one that is told of the fault.
//
// A HEAD is answered with the status of a GET, unless the handler writes nothing: then it knows what a HEAD is, as http.ServeContent
// does. One that was answered before the fault was seen has got what a GET gets, up to the body that would be cut off.
func (hw *handlerWriter) checkLength() error {
	head := hw.c.Request.Method == http.MethodHead
	if hw.failed || head && (hw.written == 0 || hw.resp != nil) || !bodyAllowed(cmp.Or(hw.status, http.StatusOK)) {
		return nil
	}
	return wrongLength(hw.begun, hw.written)
}

// finish refuses all writing from then on.
func (hw *handlerWriter) finish() {
	hw.done.Store(true)
	lockAtLast(&hw.mu, hw.c.w)
	defer hw.mu.Unlock()
	hw.out, hw.err = nil, errHandlerDone
}

// recorder keeps what is written to it: the body of a stream that a hook wants to read.
type recorder struct {
	header http.Header
	body   bytes.Buffer
}

func newRecorder() *recorder { return &recorder{header: http.Header{}} }

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(int)             {}
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }
