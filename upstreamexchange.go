package carafe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// An exchange is one request that is passed on, and what comes of it.
type exchange struct {
	c        *Context
	upstream *upstream
	body     *upstreamBody // nil without one
	failed   error         // there is no answer
}

// answered sees the answer before it is passed on. One without a Content-Type stays without: net/http would make one up.
func (x *exchange) answered(resp *http.Response) error {
	if resp.StatusCode == http.StatusSwitchingProtocols {
		return nil // the body is the connection
	}
	if _, ok := resp.Header[headerType]; !ok {
		x.c.w.Header()[headerType] = nil
	}
	if resp.StatusCode == http.StatusMethodNotAllowed || resp.Request.Method == http.MethodOptions && resp.Header[headerAllow] != nil {
		if own := x.c.app.app.allowedMethods(x.c); own != nil {
			resp.Header[headerAllow] = []string{strings.Join(joinedMethods(own, methodsOf(resp.Header)), ", ")}
		}
	}
	resp.Body = &upstreamAnswer{resp.Body, x}
	return nil
}

// explained turns the error of a request that has no answer into one, and tells the log what to do. What is the client's fault, be it
// its body or that it has left, is not worth a word.
func (x *exchange) explained(err error) error {
	if x.body != nil {
		if fault := bodyError(x.body.fault()); fault != nil {
			if x.c.Request.ProtoMajor == 1 {
				x.c.w.Header().Set("Connection", "close") // what comes of the body later is no request
			}
			return fault
		}
	}
	if errors.Is(err, context.Canceled) && x.c.Err() != nil {
		return &HTTPError{Code: http.StatusBadGateway, Cause: err}
	}
	var op *net.OpError
	var late net.Error
	code, r, u := http.StatusBadGateway, x.c.Request, x.upstream
	switch {
	case errors.As(err, &op) && op.Op == "dial":
		err = fmt.Errorf("carafe: no rule takes %s %s, and the upstream %s, which has the rest, cannot be asked: is it running there "+
			"(flask run --port %s)? %w", r.Method, r.URL.Path, u, portOf(u.url), err)
	case errors.As(err, &late) && late.Timeout(), errors.Is(err, context.DeadlineExceeded):
		code = http.StatusGatewayTimeout
		err = fmt.Errorf("carafe: the upstream %s has not begun to answer in time: see what it is busy with, or give app.Upstream an UpstreamTimeout: %w", u, err)
	default:
		err = fmt.Errorf("carafe: the upstream %s took %s %s, and its answer broke off before it began, or is none: its own log may say why: %w", u, r.Method, r.URL.Path, err)
	}
	x.c.Logger().Error(err.Error(), "method", r.Method, "path", r.URL.Path)
	return &HTTPError{Code: code, Cause: err}
}

// An upstreamAnswer is the body of an answer; the log is told if it breaks off.
type upstreamAnswer struct {
	io.ReadCloser
	x *exchange
}

func (a *upstreamAnswer) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	if err != nil && err != io.EOF && !errors.Is(err, context.Canceled) {
		r := a.x.c.Request
		a.x.c.Logger().Warn("carafe: the answer of the upstream broke off, and so does the client's", "method", r.Method, "path", r.URL.Path,
			"upstream", a.x.upstream.String(), "error", err)
	}
	return n, err
}

// An upstreamBody is the client's body on its way to the server: without the limit of its size, with its least speed. It is read by the
// transport, which may be at it when the request is over already.
type upstreamBody struct {
	io.ReadCloser
	pace  bodyPace
	paced bool

	mu   sync.Mutex
	err  error // why the body ends early
	over bool  // the deadline for reading is another request's
}

func newUpstreamBody(body io.ReadCloser) *upstreamBody {
	b := &upstreamBody{ReadCloser: body}
	if limited, ok := body.(*limitedBody); ok {
		b.ReadCloser, b.pace, b.paced = limited.src, limited.pace, limited.paced
		b.pace.control = upstreamDeadlines{b, limited.pace.control}
	}
	return b
}

func (b *upstreamBody) Read(p []byte) (n int, err error) {
	if b.paced {
		n, err = b.pace.read(b.ReadCloser, p)
	} else {
		n, err = b.ReadCloser.Read(p)
	}
	if err != nil && err != io.EOF {
		b.mu.Lock()
		defer b.mu.Unlock()
		b.err = err
	}
	return n, err
}

func (b *upstreamBody) fault() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

func (b *upstreamBody) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
}

// upstreamDeadlines are those of a connection for as long as the request is there.
type upstreamDeadlines struct {
	body *upstreamBody
	deadlines
}

func (d upstreamDeadlines) SetReadDeadline(t time.Time) error {
	d.body.mu.Lock()
	defer d.body.mu.Unlock()
	if d.body.over {
		return nil
	}
	return d.deadlines.SetReadDeadline(t)
}
