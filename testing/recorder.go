package carafetest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// A recorder is the server's side of a response: an http.ResponseWriter that treats the app as net/http's does.
type recorder struct {
	head     bool // the request is a HEAD: a body is counted, not kept
	header   http.Header
	sent     http.Header // as it was when the status was written; nil before
	status   int
	body     bytes.Buffer
	written  int64
	declared int64 // Content-Length, -1 if none
	flushes  []int // lengths of the body at each flush
	interim  []Informational
}

func newRecorder(r *http.Request) *recorder {
	return &recorder{header: http.Header{}, head: r.Method == http.MethodHead, declared: -1}
}

// Header is the app's to change until the status is written.
func (w *recorder) Header() http.Header { return w.header }

// WriteHeader takes the status and the header as they are now; 1xx answers other than 101 come before that, each recorded.
// A second status is ignored.
func (w *recorder) WriteHeader(status int) {
	switch {
	case status < 100 || status > 999:
		panic(fmt.Sprintf("carafetest: WriteHeader(%d): a status has three digits", status))
	case w.sent != nil:
		return
	case status < 200 && status != http.StatusSwitchingProtocols:
		w.interim = append(w.interim, Informational{status, w.header.Clone()})
		return
	}
	w.status, w.sent = status, w.header.Clone()
	if n, err := strconv.ParseInt(w.sent.Get("Content-Length"), 10, 64); err == nil && n >= 0 {
		w.declared = n
	}
}

// Write takes a piece of the body, as much as the status and the declared length allow.
func (w *recorder) Write(p []byte) (int, error) {
	if w.sent == nil {
		w.WriteHeader(http.StatusOK)
	}
	if !bodyAllowed(w.status) {
		return 0, http.ErrBodyNotAllowed
	}
	w.sniff(p)
	w.written += int64(len(p))
	if w.declared >= 0 && w.written > w.declared {
		return 0, http.ErrContentLength
	}
	if !w.head {
		w.body.Write(p)
	}
	return len(p), nil
}

// WriteString is Write for text.
func (w *recorder) WriteString(s string) (int, error) { return w.Write([]byte(s)) }

// sniff finds the type of a body that has none, as net/http does.
func (w *recorder) sniff(p []byte) {
	if _, ok := w.sent["Content-Type"]; !ok && w.written == 0 && len(p) > 0 && w.sent.Get("Content-Encoding") == "" {
		w.sent.Set("Content-Type", http.DetectContentType(p))
	}
}

// Flush sends what was written so far.
func (w *recorder) Flush() { _ = w.FlushError() }

// FlushError is Flush for http.ResponseController.
func (w *recorder) FlushError() error {
	if w.sent == nil {
		w.WriteHeader(http.StatusOK)
	}
	w.flushes = append(w.flushes, w.body.Len())
	return nil
}

// SetReadDeadline is accepted; nothing here takes time.
func (w *recorder) SetReadDeadline(time.Time) error { return nil }

// SetWriteDeadline is accepted.
func (w *recorder) SetWriteDeadline(time.Time) error { return nil }

// EnableFullDuplex is accepted: the body of a request is there all the time.
func (w *recorder) EnableFullDuplex() error { return nil }

func bodyAllowed(status int) bool {
	return status >= 200 && status != http.StatusNoContent && status != http.StatusNotModified
}

// response is what the client gets. A body shorter than its declared length was cut off.
func (w *recorder) response() *Response {
	if w.sent == nil {
		w.WriteHeader(http.StatusOK)
	}
	resp := &Response{
		StatusCode: w.status, Header: w.sent, Trailer: w.trailer(), Informational: w.interim,
		body: w.body.Bytes(), flushes: w.flushes,
	}
	if w.declared > w.written && !w.head && bodyAllowed(w.status) {
		resp.StreamErr = io.ErrUnexpectedEOF
	}
	return resp
}

// trailer is the fields that were announced in Trailer, and those whose names have http.TrailerPrefix; nil if there are none.
func (w *recorder) trailer() http.Header {
	trailer := http.Header{}
	for _, line := range w.sent["Trailer"] {
		for name := range strings.SplitSeq(line, ",") {
			name = http.CanonicalHeaderKey(strings.TrimSpace(name))
			if values := w.header[name]; values != nil {
				trailer[name] = values
			}
			delete(w.sent, name)
		}
	}
	for name, values := range w.header {
		if name, ok := strings.CutPrefix(name, http.TrailerPrefix); ok {
			trailer[http.CanonicalHeaderKey(name)] = values
			delete(w.sent, http.TrailerPrefix+name)
		}
	}
	delete(w.sent, "Trailer")
	if len(trailer) == 0 {
		return nil
	}
	return trailer
}
