package gateway

import (
	"bufio"
	"io"
	"maps"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// FromHandler makes an Application of an http.Handler: the application's side of the contract.
//
// The handler sees RequestOf(env), and answers through start's writer. Nothing is lost on the way back to a Handler:
// streaming, Flush, io.ReaderFrom, early hints, trailers and the end of the context when the client leaves; hijacking
// and deadlines by http.ResponseController, which reaches the server's own writer. Middleware between the two sees
// environ, status, headers and every block. A panic of h passes through. The Body is nil.
//
// Hop-by-hop headers that h sets (Connection: close, Upgrade) are not the application's to send, so they go to the
// server directly. Unlike net/http, a Transfer-Encoding that h sets is dropped: sent next to the server's own it lets
// an answer be read in two ways.
func FromHandler(h http.Handler) Application { return &fromHandler{h} }

type fromHandler struct{ h http.Handler }

func (f *fromHandler) ServeGateway(env Environ, start StartResponse) (Body, error) {
	r, err := RequestOf(env)
	if err != nil {
		return nil, err
	}
	b := newBridge(env)
	b.start = start
	f.h.ServeHTTP(b, r)
	if b.hijacked {
		return nil, http.ErrHijacked
	}
	b.begin(http.StatusOK)
	return nil, b.err
}

// A bridge is the http.ResponseWriter that speaks to a StartResponse. Its header is the server's own map, if there is
// one: what the handler does to it after the header is out, trailers, needs no carrying.
type bridge struct {
	start   StartResponse
	server  http.ResponseWriter // nil outside Handler
	header  http.Header
	started bool
	out     io.Writer  // start's
	direct  *responder // out, if no middleware stands between
	err     error

	hijacked bool
}

// newBridge is a bridge to the server that env comes from.
func newBridge(env Environ) *bridge {
	var b *bridge
	if server, ok := env[keyServer].(*responder); ok && !server.bridged {
		b, server.bridged = &server.bridge, true
	} else {
		b = new(bridge)
	}
	b.server, _ = env[KeyResponseWriter].(http.ResponseWriter)
	if b.server != nil {
		b.header = b.server.Header()
	} else {
		b.header = http.Header{}
	}
	return b
}

func (b *bridge) Header() http.Header { return b.header }

// WriteHeader starts the response. 1xx goes to the server directly: the contract knows final answers only.
func (b *bridge) WriteHeader(code int) {
	if code >= 100 && code < 200 {
		if b.server != nil && !b.started {
			b.server.WriteHeader(code)
		}
		return
	}
	b.begin(code)
}

func (b *bridge) begin(code int) {
	if b.started {
		return
	}
	b.started = true
	headers, hops := splitHops(b.header)
	b.out, b.err = b.start(statusLine(code), headers, nil)
	b.direct, _ = b.out.(*responder)
	if b.err == nil && b.server != nil {
		maps.Copy(b.server.Header(), hops)
	}
}

// splitHops takes the hop-by-hop headers out of h, and the trailers that a handler sets early, by [http.TrailerPrefix]. h stays as it
// is: usually there are none and the first result is h itself.
func splitHops(h http.Header) (headers, hops http.Header) {
	headers = h
	split := func(name string) {
		if hops == nil {
			headers, hops = maps.Clone(h), http.Header{}
		}
		if name != "Transfer-Encoding" {
			hops[name] = h[name]
		}
		delete(headers, name)
	}
	for _, name := range hopByHop {
		if h[name] != nil {
			split(name)
		}
	}
	for name := range h {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			split(name)
		}
	}
	return headers, hops
}

func (b *bridge) Write(p []byte) (int, error) {
	b.begin(http.StatusOK)
	if b.err != nil {
		return 0, b.err
	}
	if b.direct != nil {
		return b.direct.write(p)
	}
	return b.out.Write(p)
}

// WriteString saves io.WriteString the copy.
func (b *bridge) WriteString(text string) (int, error) {
	b.begin(http.StatusOK)
	if b.err == nil && b.direct != nil {
		return b.direct.writeString(text)
	}
	return b.Write([]byte(text))
}

// ReadFrom keeps sendfile(2) working: io.Copy to the handler's writer arrives at the server's.
func (b *bridge) ReadFrom(r io.Reader) (int64, error) {
	b.begin(http.StatusOK)
	if b.err != nil {
		return 0, b.err
	}
	if b.direct != nil {
		return b.direct.readFrom(r)
	}
	return copyTo(b.out, r)
}

// Flush is FlushError for http.Flusher.
func (b *bridge) Flush() { b.FlushError() }

// FlushError sends what there is so far, the header at least.
func (b *bridge) FlushError() error {
	b.begin(http.StatusOK)
	if b.err != nil {
		return b.err
	}
	return flush(b.out)
}

// flush flushes w if it can.
func flush(w io.Writer) error {
	switch w := w.(type) {
	case interface{ FlushError() error }:
		return w.FlushError()
	case http.Flusher:
		w.Flush()
	}
	return nil
}

// Hijack takes the connection over from the server. The contract has no word for it: no answer is started any more, and
// the error http.ErrHijacked of the Application tells the server so.
func (b *bridge) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	if b.server == nil {
		return nil, nil, http.ErrNotSupported
	}
	conn, rw, err := http.NewResponseController(b.server).Hijack()
	b.hijacked = err == nil
	return conn, rw, err
}

// Unwrap is the server's writer, for http.ResponseController: deadlines, full duplex, hijacking. Nil outside Handler.
func (b *bridge) Unwrap() http.ResponseWriter { return b.server }

// statusLine is the status of start_response for code: "404 Not Found", "799 " if the code has no name.
func statusLine(code int) string {
	if line, ok := statusLines[code]; ok {
		return line
	}
	return strconv.Itoa(code) + " "
}

var statusLines = makeStatusLines()

func makeStatusLines() map[int]string {
	lines := make(map[int]string)
	for code := 200; code < 600; code++ {
		if text := http.StatusText(code); text != "" {
			lines[code] = strconv.Itoa(code) + " " + text
		}
	}
	return lines
}
