package carafe

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

const (
	typeHTML       = "text/html; charset=utf-8"
	typePlain      = "text/plain; charset=utf-8"
	typeJSON       = "application/json"
	headerType     = "Content-Type"
	headerLength   = "Content-Length"
	headerAllow    = "Allow"
	headerSniffing = "X-Content-Type-Options"
	headerCookie   = "Set-Cookie"
	headerVary     = "Vary"
	headerLocated  = "Location"
)

// A Response is what a request is answered with, as a value: views make it, after hooks change or replace it,
// and only then is it written, in one place. Use a constructor ([Text], [HTML], [JSON], [NewResponse] …).
//
// It is for one goroutine at a time. One that is kept and returned again is copied for each request, so that nothing which hooks and the
// session add to one answer is in the next; a body that is read, from an io.Reader, is there once.
//
// Source: flask.Response.
type Response struct {
	Status int         // 0 means 200
	Header http.Header // nil means none; never nil when a hook sees it

	body    string // or
	data    []byte // or
	stream  Streamer
	json    any // encoded by make_response, with the app's provider
	hasJSON bool
	given   bool   // somebody has said what the body is, if only that it is empty
	typ     string // the Content-Type until there is a Header
	closers []func()
	trailer http.Header // sent after the body; nil means none
	err     error       // why it cannot be sent: what a constructor could not return
	sent    bool        // an http.Handler has streamed it already
}

// A Streamer writes a body as it is made. It is called once, when the response is settled; status and headers go out with the first
// byte that it writes, or when it flushes. An error before that is answered as a view's is, after functions included; behind
// it, it breaks the connection off, so that the client sees the body is not whole.
//
// w also is an http.Flusher. Its Header is for trailers alone, and its WriteHeader sends the response's own status.
type Streamer func(w http.ResponseWriter) error

// NewResponse makes a response of a body: string, []byte, io.Reader, Streamer, or nil for none; its type is text/html
// until the header says otherwise.
func NewResponse(body any) (*Response, error) {
	resp := &Response{Header: http.Header{headerType: {typeHTML}}}
	switch b := body.(type) {
	case nil:
	case string:
		resp.body, resp.given = b, true
	case []byte:
		resp.data, resp.given = b, true
	case Streamer:
		resp.stream = b
	case io.Reader:
		resp.setReader(b)
	default:
		return nil, fmt.Errorf("carafe: NewResponse of a %T: give a string, []byte, io.Reader or carafe.Streamer, or use App.MakeResponse", body)
	}
	return resp, nil
}

// Text answers with text/plain.
func Text(s string) *Response { return newText(s, typePlain) }

// HTML answers with text/html, as a view that returns a string does.
func HTML(s string) *Response { return newText(s, typeHTML) }

func newText(s, typ string) *Response {
	return &Response{body: s, given: true, Header: http.Header{headerType: {typ}}}
}

// JSON answers with v as application/json; it is encoded by the app's provider in make_response, whose errors
// take the error road.
//
// Source: flask.jsonify.
func JSON(v any) *Response {
	return &Response{json: v, hasJSON: true, Header: http.Header{headerType: {typeJSON}}}
}

// Redirect answers with a short page and the header Location: 302, or the code given. The location is sent as
// it is, a relative one too, with what a URI cannot hold percent-encoded; one with a line break is an
// error when the response is used.
//
// Source: flask.redirect.
func Redirect(location string, code ...int) *Response {
	resp := HTML(redirectPage(location))
	resp.Status = http.StatusFound
	if len(code) > 0 {
		resp.Status = code[0]
	}
	resp.err = checkHeader(headerLocated, location)
	resp.Header[headerLocated] = []string{location}
	return resp
}

func redirectPage(location string) string {
	text := escapeHTML(location)
	return "<!doctype html>\n<html lang=en>\n<title>Redirecting...</title>\n<h1>Redirecting...</h1>\n" +
		"<p>You should be redirected automatically to the target URL: <a href=\"" + text + "\">" + text + "</a>. If not, click the link.\n"
}

// Stream answers with the pieces of seq as text/html, each sent as soon as it is there.
func Stream(seq iter.Seq[[]byte]) any { return seq }

// materialize gives the response the Header that user code sees.
func (resp *Response) materialize() {
	if resp.Header == nil {
		resp.Header = http.Header{}
	}
	if resp.typ != "" {
		if resp.Header[headerType] == nil {
			resp.Header[headerType] = []string{resp.typ}
		}
		resp.typ = ""
	}
}

func (resp *Response) status() int {
	if resp.Status == 0 {
		return http.StatusOK
	}
	return resp.Status
}

// IsStream says whether the body is made while it is sent.
func (resp *Response) IsStream() bool { return resp.stream != nil }

// Bytes is the body; a stream is read to its end and kept.
//
// Source: Response.get_data.
func (resp *Response) Bytes() ([]byte, error) {
	switch {
	case resp.stream != nil:
		rec := newRecorder()
		err := resp.stream(rec)
		resp.SetBytes(rec.body.Bytes())
		return resp.data, err
	case resp.data != nil:
		return resp.data, nil
	}
	return []byte(resp.body), nil
}

// SetBytes replaces the body. The slice is kept.
func (resp *Response) SetBytes(p []byte) {
	resp.body, resp.data, resp.stream, resp.json, resp.hasJSON, resp.given = "", p, nil, nil, false, true
}

// SetText replaces the body.
func (resp *Response) SetText(s string) {
	resp.body, resp.data, resp.stream, resp.json, resp.hasJSON, resp.given = s, nil, nil, nil, false, true
}

// SetStream replaces the body by one that is made while it is sent.
func (resp *Response) SetStream(s Streamer) {
	resp.SetText("")
	resp.stream = s
}

// OnClose has f run when the response is done with, sent or not.
func (resp *Response) OnClose(f func()) { resp.closers = append(resp.closers, f) }

// Vary adds fields to the Vary header that are not there yet.
func (resp *Response) Vary(fields ...string) {
	resp.materialize()
	addVary(resp.Header, fields...)
}

// close runs what waits for the end of the response, the last first. What fails is logged for the request.
func (resp *Response) close(c *Context) {
	if resp.closers == nil {
		return
	}
	closers := resp.closers
	resp.closers = nil
	for _, f := range slices.Backward(closers) {
		if err := guarded(f); err != nil {
			c.App().LogError(c, fmt.Errorf("carafe: a function of OnClose failed: %w", err))
		}
	}
}

// entityHeaders describe a body; a 304 has none of them (RFC 9110, 15.4.5, and werkzeug.http.remove_entity_headers).
var entityHeaders = []string{
	headerAllow, "Content-Encoding", "Content-Language", headerLength, "Content-Md5",
	"Content-Range", headerType, "Last-Modified",
}

// writeTo is the only place that touches the wire, by writeStream and writeWhole. A body that was cut off is an error; nothing but the
// connection can tell the client then, if c.sent says that the headers are out.
func (resp *Response) writeTo(c *Context) error {
	if resp.stream != nil && !resp.bodiless(c) {
		return resp.writeStream(c)
	}
	return resp.writeWhole(c)
}

// bodiless says that the headers are all.
func (resp *Response) bodiless(c *Context) bool {
	return c.Request.Method == http.MethodHead || !bodyAllowed(resp.status())
}

// writeWhole is writeTo for a body that is there. The response may lie on the stack.
func (resp *Response) writeWhole(c *Context) error {
	c.sent = true
	resp.writeHead(c)
	if resp.bodiless(c) {
		return nil
	}
	err := resp.writeBody(c.w)
	if resp.trailer != nil {
		maps.Copy(c.w.Header(), resp.trailer)
	}
	return err
}

// writeHead writes the status and the headers. c.lines is memory for those that every response has; it is not used again.
func (resp *Response) writeHead(c *Context) {
	w, lines := c.w, &c.lines
	status, h := resp.status(), w.Header()
	if resp.typ != "" {
		lines[0] = resp.typ
		h[headerType] = lines[0:1:1]
	}
	if resp.Header != nil {
		resp.copyHeader(h)
	}
	if bodyAllowed(status) && c.App().Config.NoSniff {
		forbidSniffing(h, lines)
	}
	switch {
	case status == http.StatusNotModified:
		for _, k := range entityHeaders {
			delete(h, k)
		}
	case !bodyAllowed(status):
		delete(h, headerLength)
		if status == http.StatusSwitchingProtocols && c.Request.Context().Value(http.ServerContextKey) != nil {
			h.Set("Connection", "close") // the client speaks another protocol from here on, and nobody has taken the connection for it
		}
	case resp.stream == nil && resp.trailer == nil: // a length leaves no place for a trailer
		resp.setLength(c, h)
	}
	if resp.trailer != nil {
		resp.announceTrailer(h)
	}
	w.WriteHeader(status)
}

// setLength has the answer say how long the body is that is there, whatever Content-Length somebody has given it.
//
// Unlike Flask, which sends what it is given, and so may shift the next answer on the connection.
func (resp *Response) setLength(c *Context, h http.Header) {
	n := len(resp.body) + len(resp.data)
	switch head := c.Request.Method == http.MethodHead; {
	case !head && n < countedByServer && countsBodies(c.w):
		delete(h, headerLength)
	case !head || !resp.lengthOfGet():
		c.lines[1] = strconv.Itoa(n)
		h[headerLength] = c.lines[1:2:2]
	}
}

// countedByServer is the size of net/http's buffer: it counts a body that fits, and writes the Content-Length by itself, without its going
// through two maps first.
const countedByServer = 2048

// countsBodies says whether w does so: it is net/http's own, of HTTP/1, or package server's around that; not what middleware has put around
// it, which may want to know the length.
func countsBodies(w http.ResponseWriter) bool {
	if reflect.TypeOf(w).String() == "*http.response" {
		return true
	}
	_, ok := w.(interface{ CountsBodies() })
	return ok
}

// lengthOfGet says whether the response to a HEAD has been given no body and says how long that to a GET is, as http.ServeContent does.
// A body that is known to be empty is as long as it is for a GET (RFC 9110, 9.3.2), as in Flask.
func (resp *Response) lengthOfGet() bool {
	if resp.given || len(resp.body)+len(resp.data) > 0 {
		return false
	}
	_, ok := declaredLength(resp.Header)
	return ok
}

// headerLines is memory for the values of the headers that every response has: type, length, and how the type is to be taken. Sharing the
// last among requests would let middleware that writes into it change the answers of others.
type headerLines [3]string

// forbidSniffing has browsers take the type of the body as it is, unless the view or middleware has said something about that: an empty
// list of values leaves the header out.
func forbidSniffing(h http.Header, lines *headerLines) {
	if _, said := h[headerSniffing]; !said {
		lines[2] = "nosniff"
		h[headerSniffing] = lines[2:3:3]
	}
}

// announceTrailer tells net/http, which has to know before it decides on the framing, of fields that no Trailer announces.
func (resp *Response) announceTrailer(h http.Header) {
	for name, values := range resp.trailer {
		if strings.HasPrefix(name, http.TrailerPrefix) {
			h[name] = values
		}
	}
}

func (resp *Response) writeBody(w http.ResponseWriter) (err error) {
	switch {
	case resp.data != nil:
		_, err = w.Write(resp.data)
	case resp.body != "":
		_, err = io.WriteString(w, resp.body)
	}
	return err
}

// copyHeader puts the response's headers among those that outer middleware may have set: in place of them, but
// for cookies and Vary, which add up.
func (resp *Response) copyHeader(h http.Header) {
	for k, vs := range resp.Header {
		k = http.CanonicalHeaderKey(k)
		switch {
		case k == "Transfer-Encoding": // framing is the server's
		case (k == headerLocated || k == "Content-Location") && len(vs) == 1:
			h[k] = []string{iriToURI(vs[0])}
		case k == headerCookie && len(h[k]) > 0:
			h[k] = append(slices.Clip(h[k]), vs...)
		case k == headerVary && len(h[k]) > 0:
			addVary(h, vs...)
		case k == "Connection" && slices.Contains(h[k], "close"): // what is decided for the server's safety, or because it stops, stays
		default:
			h[k] = vs
		}
	}
}

// SetMediaType sets the Content-Type to typ, with the charset UTF-8 if it is a type of text.
//
// Source: werkzeug.utils.get_content_type.
func (resp *Response) SetMediaType(typ string) {
	resp.materialize()
	if strings.HasPrefix(typ, "text/") || textTypes[typ] || strings.HasSuffix(typ, "+xml") {
		typ += "; charset=utf-8"
	}
	resp.err = errors.Join(resp.err, checkHeader(headerType, typ))
	resp.Header[headerType] = []string{typ}
}

// textTypes are the types of text that are not called text/.
var textTypes = map[string]bool{
	"application/ecmascript": true, "application/javascript": true, "application/sql": true, "application/xml": true,
	"application/xml-dtd": true, "application/xml-external-parsed-entity": true,
}
