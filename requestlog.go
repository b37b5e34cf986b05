package carafe

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/google/uuid"
)

// headerRequestID is the header in which a response tells the request's id, when requests are logged.
const headerRequestID = "X-Request-Id"

// LogRequests has each request logged when it is over, in one line at level Info, from status 500 on at level Warn: method, path,
// status, bytes of the body, duration, endpoint, request_id; and "cut" if the body did not reach its end. The response tells the
// id in X-Request-Id. It is a set-up method; what [App.Use] puts around the app later is not in the duration. [App.Run] calls it.
//
// Unlike Flask, whose development server logs for it, with the time but neither duration nor endpoint.
func (a *App) LogRequests() {
	a.setup("LogRequests", func(Site) error {
		a.logRequests()
		return nil
	})
}

func (a *App) logRequests() {
	if !a.requestsLogged {
		a.requestsLogged = true
		a.Gateway = &requestLog{a, a.Gateway}
	}
}

// requestLog is the middleware of LogRequests.
type requestLog struct {
	app  *App
	next http.Handler
}

func (l *requestLog) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rec := &requestRecord{w: w, start: time.Now(), id: l.app.newRequestID(r)}
	w.Header()[headerRequestID] = []string{rec.id}
	defer rec.log(l.app, r)
	l.next.ServeHTTP(rec, r.WithContext(context.WithValue(r.Context(), recordKey{}, rec)))
	rec.done = true
}

type recordKey struct{}

// noteContext tells the log which Context serves the request. It is called only if requests are logged.
func (c *Context) noteContext() {
	if rec, ok := c.app.parent.Value(recordKey{}).(*requestRecord); ok {
		rec.c = c
	}
}

// requestRecord is what is known of a request that is logged. As a ResponseWriter it counts, and hides nothing that the
// server's can do.
type requestRecord struct {
	w        http.ResponseWriter
	c        *Context // nil until the app has it
	start    time.Time
	id       string
	status   int
	bytes    int64
	done     bool
	hijacked bool
}

func (rec *requestRecord) log(a *App, r *http.Request) {
	status := rec.status
	if status == 0 && rec.done && !rec.hijacked {
		status = http.StatusOK
	}
	level := slog.LevelInfo
	if status >= http.StatusInternalServerError {
		level = slog.LevelWarn
	}
	if a.requestLine != nil {
		a.requestLine(r, rec.start, status)
		return
	}
	logger := a.logger()
	ctx := context.WithoutCancel(r.Context())
	if !logger.Enabled(ctx, level) {
		return
	}
	endpoint := ""
	if rec.c != nil {
		endpoint = rec.c.Endpoint()
	}
	attrs := append(make([]slog.Attr, 0, 8),
		slog.String("method", printable(r.Method)), slog.String("path", printable(r.URL.Path)), slog.Int("status", status),
		slog.Int64("bytes", rec.bytes), slog.Duration("duration", time.Since(rec.start)),
		slog.String("endpoint", endpoint), slog.String("request_id", rec.id))
	if !rec.done {
		attrs = append(attrs, slog.Bool("cut", true))
	}
	logger.LogAttrs(ctx, level, "request", attrs...)
}

// Header implements http.ResponseWriter.
func (rec *requestRecord) Header() http.Header { return rec.w.Header() }

// WriteHeader notes the status; those before the last one (103) are not it.
func (rec *requestRecord) WriteHeader(status int) {
	if rec.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		rec.status = status
	}
	rec.w.WriteHeader(status)
}

func (rec *requestRecord) begin() {
	if rec.status == 0 {
		rec.status = http.StatusOK
	}
}

func (rec *requestRecord) Write(p []byte) (int, error) {
	rec.begin()
	n, err := rec.w.Write(p)
	rec.bytes += int64(n)
	return n, err
}

// WriteString keeps the server's from making a copy.
func (rec *requestRecord) WriteString(s string) (int, error) {
	rec.begin()
	n, err := io.WriteString(rec.w, s)
	rec.bytes += int64(n)
	return n, err
}

// ReadFrom leaves sendfile to the server.
func (rec *requestRecord) ReadFrom(r io.Reader) (int64, error) {
	rec.begin()
	n, err := io.Copy(rec.w, r) // which asks for the server's ReadFrom
	rec.bytes += n
	return n, err
}

// Flush implements http.Flusher.
func (rec *requestRecord) Flush() { _ = rec.FlushError() }

// FlushError is what http.ResponseController looks for.
func (rec *requestRecord) FlushError() error {
	rec.begin()
	return http.NewResponseController(rec.w).Flush()
}

// Hijack implements http.Hijacker.
func (rec *requestRecord) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(rec.w).Hijack()
	rec.hijacked = rec.hijacked || err == nil
	return conn, rw, err
}

// Push implements http.Pusher.
func (rec *requestRecord) Push(target string, opts *http.PushOptions) error {
	for w := rec.w; ; {
		if p, ok := w.(http.Pusher); ok {
			return p.Push(target, opts)
		}
		inner, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return errors.ErrUnsupported
		}
		w = inner.Unwrap()
	}
}

// Unwrap is for http.ResponseController.
func (rec *requestRecord) Unwrap() http.ResponseWriter { return rec.w }

// newRequestID is the id that a trusted proxy gave in Config.RequestIDHeader, else a new UUID of version 7, which sorts by time.
func (a *App) newRequestID(r *http.Request) string {
	if name := a.Config.RequestIDHeader; name != "" {
		if id := r.Header.Get(name); isRequestID(id) {
			return id
		}
	}
	return uuid.Must(uuid.NewV7()).String() // random bytes never fail
}

const maxRequestID = 128

// isRequestID refuses what could be more than an id in a log or on a page.
func isRequestID(id string) bool {
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.', c == ':', c == '/', c == '+', c == '=', c == '@':
		default:
			return false
		}
	}
	return id != "" && len(id) <= maxRequestID
}

// RequestID is the id of the request, the same in all of its log lines and, if requests are logged, in the response's
// X-Request-Id: for the page that asks a user to report an error. See Config.RequestIDHeader.
func (c *Context) RequestID() string {
	m := c.lazy()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.requestID == "" {
		m.requestID = c.recordedID()
	}
	if m.requestID == "" {
		m.requestID = c.App().newRequestID(c.Request.Request)
	}
	return m.requestID
}

func (c *Context) recordedID() string {
	if rec, ok := c.app.parent.Value(recordKey{}).(*requestRecord); ok {
		return rec.id
	}
	return ""
}

// knownRequestID is the id if the request has been given one, else "".
func (c *Context) knownRequestID() string {
	if m := c.more.Load(); m != nil {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.requestID != "" {
			return m.requestID
		}
	}
	return c.recordedID()
}

// Logger is the app's logger with the request's id in each line, as request_id.
//
// Source: flask.current_app.logger.
func (c *Context) Logger() *slog.Logger {
	id := c.RequestID()
	m := c.lazy()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.logger == nil {
		m.logger = c.App().logger().With("request_id", id)
	}
	return m.logger
}
