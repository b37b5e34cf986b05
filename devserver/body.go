package devserver

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"sync"
)

// maxBody is how much of a request's body is kept for a report.
const maxBody = 64 << 10

type bodyKey struct{}

// keptBody keeps the beginning of what is read.
type keptBody struct {
	io.ReadCloser
	length int64
	mu     sync.Mutex
	kept   []byte
	cut    bool // there was more
	ended  bool
}

func (b *keptBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	room := min(n, maxBody-len(b.kept))
	b.kept = append(b.kept, p[:room]...)
	b.cut = b.cut || room < n
	b.ended = b.ended || err != nil
	return n, err
}

// Body is the beginning of the request's body, as far as it was read, and whether that is all of it. It is for requests that came
// through [Debugger.Handler].
func Body(ctx context.Context) (data []byte, complete bool) {
	b, ok := ctx.Value(bodyKey{}).(*keptBody)
	if !ok {
		return nil, false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]byte(nil), b.kept...), !b.cut && (b.ended || b.length == int64(len(b.kept)))
}

// startedWriter knows whether anything was written. It hides nothing that the server's writer can do.
type startedWriter struct {
	http.ResponseWriter
	started bool
}

func (w *startedWriter) WriteHeader(status int) {
	w.started = w.started || status >= 200 || status == http.StatusSwitchingProtocols
	w.ResponseWriter.WriteHeader(status)
}

func (w *startedWriter) Write(p []byte) (int, error) {
	w.started = true
	return w.ResponseWriter.Write(p)
}

// ReadFrom leaves sendfile to the server.
func (w *startedWriter) ReadFrom(r io.Reader) (int64, error) {
	w.started = true
	return io.Copy(w.ResponseWriter, r)
}

// Flush implements http.Flusher.
func (w *startedWriter) Flush() {
	w.started = true
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack implements http.Hijacker.
func (w *startedWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	w.started = w.started || err == nil
	return conn, rw, err
}

// Unwrap is for http.ResponseController.
func (w *startedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
