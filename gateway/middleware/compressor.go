package middleware

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
)

// A compressor is the ResponseWriter of one answer. It holds the first bytes back until it knows whether to compress:
// when MinSize is reached, Content-Length tells, or the handler flushes or returns.
type compressor struct {
	settings *Compress
	w        http.ResponseWriter
	r        *http.Request
	coding   *coding // what the client wants; nil is the plain answer
	status   int     // what the handler said, 0 if nothing
	decided  bool    // the header is out
	held     []byte  // the body before that
	encoder  encoder // nil if the answer is plain
	drop     bool    // the answer to HEAD is one that would be compressed: its body's length would be the wrong one
}

func (c *compressor) Header() http.Header { return c.w.Header() }

// WriteHeader decides at once when the header is enough for it.
func (c *compressor) WriteHeader(status int) {
	if c.status != 0 || status >= 100 && status < 200 && status != http.StatusSwitchingProtocols {
		c.w.WriteHeader(status)
		return
	}
	c.status = status
	_, known := c.size()
	_, typed := c.w.Header()["Content-Type"]
	if known && typed || !c.mayCompress() {
		c.decide(false)
	}
}

// size is Content-Length.
func (c *compressor) size() (int64, bool) {
	n, err := strconv.ParseInt(c.w.Header().Get("Content-Length"), 10, 64)
	return n, err == nil
}

// mayCompress goes by status and headers alone. A Content-Type that is missing may still be guessed.
func (c *compressor) mayCompress() bool {
	h := c.w.Header()
	_, typed := h["Content-Type"]
	switch {
	case c.status < 200 || c.status == http.StatusNoContent || c.status == http.StatusNotModified || c.status == http.StatusPartialContent:
		return false
	case h.Get("Content-Encoding") != "" || h.Get("Content-Range") != "" || hasDirective(h["Cache-Control"], "no-transform"):
		return false
	}
	return !typed || c.settings.fits(h.Get("Content-Type"))
}

// decide sends the header. streaming says that more will come, so that the size so far says nothing.
func (c *compressor) decide(streaming bool) {
	if c.decided {
		return
	}
	c.decided = true
	if c.status == 0 {
		c.status = http.StatusOK
	}
	h := c.w.Header()
	if _, typed := h["Content-Type"]; !typed && len(c.held) > 0 && h.Get("Content-Encoding") == "" {
		h["Content-Type"] = []string{http.DetectContentType(c.held)} // net/http does not, of what is encoded
	}
	may := c.mayCompress() && c.settings.fits(h.Get("Content-Type"))
	if may {
		addVary(h, "Accept-Encoding")
	}
	size, known := c.size()
	if !known {
		size = int64(len(c.held))
	}
	if may && c.coding != nil && (size >= int64(c.settings.MinSize) || streaming && !known) {
		c.compress(h)
	} else if c.status == http.StatusNotModified {
		c.weakenAsAsked(h)
	}
	c.w.WriteHeader(c.status)
}

func (c *compressor) compress(h http.Header) {
	h["Content-Encoding"] = []string{c.coding.name}
	h.Del("Content-Length")
	h.Del("Accept-Ranges")
	if tag := h.Get("Etag"); strings.HasPrefix(tag, `"`) {
		h["Etag"] = []string{"W/" + tag}
	}
	if c.r.Method == http.MethodHead {
		c.drop = true
		return
	}
	c.encoder = c.coding.get(c.w)
}

// weakenAsAsked gives a 304 the ETag that the 200 had, which is the weak one if the client asked with that.
func (c *compressor) weakenAsAsked(h http.Header) {
	tag := h.Get("Etag")
	if strings.HasPrefix(tag, `"`) && hasDirective(c.r.Header["If-None-Match"], "W/"+tag) {
		h["Etag"] = []string{"W/" + tag}
		addVary(h, "Accept-Encoding")
	}
}

// Write holds p back or sends it.
func (c *compressor) Write(p []byte) (int, error) {
	if c.status == 0 {
		c.WriteHeader(http.StatusOK)
	}
	if !c.decided {
		c.held = append(c.held, p...)
		if len(c.held) < c.settings.MinSize {
			return len(p), nil
		}
		return len(p), c.send(false)
	}
	return c.out().Write(p)
}

// out is where the body goes.
func (c *compressor) out() io.Writer {
	switch {
	case c.drop:
		return io.Discard
	case c.encoder != nil:
		return c.encoder
	}
	return c.w
}

// send decides, and sends what was held back.
func (c *compressor) send(streaming bool) error {
	c.decide(streaming)
	held := c.held
	c.held = nil
	if len(held) == 0 {
		return nil
	}
	_, err := c.out().Write(held)
	return err
}

// ReadFrom keeps sendfile for what is not compressed: it reads as much as the decision needs.
func (c *compressor) ReadFrom(r io.Reader) (int64, error) {
	if c.status == 0 {
		c.WriteHeader(http.StatusOK)
	}
	var n int64
	if !c.decided {
		var err error
		n, err = io.CopyN(writerOnly{c}, r, int64(c.settings.MinSize-len(c.held)))
		if err == io.EOF {
			return n, nil
		} else if err != nil {
			return n, err
		}
	}
	rest, err := c.copyRest(r)
	return n + rest, err
}

func (c *compressor) copyRest(r io.Reader) (int64, error) {
	if c.encoder == nil && !c.drop {
		if to, ok := c.w.(io.ReaderFrom); ok {
			return to.ReadFrom(r)
		}
	}
	return io.Copy(writerOnly{c.out()}, r)
}

// writerOnly hides ReadFrom, so that io.Copy does not come back.
type writerOnly struct{ io.Writer }

// Flush is FlushError for http.Flusher.
func (c *compressor) Flush() { c.FlushError() }

// FlushError sends all there is so far; what is not known by then counts as long.
func (c *compressor) FlushError() error {
	if c.status == 0 {
		c.WriteHeader(http.StatusOK)
	}
	if err := c.send(true); err != nil {
		return err
	}
	if c.encoder != nil {
		if err := c.encoder.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(c.w).Flush()
}

// Hijack takes the connection over, uncompressed.
func (c *compressor) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(c.w).Hijack()
	if err == nil {
		c.decided, c.held = true, nil
	}
	return conn, rw, err
}

// Unwrap is the wrapped writer, for deadlines and the like: who writes to it spoils a compressed answer.
func (c *compressor) Unwrap() http.ResponseWriter { return c.w }

// finish ends an answer whose handler has returned.
func (c *compressor) finish() {
	if c.status != 0 && !c.decided {
		c.send(false)
	}
	if c.encoder != nil {
		c.encoder.Close()
	}
}

// release gives the encoder back, also when the handler panics: then without its end mark.
func (c *compressor) release() {
	if c.encoder != nil {
		c.coding.put(c.encoder)
	}
}
