package carafe

import (
	"fmt"
	"html/template"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/carafeweb/carafe/gateway"
)

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
		return a.makeResponse(c, result{body: values[0], byHand: true})
	}
	return a.makeResponse(c, result{body: Reply(values[0], values[1:]...), byHand: true})
}

// makeResponse is step 7 of the walk.
func (a *App) makeResponse(c *Context, res result) (*Response, error) {
	if err, ok := res.body.(error); ok {
		return nil, err
	}
	if isNilBody(res.body) {
		return nil, a.unfit(c, fmt.Sprintf("a nil %T", res.body))
	}
	resp, err := a.convert(c, res)
	if err == nil {
		err = a.complete(resp, res)
	}
	if err != nil {
		if resp != nil {
			resp.close(c)
		}
		return nil, err
	}
	return resp, nil
}

// complete gives a response the status and headers that came with its body, and makes the bytes of JSON.
func (a *App) complete(resp *Response, res result) error {
	if err := resp.update(res.header); err != nil {
		return err
	}
	if res.status != 0 {
		resp.Status = res.status
	}
	if err := checkStatus(resp.status()); err != nil {
		return err
	}
	return a.encode(resp)
}

// isNilBody recognises pointers and functions, iterators among them, that are nil although the interface is not.
func isNilBody(body any) bool {
	v := reflect.ValueOf(body)
	return (v.Kind() == reflect.Pointer || v.Kind() == reflect.Func) && v.IsNil()
}

// convert is the acceptance table.
func (a *App) convert(c *Context, res result) (*Response, error) {
	if res.isText {
		return &Response{body: res.text, given: true, typ: typeHTML}, nil
	}
	switch v := res.body.(type) {
	case string:
		return &Response{body: v, given: true, typ: typeHTML}, nil
	case []byte:
		return &Response{data: v, given: true, typ: typeHTML}, nil
	case *Response:
		if v == nil {
			return nil, a.unfit(c, "a nil *carafe.Response")
		}
		if !res.byHand {
			v = v.own()
		}
		return v, v.err
	case reply:
		return a.convertReply(c, v, res.byHand)
	case rendering:
		return a.respondTemplate(c, v)
	case template.HTML:
		return &Response{body: string(v), given: true, typ: typeHTML}, nil
	case Responder:
		return respond(c, v)
	case http.Handler: // first, for an App is both, and this is the shorter way
		return a.runHandler(c, v)
	case gateway.Application:
		return a.runHandler(c, gateway.Handler(v))
	case io.Reader:
		resp := &Response{typ: typeHTML}
		resp.setReader(v) // and close it
		return resp, nil
	}
	if s := streamer(res.body); s != nil {
		return &Response{stream: s, typ: typeHTML}, nil
	}
	return a.convertKind(c, res.body)
}

// own is what a request does with as it pleases. Somebody may have kept the Response, in a variable of the package say: hooks would add to
// it once more with each request, and the session's cookie of one visitor would be sent to the next.
func (resp *Response) own() *Response {
	if resp.sent {
		return resp
	}
	copied := *resp
	copied.Header, copied.trailer = resp.Header.Clone(), resp.trailer.Clone()
	copied.closers = slices.Clone(resp.closers)
	return &copied
}

func respond(c *Context, v Responder) (*Response, error) {
	resp, err := v.Respond(c)
	if err == nil && resp == nil {
		err = fmt.Errorf("carafe: Respond of %T returned nil", v)
	}
	if err != nil {
		return resp, err
	}
	return resp.own(), nil
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
		return &Response{body: val.String(), given: true, typ: typeHTML}, nil
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
func (a *App) convertReply(c *Context, r reply, byHand bool) (*Response, error) {
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
	resp, err := a.convert(c, result{body: body, byHand: byHand})
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

// encode makes the bytes of a JSON body.
func (a *App) encode(resp *Response) error {
	if !resp.hasJSON {
		return nil
	}
	data, err := a.JSON.Marshal(resp.json)
	if err != nil {
		return err
	}
	if typ := a.jsonType(); typ != typeJSON {
		resp.retype(typ)
	}
	resp.data, resp.json, resp.hasJSON = data, nil, false
	return nil
}

// retype changes a Content-Type that is JSON's own to the provider's.
func (resp *Response) retype(typ string) {
	resp.materialize()
	if h := resp.Header[headerType]; len(h) == 1 && h[0] == typeJSON {
		resp.Header[headerType] = []string{typ}
	}
}
