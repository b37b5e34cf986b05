package gateway

import (
	"context"
	"encoding/pem"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
)

// An Environ is the request as an Application sees it: PEP 3333's environ dictionary, one per request, not shared.
//
// CGI keys hold strings. As Go's strings are bytes, PATH_INFO and the headers hold the bytes that came, where Python
// needs the "bytes as unicode" dance. Absent and "" mean the same for every CGI key; REQUEST_METHOD, SERVER_NAME,
// SERVER_PORT and SERVER_PROTOCOL are never empty. The keys this package sets, besides HTTP_*:
//
//	REQUEST_METHOD SCRIPT_NAME PATH_INFO QUERY_STRING CONTENT_TYPE CONTENT_LENGTH SERVER_NAME SERVER_PORT
//	SERVER_PROTOCOL REMOTE_ADDR        string
//	REMOTE_PORT REQUEST_URI RAW_URI    string, if known
//	HTTPS                              "on", if the scheme is https
//	SSL_CLIENT_CERT                    string, the client's certificate as PEM, if there is one
//	wsgi.version                       [2]int{1, 0}
//	wsgi.url_scheme                    string, "http" or "https" unless a trusted proxy says otherwise
//	wsgi.input                         io.ReadCloser, not nil; ends with io.EOF; the server closes it
//	wsgi.input_terminated              true
//	wsgi.errors                        io.Writer, not nil, safe for concurrent use
//	wsgi.multithread                   bool, another goroutine may be calling the application
//	wsgi.multiprocess                  bool, another process may
//	wsgi.run_once                      bool, the process serves this one request (CGI)
//	wsgi.file_wrapper                  func(r io.Reader, size int64) *FileBody
//	gateway.context                    context.Context, done when the client has left
//	gateway.request                    *http.Request, what the environ was made of
//	gateway.response_writer            http.ResponseWriter, where the answer goes (see KeyResponseWriter)
//	gateway.proxy_fix.orig             *Original, if a ProxyFix believed something
//
// Two keys of CGI are never made of a client's header: a name with "_" in it is dropped, because "X_Forwarded_For" and
// "X-Forwarded-For" would become the same key, and so is Proxy, because HTTP_PROXY configures HTTP clients ("httpoxy").
//
// Source: PEP 3333, "environ Variables"; RFC 3875 section 4.1; Werkzeug WSGIRequestHandler.make_environ.
type Environ map[string]any

// Keys whose values are not strings, and the extension keys of this package.
const (
	KeyVersion         = "wsgi.version"
	KeyScheme          = "wsgi.url_scheme"
	KeyInput           = "wsgi.input"
	KeyInputTerminated = "wsgi.input_terminated"
	KeyErrors          = "wsgi.errors"
	KeyMultithread     = "wsgi.multithread"
	KeyMultiprocess    = "wsgi.multiprocess"
	KeyRunOnce         = "wsgi.run_once"
	KeyFileWrapper     = "wsgi.file_wrapper"
	KeyContext         = "gateway.context"
	KeyRequest         = "gateway.request"
	KeyOriginal        = "gateway.proxy_fix.orig"

	// KeyResponseWriter holds the http.ResponseWriter that Handler answers to. An Application writes its body as a Body
	// or through start's writer; this key is for what the contract has no word for, and it bypasses middleware: early
	// hints (WriteHeader(103)), hijacking, deadlines, and trailers, which are headers named http.TrailerPrefix + name
	// that are put into Header() before the body ends.
	KeyResponseWriter = "gateway.response_writer"

	keyServer = "gateway.server" // the *responder that answers; FromHandler's writer lies in it
)

// String is the string at key, "" if there is none or it is not a string.
func (e Environ) String(key string) string {
	s, _ := e[key].(string)
	return s
}

// Context is the request's context: env["gateway.context"], else context.Background.
func (e Environ) Context() context.Context {
	if ctx, ok := e[KeyContext].(context.Context); ok {
		return ctx
	}
	return context.Background()
}

// Input is env["wsgi.input"], or an empty body.
func (e Environ) Input() io.ReadCloser {
	switch input := e[KeyInput].(type) {
	case io.ReadCloser:
		return input
	case io.Reader:
		return io.NopCloser(input)
	}
	return http.NoBody
}

// Errors is env["wsgi.errors"], or the process's standard error.
func (e Environ) Errors() io.Writer {
	if w, ok := e[KeyErrors].(io.Writer); ok {
		return w
	}
	return os.Stderr
}

// EnvironOf is the environ of r, under the assumption of a server with many goroutines in one process, unless r was made of
// an environ that says otherwise. r is not changed and its body not read.
func EnvironOf(r *http.Request) Environ {
	b := environBuilder{boxer: new(boxer)}
	return b.build(r)
}

// environBuilder fills an Environ.
type environBuilder struct {
	env   Environ
	boxer *boxer
}

func (b *environBuilder) set(key, value string) { b.env[key] = b.boxer.box(value) }

func (b *environBuilder) build(r *http.Request) Environ {
	s := siteOf(r)
	b.env = make(Environ, 28+len(r.Header))
	b.setRequestLine(r, &s)
	b.setAddresses(r, &s)
	b.setHeaders(r)
	b.setContract(r, &s)
	return b.env
}

func (b *environBuilder) setRequestLine(r *http.Request, s *site) {
	b.set("REQUEST_METHOD", methodOf(r))
	b.set("SCRIPT_NAME", s.script)
	b.set("PATH_INFO", r.URL.Path)
	b.set("QUERY_STRING", r.URL.RawQuery)
	b.set("SERVER_PROTOCOL", protocolOf(r))
	if r.RequestURI != "" {
		b.set("REQUEST_URI", r.RequestURI)
		b.set("RAW_URI", r.RequestURI)
	}
}

// methodOf is the method; in a client's request "" means GET.
func methodOf(r *http.Request) string {
	if r.Method == "" {
		return http.MethodGet
	}
	return r.Method
}

func protocolOf(r *http.Request) string {
	if r.Proto == "" {
		return "HTTP/1.1"
	}
	return r.Proto
}

func (b *environBuilder) setAddresses(r *http.Request, s *site) {
	remote := s.remoteOf(r)
	b.set("REMOTE_ADDR", remote)
	if s.remote == "" && len(remote) < len(r.RemoteAddr) {
		b.set("REMOTE_PORT", r.RemoteAddr[strings.LastIndexByte(r.RemoteAddr, ':')+1:])
	}
	name, port := serverOf(r, s)
	b.set("SERVER_NAME", name)
	b.set("SERVER_PORT", port)
}

// serverOf is SERVER_NAME and SERVER_PORT: what a trusted proxy said, else the listener's address, else what the
// client wrote into Host, else a name that is never wrong.
func serverOf(r *http.Request, s *site) (name, port string) {
	if addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok {
		name, port = splitAddr(addr)
	}
	if name == "" {
		name, port = splitHost(r.Host)
	}
	if s.name != "" {
		name, port = s.name, s.port
	} else if s.port != "" {
		port = s.port
	}
	if name == "" {
		name = "localhost"
	}
	if port == "" {
		port = defaultPort(s, r)
	}
	return name, port
}

// lastAddr is what splitAddr said last. Nearly always a process listens at one address, and its text costs four
// allocations.
var lastAddr atomic.Pointer[addrText]

type addrText struct {
	addr       netip.AddrPort
	host, port string
}

// splitAddr is the text of a listener's address; "" for what is not on an IP network.
func splitAddr(addr net.Addr) (host, port string) {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		host, port, _ = net.SplitHostPort(addr.String())
		return host, port
	}
	key := tcp.AddrPort()
	if last := lastAddr.Load(); last != nil && last.addr == key {
		return last.host, last.port
	}
	text := &addrText{key, key.Addr().Unmap().String(), strconv.Itoa(tcp.Port)}
	lastAddr.Store(text)
	return text.host, text.port
}

func defaultPort(s *site, r *http.Request) string {
	if s.scheme == "https" || s.scheme == "" && r.TLS != nil {
		return "443"
	}
	return "80"
}

// splitHost cuts "name:port" at the last colon, unless that belongs to an IPv6 address in brackets.
func splitHost(host string) (name, port string) {
	i := strings.LastIndexByte(host, ':')
	if i < 0 || strings.HasSuffix(host, "]") {
		return host, ""
	}
	return host[:i], host[i+1:]
}

func (b *environBuilder) setHeaders(r *http.Request) {
	if r.Host != "" {
		b.set("HTTP_HOST", r.Host)
	}
	if r.ContentLength > 0 {
		b.set("CONTENT_LENGTH", strconv.FormatInt(r.ContentLength, 10))
	} else if v := r.Header["Content-Length"]; r.ContentLength == 0 && len(v) > 0 {
		b.set("CONTENT_LENGTH", "0")
	}
	for name, values := range r.Header {
		key := headerKey(name)
		if key == "" || len(values) == 0 || key == "HTTP_HOST" {
			continue
		}
		b.set(key, joinValues(name, values))
	}
}

// joinValues makes one value of a repeated header, as CGI has it. Cookies join by ";" (RFC 9113 section 8.2.3 says so
// for the same reason: a cookie's value may not hold it, but anything may follow a comma).
// Unlike Werkzeug's development server, which joins them by "," and so breaks the second cookie.
func joinValues(name string, values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	if name == "Cookie" {
		return strings.Join(values, "; ")
	}
	return strings.Join(values, ",")
}

func (b *environBuilder) setContract(r *http.Request, s *site) {
	scheme := s.schemeOf(r)
	b.set(KeyScheme, scheme)
	if scheme == "https" {
		b.set("HTTPS", "on")
	}
	if r.TLS != nil && len(r.TLS.PeerCertificates) > 0 {
		cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: r.TLS.PeerCertificates[0].Raw})
		b.set("SSL_CLIENT_CERT", string(cert))
	}
	e := b.env
	e[KeyVersion] = version
	e[KeyInput] = inputOf(r)
	e[KeyInputTerminated] = true
	e[KeyErrors] = errorsOf(r)
	e[KeyMultithread] = true
	e[KeyMultiprocess] = false
	e[KeyRunOnce] = false
	e[KeyFileWrapper] = fileWrapper
	e[KeyContext] = r.Context()
	e[KeyRequest] = r
	if s.original != nil {
		e[KeyOriginal] = s.original
	}
	maps.Copy(e, s.extra)
}

// Values that every environ shares, boxed once.
var (
	version     any = [2]int{1, 0}
	fileWrapper any = File
)

func inputOf(r *http.Request) io.ReadCloser {
	if r.Body == nil {
		return http.NoBody
	}
	return r.Body
}

// errorsOf is the ErrorLog of the server that runs r, else standard error.
func errorsOf(r *http.Request) io.Writer {
	if srv, ok := r.Context().Value(http.ServerContextKey).(*http.Server); ok && srv.ErrorLog != nil {
		return logWriter{srv.ErrorLog}
	}
	return os.Stderr
}
