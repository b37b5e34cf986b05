package gateway

import (
	"bufio"
	"io"
	"net/http"
	"strconv"
)

// A cgiWriter is the http.ResponseWriter of CGI and FastCGI: a header in the form of RFC 3875 section 6, then the body,
// buffered until Flush or 8 KiB.
type cgiWriter struct {
	out    *bufio.Writer
	header http.Header
	status int
	sent   bool // the header is written
	head   bool
}

func newCGIWriter(out io.Writer, method string) *cgiWriter {
	return &cgiWriter{out: bufio.NewWriterSize(out, fileBlock), header: http.Header{}, head: method == http.MethodHead}
}

func (w *cgiWriter) Header() http.Header { return w.header }

// WriteHeader fixes the status. The header goes out with the first byte, when a Content-Type can be guessed. Interim
// answers are dropped: CGI has no form for them.
func (w *cgiWriter) WriteHeader(code int) {
	if w.status == 0 && code >= 200 {
		w.status = code
	}
}

func (w *cgiWriter) bodiless() bool {
	return w.head || w.status == http.StatusNoContent || w.status == http.StatusNotModified
}

func (w *cgiWriter) Write(p []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	w.sendHeader(p)
	if w.bodiless() {
		return len(p), nil
	}
	return w.out.Write(p)
}

// sendHeader writes the header once. Status is not the application's to set: it is how CGI spells the status line.
func (w *cgiWriter) sendHeader(first []byte) {
	if w.sent {
		return
	}
	w.sent = true
	w.out.WriteString("Status: " + strconv.Itoa(w.status) + " " + http.StatusText(w.status) + "\r\n")
	if _, ok := w.header["Content-Type"]; !ok && len(first) > 0 && w.header.Get("Content-Encoding") == "" {
		w.header.Set("Content-Type", http.DetectContentType(first))
	}
	w.header.WriteSubset(w.out, map[string]bool{"Status": true, "Trailer": true, "Connection": true})
	w.out.WriteString("\r\n")
}

// Flush is FlushError for http.Flusher.
func (w *cgiWriter) Flush() { w.FlushError() }

// FlushError hands everything so far to the web server.
func (w *cgiWriter) FlushError() error {
	w.WriteHeader(http.StatusOK)
	w.sendHeader(nil)
	return w.out.Flush()
}

// finish sends what is left, of an answer that said nothing its header.
func (w *cgiWriter) finish() error { return w.FlushError() }
