package carafe

import (
	"errors"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/carafeweb/carafe/gateway"
	"github.com/carafeweb/carafe/routing"
	"github.com/carafeweb/carafe/wire"
)

// ScriptRoot is the path below which the app is mounted, without a final slash; "" at the root.
//
// Source: flask.Request.script_root.
func (r *Request) ScriptRoot() string { return strings.TrimRight(gateway.ScriptName(r.Request), "/") }

// Scheme is "http" or "https", as the server or a trusted proxy says.
//
// Source: flask.Request.scheme.
func (r *Request) Scheme() string { return gateway.Scheme(r.Request) }

// IsSecure says whether the scheme is https or wss. Source: flask.Request.is_secure.
func (r *Request) IsSecure() bool { return r.Scheme() == "https" || r.Scheme() == "wss" }

// Path is the decoded path below ScriptRoot, with its leading slash. What is no UTF-8 is U+FFFD.
//
// Source: flask.Request.path.
func (r *Request) Path() string {
	return "/" + strings.TrimLeft(routing.DecodedPath(r.URL.Path), "/")
}

// FullPath is Path, "?" and the query, with the "?" even if there is none. Source: flask.Request.full_path.
func (r *Request) FullPath() string { return r.Path() + "?" + r.URL.RawQuery }

// Authority is the host that was asked for, with its port unless that is the scheme's own; "" if the client named none. It is
// whatever the client says, as long as Config.TrustedHosts is nil.
//
// Source: flask.Request.host.
func (r *Request) Authority() string {
	host := r.Host
	if host == "" && r.ProtoMajor == 1 && r.ProtoMinor == 0 {
		host = serverAddress(r.Request)
	}
	switch r.Scheme() {
	case "http", "ws":
		host = strings.TrimSuffix(host, ":80")
	case "https", "wss":
		host = strings.TrimSuffix(host, ":443")
	}
	return host
}

// serverAddress is where the server listens, for clients of HTTP/1.0 that name no host.
func serverAddress(r *http.Request) string {
	if addr, ok := r.Context().Value(http.LocalAddrContextKey).(net.Addr); ok && strings.HasPrefix(addr.Network(), "tcp") {
		return addr.String()
	}
	return ""
}

// FullURL is the absolute URL that was asked for, readable: what need not be encoded is not.
//
// Source: flask.Request.url.
func (r *Request) FullURL() string { return r.currentURL(true, true) }

// BaseURL is FullURL without the query. Source: flask.Request.base_url.
func (r *Request) BaseURL() string { return r.currentURL(true, false) }

// RootURL is the absolute URL of ScriptRoot, with a final slash. Source: flask.Request.root_url.
func (r *Request) RootURL() string { return r.currentURL(false, false) }

// HostURL is scheme and host with a final slash. Source: flask.Request.host_url.
func (r *Request) HostURL() string { return URIToIRI(r.Scheme() + "://" + r.Authority() + "/") }

func (r *Request) currentURL(path, query bool) string {
	url := r.Scheme() + "://" + r.Authority() + percentEncode(r.ScriptRoot(), pathSafe) + "/"
	if path {
		url += percentEncode(strings.TrimLeft(routing.DecodedPath(r.URL.Path), "/"), pathSafe)
	}
	if query && r.URL.RawQuery != "" {
		url += "?" + percentEncode(r.URL.RawQuery, querySafe)
	}
	return URIToIRI(url)
}

// ClientAddr is the client's address without the port, as the server or a trusted proxy says; "" on a unix socket.
//
// Source: flask.Request.remote_addr.
func (r *Request) ClientAddr() string { return gateway.RemoteAddr(r.Request) }

// AccessRoute is the addresses that X-Forwarded-For lists, the client's first, or ClientAddr alone. Whoever sends
// the header can write what they like into it: it is for logs, not for decisions.
//
// Source: flask.Request.access_route.
func (r *Request) AccessRoute() []string {
	if r.Header["X-Forwarded-For"] != nil {
		return wire.ParseList(r.joined("X-Forwarded-For"))
	}
	if addr := r.ClientAddr(); addr != "" {
		return []string{addr}
	}
	return nil
}

// checkAuthority refuses a Host that is no host: letters, digits, "-", "_" and ".", or an IPv6 address in brackets, and perhaps a
// port up to 65535. None at all is well.
//
// Source: werkzeug.sansio.utils.host_is_trusted, RFC 9110, 7.2. Unlike Flask, which goes on with an empty host, such a
// request is refused, and "_" is a letter: names of containers have it.
func checkAuthority(host string) error {
	if host == "" {
		return nil
	}
	name, port := host, ""
	if i := strings.LastIndexByte(host, ':'); i >= 0 && strings.IndexByte(host[i:], ']') < 0 {
		name, port = host[:i], host[i+1:]
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 && len(port) > 5 || port[0] == '+' {
			return errors.New("its port is none")
		}
	}
	if !isHostName(name) {
		return errors.New("it is no host")
	}
	return nil
}

func isHostName(s string) bool {
	if inner, ok := strings.CutPrefix(s, "["); ok {
		inner, ok = strings.CutSuffix(inner, "]")
		ip := net.ParseIP(inner)
		return ok && ip != nil && strings.IndexByte(inner, ':') >= 0
	}
	for i := 0; i < len(s); i++ {
		b := s[i]
		if !('a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '.' || b == '-' || b == '_') {
			return false
		}
	}
	return s != ""
}
