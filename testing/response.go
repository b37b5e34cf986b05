package carafetest

import (
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
)

// A Response is the app's answer, whole.
//
// Source: werkzeug.test.TestResponse.
type Response struct {
	StatusCode    int             // the final one, 200 or above
	Header        http.Header     // never nil
	Trailer       http.Header     // nil if there are none
	Informational []Informational // the 1xx answers before it
	History       []*Response     // the redirects that led here, the first one first; nil unless they were followed
	Request       *http.Request   // as the app was given it; its body has been read
	// Err is the error that no handler of the app answered, nil if there is none. It fails the test when the app
	// propagates errors (Config.Testing), unless WantError is given.
	Err error
	// StreamErr is why the body was cut off after the header was out, nil if it is whole. It fails the test as Err does.
	StreamErr error

	t          testing.TB
	body       []byte
	flushes    []int
	context    *carafe.Context
	json       carafe.JSONProvider
	propagated bool
}

// Informational is a 1xx answer.
type Informational struct {
	StatusCode int         // 100 to 199
	Header     http.Header // as it was then; a copy
}

// Text is the body.
func (r *Response) Text() string { return string(r.body) }

// Bytes is the body. The slice is the response's own.
func (r *Response) Bytes() []byte { return r.body }

// Chunks is the body in the pieces that the app flushed, the rest last; empty ones are left out.
func (r *Response) Chunks() []string {
	var chunks []string
	from := 0
	for _, to := range append(r.flushes[:len(r.flushes):len(r.flushes)], len(r.body)) {
		if to > from {
			chunks = append(chunks, string(r.body[from:to]))
		}
		from = to
	}
	return chunks
}

// Location is the header of that name, "" if there is none.
func (r *Response) Location() string { return r.Header.Get("Location") }

// Cookies are those that the answer sets.
func (r *Response) Cookies() []*http.Cookie {
	return (&http.Response{Header: r.Header}).Cookies()
}

// JSON decodes the body into what v points to, with the app's JSON provider. A body of another type, or one that cannot be
// decoded, fails the test.
func (r *Response) JSON(v any) {
	r.t.Helper()
	if typ := r.Header.Get("Content-Type"); !isJSON(typ) {
		r.t.Fatalf("%s: the answer is %d with the type %q, not JSON: %s", named(r.Request), r.StatusCode, typ, excerpt(r.body))
	}
	if err := r.json.Unmarshal(r.body, v); err != nil {
		r.t.Fatalf("%s: the answer is not the JSON of a %T: %v: %s", named(r.Request), v, err, excerpt(r.body))
	}
}

func isJSON(contentType string) bool {
	typ, _, _ := mime.ParseMediaType(contentType)
	return typ == "application/json" || strings.HasPrefix(typ, "application/") && strings.HasSuffix(typ, "+json")
}

// excerpt is the begin of a body, for messages.
func excerpt(body []byte) string {
	const most = 300
	if len(body) > most {
		return string(body[:most]) + " …"
	}
	return string(body)
}

// Context is the request's, over by now: g, parameters and what else it holds can still be read. It is nil if the
// app did not handle the request: a middleware or a mounted handler answered it.
//
// Source: the context that a "with client" block keeps in Flask.
func (r *Response) Context() *carafe.Context { return r.context }

// failure is what went wrong, nil if nothing did.
func (r *Response) failure() error {
	switch {
	case r.Err == nil:
		return r.StreamErr
	case r.StreamErr == nil:
		return r.Err
	}
	return errors.Join(r.Err, r.StreamErr)
}

// judge says why the test fails: an error that was not expected, or an expected one that did not come.
func (r *Response) judge(app *carafe.App, p *plan) error {
	err := r.failure()
	switch {
	case p.wantErr != nil && err == nil:
		return fmt.Errorf("an error was expected, but the answer is %d: %s", r.StatusCode, excerpt(r.body))
	case p.wantErr != nil:
		*p.wantErr = err
		return nil
	case r.propagated:
		return explained(err)
	case r.StreamErr != nil && propagates(&app.Config):
		return fmt.Errorf("the body was cut off after %d bytes: %w", len(r.body), explained(err))
	}
	return nil
}

// propagates says whether errors are the test's, as the app does.
func propagates(c *carafe.Config) bool {
	if c.PropagateErrors != nil {
		return *c.PropagateErrors
	}
	return c.Testing || c.Debug
}

// explained is err with the stack of the panic that it may have been.
func explained(err error) error {
	var p *carafe.PanicError
	if errors.As(err, &p) && len(p.Stack) > 0 {
		return fmt.Errorf("%w\n%s", err, p.Stack)
	}
	return err
}

func named(r *http.Request) string { return r.Method + " " + r.RequestURI }
