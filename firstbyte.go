package carafe

import (
	"bufio"
	"context"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
)

// A streamWriter is what a [Streamer] writes to: the status and the headers of the response wait in it for the first byte, so
// that a body which fails before that can still be answered with an error's page. It is made for one body, and never used again.
//
// A Streamer's own header is for trailers alone: what else the response says is settled when the after functions have seen it.
type streamWriter struct {
	c     *Context
	resp  *Response
	own   http.Header // the Streamer's; nil until it is asked for
	begun bool        // the status is written
}

// writeStream sends a body that is made while it is sent. If it fails with c.sent still false, nothing is on the wire and the
// server's headers are as they were.
func (resp *Response) writeStream(c *Context) error {
	sw := &streamWriter{c: c, resp: resp}
	if err := sw.run(); err != nil {
		return err
	}
	sw.begin()
	if sw.own != nil {
		maps.Copy(c.w.Header(), trailersOf(resp.Header["Trailer"], sw.own))
	}
	return nil
}

func (sw *streamWriter) run() (err error) {
	defer rescue(&err)
	return sw.resp.stream(sw)
}

// begin writes status and headers.
func (sw *streamWriter) begin() {
	if !sw.begun {
		sw.begun, sw.c.sent = true, true
		sw.resp.writeHead(sw.c)
	}
}

// Header is for trailers.
func (sw *streamWriter) Header() http.Header {
	if sw.own == nil {
		sw.own = http.Header{}
	}
	return sw.own
}

// WriteHeader sends the headers; the status is the response's.
func (sw *streamWriter) WriteHeader(int) { sw.begin() }

// Write sends p, the headers before it. Nothing is sent for nothing.
func (sw *streamWriter) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	sw.begin()
	return sw.c.w.Write(p)
}

// WriteString keeps the server's from making a copy.
func (sw *streamWriter) WriteString(s string) (int, error) {
	if s == "" {
		return 0, nil
	}
	sw.begin()
	return io.WriteString(sw.c.w, s)
}

// firstPiece is as much as net/http reads by itself before it has the system send a file.
const firstPiece = 512

// ReadFrom reads a first piece, which may fail, before it begins, and leaves the rest to the server's sendfile.
func (sw *streamWriter) ReadFrom(r io.Reader) (n int64, err error) {
	if !sw.begun {
		n, err = sw.readFirst(r)
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
	rest, err := io.Copy(sw.c.w, r)
	return n + rest, err
}

func (sw *streamWriter) readFirst(r io.Reader) (int64, error) {
	piece := make([]byte, firstPiece)
	for {
		n, err := r.Read(piece)
		if n > 0 {
			if n, werr := sw.Write(piece[:n]); werr != nil {
				return int64(n), werr
			}
		}
		if n > 0 || err != nil {
			return int64(n), err
		}
	}
}

// Flush implements http.Flusher.
func (sw *streamWriter) Flush() { _ = sw.FlushError() }

// FlushError sends what there is, if only the headers: for streams whose client must know at once that it is connected.
func (sw *streamWriter) FlushError() error {
	sw.begin()
	return flush(sw.c.w)
}

// Hijack gives the connection away behind the headers.
func (sw *streamWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	sw.begin()
	return http.NewResponseController(sw.c.w).Hijack()
}

// Unwrap is for http.ResponseController: deadlines are the server's.
func (sw *streamWriter) Unwrap() http.ResponseWriter { return sw.c.w }

// trailersOf is what h has of the fields that were announced in Trailer, and of those whose names have [http.TrailerPrefix], under
// the names by which net/http knows them; nil if there are none.
func trailersOf(announced []string, h http.Header) http.Header {
	var trailer http.Header
	add := func(name string, values []string) {
		if trailer == nil {
			trailer = http.Header{}
		}
		trailer[name] = slices.Clone(values)
	}
	for _, line := range announced {
		for name := range strings.SplitSeq(line, ",") {
			name = http.CanonicalHeaderKey(strings.TrimSpace(name))
			if values, ok := h[name]; ok {
				add(name, values)
			}
		}
	}
	for name, values := range h {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			add(name, values)
		}
	}
	return trailer
}

// unsent says that a body has failed before its first byte, so that another answer can take its place. Nobody is there to read that
// once the client has left.
func (c *Context) unsent(cut error) bool {
	return cut != nil && !c.sent && !errors.Is(c.Err(), context.Canceled)
}

// answerInstead is the response in the place of one whose body has failed before its first byte: steps 6 to 8 once more. If that
// one's body fails as well it is a 500 with its handlers, and if that one's does, a plain 500.
//
// Unlike Flask, which has told its server that all is well by then: the server answers, past handlers and hooks.
func (a *App) answerInstead(c *Context, err error, failed int) (*Response, error) {
	c.reopenSession()
	switch failed {
	case 0:
		return a.settle(c, nil, err)
	case 1:
		return a.handleException(c, err), err
	}
	a.LogError(c, err)
	return (&HTTPError{Code: http.StatusInternalServerError, Cause: err}).plain(), err
}
