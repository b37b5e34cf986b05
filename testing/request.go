package carafetest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/carafeweb/carafe"
)

// A request is what is sent: the URL in the parts that the app sees them in, so that a redirect can change one.
type request struct {
	method string
	scheme string
	host   string // with the port, if there is one
	root   string // where the app is mounted: "" or "/shop"
	path   string // below root, decoded
	raw    string // below root, as it was written; "" means the usual encoding of path
	query  string
	header http.Header
	body   []byte
	reader io.Reader // the body if it is not nil; read once

	given *http.Request // what Do was given, nil otherwise
}

// String is "GET http://localhost/path".
func (q *request) String() string {
	u := q.url()
	return q.method + " " + q.scheme + "://" + q.host + u.RequestURI()
}

// url is path and query below the host.
func (q *request) url() *url.URL {
	u := &url.URL{Path: q.root + q.path, RawQuery: q.query}
	if q.raw != "" {
		u.RawPath = (&url.URL{Path: q.root}).EscapedPath() + q.raw
	}
	return u
}

// cookiePath is the path that cookies are matched with.
func (q *request) cookiePath() string { return q.url().EscapedPath() }

func (q *request) hostname() string { return hostname(q.host) }

// hostname is a host without its port, in lower case.
func hostname(host string) string {
	return strings.ToLower((&url.URL{Host: host}).Hostname())
}

// baseHost is the host of requests that name none.
func (c *Client) baseHost() string { return cmp.Or(c.app.Config.ServerName, "localhost") }

// build makes the request of a path and options.
//
// Source: flask.testing.EnvironBuilder, werkzeug.test.EnvironBuilder.
func (c *Client) build(method, path string, p *plan) (*request, error) {
	if err := p.fault(); err != nil {
		return nil, err
	}
	target, err := url.Parse(path)
	if err != nil {
		return nil, fmt.Errorf("the path cannot be read: %w", err)
	}
	if target.Opaque != "" {
		return nil, fmt.Errorf("the path %q is not one: begin it with a slash", path)
	}
	q := &request{method: method, header: p.header.Clone()}
	if err := c.setBase(q, target, p); err != nil {
		return nil, err
	}
	if err := q.setQuery(target, p); err != nil {
		return nil, err
	}
	q.path = "/" + strings.TrimLeft(target.Path, "/")
	if target.RawPath != "" {
		q.raw = "/" + strings.TrimLeft(target.RawPath, "/")
	}
	c.addHeader(q, p)
	return q, q.encode(p, c.app.JSON)
}

// setBase finds scheme, host and root: those of BaseURL, else of a path that is a full URL, else of the config.
func (c *Client) setBase(q *request, target *url.URL, p *plan) error {
	config := &c.app.Config
	base := &url.URL{Scheme: cmp.Or(target.Scheme, p.scheme, config.PreferredURLScheme, "http"), Host: target.Host, Path: config.ApplicationRoot}
	if base.Host == "" {
		base.Host = c.baseHost()
		if p.subdomain != "" {
			base.Host = p.subdomain + "." + base.Host
		}
	}
	if p.base != nil {
		var err error
		if base, err = parseBase(*p.base, target); err != nil {
			return err
		}
	}
	if base.Scheme != "http" && base.Scheme != "https" {
		return fmt.Errorf("the scheme %q is neither http nor https", base.Scheme)
	}
	q.scheme, q.host = base.Scheme, base.Host
	if root := strings.Trim(base.Path, "/"); root != "" {
		q.root = "/" + root
	}
	return nil
}

func parseBase(text string, target *url.URL) (*url.URL, error) {
	base, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, fmt.Errorf("BaseURL: %w", err)
	case base.Host == "":
		return nil, fmt.Errorf("BaseURL %q needs a scheme and a host", text)
	case base.RawQuery != "" || base.ForceQuery || base.Fragment != "":
		return nil, fmt.Errorf("BaseURL %q must not contain a query or fragment", text)
	case target.Host != "":
		return nil, errors.New("BaseURL cannot be given together with a path that is a full URL")
	}
	return base, nil
}

func (q *request) setQuery(target *url.URL, p *plan) error {
	q.query = escapeQuery(target.RawQuery)
	if p.query == nil && p.rawQuery == nil {
		return nil
	}
	if target.RawQuery != "" || target.ForceQuery {
		return errors.New("the query is defined in the path and as an option")
	}
	q.query = p.query.Encode()
	if p.rawQuery != nil {
		q.query = escapeQuery(*p.rawQuery)
	}
	return nil
}

// escapeQuery percent-encodes what no request line can hold.
func escapeQuery(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '#' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// addHeader adds the fields that the client has and the request has not, and takes the host and the cookies out.
func (c *Client) addHeader(q *request, p *plan) {
	for name, values := range c.Header {
		if name = http.CanonicalHeaderKey(name); q.header[name] == nil {
			q.header[name] = append([]string(nil), values...)
		}
	}
	if host := q.header.Get("Host"); host != "" {
		q.host = host
	}
	q.header.Del("Host")
	if len(p.cookies) > 0 {
		q.header["Cookie"] = []string{strings.Join(append(q.header["Cookie"], p.cookies...), "; ")}
	}
}

// prepared takes over a request that was made elsewhere. Its body is read, so that a redirect can send it again.
func (c *Client) prepared(r *http.Request, p *plan) (*request, error) {
	if len(p.bodies) > 0 || p.query != nil || p.rawQuery != nil || p.base != nil || p.subdomain != "" || p.scheme != "" {
		return nil, errors.New("Do takes the URL and the body of the request as they are: options for them are for Open")
	}
	q := &request{method: cmp.Or(r.Method, "GET"), path: r.URL.Path, raw: r.URL.RawPath, query: r.URL.RawQuery, header: r.Header.Clone(), given: r}
	if q.header == nil {
		q.header = http.Header{}
	}
	for name, values := range p.header {
		q.header[name] = values
	}
	asked := c.app.TestRequestContext(r).Request // which knows what a middleware has told
	q.root = asked.ScriptRoot()
	q.scheme = cmp.Or(r.URL.Scheme, asked.Scheme())
	q.host = cmp.Or(r.Host, r.URL.Host, c.baseHost())
	if q.path == "" {
		q.path = "/"
	}
	c.addHeader(q, p)
	if p.ctx == nil && r.Context() != context.Background() {
		p.ctx = r.Context()
	}
	if r.Body != nil {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, fmt.Errorf("its body cannot be read: %w", err)
		}
		q.body = body
	}
	return q, nil
}

// httpRequest is the request as a server hands it to its handler.
func (c *Client) httpRequest(q *request, ctx context.Context) *http.Request {
	full := q.url()
	r := &http.Request{
		Method: q.method, Host: q.host, RequestURI: full.RequestURI(), RemoteAddr: remoteAddr(c.RemoteAddr),
		URL: &url.URL{Path: q.path, RawPath: q.raw, RawQuery: q.query}, Header: q.header.Clone(),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Body: http.NoBody,
	}
	switch {
	case q.reader != nil:
		r.Body, r.ContentLength = io.NopCloser(q.reader), -1
	case len(q.body) > 0:
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(q.body)), int64(len(q.body))
		r.Header.Set("Content-Length", fmt.Sprint(len(q.body)))
	}
	if q.scheme == "https" {
		r.TLS = &tls.ConnectionState{Version: tls.VersionTLS13, HandshakeComplete: true, ServerName: q.hostname()}
	}
	if c.jar != nil {
		if pairs := c.jar.pairs(q.hostname(), q.cookiePath()); len(pairs) > 0 {
			r.Header["Cookie"] = []string{strings.Join(append(r.Header["Cookie"], pairs...), "; ")}
		}
	}
	q.overlay(r)
	return carafe.WithScriptRoot(r.WithContext(ctx), q.root)
}

// overlay keeps what a request that Do was given says beyond its URL, header and body.
func (q *request) overlay(r *http.Request) {
	if q.given == nil {
		return
	}
	r.RemoteAddr = cmp.Or(q.given.RemoteAddr, r.RemoteAddr)
	r.Trailer = q.given.Trailer
	if q.given.TLS != nil && q.scheme == "https" {
		r.TLS = q.given.TLS
	}
	if q.given.ProtoMajor > 0 {
		r.Proto, r.ProtoMajor, r.ProtoMinor = q.given.Proto, q.given.ProtoMajor, q.given.ProtoMinor
	}
}

// remoteAddr has a port, as servers give it.
func remoteAddr(addr string) string {
	if _, _, err := net.SplitHostPort(addr); err == nil || net.ParseIP(addr) == nil {
		return addr
	}
	return net.JoinHostPort(addr, "50000")
}
