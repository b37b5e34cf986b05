package carafe

import (
	"errors"
	"fmt"
	"html"
	"html/template"
	"net/http"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/carafeweb/carafe/routing"
)

// An HTTPError is an answer that travels as an error; always used as *HTTPError.
//
// Return it from a view or hook, or panic with it from any depth: the walk finds it under any
// number of wrappings (errors.As), looks up a handler for its code, and otherwise sends its page.
// [Abort] makes one. The zero Code is only used together with Response.
//
// Source: werkzeug.exceptions.HTTPException.
type HTTPError struct {
	Code        int           // 100 to 999; an error page is sent with it
	Description string        // shown to the client, escaped; "" means the code's own text
	HTML        template.HTML // shown instead of Description, unescaped; "" means none
	Header      http.Header   // added to the answer; nil means none
	Cause       error         // for the log and errors.Is, never for the client
	Response    *Response     // a ready answer that is sent as it is, past the handlers ([AbortWith]); nil means none

	// key is the missing form, query, file or cookie name of a 400 raised by the Require methods.
	key, hint string
	// validation is what the error says in more detail; see problem.go.
	validation *ValidationError
}

// Abort returns the *HTTPError for code, to be returned, or panicked with from any depth.
// detail, if given, replaces the code's own description.
//
// Only the codes that Werkzeug has an exception for are accepted (400–418 without 402 and 407, 421, 422,
// 423, 424, 428, 429, 431, 451, 500–505); for any other code the error returned is a plain one,
// which the walk answers with 500. Use an [HTTPError] literal for other codes.
//
// Source: flask.abort.
func Abort(code int, detail ...string) error {
	if _, ok := statusTexts[code]; !ok {
		return fmt.Errorf("carafe: no HTTP error is defined for status %d: use &carafe.HTTPError{Code: %d} for a status of your own", code, code)
	}
	return &HTTPError{Code: code, Description: strings.Join(detail, " ")}
}

// AbortWith returns an error that ends the request with resp itself, past every error handler.
//
// Source: flask.abort(response).
func AbortWith(resp *Response) error { return &HTTPError{Response: resp} }

// Name is the reason phrase of the code as Werkzeug spells it ("Not Found"), "Unknown Error" for
// a code that has none.
func (e *HTTPError) Name() string {
	if n := reasonPhrase(e.Code); n != "" {
		return n
	}
	return "Unknown Error"
}

// Error is "404 Not Found: " and the description.
func (e *HTTPError) Error() string {
	if e == nil {
		return "carafe: a nil *HTTPError is returned as an error: return nil itself"
	}
	if e.Response != nil && e.Code == 0 {
		return fmt.Sprintf("aborted with a response of status %d", e.Response.status())
	}
	msg := strconv.Itoa(e.Code) + " " + e.Name() + ": " + e.description()
	if e.Cause != nil {
		msg += " (" + e.Cause.Error() + ")"
	}
	return msg
}

// Unwrap gives Cause.
func (e *HTTPError) Unwrap() error {
	if e == nil {
		return nil
	}
	return e.Cause
}

func (e *HTTPError) description() string {
	switch {
	case e.HTML != "":
		return string(e.HTML)
	case e.Description != "":
		return e.Description
	}
	return statusTexts[e.Code]
}

// Respond makes the error's own answer: the fixed HTML page that Werkzeug sends, with the
// description escaped and its line breaks as <br>, and Header added. Unlike Flask, a client whose Accept prefers JSON gets problem
// details (RFC 9457), and one that takes no HTML gets text.
//
// Source: HTTPException.get_response, get_body.
func (e *HTTPError) Respond(c *Context) (*Response, error) {
	resp, err := e.answer(c)
	if err == nil {
		resp.materialize()
	}
	return resp, err
}

// answer is Respond for what user code need not see.
func (e *HTTPError) answer(c *Context) (*Response, error) {
	if e.Response != nil {
		return e.Response.own(), e.Response.err // somebody may have kept the error
	}
	if err := checkStatus(e.Code); err != nil {
		return nil, err
	}
	resp, err := e.body(c)
	if err != nil {
		return nil, err
	}
	resp.Status = e.Code
	return resp, resp.update(e.Header)
}

// plain is the page of the error without its headers.
func (e *HTTPError) plain() *Response {
	return &Response{Status: e.Code, body: e.page(), typ: typeHTML}
}

// ownPages are the pages of the errors that say no more than their code.
var ownPages = func() map[int]string {
	pages := make(map[int]string, len(statusTexts))
	for code, text := range statusTexts {
		pages[code] = errorPage(&HTTPError{Code: code, Description: text})
	}
	return pages
}()

func (e *HTTPError) page() string {
	if page, ok := ownPages[e.Code]; ok && e.Description == "" && e.HTML == "" {
		return page
	}
	return errorPage(e)
}

func errorPage(e *HTTPError) string {
	desc := string(e.HTML)
	if desc == "" {
		desc = escapeHTML(e.description())
	}
	name := escapeHTML(e.Name())
	return "<!doctype html>\n<html lang=en>\n<title>" + strconv.Itoa(e.Code) + " " + name + "</title>\n<h1>" + name +
		"</h1>\n<p>" + strings.ReplaceAll(desc, "\n", "<br>") + "</p>\n" + e.faults()
}

// faults is the rest of the page of a [ValidationError].
func (e *HTTPError) faults() string {
	if e.validation == nil {
		return ""
	}
	return string(e.validation.list())
}

// escapeHTML escapes as MarkupSafe does, whose entities html.EscapeString shares.
func escapeHTML(s string) string { return html.EscapeString(s) }

// A PanicError is a panic in user code on its way along the error road. The walk makes it; handlers
// registered with [OnError] for *PanicError, or for the type of an error that was the panic's value,
// may answer it. Its text is for the log, never for the client.
type PanicError struct {
	Value any    // what panic was called with
	Stack []byte // the goroutine's stack at the panic, as debug.Stack writes it
}

// Error is "panic: " and the value. A value whose own method does not say so within a second is named by its type.
func (e *PanicError) Error() string {
	switch e.Value.(type) {
	case fmt.Formatter, fmt.Stringer, error:
	default:
		return fmt.Sprintf("panic: %v", e.Value)
	}
	said := make(chan string, 1)
	go func() { said <- fmt.Sprintf("panic: %v", e.Value) }() // Sprintf survives a panic of the method
	select {
	case text := <-said:
		return text
	case <-time.After(time.Second):
		return fmt.Sprintf("panic: a %T that cannot be printed", e.Value)
	}
}

// Unwrap gives the value if it is an error, else nil.
func (e *PanicError) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// recovered turns a recover() value into the error that goes along the road. An aborted request
// ([Abort] panicked with) is that HTTP error itself; http.ErrAbortHandler is net/http's own signal and is
// panicked with again.
func recovered(v any) error {
	err, ok := v.(error)
	if ok && errors.Is(err, http.ErrAbortHandler) {
		panic(v)
	}
	var he *HTTPError
	if ok && errors.As(err, &he) {
		return err
	}
	return panicked(v)
}

// panicked is a panic as an error, with the stack; but for that of [Context.Session], which is an error already.
func panicked(v any) error {
	if err, ok := v.(*sessionError); ok {
		return err
	}
	return &PanicError{Value: v, Stack: debug.Stack()}
}

// BuildError says why no URL could be built.
type BuildError = routing.BuildError

// rescue is deferred around user code: it turns a panic into *err.
func rescue(err *error) {
	if v := recover(); v != nil {
		*err = recovered(v)
	}
}

// asHTTPError finds the HTTP error in err's tree, translating what routing raised.
func asHTTPError(err error) *HTTPError {
	var he *HTTPError
	if errors.As(err, &he) {
		return he
	}
	return nil
}
