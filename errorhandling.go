package carafe

import (
	"context"
	"errors"
	"net/http"
	"reflect"
)

// handleUserError is step 6: it looks for the handler of an error that a hook or a view returned or panicked with, or that
// make_response gave. Without one an HTTP error answers for itself; any other error is returned.
//
// Source: Flask.handle_user_exception, handle_http_exception.
func (a *App) handleUserError(c *Context, err error) (resp *Response, out error) {
	if first, ok := err.(firstRequestError); ok {
		return nil, first.error
	}
	if c.sent {
		return nil, err
	}
	defer rescue(&out)
	he := asHTTPError(err)
	if he != nil {
		he.explainKey(a.Config.Debug || a.Config.TrapBadRequest != nil && *a.Config.TrapBadRequest)
	}
	if he != nil && he.Response != nil && he.Code == 0 { // a redirect of the router, or AbortWith
		return he.Response.own(), he.Response.err
	}
	if h := c.chain().lookup(err, he); h != nil {
		return a.answerError(c, h, err, he)
	}
	if he == nil || a.trapped(he) {
		return nil, err
	}
	if err == c.routingErr && a.Config.Debug {
		return a.debugMiss(c, he)
	}
	return he.answer(c)
}

// answerError makes the response that a handler gives. Unlike Flask's, the answer of a 405 handler keeps the Allow header.
func (a *App) answerError(c *Context, h func(*Context) (any, error), err error, he *HTTPError) (*Response, error) {
	v, herr := h(c)
	if herr != nil && (errors.Is(herr, err) || he != nil && asHTTPError(herr) == he) && he != nil {
		return he.answer(c) // the handler passed on what it was given
	}
	if herr != nil {
		return nil, herr
	}
	if same, ok := v.(*HTTPError); ok {
		return same.answer(c)
	}
	resp, herr := a.makeResponse(c, result{body: v})
	if herr == nil && he != nil && he.Code == http.StatusMethodNotAllowed {
		resp.materialize()
		if resp.Header[headerAllow] == nil && he.Header[headerAllow] != nil {
			resp.Header[headerAllow] = he.Header[headerAllow]
		}
	}
	return resp, herr
}

// trapped says whether an HTTP error is treated as any other error.
//
// Source: Flask.trap_http_exception.
func (a *App) trapped(he *HTTPError) bool {
	switch {
	case a.Config.TrapHTTPErrors:
		return true
	case a.Config.TrapBadRequest == nil:
		return a.Config.Debug && he.key != ""
	}
	return *a.Config.TrapBadRequest && he.Code == http.StatusBadRequest
}

// handleException answers an error that nobody answered: it is told to the signal, propagated or logged, wrapped into a 500, and
// the handlers for that have their say. Whatever they do, there is a response: a plain 500 in the end.
//
// Source: Flask.handle_exception. Unlike Flask, a 500 handler that fails leaves the client a plain 500.
func (a *App) handleException(c *Context, err error) *Response {
	if fault := a.tellException(c, err); fault != nil {
		a.LogError(c, fault)
	}
	if c.sent {
		a.LogError(c, err)
		return &Response{sent: true, err: loggedError{err}}
	}
	he := &HTTPError{Code: http.StatusInternalServerError, Cause: err}
	if a.Config.propagate() {
		if catch := catcher(c.app.parent); catch != nil {
			catch(err)
			return he.plain()
		}
		a.LogError(c, err)
		return a.debugError(c, he)
	}
	a.LogError(c, err)
	resp, fault := a.answer500(c, he)
	if fault != nil {
		a.LogError(c, fault)
		resp = he.plain()
	}
	if out, fault := a.processResponse(c, resp); fault == nil {
		return out
	} else {
		a.logger().ErrorContext(c, "Request finalizing failed with an error while handling an error",
			"method", c.Request.Method, "path", c.Request.URL.Path, "error", fault)
	}
	_, _ = c.closeSession() // what goes out has no cookie, or an earlier one
	if checkStatus(resp.status()) != nil || checkHeaders(resp.Header) != nil {
		return he.plain()
	}
	return resp
}

// A loggedError has been told to the log, and is not told again when the connection is cut because of it.
type loggedError struct{ error }

func (a *App) tellException(c *Context, err error) (fault error) {
	defer rescue(&fault)
	a.Signals.GotRequestException.Send(c, RequestError{c, err})
	return nil
}

func (a *App) answer500(c *Context, he *HTTPError) (resp *Response, fault error) {
	defer rescue(&fault)
	if h := c.chain().lookup(he, he); h != nil {
		return a.answerError(c, h, he, he)
	}
	return he.Respond(c)
}

// lookup finds the handler for err, whose HTTP error is he, nil if it has none. Innermost scope first: the handlers of
// its code, and of types that wrap it; then those of types alone.
//
// Source: Flask._find_error_handler.
func (ch *chain) lookup(err error, he *HTTPError) func(*Context) (any, error) {
	if len(ch.handlers) == 0 {
		return nil
	}
	line := unwrapLine(err)
	if he != nil {
		for _, s := range ch.handlers {
			if h := s.codeHandler(line, he); h != nil {
				return h
			}
		}
	}
	for _, s := range ch.handlers {
		if h := s.typeHandler(line); h != nil {
			return h
		}
	}
	return nil
}

// codeHandler is the scope's handler for an error that has a code: that of a concrete type which wraps the HTTP error, as a
// subclass does in Flask, else that of the code.
func (s *Scaffold) codeHandler(line []error, he *HTTPError) func(*Context) (any, error) {
	for _, err := range line {
		if err == error(he) {
			break
		}
		if h := s.exact(err); h != nil {
			return h
		}
	}
	if h, ok := s.codes[he.Code]; ok {
		return func(c *Context) (any, error) { return h(c, he) }
	}
	return nil
}

// typeHandler is the scope's handler for the nearest type: concrete ones first, then interfaces, error last.
func (s *Scaffold) typeHandler(line []error) func(*Context) (any, error) {
	for _, err := range line {
		if h := s.exact(err); h != nil {
			return h
		}
	}
	for _, err := range line {
		for i := len(s.types) - 1; i >= 0; i-- {
			if t := s.types[i]; t.typ.Kind() == reflect.Interface && t.typ != typeError && reflect.TypeOf(err).Implements(t.typ) {
				return func(c *Context) (any, error) { return t.call(c, err) }
			}
		}
	}
	for _, t := range s.types {
		if t.typ == typeError {
			return func(c *Context) (any, error) { return t.call(c, line[0]) }
		}
	}
	return nil
}

func (s *Scaffold) exact(err error) func(*Context) (any, error) {
	for i := len(s.types) - 1; i >= 0; i-- {
		if t := s.types[i]; t.typ == reflect.TypeOf(err) {
			return func(c *Context) (any, error) { return t.call(c, err) }
		}
	}
	return nil
}

// unwrapLine is err's tree in the order in which errors.As walks it. It ends at an HTTP error, whose cause is not what
// the client is answered about.
func unwrapLine(err error) []error {
	line := []error{err}
	if _, ok := err.(*HTTPError); ok {
		return line
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		if next := e.Unwrap(); next != nil {
			line = append(line, unwrapLine(next)...)
		}
	case interface{ Unwrap() []error }:
		for _, next := range e.Unwrap() {
			if next != nil {
				line = append(line, unwrapLine(next)...)
			}
		}
	}
	return line
}

type catcherKey struct{}

// CatchErrors returns a context under which the requests of a testing or debugging App give the errors that nobody answered to
// catch, as Flask raises them out of the application: for test clients and debuggers. The client gets a plain 500.
func CatchErrors(ctx context.Context, catch func(error)) context.Context {
	return context.WithValue(ctx, catcherKey{}, catch)
}

func catcher(ctx context.Context) func(error) {
	catch, _ := ctx.Value(catcherKey{}).(func(error))
	return catch
}
