package carafe

import (
	"errors"
	"fmt"
	"html/template"
	"io"
	"iter"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/carafeweb/carafe/gateway"
)

const (
	typeHTML      = "text/html; charset=utf-8"
	typePlain     = "text/plain; charset=utf-8"
	typeJSON      = "application/json"
	headerType    = "Content-Type"
	headerLength  = "Content-Length"
	headerAllow   = "Allow"
	headerCookie  = "Set-Cookie"
	headerVary    = "Vary"
	headerLocated = "Location"
)

// A Response is what a request is answered with, as a value: views make it, after hooks change or replace it,
// and only then is it written, in one place. Use a constructor ([Text], [HTML], [JSON], [NewResponse] …).
//
// One Response answers one request; it is for one goroutine at a time.
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
	typ     string // the Content-Type until there is a Header
	closers []func()
	err     error // why it cannot be sent: what a constructor could not return
	sent    bool  // an http.Handler has streamed it already
}

// A Streamer writes a body as it is made. It is called once, after the headers are out; w also is an http.Flusher where
// the server's is. An error breaks the connection off, so that the client sees the body is not whole.
type Streamer func(w http.ResponseWriter) error

// NewResponse makes a response of a body: string, []byte, io.Reader, Streamer, or nil for none; its type is text/html
// until the header says otherwise.
func NewResponse(body any) (*Response, error) {
	resp := &Response{Header: http.Header{headerType: {typeHTML}}}
	switch b := body.(type) {
	case nil:
	case string:
		resp.body = b
	case []byte:
		resp.data = b
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
	return &Response{body: s, Header: http.Header{headerType: {typ}}}
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

// reply is Flask's tuple.
type reply struct {
	body any
	rest []any
}

// Reply is Flask's tuple for views that return any: body, then a status (int, or a text that begins with one), then
// headers (http.Header, map[string]string, or [][2]string, whose repeated names are all kept); a nil
// among them is ignored.
func Reply(body any, rest ...any) any { return reply{body, rest} }

// A Responder is a view result that makes its own response.
type Responder interface {
	Respond(*Context) (*Response, error)
}

// MakeResponse turns what a view may return into a response: no values make an empty one, one is converted,
// more are [Reply]'s. c may be nil outside of a request, but for values that need one.
//
// Source: flask.make_response, Flask.make_response.
func (a *App) MakeResponse(c *Context, values ...any) (*Response, error) {
	switch len(values) {
	case 0:
		return HTML(""), nil
	case 1:
		return a.makeResponse(c, result{body: values[0]})
	}
	return a.makeResponse(c, result{body: Reply(values[0], values[1:]...)})
}

// makeResponse is step 7 of the walk.
func (a *App) makeResponse(c *Context, res result) (*Response, error) {
	if err, ok := res.body.(error); ok {
		return nil, err
	}
	resp, err := a.convert(c, res)
	if err != nil {
		return nil, err
	}
	if res.header != nil {
		if err := resp.update(res.header); err != nil {
			return nil, err
		}
	}
	if res.status != 0 {
		resp.Status = res.status
	}
	if err := checkStatus(resp.status()); err != nil {
		return nil, err
	}
	return resp, a.encode(resp)
}

// convert is the acceptance table.
func (a *App) convert(c *Context, res result) (*Response, error) {
	if res.isText {
		return &Response{body: res.text, typ: typeHTML}, nil
	}
	switch v := res.body.(type) {
	case string:
		return &Response{body: v, typ: typeHTML}, nil
	case []byte:
		return &Response{data: v, typ: typeHTML}, nil
	case *Response:
		if v == nil {
			return nil, a.unfit(c, "a nil *carafe.Response")
		}
		return v, v.err
	case reply:
		return a.convertReply(c, v)
	case rendering:
		return a.respondTemplate(c, v)
	case template.HTML:
		return &Response{body: string(v), typ: typeHTML}, nil
	case Responder:
		return respond(c, v)
	case gateway.Application:
		return a.runHandler(c, gateway.Handler(v))
	case http.Handler:
		return a.runHandler(c, v)
	}
	if s := streamer(res.body); s != nil {
		return &Response{stream: s, typ: typeHTML}, nil
	}
	return a.convertKind(c, res.body)
}

func respond(c *Context, v Responder) (*Response, error) {
	resp, err := v.Respond(c)
	if err == nil && resp == nil {
		err = fmt.Errorf("carafe: Respond of %T returned nil", v)
	}
	return resp, err
}

// convertKind accepts what encoding/json makes an object or an array of, and named string types as text.
func (a *App) convertKind(c *Context, v any) (*Response, error) {
	if v == nil {
		return nil, a.unfit(c, "nil")
	}
	val := reflect.ValueOf(v)
	t := val.Type()
	switch t.Kind() {
	case reflect.String:
		return &Response{body: val.String(), typ: typeHTML}, nil
	case reflect.Pointer:
		if val.IsNil() {
			return nil, a.unfit(c, "a nil "+t.String())
		}
		t = t.Elem()
	}
	switch t.Kind() {
	case reflect.Map, reflect.Struct, reflect.Slice:
	default:
		if !isMarshaler(v) {
			return nil, a.unfit(c, "a "+t.String())
		}
	}
	return &Response{json: v, hasJSON: true, typ: typeJSON}, nil
}

func isMarshaler(v any) bool {
	_, ok := v.(interface{ MarshalJSON() ([]byte, error) })
	return ok
}

// unfit is the error about a result that is no response.
func (a *App) unfit(c *Context, what string) error {
	by := "MakeResponse was given"
	if c != nil {
		by = fmt.Sprintf("the view function for %q returned", c.Endpoint())
	}
	return fmt.Errorf("carafe: %s %s, which is not a response: return a string, []byte, map, struct, slice, *carafe.Response, "+
		"carafe.Reply(body, status, headers), http.Handler, io.Reader or an iterator", by, what)
}

// convertReply takes Flask's tuple apart: (body, status, headers), (body, status) or (body, headers).
func (a *App) convertReply(c *Context, r reply) (*Response, error) {
	status, header, err := replyParts(r.rest)
	if err != nil {
		return nil, fmt.Errorf("%w (endpoint %q)", err, endpointOf(c))
	}
	body := r.body
	switch b := body.(type) {
	case reply:
		return nil, a.unfit(c, "a Reply within a Reply")
	case *HTTPError: // its page, under another status or with more headers
		if body, err = b.Respond(c); err != nil {
			return nil, err
		}
	case error:
		return nil, b
	}
	resp, err := a.convert(c, result{body: body})
	if err != nil {
		return nil, err
	}
	if status != 0 {
		resp.Status = status
	}
	return resp, resp.update(header)
}

func replyParts(rest []any) (status int, header http.Header, err error) {
	if len(rest) == 0 || len(rest) > 2 {
		return 0, nil, fmt.Errorf("carafe: Reply has %d parts beside the body: it must have the form Reply(body, status, headers), Reply(body, status) or Reply(body, headers)", len(rest))
	}
	for i, part := range rest {
		isStatus, s, serr := statusPart(part)
		switch {
		case part == nil:
		case isStatus && i == 0:
			status, err = s, serr
		case isStatus:
			err = fmt.Errorf("carafe: Reply has the status %v after the headers: the order is body, status, headers", part)
		default:
			header, err = headerPart(part)
		}
		if err != nil {
			return 0, nil, err
		}
	}
	return status, header, nil
}

// statusPart reads an int, or a text that begins with a number. Unlike Flask, a text without one is an error, and
// the rest of the text is not sent: net/http writes the standard reason phrases.
func statusPart(part any) (ok bool, status int, err error) {
	switch s := part.(type) {
	case int:
		return true, s, checkStatus(s)
	case string:
		number, _, _ := strings.Cut(strings.TrimSpace(s), " ")
		n, err := strconv.ParseUint(number, 10, 32)
		if err != nil {
			return true, 0, fmt.Errorf("carafe: the status %q does not begin with a number", s)
		}
		return true, int(n), checkStatus(int(n))
	}
	return false, 0, nil
}

func headerPart(part any) (http.Header, error) {
	h := http.Header{}
	switch p := part.(type) {
	case http.Header:
		return p, nil
	case map[string][]string:
		return p, nil
	case map[string]string:
		for k, v := range p {
			h.Set(k, v)
		}
	case [][2]string:
		for _, kv := range p {
			h.Add(kv[0], kv[1])
		}
	default:
		return nil, fmt.Errorf("carafe: Reply has a %T among its parts: headers are an http.Header, map[string]string or [][2]string, a status is an int", part)
	}
	return h, nil
}

// update sets every header of h, in place of those of the same name. All values of a repeated name stay.
func (resp *Response) update(h http.Header) error {
	for k, vs := range h {
		for _, v := range vs {
			if err := checkHeader(k, v); err != nil {
				return err
			}
		}
		resp.materialize()
		resp.Header[http.CanonicalHeaderKey(k)] = slices.Clone(vs)
	}
	return nil
}

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

// encode makes the bytes of a JSON body.
func (a *App) encode(resp *Response) error {
	if !resp.hasJSON {
		return nil
	}
	data, err := a.JSON.Marshal(resp.json)
	if err != nil {
		return err
	}
	resp.data, resp.json, resp.hasJSON = data, nil, false
	return nil
}

// streamer is the Streamer for a body that is read piece by piece, nil for other values.
func streamer(v any) Streamer {
	switch s := v.(type) {
	case Streamer:
		return s
	case func(http.ResponseWriter) error:
		return s
	case iter.Seq[[]byte]:
		return streamBytes(s)
	case func(func([]byte) bool):
		return streamBytes(s)
	case iter.Seq[string]:
		return streamStrings(s)
	case func(func(string) bool):
		return streamStrings(s)
	case iter.Seq2[[]byte, error]:
		return streamPairs(s)
	case func(func([]byte, error) bool):
		return streamPairs(s)
	case io.Reader:
		resp := &Response{}
		resp.setReader(s)
		return resp.stream
	}
	return nil
}

func streamBytes(seq iter.Seq[[]byte]) Streamer {
	return streamPairs(func(yield func([]byte, error) bool) {
		seq(func(p []byte) bool { return yield(p, nil) })
	})
}

func streamStrings(seq iter.Seq[string]) Streamer {
	return streamPairs(func(yield func([]byte, error) bool) {
		seq(func(s string) bool { return yield([]byte(s), nil) })
	})
}

// streamPairs sends each piece when it is there. It ends the iteration when the client has gone.
func streamPairs(seq iter.Seq2[[]byte, error]) Streamer {
	return func(w http.ResponseWriter) error {
		rc := http.NewResponseController(w)
		for p, err := range seq {
			if err != nil {
				return err
			}
			if len(p) == 0 {
				continue
			}
			if _, err := w.Write(p); err != nil {
				return err
			}
			if err := rc.Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
				return err
			}
		}
		return nil
	}
}

// setReader streams r, which is closed with the response if it can be. io.Copy leaves the way open for sendfile.
func (resp *Response) setReader(r io.Reader) {
	resp.stream = func(w http.ResponseWriter) error {
		_, err := io.Copy(w, r)
		return err
	}
	if c, ok := r.(io.Closer); ok {
		resp.OnClose(func() { _ = c.Close() })
	}
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
	resp.body, resp.data, resp.stream, resp.json, resp.hasJSON = "", p, nil, nil, false
}

// SetText replaces the body.
func (resp *Response) SetText(s string) {
	resp.body, resp.data, resp.stream, resp.json, resp.hasJSON = s, nil, nil, nil, false
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

// close runs what waits for the end of the response, the last first.
func (resp *Response) close() {
	for _, f := range slices.Backward(resp.closers) {
		f()
	}
	resp.closers = nil
}

// entityHeaders describe a body; a 304 has none of them (RFC 9110, 15.4.5, and werkzeug.http.remove_entity_headers).
var entityHeaders = []string{
	headerAllow, "Content-Encoding", "Content-Language", headerLength, "Content-Md5",
	"Content-Range", headerType, "Last-Modified",
}

// writeTo is the only place that touches the wire. A body that was cut off is an error; nothing but the
// connection can tell the client then. lines is memory for the two headers that every response has; it is not used again.
func (resp *Response) writeTo(w http.ResponseWriter, r *http.Request, lines *[2]string) error {
	status, h := resp.status(), w.Header()
	if resp.typ != "" {
		lines[0] = resp.typ
		h[headerType] = lines[0:1:1]
	}
	resp.copyHeader(h)
	head := r.Method == http.MethodHead
	switch {
	case status == http.StatusNotModified:
		for _, k := range entityHeaders {
			delete(h, k)
		}
	case !bodyAllowed(status):
		delete(h, headerLength)
	case resp.stream == nil:
		lines[1] = strconv.Itoa(len(resp.body) + len(resp.data))
		h[headerLength] = lines[1:2:2]
	}
	w.WriteHeader(status)
	if head || !bodyAllowed(status) {
		return nil
	}
	return resp.writeBody(w)
}

func (resp *Response) writeBody(w http.ResponseWriter) (err error) {
	switch {
	case resp.stream != nil:
		defer rescue(&err)
		return resp.stream(w)
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
		switch {
		case (k == headerLocated || k == "Content-Location") && len(vs) == 1:
			h[k] = []string{iriToURI(vs[0])}
		case k == headerCookie && len(h[k]) > 0:
			h[k] = append(slices.Clip(h[k]), vs...)
		case k == headerVary && len(h[k]) > 0:
			addVary(h, vs...)
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
