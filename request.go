package carafe

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/carafeweb/carafe/gateway"

	"github.com/carafeweb/carafe/wire"
)

// A Request is the client's, with what Flask's request offers over *http.Request, which is embedded. What is
// read from the body is read once and kept. It is safe for concurrent reading.
//
// Source: flask.Request.
type Request struct {
	*http.Request

	c    *Context
	more atomic.Pointer[requestMore]
}

// requestMore is what only some requests need. What has been parsed once is kept.
type requestMore struct {
	mu      sync.Mutex
	args    *MultiDict[string]
	cookies *MultiDict[string]
	values  *MultiDict[string]
	limits  bodyLimits
	body    bodyState
	form    formState
	json    jsonState
}

func (r *Request) lazy() *requestMore {
	if m := r.more.Load(); m != nil {
		return m
	}
	r.more.CompareAndSwap(nil, &requestMore{limits: r.c.App().bodyLimits()})
	return r.more.Load()
}

// Args are the values of the query, in order. Only "&" separates them, and bytes that are no UTF-8 stay percent-encoded.
//
// Source: flask.Request.args.
func (r *Request) Args() *MultiDict[string] {
	m := r.lazy()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.args == nil {
		m.args = parseForm(r.URL.RawQuery)
	}
	return m.args
}

// parseForm reads a query or an urlencoded body.
func parseForm(text string) *MultiDict[string] {
	d := &MultiDict[string]{}
	for name, value := range wire.FormPairs(text) {
		d.Add(name, value)
	}
	return d
}

// Query is the first value of name in the query, "" if there is none.
func (c *Context) Query(name string) string {
	v, _ := c.Request.arg(name)
	return v
}

// arg finds one value without parsing the whole query into a MultiDict.
func (r *Request) arg(name string) (string, bool) {
	for k, v := range wire.FormPairs(r.URL.RawQuery) {
		if k == name {
			return v, true
		}
	}
	return "", false
}

// QueryString is the query as it was sent, without the "?".
func (r *Request) QueryString() string { return r.URL.RawQuery }

// CookieValues are the cookies in their order. A name may come twice, and the first wins, as browsers send the one with
// the more specific path first. Unlike http.Request's, values in quotes are unescaped as Python's http.cookies
// escapes them, and what Go's rules would drop is there.
//
// Source: flask.Request.cookies.
func (r *Request) CookieValues() *MultiDict[string] {
	m := r.lazy()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.cookies == nil {
		m.cookies = &MultiDict[string]{}
		for _, line := range r.Header["Cookie"] {
			for name, value := range wire.Cookies(line) {
				m.cookies.Add(name, value)
			}
		}
	}
	return m.cookies
}

// Values are the query's values and, unless the method is GET, the form's after them.
//
// Source: flask.Request.values.
func (r *Request) Values() (*MultiDict[string], error) {
	args := r.Args()
	if r.Method == http.MethodGet {
		return args, nil
	}
	form, err := r.Forms()
	if err != nil {
		return nil, err
	}
	m := r.lazy()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.values == nil {
		m.values = &MultiDict[string]{}
		for _, d := range []*MultiDict[string]{args, form} {
			for name, value := range d.All() {
				m.values.Add(name, value)
			}
		}
	}
	return m.values, nil
}

// missing is the 400 of a key that was required; debug mode names it.
func missing(key, hint string) error {
	return &HTTPError{Code: http.StatusBadRequest, key: key, hint: hint}
}

// explainKey shows the missing key to the client.
func (e *HTTPError) explainKey(show bool) {
	if show && e.key != "" && e.Description == "" {
		e.Description = statusTexts[e.Code] + "\nKeyError: '" + e.key + "'" + e.hint
	}
}

// RequireQuery is the first value of name in the query; without one the error is a 400, which names it in debug mode only.
func (r *Request) RequireQuery(name string) (string, error) {
	if v, ok := r.arg(name); ok {
		return v, nil
	}
	return "", missing(name, "")
}

// RequireForm is the first value of name in the form; without one the error is a 400.
func (r *Request) RequireForm(name string) (string, error) {
	form, err := r.Forms()
	if err != nil {
		return "", err
	}
	if v, ok := form.Lookup(name); ok {
		return v, nil
	}
	return "", missing(name, "")
}

// RequireCookie is the value of a cookie; without it the error is a 400.
func (r *Request) RequireCookie(name string) (string, error) {
	if v, ok := r.CookieValues().Lookup(name); ok {
		return v, nil
	}
	return "", missing(name, "")
}

// RequireFile is the first file of name; without one the error is a 400, which says in debug mode what may
// have been forgotten.
//
// Source: flask.debughelpers.DebugFilesKeyError.
func (r *Request) RequireFile(name string) (*Upload, error) {
	files, err := r.Files()
	if err != nil {
		return nil, err
	}
	if f, ok := files.Lookup(name); ok {
		return f, nil
	}
	hint := ""
	if form, _ := r.Forms(); form.Has(name) {
		hint = fmt.Sprintf(". You tried to access the file %q, but the form's type was %q instead of \"multipart/form-data\": no file contents were transmitted. "+
			"Add enctype=\"multipart/form-data\" to the form. This was submitted: '%s'", name, r.MediaType(), strings.Join(form.List(name), "', '"))
	}
	return nil, missing(name, hint)
}

// WithScriptRoot returns a shallow copy of r that says it is for an app mounted below root ("/api"; "" is the root).
// Its path is what follows root already. Servers and mounts do that; this is for those who make requests.
func WithScriptRoot(r *http.Request, root string) *http.Request {
	return gateway.WithScriptName(r, root)
}
