package routing

import (
	"net/http"
	"strings"
	"unicode/utf8"
)

// BindOptions are what Bind may be told besides the server name. The zero value is a GET for
// "/" over http at the root of the server.
type BindOptions struct {
	ScriptName    string  // "" means "/"
	Subdomain     *string // nil means the map's DefaultSubdomain; not allowed with HostMatching
	Scheme        string  // "" means http, SchemeRelative none
	DefaultMethod string  // "" means GET
	Path          string  // "" means "/"
	Query         string  // without "?", kept by redirects
}

// Bind makes an adapter for a server name: a host, with its port if that is not the usual
// one. It is lower-cased and turned into ASCII (IDNA).
//
// The error is ErrBadHost, or says that a subdomain was given in spite of HostMatching.
//
// Source: Werkzeug Map.bind.
func (m *Map) Bind(serverName string, opts BindOptions) (Adapter, error) {
	a := Adapter{
		Map:           m,
		Subdomain:     m.opts.DefaultSubdomain,
		Scheme:        or(opts.Scheme, "http"),
		Path:          or(opts.Path, "/"),
		DefaultMethod: or(opts.DefaultMethod, "GET"),
		Query:         opts.Query,
	}
	switch {
	case m.opts.HostMatching && opts.Subdomain != nil:
		return a, errSubdomain
	case m.opts.HostMatching:
		a.Subdomain = ""
	case opts.Subdomain != nil:
		a.Subdomain = *opts.Subdomain
	}
	if a.Scheme == SchemeRelative {
		a.Scheme = ""
	}
	return a, a.finish(serverName, opts.ScriptName)
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// finish sets what has to be worked out of names.
func (a *Adapter) finish(serverName, scriptName string) error {
	a.ScriptName = or(scriptName, "/")
	if a.ScriptName[len(a.ScriptName)-1] != '/' {
		a.ScriptName += "/"
	}
	a.Websocket = a.Scheme == "ws" || a.Scheme == "wss"
	var err error
	a.ServerName, err = asciiHost(strings.ToLower(serverName))
	return err
}

// An Environ is what BindEnviron wants to know of a request.
type Environ struct {
	Scheme     string // "http" or "https"
	Host       string // of the Host header, as it came
	ServerName string // that the application is configured for; "" means Host
	ScriptName string // "" means "/"
	Method     string // as it was sent
	Path       string // decoded, below the script root; may be ""
	Query      string // without "?"
	Websocket  bool   // whether it is a websocket's handshake
}

// BindEnviron makes an adapter for a request. A Host with characters that no host has counts
// as empty. With SubdomainMatching the subdomain is what stands in it before the server name.
//
// The error is ErrBadHost. Source: Werkzeug Map.bind_to_environ, with Flask's choice of the
// subdomain. Unlike Flask, a request for a host outside the server name matches no rule.
func (m *Map) BindEnviron(e Environ) (Adapter, error) {
	a := Adapter{Map: m, Subdomain: m.opts.DefaultSubdomain, Scheme: e.Scheme, Path: e.Path,
		DefaultMethod: e.Method, Query: e.Query}
	if e.Websocket {
		a.Scheme = "ws"
		if e.Scheme == "https" {
			a.Scheme = "wss"
		}
	}
	host := strings.ToLower(RequestHost(e.Scheme, e.Host))
	server := host
	if e.ServerName != "" {
		server = withoutPort(e.Scheme, strings.ToLower(e.ServerName))
	}
	switch {
	case m.opts.HostMatching:
		a.Subdomain = ""
	case m.opts.SubdomainMatching:
		a.Subdomain, a.Foreign = subdomainOf(host, server)
	}
	return a, a.finish(server, e.ScriptName)
}

// BindRequest makes an adapter for a request at the root of the server. It goes by r.Host,
// r.TLS, r.URL and the headers of a websocket's handshake. Behind a proxy, or below a script
// root, use BindEnviron or set the adapter's fields.
//
// serverName is that of the application; "" means the request's host.
func (m *Map) BindRequest(r *http.Request, serverName string) (Adapter, error) {
	e := Environ{Scheme: "http", Host: r.Host, ServerName: serverName, Method: r.Method,
		Path: DecodedPath(r.URL.Path), Query: r.URL.RawQuery, Websocket: IsWebsocket(r)}
	if r.TLS != nil {
		e.Scheme = "https"
	}
	return m.BindEnviron(e)
}

// IsWebsocket tells whether the request is a websocket's handshake.
func IsWebsocket(r *http.Request) bool {
	connection := r.Header["Connection"]
	if len(connection) == 0 || !strings.EqualFold(r.Header.Get("Upgrade"), "websocket") {
		return false
	}
	for _, line := range connection {
		for word := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(word), "upgrade") {
				return true
			}
		}
	}
	return false
}

// invalidSubdomain stands for that of a foreign host, so that URLs for it have a host.
const invalidSubdomain = "<invalid>"

// subdomainOf compares label by label; what is left of host is the subdomain.
func subdomainOf(host, server string) (subdomain string, foreign bool) {
	if host == server {
		return "", false
	}
	if !strings.HasSuffix(host, "."+server) || server == "" {
		return invalidSubdomain, true
	}
	subdomain = host[:len(host)-len(server)-1]
	if !strings.Contains("."+subdomain+".", "..") {
		return subdomain, false
	}
	labels := strings.FieldsFunc(subdomain, func(r rune) bool { return r == '.' })
	return strings.Join(labels, "."), false
}

// RequestHost is the host of a request's Host header without the scheme's own port; "" if it
// has characters that no host has. Source: Werkzeug get_host.
func RequestHost(scheme, host string) string {
	host = withoutPort(scheme, host)
	if !validHost(host) {
		return ""
	}
	return host
}

func withoutPort(scheme, host string) string {
	switch scheme {
	case "http", "ws":
		return strings.TrimSuffix(host, ":80")
	case "https", "wss":
		return strings.TrimSuffix(host, ":443")
	}
	return host
}

// validHost accepts a name or address, or an IPv6 address in brackets, and a port.
func validHost(host string) bool {
	i := 0
	if strings.HasPrefix(host, "[") {
		i = strings.IndexByte(host, ']') + 1
		if i == 0 || !validIPv6(host[1:i-1]) {
			return false
		}
	} else {
		for i < len(host) && (isLetter(host[i]) || isDigit(host[i]) || host[i] == '.' || host[i] == '-') {
			i++
		}
	}
	if i == 0 || i == len(host) {
		return i > 0
	}
	return host[i] == ':' && i+1 < len(host) && digitsEnd(host, i+1) == len(host)
}

// validIPv6 checks characters and that there is a colon with something after it, no more.
func validIPv6(s string) bool {
	first, rest, ok := strings.Cut(s, ":")
	return ok && rest != "" && strings.Trim(first, hexDigits) == "" && strings.Trim(rest, hexDigits+".:") == ""
}

const hexDigits = "0123456789abcdefABCDEF"

// DecodedPath replaces what is not UTF-8 by U+FFFD, one for each sequence that cannot go on,
// as Python decodes with errors="replace". Valid text is returned as it is.
func DecodedPath(path string) string {
	if utf8.ValidString(path) {
		return path
	}
	var b strings.Builder
	for i := 0; i < len(path); {
		r, n := utf8.DecodeRuneInString(path[i:])
		if r == utf8.RuneError && n == 1 {
			n = brokenLength(path[i:])
		}
		b.WriteRune(r)
		i += n
	}
	return b.String()
}

// brokenLength is the length of the longest beginning of a character at the start of s that
// is not complete, at least 1.
func brokenLength(s string) int {
	for n := min(3, len(s)); n > 1; n-- {
		for _, rest := range [...]string{"\x80", "\xbf", "\x80\x80", "\xbf\xbf", "\x90", "\x90\x80"} {
			if r, size := utf8.DecodeRuneInString(s[:n] + rest); r != utf8.RuneError && size == n+len(rest) {
				return n
			}
		}
	}
	return 1
}
