package gateway

import (
	"context"
	"net"
	"net/http"
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
	extra    Environ   // keys of an environ that no request has a place for: REMOTE_USER, a middleware's own; never written to
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

// RemoteAddr is the client's address without the port: REMOTE_ADDR. Behind a ProxyFix it is the address that the proxy
// sent; the proxy's own, if that was none ("unknown", "_hidden"). A unix socket's client has none: "".
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
