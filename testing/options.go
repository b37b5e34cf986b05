package carafetest

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// A RequestOption says something about one request: [Header], [Query], [RawQuery], [JSON], [Form], [File], [Body], [BodyFrom],
// [ContentType], [Cookie], [BasicAuth], [BaseURL], [Subdomain], [Scheme], [FollowRedirects], [WantError], [Context].
type RequestOption interface{ applyRequest(*plan) }

// plan is what the options of a request come to.
type plan struct {
	header    http.Header
	cookies   []string
	query     url.Values
	rawQuery  *string
	base      *string
	subdomain string
	scheme    string

	form   url.Values
	files  []upload
	json   any
	text   string
	reader io.Reader
	bodies []string // which kinds of body were given

	follow  bool
	wantErr *error
	ctx     context.Context
	faults  []error
}

func newPlan(opts []RequestOption) *plan {
	p := &plan{header: http.Header{}}
	for _, o := range opts {
		o.applyRequest(p)
	}
	return p
}

// optionFunc is an option that needs no name of its own.
type optionFunc func(*plan)

func (f optionFunc) applyRequest(p *plan) { f(p) }

// Header is fields of the request's header; given several times, the values of a name add up. "Host" is the host that the
// request is for.
type Header map[string]string

func (h Header) applyRequest(p *plan) {
	for name, value := range h {
		p.header.Add(name, value)
	}
}

// Query is the values of the URL's query. It cannot be given together with a path that has one.
type Query url.Values

func (q Query) applyRequest(p *plan) {
	if p.query == nil {
		p.query = url.Values{}
	}
	for name, values := range q {
		p.query[name] = append(p.query[name], values...)
	}
}

// RawQuery is the URL's query as it is, without the question mark.
type RawQuery string

func (q RawQuery) applyRequest(p *plan) { p.rawQuery = (*string)(&q) }

// BaseURL is where the app is mounted, "https://example.com:8000/shop": scheme, host and the path that
// Config.ApplicationRoot is otherwise. A fragment or a query is not part of it.
type BaseURL string

func (b BaseURL) applyRequest(p *plan) { p.base = (*string)(&b) }

// Subdomain is put before the host of Config.ServerName.
type Subdomain string

func (s Subdomain) applyRequest(p *plan) { p.subdomain = string(s) }

// Scheme is "http" or "https", in place of Config.PreferredURLScheme.
type Scheme string

func (s Scheme) applyRequest(p *plan) { p.scheme = string(s) }

// JSON is a body that the app's JSON provider makes of v, as application/json.
func JSON(v any) RequestOption {
	return optionFunc(func(p *plan) {
		p.json = v
		p.bodies = append(p.bodies, "JSON")
	})
}

// Form is the fields of a form. Its body is urlencoded, or multipart if there are files or ContentType says so.
type Form url.Values

func (f Form) applyRequest(p *plan) {
	if p.form == nil {
		p.form = url.Values{}
		p.bodies = append(p.bodies, "Form")
	}
	for name, values := range f {
		p.form[name] = append(p.form[name], values...)
	}
}

// upload is what File was given.
type upload struct {
	field, name, typ string
	content          []byte
}

// File is a file that is uploaded in field of a multipart form, under a file name, which may be "". The content is a string, a []byte
// or an io.Reader. The type is guessed from the name unless it is given.
func File(field, name string, content any, contentType ...string) RequestOption {
	return optionFunc(func(p *plan) {
		data, err := readContent(content)
		if err != nil {
			p.faults = append(p.faults, fmt.Errorf("File(%q, %q, …): %w", field, name, err))
		}
		typ := ""
		if len(contentType) > 0 {
			typ = contentType[0]
		}
		if p.files == nil {
			p.bodies = append(p.bodies, "File")
		}
		p.files = append(p.files, upload{field, name, typ, data})
	})
}

func readContent(content any) ([]byte, error) {
	switch c := content.(type) {
	case string:
		return []byte(c), nil
	case []byte:
		return c, nil
	case io.Reader:
		return io.ReadAll(c)
	}
	return nil, fmt.Errorf("the content is a %T: give a string, []byte or io.Reader", content)
}

// Body is the body as it is. It has no type unless ContentType gives one.
type Body string

func (b Body) applyRequest(p *plan) {
	p.text = string(b)
	p.bodies = append(p.bodies, "Body")
}

// BodyFrom is a body that is read while the app reads it. Its length is unknown to the app, as that of a chunked one.
func BodyFrom(r io.Reader) RequestOption {
	return optionFunc(func(p *plan) {
		p.reader = r
		p.bodies = append(p.bodies, "BodyFrom")
	})
}

// ContentType is the type of the body.
type ContentType string

func (t ContentType) applyRequest(p *plan) { p.header.Set("Content-Type", string(t)) }

// Cookie is a cookie of this request only, sent before those of the client.
func Cookie(name, value string) RequestOption {
	return optionFunc(func(p *plan) { p.cookies = append(p.cookies, name+"="+value) })
}

// BasicAuth is the header Authorization with user and password.
func BasicAuth(user, password string) RequestOption {
	return optionFunc(func(p *plan) {
		p.header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
	})
}

// FollowRedirects(true) makes further requests until the answer is no redirect: those of 307 and 308 with method and body, others
// as GET, HEAD staying HEAD. They must stay on the host, or below it with SubdomainRedirects. History keeps the answers
// on the way.
type FollowRedirects bool

func (f FollowRedirects) applyRequest(p *plan) { p.follow = bool(f) }

// WantError expects the request to fail: what no handler answered, or what cut the body off, is stored in err and does not fail the
// test. No error does.
func WantError(err *error) RequestOption {
	return optionFunc(func(p *plan) { p.wantErr = err })
}

// Context is the parent of the request's context, in place of the test's: to cancel it, as a client that leaves does.
func Context(ctx context.Context) RequestOption {
	return optionFunc(func(p *plan) { p.ctx = ctx })
}

// fault joins what is wrong with the options in themselves.
func (p *plan) fault() error {
	faults := p.faults
	if p.base != nil && (p.subdomain != "" || p.scheme != "") {
		faults = append(faults, errors.New("BaseURL cannot be given together with Subdomain or Scheme, which it contains"))
	}
	if p.query != nil && p.rawQuery != nil {
		faults = append(faults, errors.New("Query and RawQuery cannot be given together"))
	}
	for i, body := range p.bodies {
		if i > 0 && !(p.bodies[0] == "Form" && body == "File" || p.bodies[0] == "File" && body == "Form") {
			faults = append(faults, fmt.Errorf("the body is given twice: %s and %s cannot be given together", p.bodies[0], body))
		}
	}
	return errors.Join(faults...)
}
