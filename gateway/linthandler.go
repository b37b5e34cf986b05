package gateway

import (
	"bufio"
	"io"
	"maps"
	"net"
	"net/http"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
)

// Wrap checks a handler of net/http. Besides what is checked of every answer: WriteHeader called twice or after the
// body, headers changed when they are out, writing and reading after the handler has returned, and reading a request's
// body whole without a limit (io.ReadAll and its like, without http.MaxBytesReader or io.LimitReader).
func (l Lint) Wrap(next http.Handler) http.Handler {
	base := l.linter(next, "ServeHTTP")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		lt := base.of(r.Method, ScriptName(r)+r.URL.Path)
		lw := &lintWriter{lint: lt, w: w, method: r.Method}
		if r.Body != nil && r.Body != http.NoBody {
			r = r.WithContext(r.Context())
			r.Body = &lintBody{ReadCloser: r.Body, lint: lt, over: &lw.over}
		}
		next.ServeHTTP(lw, r)
		lw.finish()
	})
}

// A lintWriter is the ResponseWriter that watches.
type lintWriter struct {
	lint     *linter
	w        http.ResponseWriter
	method   string
	status   int
	sent     http.Header // the header as it went out
	bytes    int64
	hijacked bool
	over     atomic.Bool // set when the handler has returned
}

func (w *lintWriter) Header() http.Header { return w.w.Header() }

func (w *lintWriter) WriteHeader(status int) {
	switch {
	case w.over.Load():
		w.lint.here("net/http.ResponseWriter", "WriteHeader(%d) after the handler has returned", status)
		return // net/http may have given the connection to another request
	case w.status != 0:
		w.lint.here("net/http.ResponseWriter", "WriteHeader(%d) after status %d is out: it has no effect", status, w.status)
	case status >= 200 || status == http.StatusSwitchingProtocols || status < 100:
		w.begin(status)
	}
	w.w.WriteHeader(status)
}

func (w *lintWriter) begin(status int) {
	if w.status != 0 {
		return
	}
	w.status = status
	w.lint.checkAnswer(status, w.w.Header())
	w.sent = maps.Clone(w.w.Header())
}

// ready reports whether something may be written.
func (w *lintWriter) ready() bool {
	if w.over.Load() {
		w.lint.here("net/http.ResponseWriter", "a write after the handler has returned")
		return false
	}
	w.begin(http.StatusOK)
	return true
}

func (w *lintWriter) Write(p []byte) (int, error) {
	if !w.ready() {
		return 0, http.ErrHandlerTimeout
	}
	n, err := w.w.Write(p)
	if err == http.ErrBodyNotAllowed {
		n = len(p) // the finding is the number of bytes that were meant to be sent
	}
	w.bytes += int64(n)
	return n, err
}

func (w *lintWriter) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

func (w *lintWriter) ReadFrom(r io.Reader) (int64, error) {
	if !w.ready() {
		return 0, http.ErrHandlerTimeout
	}
	n, err := copyTo(w.w, r)
	w.bytes += n
	return n, err
}

func (w *lintWriter) Flush() { w.FlushError() }

func (w *lintWriter) FlushError() error {
	if !w.ready() {
		return http.ErrHandlerTimeout
	}
	return http.NewResponseController(w.w).Flush()
}

func (w *lintWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.w).Hijack()
	w.hijacked = err == nil
	return conn, rw, err
}

func (w *lintWriter) Unwrap() http.ResponseWriter { return w.w }

// finish checks the answer as a whole, when the handler has returned.
func (w *lintWriter) finish() {
	w.over.Store(true)
	if w.hijacked {
		return
	}
	w.begin(http.StatusOK)
	w.lint.checkEnd(w.method, w.status, w.sent, w.bytes)
	for name, values := range w.w.Header() {
		if !slices.Equal(values, w.sent[name]) && !w.isTrailer(name) {
			w.lint.whole("net/http.ResponseWriter", "header %s was changed when the headers were out: it has no effect", name)
		}
	}
}

func (w *lintWriter) isTrailer(name string) bool {
	if strings.HasPrefix(name, http.TrailerPrefix) {
		return true
	}
	for _, line := range w.sent["Trailer"] {
		for announced := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(announced), name) {
				return true
			}
		}
	}
	return false
}

// A lintBody watches how a request's body is read.
type lintBody struct {
	io.ReadCloser
	lint *linter
	over *atomic.Bool
	told bool
}

func (b *lintBody) Read(p []byte) (int, error) {
	if b.over.Load() {
		b.lint.here("net/http.Request", "the body is read after the handler has returned")
		return 0, http.ErrBodyReadAfterClose
	}
	if !b.told && readsAll() {
		b.told = true
		b.lint.here("PEP 3333, Input and Error Streams", "the whole body is read, however long it is: put http.MaxBytesReader around it")
	}
	return b.ReadCloser.Read(p)
}

// readsAll reports whether the reader is one that does not stop before the end, and reads the body directly.
func readsAll() bool {
	var pcs [1]uintptr
	if runtime.Callers(3, pcs[:]) == 0 {
		return false
	}
	frame, _ := runtime.CallersFrames(pcs[:]).Next()
	switch frame.Function {
	case "io.ReadAll", "bytes.(*Buffer).ReadFrom", "encoding/json.(*Decoder).refill", "encoding/json/jsontext.(*decodeBuffer).fetch":
		return true
	}
	return false
}
