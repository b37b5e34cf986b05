package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// RequestOf is the *http.Request that env describes: the way back from EnvironOf.
//
// Keys that a request has no field for, a web server's REMOTE_USER or a middleware's own, travel in its context, back into
// the next environ that is made of it.
//
// If env was made of a request, the result is that very request as long as nobody changed env, and otherwise a shallow
// copy that differs where env does: body, trailers, TLS state and context values survive. Else it is a new server
// request made of the CGI keys, whose body is CONTENT_LENGTH bytes of wsgi.input, or all of it if
// wsgi.input_terminated is true, and none otherwise.
//
// The error says which key cannot be used: REQUEST_METHOD (no token), SERVER_PROTOCOL (no HTTP version),
// CONTENT_LENGTH (no decimal number), a header with a line break.
func RequestOf(env Environ) (*http.Request, error) {
	if r, ok := env[KeyRequest].(*http.Request); ok {
		return revise(r, env)
	}
	return newRequest(env)
}

// newRequest makes a request of CGI keys alone.
func newRequest(env Environ) (*http.Request, error) {
	r := &http.Request{Method: "GET", Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, URL: &url.URL{}, Body: http.NoBody}
	r = r.WithContext(env.Context())
	r.Header = http.Header{}
	r.RequestURI = env.String("REQUEST_URI")
	if env[KeyInputTerminated] == true && env.String("CONTENT_LENGTH") == "" {
		r.ContentLength = -1
	}
	return revise(r, env)
}

// revise returns r if env says the same, else a shallow copy that says what env does.
func revise(r *http.Request, env Environ) (*http.Request, error) {
	v := reviser{r: r, env: env, site: siteOf(r)}
	v.scan()
	for _, err := range [...]error{v.context(), v.requestLine(), v.path(), v.addresses(), v.headers(), v.length()} {
		if err != nil {
			return nil, err
		}
	}
	v.body()
	v.extensions()
	if v.siteChanged {
		v.r = withSite(v.r, v.site)
	}
	return v.r, nil
}

// A reviser makes one request of another and an environ; r is copied at the first difference.
type reviser struct {
	r                    *http.Request
	env                  Environ
	site                 site
	copied, headerCopied bool
	siteChanged          bool
	headerKeys           int  // the headers in env, but for those that are fields of the request
	extended             bool // env has other extensions than r
}

// edit returns the request to write to.
func (v *reviser) edit() *http.Request {
	if !v.copied {
		v.r, v.copied = v.r.WithContext(v.r.Context()), true
	}
	return v.r
}

func (v *reviser) context() error {
	ctx, ok := v.env[KeyContext].(context.Context)
	if ok && !same(ctx, v.r.Context()) {
		v.r, v.copied = v.r.WithContext(ctx), true
	}
	return nil
}

func (v *reviser) requestLine() error {
	if method := v.env.String("REQUEST_METHOD"); method != methodOf(v.r) {
		if !isToken(method) {
			return fmt.Errorf("gateway: REQUEST_METHOD %q is no method", method)
		}
		v.edit().Method = method
	}
	proto := v.env.String("SERVER_PROTOCOL")
	if proto == "" || proto == protocolOf(v.r) {
		return nil
	}
	major, minor, ok := http.ParseHTTPVersion(proto)
	if !ok {
		return fmt.Errorf("gateway: SERVER_PROTOCOL %q is no HTTP version", proto)
	}
	r := v.edit()
	r.Proto, r.ProtoMajor, r.ProtoMinor = proto, major, minor
	return nil
}

func (v *reviser) path() error {
	path, query := v.env.String("PATH_INFO"), v.env.String("QUERY_STRING")
	if path != v.r.URL.Path || query != v.r.URL.RawQuery {
		u := *v.r.URL
		if path != u.Path {
			u.Path, u.RawPath = path, v.rawPath(path)
		}
		u.RawQuery = query
		v.edit().URL = &u
	}
	if script := v.env.String("SCRIPT_NAME"); script != v.site.script {
		v.site.script, v.siteChanged = script, true
	}
	if scheme := v.env.String(KeyScheme); scheme != "" && scheme != v.site.schemeOf(v.r) {
		v.site.scheme, v.siteChanged = scheme, true
	}
	return nil
}

func (v *reviser) addresses() error {
	if remote := v.env.String("REMOTE_ADDR"); remote != v.site.remoteOf(v.r) {
		addr := joinRemote(remote, v.env.String("REMOTE_PORT"))
		v.edit().RemoteAddr = addr
		v.site.remote, v.siteChanged = remote, true
		if hostOf(addr) == remote {
			v.site.remote = ""
		}
	}
	name, port := serverOf(v.r, &v.site)
	if n, p := v.env.String("SERVER_NAME"), v.env.String("SERVER_PORT"); n != "" && (n != name || p != port) {
		v.site.name, v.site.port, v.siteChanged = n, p, true
	}
	if host := v.env.String("HTTP_HOST"); host != v.r.Host {
		if hasLineBreak(host) {
			return errors.New("gateway: HTTP_HOST holds a line break")
		}
		v.edit().Host = host
	}
	return nil
}

// rawPath is how the client spelled path, if REQUEST_URI still tells: "" otherwise.
func (v *reviser) rawPath(path string) string {
	script := v.env.String("SCRIPT_NAME")
	u, err := parseTarget(v.env.String("REQUEST_URI"))
	if err != nil || u.Path != script+path || u.RawPath == "" {
		return ""
	}
	return cutRawPrefix(u.RawPath, script)
}

// parseTarget reads a request target; one that begins with "//" is a path all the same.
func parseTarget(target string) (*url.URL, error) {
	if strings.HasPrefix(target, "//") {
		u, err := url.ParseRequestURI("/." + target)
		if err == nil {
			u.Path = strings.TrimPrefix(u.Path, "/.")
			u.RawPath = strings.TrimPrefix(u.RawPath, "/.")
		}
		return u, err
	}
	return url.ParseRequestURI(target)
}

// joinRemote makes RemoteAddr as net/http has it, "host:port"; what is no bare address stays as it is.
func joinRemote(addr, port string) string {
	if net.ParseIP(addr) == nil {
		return addr
	}
	if port == "" {
		port = "0"
	}
	return net.JoinHostPort(addr, port)
}

// headers compares what r has with env first. Only if that does not account for every header key of env, somebody added
// one, and env is gone through key by key.
func (v *reviser) headers() error {
	known := 0
	for name, values := range v.r.Header {
		key := headerKey(name)
		if key == "" || key == "HTTP_HOST" || len(values) == 0 {
			continue
		}
		value, ok := v.env[key]
		if !ok {
			delete(v.editHeader(), name)
			continue
		}
		known++
		if text, _ := value.(string); text != joinValues(name, values) {
			if err := v.setHeader(key, name, text); err != nil {
				return err
			}
		}
	}
	if known == v.headerKeys {
		return nil
	}
	return v.addHeaders()
}

func (v *reviser) addHeaders() error {
	for key, value := range v.env {
		name := headerName(key)
		text, ok := value.(string)
		if !ok || text == "" || name == "" || headerKey(name) == "" || key == "HTTP_HOST" || v.r.Header[name] != nil {
			continue
		}
		if err := v.setHeader(key, name, text); err != nil {
			return err
		}
	}
	return nil
}

func (v *reviser) setHeader(key, name, text string) error {
	if hasLineBreak(text) {
		return fmt.Errorf("gateway: %s holds a line break", key)
	}
	v.editHeader()[name] = []string{text}
	return nil
}

func (v *reviser) editHeader() http.Header {
	r := v.edit()
	if !v.headerCopied {
		r.Header, v.headerCopied = r.Header.Clone(), true
	}
	return r.Header
}

// length takes over CONTENT_LENGTH, with the header that says the same: "0" tells an empty body from none at all.
func (v *reviser) length() error {
	text, header := v.env.String("CONTENT_LENGTH"), v.r.Header["Content-Length"]
	if text == "" {
		v.forgetLength(len(header) > 0)
		return nil
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil {
		return fmt.Errorf("gateway: CONTENT_LENGTH %q is no decimal number", text)
	}
	if int64(n) != v.r.ContentLength || n == 0 && len(header) == 0 {
		v.edit().ContentLength = int64(n)
		v.editHeader()["Content-Length"] = []string{text}
	}
	return nil
}

// forgetLength makes a length that the environ no longer tells unknown. EnvironOf tells none of a body of unknown length
// either, whatever its header says.
func (v *reviser) forgetLength(told bool) {
	switch {
	case v.r.ContentLength > 0:
		v.edit().ContentLength = -1
	case v.r.ContentLength < 0:
		return
	}
	if told {
		delete(v.editHeader(), "Content-Length")
	}
}

// body takes over wsgi.input. A stream of the environ's own is cut at CONTENT_LENGTH: PEP 3333 lets it go on after the
// body, and RFC 3875 forbids to read that.
func (v *reviser) body() {
	input := v.env.Input()
	if !same(input, inputOf(v.r)) {
		if v.env[KeyInputTerminated] != true {
			input = &limitedBody{input, v.r.ContentLength}
		}
		v.edit().Body = input
	}
	if old, ok := v.env[KeyRequest].(*http.Request); ok && old != v.r && old.Body != nil && old.Body != http.NoBody {
		v.r.Body = &trailerBody{v.r.Body, old, v.r}
	}
}

// A limitedBody is the first n bytes of a stream that goes on, or breaks off, behind them.
type limitedBody struct {
	in   io.ReadCloser
	left int64
}

func (l *limitedBody) Read(p []byte) (int, error) {
	if l.left <= 0 {
		return 0, io.EOF
	}
	n, err := l.in.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	if err == io.EOF && l.left > 0 {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

func (l *limitedBody) Close() error { return l.in.Close() }

// A trailerBody carries the trailers that the server finds behind the body over to a copy of the request.
type trailerBody struct {
	io.ReadCloser
	from, to *http.Request
}

func (t *trailerBody) Read(p []byte) (int, error) {
	n, err := t.ReadCloser.Read(p)
	if err == io.EOF && t.to.Trailer == nil {
		t.to.Trailer = t.from.Trailer
	}
	return n, err
}

// same is a == b, false for what cannot be compared. (reflect's Comparable would ask first, at six allocations.)
func same(a, b any) (equal bool) {
	defer func() {
		if recover() != nil {
			equal = false
		}
	}()
	return a == b
}

func hasLineBreak(s string) bool { return strings.ContainsAny(s, "\r\n\x00") }
