package carafe

import (
	"net/http"
	"strings"
	"time"

	"github.com/carafeweb/carafe/signing"
	"github.com/carafeweb/carafe/wire"
)

// joined is a header that may come in several lines, as one list.
func (r *Request) joined(name string) string { return strings.Join(r.Header[name], ", ") }

// mediaType is the type of a Content-Type without parameters, in lower case.
func mediaType(field string) string {
	value, _, _ := strings.Cut(field, ";")
	return strings.ToLower(strings.TrimSpace(value))
}

// MediaType is the lower-case type of the body without parameters, "" if there is none.
//
// Source: flask.Request.mimetype.
func (r *Request) MediaType() string { return mediaType(r.Header.Get(headerType)) }

// MediaTypeParams are the parameters of the body's type, such as charset; names are in lower case.
//
// Source: flask.Request.mimetype_params.
func (r *Request) MediaTypeParams() map[string]string {
	_, params := wire.ParseOptions(r.Header.Get(headerType))
	return params.Map()
}

// BodyLength is the Content-Length; ok is false if the body is chunked or none is declared.
//
// Source: flask.Request.content_length.
func (r *Request) BodyLength() (n int64, ok bool) {
	if r.ContentLength < 0 || r.ContentLength == 0 && r.Header[headerLength] == nil {
		return 0, false
	}
	return r.ContentLength, true
}

// AcceptMediaTypes is what the client wants to be answered with.
//
//	switch c.Request.AcceptMediaTypes().Best("text/html", "application/json") {
//
// Source: flask.Request.accept_mimetypes.
func (r *Request) AcceptMediaTypes() wire.Accept {
	return wire.ParseAccept(wire.MediaTypes, r.joined("Accept"))
}

// AcceptLanguages is the languages that the client wants. Source: flask.Request.accept_languages.
func (r *Request) AcceptLanguages() wire.Accept {
	return wire.ParseAccept(wire.Languages, r.joined("Accept-Language"))
}

// AcceptCharsets is the charsets that the client wants. Source: flask.Request.accept_charsets.
func (r *Request) AcceptCharsets() wire.Accept {
	return wire.ParseAccept(wire.Charsets, r.joined("Accept-Charset"))
}

// AcceptEncodings is the content codings that the client takes. Source: flask.Request.accept_encodings.
func (r *Request) AcceptEncodings() wire.Accept {
	return wire.ParseAccept(wire.Plain, r.joined("Accept-Encoding"))
}

// Authorization is the client's credentials; ok is false if there are none that can be read. Compare secrets with
// crypto/subtle.
//
// Source: flask.Request.authorization.
func (r *Request) Authorization() (a wire.Authorization, ok bool) {
	return wire.ParseAuthorization(r.Header.Get("Authorization"))
}

// CacheControl is what the client says about caches. Source: flask.Request.cache_control.
func (r *Request) CacheControl() wire.CacheControl {
	return wire.ParseCacheControl(r.joined("Cache-Control"))
}

// IfMatch is the entity tags of If-Match. Source: flask.Request.if_match.
func (r *Request) IfMatch() wire.ETags { return wire.ParseETags(r.joined("If-Match")) }

// IfNoneMatch is the entity tags of If-None-Match. Source: flask.Request.if_none_match.
func (r *Request) IfNoneMatch() wire.ETags { return wire.ParseETags(r.joined("If-None-Match")) }

// IfModifiedSince is the time of that header, zero if it is missing or no time. Source: flask.Request.if_modified_since.
func (r *Request) IfModifiedSince() time.Time { return headerTime(r.Header, "If-Modified-Since") }

// IfUnmodifiedSince is the time of that header, zero if it is missing or no time. Source:
// flask.Request.if_unmodified_since.
func (r *Request) IfUnmodifiedSince() time.Time { return headerTime(r.Header, "If-Unmodified-Since") }

// Date is when the client says it sent the request, zero if it does not. Source: flask.Request.date.
func (r *Request) Date() time.Time { return headerTime(r.Header, "Date") }

// Range is what Range asks for; ok is false if it is missing or malformed. Several ranges may be in any order.
//
// Source: flask.Request.range.
func (r *Request) Range() (rg wire.Range, ok bool) {
	return wire.ParseRange(r.Header.Get("Range"), false)
}

// headerTime reads a header with a date in whatever form dates have had on the net.
func headerTime(h http.Header, name string) time.Time {
	lines := h[name]
	if len(lines) == 0 {
		return time.Time{}
	}
	if t, err := time.Parse(http.TimeFormat, lines[0]); err == nil {
		return t
	}
	t, ok := ParseDate(lines[0])
	if !ok {
		return time.Time{}
	}
	return t
}

// ParseDate reads a date in a header: RFC 9110's, RFC 850's, asctime's, and what else clients have sent. ok is false for what is
// none.
//
// Source: werkzeug.http.parse_date, after Python's email package.
func ParseDate(s string) (t time.Time, ok bool) { return signing.ParseDate(s) }

// FormatDate writes a date as headers have it, in GMT and whole seconds.
//
// Source: werkzeug.http.http_date.
func FormatDate(t time.Time) string { return t.UTC().Format(http.TimeFormat) }
