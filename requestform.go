package carafe

import (
	"errors"
	"io"
	"iter"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/carafeweb/carafe/wire"
)

const (
	typeForm      = "application/x-www-form-urlencoded"
	typeMultipart = "multipart/form-data"
)

// formState is what came of the body as a form.
type formState struct {
	parsed bool
	fields *MultiDict[string]
	files  *MultiDict[*Upload]
	spool  *spool
	err    error
}

// Forms are the fields of an urlencoded or multipart body, of whatever method, in order; of other bodies there are none.
// A form over a limit is a 413, and one that cannot be read a 400.
//
// Source: flask.Request.form. Unlike Flask's, a malformed form is an error and not an empty one.
func (r *Request) Forms() (*MultiDict[string], error) {
	m := r.lazy()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.parse(r)
	return m.form.fields, m.form.err
}

// Files are the uploaded files of a multipart body, in order. They are gone when the request ends.
//
// Source: flask.Request.files.
func (r *Request) Files() (*MultiDict[*Upload], error) {
	m := r.lazy()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.parse(r)
	return m.form.files, m.form.err
}

// Form is the first value of name in the form, "" if there is none. A form that cannot be read is raised, so that nobody takes it for one
// without fields: Form panics with the *HTTPError of [Request.Forms], and the request is answered as if the view had returned that. In
// goroutines of your own use [Request.Forms].
//
// Source: flask.Request.form.
func (c *Context) Form(name string) string {
	form, err := c.Request.Forms()
	if err != nil {
		panic(err)
	}
	return form.Get(name)
}

// parse reads the form once; m.mu is held. A form that cannot be read whole is empty.
func (m *requestMore) parse(r *Request) {
	if m.form.parsed {
		return
	}
	m.form.parsed = true
	m.form.fields, m.form.files = &MultiDict[string]{}, &MultiDict[*Upload]{}
	switch r.MediaType() {
	case typeForm:
		m.form.err = m.parseURLEncoded(r)
	case typeMultipart:
		m.form.err = m.parseMultipart(r)
		if r.c.App().guard != nil {
			m.noteReading()
		}
	}
	if m.form.err != nil {
		m.form.fields, m.form.files = &MultiDict[string]{}, &MultiDict[*Upload]{}
	}
}

// parseURLEncoded reads a form that came as one text. It is kept in memory as a whole, so that the limit for fields is the
// limit for all of it.
func (m *requestMore) parseURLEncoded(r *Request) error {
	body, err := m.readAll(r, m.limits.memory)
	if err != nil {
		return err
	}
	if !utf8.Valid(body) {
		return &HTTPError{Code: http.StatusBadRequest, Cause: errors.New("carafe: the form is not UTF-8")}
	}
	m.form.fields = parseForm(string(body))
	return nil
}

// manyFields is how many times Config.MaxFormMemorySize all fields of a form may have together.
const manyFields = 10

// parseMultipart reads the parts one by one: fields into memory, files into the spool.
func (m *requestMore) parseMultipart(r *Request) error {
	parts, err := m.parts(r)
	if err != nil {
		return bodyError(err)
	}
	defer parts.Close()
	m.form.spool = &spool{budget: uploadMemory, dir: r.c.App().Config.UploadDir}
	total := int64(0)
	for {
		p, err := parts.Next()
		if err != nil {
			return bodyError(err)
		}
		if p.IsFile {
			if err := m.keepFile(p); err != nil {
				return err
			}
			continue
		}
		text, err := m.readField(p)
		if err != nil {
			return err
		}
		if total += int64(len(p.Name) + len(text)); m.limits.memory >= 0 && total > manyFields*m.limits.memory {
			return formTooLarge()
		}
		m.form.fields.Add(p.Name, text)
	}
}

// parts opens the body as multipart. What Data has read before is read again from memory.
func (m *requestMore) parts(r *Request) (*wire.Multipart, error) {
	var src io.Reader = http.NoBody
	switch {
	case m.body.kept && m.body.err != nil:
		return nil, m.body.err
	case m.body.kept:
		src = strings.NewReader(string(m.body.data))
	case r.Body != nil && !m.body.taken:
		src = r.Body
	}
	m.body.taken = true
	_, params := wire.ParseOptions(r.Header.Get(headerType))
	boundary, _ := params.Get("boundary")
	return wire.NewMultipart(src, boundary, m.limits.parts)
}

// readField reads a part that is no file, in the charset that it names.
func (m *requestMore) readField(p *wire.Part) (string, error) {
	var b strings.Builder
	var src io.Reader = p
	if m.limits.memory >= 0 {
		src = io.LimitReader(p, m.limits.memory+1)
	}
	if _, err := io.Copy(&b, src); err != nil {
		return "", bodyError(err)
	}
	if m.limits.memory >= 0 && int64(b.Len()) > m.limits.memory {
		return "", formTooLarge()
	}
	_, params := wire.ParseOptions(p.Get(headerType))
	charset, _ := params.Get("charset")
	if text, ok := wire.DecodeText(b.String(), charset); ok {
		return text, nil
	}
	return wire.ValidText(b.String()), nil
}

// Parts reads a multipart body part by part as it arrives, for views that want neither memory nor disk used: nothing is kept,
// and the form has nothing after that. Config.MaxContentLength and MaxFormParts hold. An error ends the parts: 413
// over a limit, 400 for a body that is malformed or was read already.
//
//	for part, err := range c.Request.Parts() {
//		if err != nil {
//			return nil, err
//		}
//		io.Copy(dst, part)
//	}
func (r *Request) Parts() iter.Seq2[*wire.Part, error] {
	return func(yield func(*wire.Part, error) bool) {
		m, err := r.openParts()
		if err != nil {
			yield(nil, bodyError(err))
			return
		}
		defer m.Close()
		for {
			p, err := m.Next()
			if err == io.EOF || !yield(p, bodyError(err)) || err != nil {
				return
			}
		}
	}
}

func (r *Request) openParts() (*wire.Multipart, error) {
	m := r.lazy()
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.MediaType() != typeMultipart {
		return nil, &HTTPError{Code: http.StatusUnsupportedMediaType}
	}
	if m.form.parsed {
		return nil, errors.New("carafe: Parts after the form was read: use one or the other")
	}
	m.form.parsed = true
	return m.parts(r)
}
