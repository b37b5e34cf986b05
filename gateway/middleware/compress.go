package middleware

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
)

// Compress sends answers by gzip or zstd to clients that accept it.
//
// An answer is left alone if it is encoded already, shorter than MinSize, of a type not in Types, a part of something
// (206, Content-Range), without a body (204, 304), marked no-transform, or asked for with Range. Otherwise its
// Content-Length goes, Accept-Ranges goes, and a strong ETag becomes a weak one, since the bytes are others
// (RFC 9110 section 8.8.1). Vary says Accept-Encoding whenever the type would be compressed for somebody.
//
// A Flush of the handler reaches the client, compressed. A panic leaves the stream unfinished, so that the client sees
// that the answer is not whole.
//
// Compressing secrets next to text that an attacker chooses leaks them by the length (BREACH): leave such pages out.
type Compress struct {
	MinSize int      // bytes; zero means 1024
	Types   []string // media types without parameters; "text/*" means all of text; nil means DefaultTypes
	Level   int      // 1 (fast) to 9 (small), of both codings; zero means 5
	NoZstd  bool     // gzip alone
}

// DefaultTypes is what compresses well. Images, video, fonts in WOFF and archives are compressed already.
var DefaultTypes = []string{
	"text/*", "application/json", "application/javascript", "application/xml", "application/xhtml+xml", "application/rss+xml",
	"application/atom+xml", "application/ld+json", "application/manifest+json", "application/problem+json", "application/x-ndjson",
	"application/wasm", "application/vnd.api+json", "image/svg+xml", "image/bmp", "image/x-icon", "font/ttf", "font/otf",
}

// Wrap returns next with compressed answers.
func (m Compress) Wrap(next http.Handler) http.Handler {
	m.MinSize = cmp.Or(m.MinSize, 1024)
	if m.Types == nil {
		m.Types = DefaultTypes
	}
	codings := newCodings(cmp.Or(m.Level, 5), m.NoZstd)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c := &compressor{settings: &m, w: w, r: r}
		if r.Header.Get("Range") == "" {
			c.coding = codings.choose(r.Header["Accept-Encoding"])
		}
		defer c.release()
		next.ServeHTTP(c, r)
		c.finish()
	})
}

// fits reports whether the type of an answer is one to compress.
func (m *Compress) fits(contentType string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	kind = strings.ToLower(strings.TrimSpace(kind))
	family, _, _ := strings.Cut(kind, "/")
	return kind != "" && (slices.Contains(m.Types, kind) || slices.Contains(m.Types, family+"/*"))
}

// addVary adds a field name to Vary, once.
func addVary(h http.Header, name string) {
	for _, line := range h["Vary"] {
		for field := range strings.SplitSeq(line, ",") {
			if field = strings.TrimSpace(field); field == "*" || strings.EqualFold(field, name) {
				return
			}
		}
	}
	h.Add("Vary", name)
}

// hasDirective reports whether a list header has this word, whatever its case.
func hasDirective(lines []string, word string) bool {
	for _, line := range lines {
		for field := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(field), word) {
				return true
			}
		}
	}
	return false
}
