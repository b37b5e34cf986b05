package gateway

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"sync"
)

// A Tracker is an http.ResponseWriter that knows what has been sent through it. It hides nothing of the one it wraps:
// not http.Flusher, io.ReaderFrom (and so sendfile), http.Hijacker, nor Unwrap for http.ResponseController.
//
// For one goroutine at a time, as any ResponseWriter.
type Tracker struct {
	w        http.ResponseWriter
	status   int
	bytes    int64
	hijacked bool
	before   func(status int)
}

// Track wraps w. before, if not nil, is called once, just before the header goes out: the last moment to change it.
func Track(w http.ResponseWriter, before func(status int)) *Tracker {
	return &Tracker{w: w, before: before}
}

// Status is the status that was sent, 0 if nothing is out yet.
func (t *Tracker) Status() int { return t.status }

// Bytes is the length of the body so far, before any encoding further out.
func (t *Tracker) Bytes() int64 { return t.bytes }

// Hijacked reports whether the handler has taken the connection over.
func (t *Tracker) Hijacked() bool { return t.hijacked }

// Header is the wrapped writer's.
func (t *Tracker) Header() http.Header { return t.w.Header() }

// WriteHeader sends status. An interim one does not count, but for 101, which is final.
func (t *Tracker) WriteHeader(status int) {
	if status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
		t.w.WriteHeader(status)
		return
	}
	t.begin(status)
	t.w.WriteHeader(status)
}

func (t *Tracker) begin(status int) {
	if t.status != 0 {
		return
	}
	t.status = status
	if t.before != nil {
		t.before(status)
	}
}

// Write sends p, after a 200 if there was no status yet.
func (t *Tracker) Write(p []byte) (int, error) {
	t.begin(http.StatusOK)
	n, err := t.w.Write(p)
	t.bytes += int64(n)
	return n, err
}

// WriteString is Write without a copy, if the wrapped writer can.
func (t *Tracker) WriteString(s string) (int, error) {
	t.begin(http.StatusOK)
	n, err := io.WriteString(t.w, s)
	t.bytes += int64(n)
	return n, err
}

// ReadFrom sends all of r by the wrapped writer's own ReadFrom, if it has one.
func (t *Tracker) ReadFrom(r io.Reader) (int64, error) {
	t.begin(http.StatusOK)
	n, err := copyTo(t.w, r)
	t.bytes += n
	return n, err
}

// copyTo is io.Copy that asks w before r: an *os.File's WriteTo would hide itself from w's sendfile.
func copyTo(w io.Writer, r io.Reader) (int64, error) {
	if to, ok := w.(io.ReaderFrom); ok {
		return to.ReadFrom(r)
	}
	buf := copyBuffers.Get().(*[]byte)
	defer copyBuffers.Put(buf)
	return io.CopyBuffer(struct{ io.Writer }{w}, struct{ io.Reader }{r}, *buf)
}

var copyBuffers = sync.Pool{New: func() any { b := make([]byte, 32<<10); return &b }}

// Flush is FlushError for http.Flusher.
func (t *Tracker) Flush() { t.FlushError() }

// FlushError sends what there is, the header at least.
func (t *Tracker) FlushError() error {
	t.begin(http.StatusOK)
	return http.NewResponseController(t.w).Flush()
}

// Hijack takes the connection over. Libraries that assert http.Hijacker find it here.
func (t *Tracker) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(t.w).Hijack()
	t.hijacked = err == nil
	return conn, rw, err
}

// Unwrap is the wrapped writer.
func (t *Tracker) Unwrap() http.ResponseWriter { return t.w }
