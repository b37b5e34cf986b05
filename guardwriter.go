package carafe

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
)

// errRequestOver is what the writer of a guarded request answers once that is over.
var errRequestOver = errors.New("carafe: the request of this http.ResponseWriter is over")

// A guardedWriter is the server's http.ResponseWriter as a guarded request sees it. When that is over it lets nothing through any more:
// net/http hands the memory of a writer to the next request.
type guardedWriter struct {
	requestRecord
	q    *guardedRequest
	over atomic.Bool
}

// late says whether the request is over, and reports the call then.
func (w *guardedWriter) late(kind GuardKind, method string) bool {
	if !w.over.Load() {
		return false
	}
	site := programSite()
	w.q.find(kind, site, fmt.Sprintf("%s is over, and its http.ResponseWriter is still used: %s is called%s: "+
		"have the handler wait for its goroutines before it returns, and keep no writer beyond that", w.q.subject(), method, site.at()))
	return true
}

func (w *guardedWriter) Header() http.Header {
	if w.late(GuardFinishedWriter, "Header") {
		return http.Header{}
	}
	return w.requestRecord.Header()
}

func (w *guardedWriter) WriteHeader(status int) {
	if !w.late(GuardLateWrite, "WriteHeader") {
		w.requestRecord.WriteHeader(status)
	}
}

func (w *guardedWriter) Write(p []byte) (int, error) {
	if w.late(GuardLateWrite, "Write") {
		return 0, errRequestOver
	}
	return w.requestRecord.Write(p)
}

func (w *guardedWriter) WriteString(s string) (int, error) {
	if w.late(GuardLateWrite, "WriteString") {
		return 0, errRequestOver
	}
	return w.requestRecord.WriteString(s)
}

func (w *guardedWriter) ReadFrom(r io.Reader) (int64, error) {
	if w.late(GuardLateWrite, "ReadFrom") {
		return 0, errRequestOver
	}
	return w.requestRecord.ReadFrom(r)
}

func (w *guardedWriter) Flush() { _ = w.FlushError() }

func (w *guardedWriter) FlushError() error {
	if w.late(GuardLateWrite, "Flush") {
		return errRequestOver
	}
	return w.requestRecord.FlushError()
}

func (w *guardedWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if w.late(GuardFinishedWriter, "Hijack") {
		return nil, nil, errRequestOver
	}
	return w.requestRecord.Hijack()
}

func (w *guardedWriter) Push(target string, opts *http.PushOptions) error {
	if w.late(GuardFinishedWriter, "Push") {
		return errRequestOver
	}
	return w.requestRecord.Push(target, opts)
}

// Unwrap is for http.ResponseController, whose deadlines are the connection's, and so the next request's.
func (w *guardedWriter) Unwrap() http.ResponseWriter {
	if w.late(GuardFinishedWriter, "Unwrap, by http.ResponseController") {
		return nil
	}
	return w.requestRecord.Unwrap()
}

// lateWrite is the error of a write that comes when the handler or the Streamer has returned, which the guard is told of.
func (c *Context) lateWrite() error {
	if q := c.guarded(); q != nil {
		site := programSite()
		q.find(GuardLateWrite, site, fmt.Sprintf("%s has been answered, and something is written%s that the client will never see: "+
			"have the handler wait for its goroutines before it returns", q.subject(), site.at()))
	}
	return errHandlerDone
}

// guarded is the guarded request that c belongs to, nil if there is no guard.
func (c *Context) guarded() *guardedRequest {
	if c.App().guard == nil {
		return nil
	}
	return guardedOf(c.app.parent)
}
