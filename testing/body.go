package carafetest

import (
	"bytes"
	"cmp"
	"fmt"
	"maps"
	"mime"
	"mime/multipart"
	"net/textproto"
	"path"
	"slices"

	"github.com/carafeweb/carafe"
)

const (
	typeURLEncoded = "application/x-www-form-urlencoded"
	typeMultipart  = "multipart/form-data"
)

// encode makes the body of the options, and the type that goes with it; a type that was given stays.
//
// Unlike Werkzeug's, which then sends an empty body, a form under a type that is none of a form's is an error.
func (q *request) encode(p *plan, provider carafe.JSONProvider) (err error) {
	given := q.header.Get("Content-Type")
	typ := ""
	switch {
	case p.form != nil || p.files != nil:
		return q.encodeForm(p, given)
	case p.reader != nil:
		q.reader = p.reader
	case len(p.bodies) > 0 && p.bodies[0] == "JSON":
		typ = "application/json"
		q.body, err = provider.Marshal(p.json)
		q.body = bytes.TrimSuffix(q.body, []byte("\n")) // which is for responses
	default:
		q.body = []byte(p.text)
	}
	if given == "" && typ != "" {
		q.header.Set("Content-Type", typ)
	}
	return err
}

func (q *request) encodeForm(p *plan, given string) error {
	wanted, params, err := mime.ParseMediaType(cmp.Or(given, typeURLEncoded))
	switch {
	case err != nil:
		return fmt.Errorf("the content type %q: %w", given, err)
	case wanted == typeMultipart, given == "" && p.files != nil:
		return q.encodeMultipart(p, params["boundary"])
	case wanted != typeURLEncoded:
		return fmt.Errorf("a form cannot be sent as %q: leave the content type out, or use Body", given)
	case p.files != nil:
		return fmt.Errorf("files cannot be sent as %q: leave the content type out", given)
	}
	q.body = []byte(p.form.Encode())
	q.header.Set("Content-Type", cmp.Or(given, typeURLEncoded))
	return nil
}

// encodeMultipart writes the fields, by name, and then the files, in order.
func (q *request) encodeMultipart(p *plan, boundary string) error {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	if boundary != "" {
		if err := w.SetBoundary(boundary); err != nil {
			return err
		}
	}
	for _, name := range slices.Sorted(maps.Keys(p.form)) {
		for _, value := range p.form[name] {
			if err := w.WriteField(name, value); err != nil {
				return err
			}
		}
	}
	for _, f := range p.files {
		part, err := w.CreatePart(f.header())
		if err != nil {
			return err
		}
		if _, err := part.Write(f.content); err != nil {
			return err
		}
	}
	if err := w.Close(); err != nil {
		return err
	}
	q.body = body.Bytes()
	q.header.Set("Content-Type", w.FormDataContentType())
	return nil
}

// header describes the file. Without a name it is a field with a type.
func (f upload) header() textproto.MIMEHeader {
	disposition := multipart.FileContentDisposition(f.field, f.name)
	if f.name == "" {
		disposition = fmt.Sprintf("form-data; name=%q", f.field)
	}
	typ := cmp.Or(f.typ, mime.TypeByExtension(path.Ext(f.name)), "application/octet-stream")
	return textproto.MIMEHeader{"Content-Disposition": {disposition}, "Content-Type": {typ}}
}
