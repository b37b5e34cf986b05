package carafe

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A streamWriter is what a [Streamer] writes to: the status and the headers of the response wait in it for the first byte, so
// that a body which fails before that can still be answered with an error's page. It is made for one body, and never used again.
//
// A Streamer's own header is for trailers alone: what else the response says is settled when the after functions have seen it.
type streamWriter struct {
	c    *Context
	resp *Response
	own  http.Header // the Streamer's; nil until it is asked for

	mu      sync.Mutex // a Streamer may write from several goroutines, and leave some behind
	begun   bool       // the status is written
	over    bool       // the Streamer has returned: the server's writer is the next request's
	written int64
	failed  bool // a write has failed: the client has left
}

// writeStream sends a body that is made while it is sent. If it fails with c.sent still false, nothing is on the wire and the
// server's headers are as they were.
func (resp *Response) writeStream(c *Context) error {
	sw := &streamWriter{c: c, resp: resp}
	if err := sw.run(); err != nil {
		return err
	}
	if err := sw.checkLength(); err != nil {
		return err
	}
	sw.begin()
	if sw.own != nil {
		maps.Copy(c.w.Header(), trailersOf(resp.Header["Trailer"], sw.own))
	}
	return nil
}

func (sw *streamWriter) run() (err error) {
	defer sw.finish()
	defer rescue(&err)
	return sw.resp.stream(sw)
}

// finish refuses all writing from then on.
func (sw *streamWriter) finish() {
	lockAtLast(&sw.mu, sw.c.w)
	defer sw.mu.Unlock()
	sw.over = true
}

// lastWrite is how long a write may go on that a Streamer or a handler has left behind.
const lastWrite = time.Second

// lockAtLast locks what is locked during writes to w. One that a client does not take would hold the request up for as long as the client
// likes: it is cut off.
func lockAtLast(mu *sync.Mutex, w http.ResponseWriter) {
	if mu.TryLock() {
		return
	}
	t := time.AfterFunc(lastWrite, func() { _ = http.NewResponseController(w).SetWriteDeadline(time.Now()) })
	defer t.Stop()
	mu.Lock()
}

// checkLength compares what was written with the Content-Length that the response has. What an http.Handler goes on to write is looked at
// when it returns.
func (sw *streamWriter) checkLength() error {
	if sw.resp.sent || sw.failed {
		return nil
	}
	h := sw.resp.Header
	if sw.begun {
		h = sw.c.w.Header()
	}
	return wrongLength(h, sw.written)
}

// wrongLength is the error of a body that is shorter or longer than its Content-Length says, nil if h has none that is a number, which
// net/http drops.
func wrongLength(h http.Header, written int64) error {
	declared, ok := declaredLength(h)
	if !ok || declared == written {
		return nil
	}
	return fmt.Errorf("carafe: the body has %d bytes, and its Content-Length says %d: leave the header out, or have it say what is written", written, declared)
}

// declaredLength is the Content-Length in h, if it is one.
func declaredLength(h http.Header) (n int64, ok bool) {
	values := h[headerLength]
	if len(values) == 0 {
		return 0, false
	}
	n, err := strconv.ParseInt(values[0], 10, 64)
	return n, err == nil && n >= 0
}

// locked has write do its work unless the Streamer has returned.
func (sw *streamWriter) locked(write func() (int64, error)) (int64, error) {
	sw.mu.Lock()
	defer sw.mu.Unlock()
	if sw.over {
		return 0, sw.c.lateWrite()
	}
	sw.begin()
	n, err := write()
	sw.failed = sw.failed || isBroken(err)
	return n, err
}

// isBroken says whether an error of the server's writer means that the client has left.
func isBroken(err error) bool {
	return err != nil && !errors.Is(err, http.ErrContentLength) && !errors.Is(err, http.ErrNotSupported)
}

// begin writes status and headers; sw.mu is held, or there is nobody else any more.
func (sw *streamWriter) begin() {
	if !sw.begun {
		sw.begun, sw.c.sent = true, true
		sw.resp.writeHead(sw.c)
	}
}

// Header is for trailers.
func (sw *streamWriter) Header() http.Header {
	if sw.own == nil {
		sw.own = http.Header{}
	}
	return sw.own
}

// WriteHeader sends the headers; the status is the response's.
func (sw *streamWriter) WriteHeader(int) { _, _ = sw.locked(func() (int64, error) { return 0, nil }) }

// Write sends p, the headers before it. Nothing is sent for nothing.
func (sw *streamWriter) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	n, err := sw.locked(func() (int64, error) {
		sw.written += int64(len(p))
		n, err := sw.c.w.Write(p)
		return int64(n), err
	})
	return int(n), err
}

// WriteString keeps the server's from making a copy.
func (sw *streamWriter) WriteString(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	n, err := sw.locked(func() (int64, error) {
		sw.written += int64(len(s))
		n, err := io.WriteString(sw.c.w, s)
		return int64(n), err
	})
	return int(n), err
}

// firstPiece is as much as net/http reads by itself before it has the system send a file.
const firstPiece = 512

// ReadFrom reads a first piece of a file, which may fail, before it begins, and leaves the rest to the server's sendfile. Anything else
// comes piece by piece: reading it may take long, or flush what was written before.
func (sw *streamWriter) ReadFrom(r io.Reader) (int64, error) {
	if !isRegularFile(r) {
		return copyPieces(sw, r)
	}
	head, err := io.CopyN(writerOnly{sw}, r, firstPiece)
	if err == io.EOF {
		return head, nil
	}
	if err != nil {
		return head, err
	}
	rest, err := sw.locked(func() (int64, error) {
		n, err := io.Copy(sw.c.w, r)
		sw.written += n
		return n, err
	})
	return head + rest, err
}

// copyBuffers are what a body is copied through that the system cannot send.
var copyBuffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// copyPieces passes r on by w's Write.
func copyPieces(w io.Writer, r io.Reader) (int64, error) {
	buf := copyBuffers.Get().(*[32 << 10]byte)
	defer copyBuffers.Put(buf)
	return io.CopyBuffer(writerOnly{w}, r, buf[:])
}

// isRegularFile says whether reading r has to do with nothing but a disk.
func isRegularFile(r io.Reader) bool {
	if l, ok := r.(*io.LimitedReader); ok {
		r = l.R
	}
	f, ok := r.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode().IsRegular()
}

// Flush implements http.Flusher.
func (sw *streamWriter) Flush() { _ = sw.FlushError() }

// FlushError sends what there is, if only the headers: for streams whose client must know at once that it is connected.
func (sw *streamWriter) FlushError() error {
	_, err := sw.locked(func() (int64, error) { return 0, flush(sw.c.w) })
	return err
}

// Hijack gives the connection away behind the headers.
func (sw *streamWriter) Hijack() (conn net.Conn, rw *bufio.ReadWriter, err error) {
	_, err = sw.locked(func() (int64, error) {
		conn, rw, err = http.NewResponseController(sw.c.w).Hijack()
		sw.failed = sw.failed || err == nil // whatever comes is no body
		return 0, err
	})
	return conn, rw, err
}

// Unwrap is for http.ResponseController: deadlines are the server's.
func (sw *streamWriter) Unwrap() http.ResponseWriter { return sw.c.w }

// trailersOf is what h has of the fields that were announced in Trailer, and of those whose names have [http.TrailerPrefix], under
// the names by which net/http knows them; nil if there are none.
func trailersOf(announced []string, h http.Header) http.Header {
	var trailer http.Header
	add := func(name string, values []string) {
		if trailer == nil {
			trailer = http.Header{}
		}
		trailer[name] = slices.Clone(values)
	}
	for _, line := range announced {
		for name := range strings.SplitSeq(line, ",") {
			name = http.CanonicalHeaderKey(strings.TrimSpace(name))
			if values, ok := h[name]; ok {
				add(name, values)
			}
		}
	}
	for name, values := range h {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			add(name, values)
		}
	}
	return trailer
}

// unsent says that a body has failed before its first byte, so that another answer can take its place. Nobody is there to read that
// once the client has left.
func (c *Context) unsent(cut error) bool {
	return cut != nil && !c.sent && !errors.Is(c.Err(), context.Canceled)
}

// answerInstead is the response in the place of one whose body has failed before its first byte: steps 6 to 8 once more. If that
// one's body fails as well it is a 500 with its handlers, and if that one's does, a plain 500.
//
// Unlike Flask, which has told its server that all is well by then: the server answers, past handlers and hooks.
//
// unanswered is what the response was a 500 for, nil if it was none: its handlers have had their turn, and have failed.
func (a *App) answerInstead(c *Context, err error, failed int, unanswered error) (*Response, error) {
	c.reopenSession()
	switch {
	case unanswered != nil:
	case failed == 0:
		return a.settle(c, nil, err)
	case failed == 1:
		return a.handleException(c, err), err
	}
	a.LogError(c, err)
	return (&HTTPError{Code: http.StatusInternalServerError, Cause: err}).plain(), err
}
