package carafe

import (
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/carafeweb/carafe/wire"
)

const (
	headerETag         = "Etag" // as http.Header has it; net/http writes it so too
	headerModified     = "Last-Modified"
	headerCacheControl = "Cache-Control"
	headerExpires      = "Expires"
	headerDisposition  = "Content-Disposition"
	headerEncoding     = "Content-Encoding"
	headerAcceptRanges = "Accept-Ranges"
	headerContentRange = "Content-Range"
)

// SetETag sets the entity tag, given without quotes. It fails for a tag with a quote or a control character.
//
// Source: werkzeug.wrappers.Response.set_etag.
func (resp *Response) SetETag(tag string, weak bool) error {
	quoted, err := wire.QuoteETag(tag, weak)
	if err != nil {
		return err
	}
	resp.materialize()
	resp.Header[headerETag] = []string{quoted}
	return nil
}

// ETag is the entity tag without its quotes; ok is false if there is none. Source: Response.get_etag.
func (resp *Response) ETag() (tag string, weak, ok bool) {
	return wire.ParseETag(resp.Header.Get(headerETag))
}

// AddETag makes an entity tag of the body, unless there is one. A stream is read to its end and kept; a body that is
// JSON must have been encoded, as it is when an after-request function sees it.
//
// Source: Response.add_etag.
func (resp *Response) AddETag(weak bool) error {
	if resp.Header[headerETag] != nil {
		return nil
	}
	if resp.hasJSON {
		return errors.New("carafe: the JSON is not encoded yet: call MakeConditional first, or add the ETag in an after-request function")
	}
	body, err := resp.Bytes()
	if err != nil {
		return err
	}
	sum := sha1.Sum(body) // Werkzeug's: it tells versions apart, it protects nothing
	return resp.SetETag(hex.EncodeToString(sum[:]), weak)
}

// Freeze makes the response one that can be sent again and again: a stream becomes bytes, and there is an entity tag.
//
// Source: Response.freeze.
func (resp *Response) Freeze() error { return resp.AddETag(false) }

// SetLastModified sets that header, in whole seconds. Source: Response.last_modified.
func (resp *Response) SetLastModified(t time.Time) { resp.setTime(headerModified, t) }

// LastModified is the time of that header, zero if there is none.
func (resp *Response) LastModified() time.Time { return headerTime(resp.Header, headerModified) }

// SetExpires sets that header, in whole seconds. Source: Response.expires.
func (resp *Response) SetExpires(t time.Time) { resp.setTime(headerExpires, t) }

func (resp *Response) setTime(name string, t time.Time) {
	resp.materialize()
	resp.Header[name] = []string{FormatDate(t)}
}

// CacheControl changes the directives of Cache-Control.
//
//	resp.CacheControl(func(cc *wire.CacheControl) { cc.Set("private"); cc.SetSeconds("max-age", time.Hour) })
//
// Source: Response.cache_control.
func (resp *Response) CacheControl(change func(*wire.CacheControl)) {
	resp.materialize()
	cc := wire.ParseCacheControl(resp.Header.Get(headerCacheControl))
	change(&cc)
	if s := cc.String(); s != "" {
		resp.Header[headerCacheControl] = []string{s}
	} else {
		resp.Header.Del(headerCacheControl)
	}
}

// An outcomeOf is what a request's preconditions come to.
type outcomeOf int

const (
	proceed outcomeOf = iota
	notModified
	failed
)

// preconditions evaluates those of a GET or HEAD in the order of RFC 9110, 13.2.2. etag is the header's value; either
// validator may be missing.
//
// Unlike Flask, If-Match: * holds for what exists, If-Unmodified-Since is heard, and a Range does not switch
// If-None-Match off.
func preconditions(h http.Header, etag string, modified time.Time) outcomeOf {
	if h["If-Match"] == nil && h["If-Unmodified-Since"] == nil && h["If-None-Match"] == nil && h["If-Modified-Since"] == nil {
		return proceed
	}
	tag, weak, tagged := wire.ParseETag(etag)
	modified = modified.Truncate(time.Second)
	if match := wire.ParseETags(strings.Join(h["If-Match"], ", ")); !match.IsZero() {
		if tagged && !match.Matches(tag, weak) {
			return failed
		}
	} else if since := headerTime(h, "If-Unmodified-Since"); !since.IsZero() && !modified.IsZero() && modified.After(since) {
		return failed
	}
	if none := wire.ParseETags(strings.Join(h["If-None-Match"], ", ")); !none.IsZero() && (tagged || !none.Star) {
		if tagged && none.MatchesWeakly(tag) {
			return notModified
		}
		return proceed
	}
	if since := headerTime(h, "If-Modified-Since"); !since.IsZero() && !modified.IsZero() && !modified.After(since) {
		return notModified
	}
	return proceed
}

// ifRange says whether a Range is to be heard: without If-Range, or if what the client has is exactly what there is (RFC 9110,
// 13.1.5).
//
// Unlike Flask, weak tags and other dates do not do.
func ifRange(h http.Header, etag string, modified time.Time) bool {
	field := strings.TrimSpace(h.Get("If-Range"))
	if h["If-Range"] == nil {
		return true
	}
	if tag, weak, ok := wire.ParseETag(field); ok && field[0] == '"' {
		have, haveWeak, tagged := wire.ParseETag(etag)
		return tagged && !weak && !haveWeak && tag == have
	}
	since := headerTime(h, "If-Range")
	return !since.IsZero() && !modified.IsZero() && since.Equal(modified.Truncate(time.Second))
}

// MakeConditional answers a GET or HEAD by the request's preconditions and the response's ETag and Last-Modified: a 304
// without a body, or an *HTTPError with 412 to be returned. With ranges it also serves a Range of the body: a 206, or an
// *HTTPError with 416. Streams have no ranges. Responses of another status than 200 are left alone.
//
// Source: Response.make_conditional.
func (resp *Response) MakeConditional(c *Context, ranges bool) error {
	method := c.Request.Method
	if method != http.MethodGet && method != http.MethodHead || resp.status() != http.StatusOK {
		return nil
	}
	if err := c.App().encode(resp); err != nil {
		return err
	}
	resp.materialize()
	etag, modified, h := resp.Header.Get(headerETag), resp.LastModified(), c.Request.Header
	if ranges && resp.stream == nil {
		resp.Header[headerAcceptRanges] = []string{"bytes"}
	}
	switch preconditions(h, etag, modified) {
	case notModified:
		resp.Status = http.StatusNotModified
		resp.SetText("")
		return nil
	case failed:
		return &HTTPError{Code: http.StatusPreconditionFailed}
	}
	if !ranges || resp.stream != nil || h["Range"] == nil || !ifRange(h, etag, modified) {
		return nil
	}
	data, err := resp.Bytes()
	if err != nil {
		return err
	}
	return resp.serveRanges(h.Get("Range"), bytesAt(data), int64(len(data)))
}

// serveRanges makes the response one of the parts of content that field asks for. Nothing changes if it asks for an
// unknown unit, or for more than there is.
func (resp *Response) serveRanges(field string, content readerAt, size int64) error {
	parts, err := satisfiable(field, size)
	if err != nil || parts == nil {
		return err
	}
	resp.Status = http.StatusPartialContent
	if len(parts) == 1 {
		p := parts[0]
		resp.Header[headerContentRange] = []string{p.contentRange(size)}
		resp.Header[headerLength] = []string{strconv.FormatInt(p.length(), 10)}
		resp.SetStream(sendSection(content, p.start, p.length()))
		return nil
	}
	m := newMultiRange(parts, size, resp.Header.Get(headerType))
	resp.Header[headerType] = []string{"multipart/byteranges; boundary=" + m.boundary}
	resp.Header[headerLength] = []string{strconv.FormatInt(m.total(), 10)}
	resp.SetStream(m.stream(content))
	return nil
}
