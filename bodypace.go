package carafe

import (
	"errors"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/carafeweb/carafe/gateway"
)

// onPlainServer says whether r comes from an http.Server without a guard of its own. There the App does what net/http leaves to
// its user.
func onPlainServer(r *http.Request) bool {
	return r.Context().Value(http.ServerContextKey) != nil && !gateway.Guarded(r.Context())
}

// doubtful says whether another reader of the same bytes, such as a proxy in front, could see the request end elsewhere than net/http
// does, which hides what was said of the length besides:
//
//   - a body in chunks that has a Content-Length too (RFC 9112, 6.1);
//   - a body of HTTP/1.0 that has a Transfer-Encoding, which net/http passes over (RFC 9112, 6.1);
//   - CONNECT, behind which a client may send what is not HTTP before it has heard that it is refused.
func doubtful(r *http.Request) bool {
	return r.TransferEncoding != nil || r.ProtoMinor == 0 && r.ContentLength > 0 || r.Method == http.MethodConnect
}

// closeAfter has the connection end with the answer to a request whose end is doubtful, so that what follows it is not read as
// another. Whether it is one of the bad ones cannot be seen here, so it is for all.
func closeAfter(w http.ResponseWriter, r *http.Request) {
	if r.ProtoMajor == 1 && onPlainServer(r) {
		w.Header().Set("Connection", "close")
	}
}

var errBodyTooSlow = errors.New("carafe: the body comes too slowly")

// A bodyPace keeps the time of a body: net/http waits for ever, unless ReadTimeout is set, which is for the whole request and so
// too short for an upload or too long for a form.
//
// The deadline for reading is also there while nobody reads. So net/http, which takes what the view has left unread, does not
// wait for it longer. Not so in HTTP/2, where nobody does that and where a deadline that has passed ends the body for good: a view may take
// its time before it reads.
type bodyPace struct {
	control deadlines
	timeout time.Duration
	until   time.Time     // the deadline
	resting bool          // none while nobody reads
	rate    float64       // bytes a second
	waited  time.Duration // in reads
	got     int64
}

// start says whether the time is kept: not if nobody wants it, or it cannot be, by Config, by a ReadTimeout, by a ResponseWriter that
// is no connection's.
func (p *bodyPace) start(w http.ResponseWriter, r *http.Request, c *Config) bool {
	srv, ok := r.Context().Value(http.ServerContextKey).(*http.Server)
	if c.BodyTimeout <= 0 || !ok || srv.ReadTimeout > 0 {
		return false
	}
	if p.control, ok = w.(deadlines); !ok {
		p.control = http.NewResponseController(w)
	}
	p.timeout, p.rate = c.BodyTimeout, float64(c.BodyMinRate)
	if p.resting = r.ProtoMajor > 1; p.resting {
		return true
	}
	return p.extend(time.Now()) == nil
}

// deadlines is what http.ResponseController has, and net/http's own ResponseWriters as well.
type deadlines interface{ SetReadDeadline(time.Time) error }

// extend moves the deadline on, if it is worth a call of the system's poller: it may be a second short.
func (p *bodyPace) extend(now time.Time) error {
	if p.until.Sub(now) > p.timeout-min(p.timeout/8, time.Second) {
		return nil
	}
	p.until = now.Add(p.timeout)
	return p.control.SetReadDeadline(p.until)
}

// read is src.Read with a deadline. What has come in a third of the timeout must have come at the rate.
func (p *bodyPace) read(src io.Reader, b []byte) (int, error) {
	began := time.Now()
	_ = p.extend(began)
	n, err := src.Read(b)
	if p.resting && err == nil {
		p.until = time.Time{}
		_ = p.control.SetReadDeadline(p.until)
	}
	p.waited += time.Since(began)
	p.got += int64(n)
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return n, errBodyTooSlow
	case err != nil:
		// net/http waits for the client to leave from now on, which has no time.
		_ = p.control.SetReadDeadline(time.Time{})
	case p.waited > p.timeout/3 && float64(p.got) < p.waited.Seconds()*p.rate:
		_ = p.control.SetReadDeadline(began) // nor does net/http wait for the rest
		return n, errBodyTooSlow
	}
	return n, err
}
