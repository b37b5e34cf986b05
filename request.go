package carafe

import (
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/carafeweb/carafe/gateway"
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

// requestMore is what only some requests need.
type requestMore struct {
	mu      sync.Mutex
	query   url.Values
	form    url.Values
	files   map[string][]*multipart.FileHeader
	parts   *multipart.Form
	formErr error
	parsed  bool
	body    []byte
	bodyErr error
	read    bool
}

func (r *Request) lazy() *requestMore {
	if m := r.more.Load(); m != nil {
		return m
	}
	r.more.CompareAndSwap(nil, &requestMore{})
	return r.more.Load()
}

// limitBody has the body of a request end with an error at Config.MaxContentLength, however it is read.
func (a *App) limitBody(w http.ResponseWriter, r *http.Request) *http.Request {
	if r.Body == nil || r.Body == http.NoBody || a.Config.MaxContentLength < 0 {
		return r
	}
	limited := *r
	limited.Body = http.MaxBytesReader(bareWriter(w), r.Body, a.Config.MaxContentLength)
	return &limited
}

// bareWriter is the server's own writer, which closes the connection when a body is too large, below those of middleware.
func bareWriter(w http.ResponseWriter) http.ResponseWriter {
	for {
		inner, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			return w
		}
		w = inner.Unwrap()
	}
}

// tooLarge turns the error of a body that is over its limit into a 413, and of one that broke off into a 400.
func tooLarge(err error) error {
	var limit *http.MaxBytesError
	switch {
	case err == nil, errors.Is(err, io.EOF):
		return nil
	case errors.As(err, &limit), errors.Is(err, multipart.ErrMessageTooLarge):
		return &HTTPError{Code: http.StatusRequestEntityTooLarge, Cause: err}
	}
	return &HTTPError{Code: http.StatusBadRequest, Cause: err}
}

// Args are the values of the query. The map is the request's own.
func (r *Request) Args() url.Values {
	m := r.lazy()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.query == nil {
		m.query, _ = url.ParseQuery(r.URL.RawQuery) // what cannot be read is left out
	}
	return m.query
}

// Data is the whole body. The slice is the request's own. A body above the limit is a 413.
func (r *Request) Data() ([]byte, error) {
	m := r.lazy()
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.data(r)
}

// data reads the body once; m.mu is held.
func (m *requestMore) data(r *Request) ([]byte, error) {
	if !m.read && !m.parsed && r.Body != nil {
		body, err := io.ReadAll(r.Body)
		m.body, m.bodyErr = body, tooLarge(err)
	}
	m.read = true
	return m.body, m.bodyErr
}

// MediaType is the lower-case type of the body without parameters, "" if there is none or it cannot be read.
func (r *Request) MediaType() string {
	typ, _, err := mime.ParseMediaType(r.Header.Get(headerType))
	if err != nil {
		typ, _, _ = strings.Cut(strings.ToLower(r.Header.Get(headerType)), ";")
		return strings.TrimSpace(typ)
	}
	return typ
}

// IsJSON says whether the body's type is application/json or ends in +json.
func (r *Request) IsJSON() bool {
	typ := r.MediaType()
	return typ == typeJSON || strings.HasPrefix(typ, "application/") && strings.HasSuffix(typ, "+json")
}

// JSON decodes the body into dst with the app's provider. A type other than JSON is a 415, a body that cannot be decoded
// a 400, whose description says why in debug mode.
//
// Source: flask.request.get_json.
func (r *Request) JSON(dst any) error {
	if !r.IsJSON() {
		return Abort(http.StatusUnsupportedMediaType, "Did not attempt to load JSON data because the request Content-Type was not 'application/json'.")
	}
	data, err := r.Data()
	if err != nil {
		return err
	}
	if err := r.c.App().JSON.Unmarshal(data, dst); err != nil {
		he := &HTTPError{Code: http.StatusBadRequest, Cause: err}
		if r.c.App().Config.Debug {
			he.Description = "Failed to decode JSON object: " + err.Error()
		}
		return he
	}
	return nil
}

// Forms are the fields of an urlencoded or multipart body, of whatever method. The map is the request's own.
func (r *Request) Forms() (url.Values, error) {
	m := r.lazy()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.parse(r)
	return m.form, m.formErr
}

// parse reads the form once; m.mu is held.
func (m *requestMore) parse(r *Request) {
	if m.parsed {
		return
	}
	m.form, m.files = url.Values{}, map[string][]*multipart.FileHeader{}
	switch r.MediaType() {
	case "application/x-www-form-urlencoded":
		var body []byte
		if body, m.formErr = m.data(r); m.formErr == nil {
			m.form, _ = url.ParseQuery(string(body))
		}
	case "multipart/form-data":
		m.formErr = m.parseMultipart(r)
	}
	m.parsed = true
}

// uploadMemory is how many bytes of uploaded files are kept in memory; the rest goes to temporary files.
const uploadMemory = 500_000

func (m *requestMore) parseMultipart(r *Request) error {
	mr, err := r.Request.MultipartReader()
	if err != nil {
		return &HTTPError{Code: http.StatusBadRequest, Cause: err}
	}
	parts, err := mr.ReadForm(uploadMemory)
	if err != nil {
		return tooLarge(err)
	}
	m.parts, m.form, m.files = parts, parts.Value, parts.File
	return nil
}

// Files are the uploaded files of a multipart body. The map is the request's own; temporary files are removed when the
// request ends.
func (r *Request) Files() (map[string][]*multipart.FileHeader, error) {
	m := r.lazy()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.parse(r)
	return m.files, m.formErr
}

// close removes uploads.
func (r *Request) close() error {
	if m := r.more.Load(); m != nil && m.parts != nil {
		return m.parts.RemoveAll()
	}
	return nil
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

// RequireQuery is the first value of name in the query; without one the error is a 400.
func (r *Request) RequireQuery(name string) (string, error) { return required(r.Args(), name) }

// RequireForm is the first value of name in the form; without one the error is a 400.
func (r *Request) RequireForm(name string) (string, error) {
	form, err := r.Forms()
	if err != nil {
		return "", err
	}
	return required(form, name)
}

// RequireCookie is the value of a cookie; without it the error is a 400.
func (r *Request) RequireCookie(name string) (string, error) {
	c, err := r.Cookie(name)
	if err != nil {
		return "", missing(name, "")
	}
	return c.Value, nil
}

// RequireFile is the first file of name; without one the error is a 400, which says in debug mode what may
// have been forgotten.
//
// Source: flask.debughelpers.DebugFilesKeyError.
func (r *Request) RequireFile(name string) (*multipart.FileHeader, error) {
	files, err := r.Files()
	if err != nil {
		return nil, err
	}
	if list := files[name]; len(list) > 0 {
		return list[0], nil
	}
	hint := ""
	if form, _ := r.Forms(); len(form[name]) > 0 {
		hint = fmt.Sprintf(". You tried to access the file %q, but the form's type was %q instead of \"multipart/form-data\": no file contents were transmitted. "+
			"Add enctype=\"multipart/form-data\" to the form. This was submitted: '%s'", name, r.MediaType(), strings.Join(form[name], "', '"))
	}
	return nil, missing(name, hint)
}

func required(values url.Values, name string) (string, error) {
	if vs := values[name]; len(vs) > 0 {
		return vs[0], nil
	}
	return "", missing(name, "")
}

// Query is the first value of name in the query, "" if there is none.
func (c *Context) Query(name string) string { return c.Request.Args().Get(name) }

// Form is the first value of name in the form, "" if there is none, or the form cannot be read; see [Request.Forms].
func (c *Context) Form(name string) string {
	form, _ := c.Request.Forms()
	return form.Get(name)
}

// ScriptRoot is the path below which the app is mounted, without a final slash; "" at the root.
func (r *Request) ScriptRoot() string { return gateway.ScriptName(r.Request) }

// Scheme is "http" or "https", as the server or a trusted proxy says.
func (r *Request) Scheme() string { return gateway.Scheme(r.Request) }

// FullURL is the absolute URL that was asked for.
//
// Source: flask.request.url.
func (r *Request) FullURL() string {
	u := url.URL{Scheme: r.Scheme(), Host: r.Host, Path: r.ScriptRoot() + r.URL.Path, RawQuery: r.URL.RawQuery}
	return u.String()
}
