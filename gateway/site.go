package gateway

import (
	"context"
	"net"
	"net/http"
	"net/url"
	"strings"
)

// siteKey is the context key of *site.
type siteKey struct{}

// A site is what the environ says of a request and *http.Request has no field for: where it is mounted, and what a
// trusted proxy told. It is immutable: changing it means a copy in a new context.
type site struct {
	script   string    // SCRIPT_NAME
	scheme   string    // wsgi.url_scheme, "" means the connection's own
	remote   string    // REMOTE_ADDR, "" means the host part of RemoteAddr
	name     string    // SERVER_NAME, "" means the listener's
	port     string    // SERVER_PORT, "" means the listener's
	original *Original // what ProxyFix replaced
}

func siteOf(r *http.Request) site {
	if s, ok := r.Context().Value(siteKey{}).(*site); ok {
		return *s
	}
	return site{}
}

func withSite(r *http.Request, s site) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), siteKey{}, &s))
}

// ScriptName is the prefix under which the handler that sees r is mounted: SCRIPT_NAME, decoded, "" at the root.
// r.URL.Path is what follows it.
func ScriptName(r *http.Request) string { return siteOf(r).script }

// WithScriptName returns a shallow copy of r whose ScriptName is prefix. The path is left alone: see ShiftPrefix.
func WithScriptName(r *http.Request, prefix string) *http.Request {
	s := siteOf(r)
	s.script = prefix
	return withSite(r, s)
}

// Scheme is the scheme that the client used, as far as r knows it: WithScheme's (ProxyFix's), else "https" on a TLS
// connection, else "http". An absolute-form request target does not count: any client can write one.
func Scheme(r *http.Request) string {
	s := siteOf(r)
	return s.schemeOf(r)
}

func (s *site) schemeOf(r *http.Request) string {
	if s.scheme != "" {
		return s.scheme
	}
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// WithScheme returns a shallow copy of r whose Scheme is scheme; "" takes that back.
func WithScheme(r *http.Request, scheme string) *http.Request {
	s := siteOf(r)
	s.scheme = scheme
	return withSite(r, s)
}

// RemoteAddr is the client's address without the port: REMOTE_ADDR. Behind a ProxyFix it is the text the proxy sent,
// which need not be an address ("unknown", "_hidden"). A unix socket's client has none: "".
func RemoteAddr(r *http.Request) string {
	s := siteOf(r)
	return s.remoteOf(r)
}

func (s *site) remoteOf(r *http.Request) string {
	if s.remote != "" {
		return s.remote
	}
	return hostOf(r.RemoteAddr)
}

// hostOf cuts the port of a "host:port", and returns anything else as it is but for "@", Go's unnamed unix socket.
func hostOf(addr string) string {
	if host, _, err := net.SplitHostPort(addr); err == nil {
		return host
	}
	if addr == "@" {
		return ""
	}
	return addr
}

// ShiftPrefix moves prefix from the path of r to its script name: what a mount point does to a request.
//
// prefix is decoded, with a leading and no trailing slash ("/api"); "" changes nothing. It reports false, and returns r
// itself, if the path is not prefix and does not go on with "/" after it. A path equal to prefix becomes "", as
// PATH_INFO does. The raw path and the rest of the request stay; r itself is not changed.
//
// Source: PEP 3333 on SCRIPT_NAME, wsgiref.util.shift_path_info, Werkzeug DispatcherMiddleware.
func ShiftPrefix(r *http.Request, prefix string) (*http.Request, bool) {
	if prefix == "" {
		return r, true
	}
	rest, ok := strings.CutPrefix(r.URL.Path, prefix)
	if !ok || rest != "" && rest[0] != '/' {
		return r, false
	}
	shifted := WithScriptName(r, ScriptName(r)+prefix)
	u := *r.URL
	u.Path, u.RawPath = rest, cutRawPrefix(r.URL.RawPath, prefix)
	shifted.URL = &u
	return shifted, true
}

// cutRawPrefix cuts from a percent-encoded path as many bytes as decode to prefix. "" stays "".
func cutRawPrefix(raw, prefix string) string {
	i := 0
	for range len(prefix) {
		switch {
		case i >= len(raw):
			return ""
		case raw[i] == '%':
			i += 3
		default:
			i++
		}
	}
	if i > len(raw) {
		return ""
	}
	rest := raw[i:]
	if rest == "" || rest[0] != '/' || !isDecoded(rest, raw, prefix) {
		return "" // "%2F" behind the prefix: no RawPath can say that and begin with a slash
	}
	return rest
}

// isDecoded reports whether rest is a usable RawPath: cut at an escape's border and behind the prefix indeed.
func isDecoded(rest, raw, prefix string) bool {
	head, err := url.PathUnescape(raw[:len(raw)-len(rest)])
	return err == nil && head == prefix
}
