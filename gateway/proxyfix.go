package gateway

import (
	"net/http"
	"net/netip"
	"strings"
)

// A ProxyFix makes a handler behind reverse proxies see the client's request instead of the last proxy's.
//
// The zero ProxyFix believes nobody, loopback included. Each count says how many proxies in front set that header: the
// value taken is the count-th from the right, because a proxy appends to what it was sent and everything further left
// may be the client's invention. A header with fewer values is ignored. Only one of Forwarded and the others makes
// sense, as a proxy usually passes on what it does not set itself; Forwarded wins.
//
// Unlike Werkzeug, a value that cannot be what its header is for is ignored, as if the header were absent: an address is
// an IP address, and loses its port and brackets; a scheme is http, https, ws or wss; a host is a name or an address, with or
// without a port; a prefix begins with "/" and has the characters of a path.
//
// The middleware is the method Wrap: app.Use(gateway.ProxyFix{For: 1, Proto: 1}.Wrap).
//
// Source: Werkzeug ProxyFix, which believes one For and one Proto by default, and never reads Forwarded; RFC 7239.
type ProxyFix struct {
	For    int // X-Forwarded-For: the client's address (RemoteAddr), without a port
	Proto  int // X-Forwarded-Proto: the scheme (Scheme)
	Host   int // X-Forwarded-Host: Request.Host and the server's name and port
	Port   int // X-Forwarded-Port: the port in Request.Host, and the server's
	Prefix int // X-Forwarded-Prefix: the script name (ScriptName); the path is left alone

	// Forwarded is the count for RFC 7239's header: its elements' for, proto and host are For, Proto and Host. Port and
	// Prefix have no parameter there.
	Forwarded int

	// Trusted holds the proxies' networks. If it is not empty, a request that does not come from one of them is passed on
	// as it is, and counts may be AsTrusted. Empty means any peer: then nothing but the proxies may reach the listener.
	Trusted []netip.Prefix
}

// AsTrusted as a count of a ProxyFix means: one more than the trusted addresses at the right end of X-Forwarded-For, or all of
// them if all are trusted (for Forwarded, of its own elements). A header of fewer values than that is ignored, since nobody can
// say which of the proxies wrote them: give one that each proxy replaces, where it could append, the count 1. Without Trusted
// it is 0.
const AsTrusted = -1

// An Original is what a ProxyFix replaced: Werkzeug's "werkzeug.proxy_fix.orig".
type Original struct {
	RemoteAddr string // Request.RemoteAddr
	Host       string // Request.Host
	Scheme     string // "http" or "https": wsgi.url_scheme
	ScriptName string // SCRIPT_NAME, "" at the root
	ServerName string // SERVER_NAME
	ServerPort string // SERVER_PORT
}

// OriginalOf is what r was before the outermost ProxyFix that believed it, or nil.
func OriginalOf(r *http.Request) *Original { return siteOf(r).original }

// Wrap returns next behind the proxies that p describes.
func (p ProxyFix) Wrap(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, p.Apply(r))
	})
}

// Apply returns the request that the client sent, as far as p believes the headers of r; r itself if nothing changes.
func (p ProxyFix) Apply(r *http.Request) *http.Request {
	if len(p.Trusted) > 0 && !p.trusts(hostOf(r.RemoteAddr)) {
		return r
	}
	told := p.read(r.Header)
	if told == (forwarding{}) {
		return r
	}
	return told.apply(r)
}

// A forwarding is what the proxies told; "" is nothing.
type forwarding struct {
	addr, proto, host, port, prefix string
}

func (p ProxyFix) read(h http.Header) forwarding {
	if f, ok := p.readForwarded(h); ok {
		return f
	}
	var addrs []string
	if p.For != 0 || p.auto() {
		addrs = listOf(h, "X-Forwarded-For")
	}
	hops := 0
	if len(p.Trusted) > 0 {
		// If all are proxies, the first of them is the client; without the header, the peer is the only proxy there is.
		hops = max(1, min(1+p.trustedTail(addrs), len(addrs)))
	}
	return forwarding{
		addr:   addrOrNone(pick(addrs, p.For, hops)),
		proto:  schemeOrNone(pick(listOf(h, "X-Forwarded-Proto"), p.Proto, hops)),
		host:   hostOrNone(pick(listOf(h, "X-Forwarded-Host"), p.Host, hops)),
		port:   portOrNone(pick(listOf(h, "X-Forwarded-Port"), p.Port, hops)),
		prefix: prefixOrNone(pick(listOf(h, "X-Forwarded-Prefix"), p.Prefix, hops)),
	}
}

// auto reports whether any count is AsTrusted.
func (p ProxyFix) auto() bool {
	return len(p.Trusted) > 0 && min(p.For, p.Proto, p.Host, p.Port, p.Prefix) < 0
}

// trustedTail counts the proxies at the right end of addrs.
func (p ProxyFix) trustedTail(addrs []string) int {
	n := 0
	for n < len(addrs) && p.trusts(addrs[len(addrs)-1-n]) {
		n++
	}
	return n
}

// trusts reports whether addr, with or without a port, is in p.Trusted. What is no address is not.
func (p ProxyFix) trusts(addr string) bool {
	ip, ok := addrOf(addr)
	if !ok {
		return false
	}
	ip = ip.Unmap()
	for _, network := range p.Trusted {
		if network.Contains(ip) {
			return true
		}
	}
	return false
}

// pick takes the count-th value from the right, the hops-th for AsTrusted; "" if there are fewer.
func pick(values []string, count, hops int) string {
	if count < 0 {
		count = hops
	}
	if count <= 0 || count > len(values) {
		return ""
	}
	return values[len(values)-count]
}

// apply puts what was told into a copy of r.
func (f forwarding) apply(r *http.Request) *http.Request {
	s := siteOf(r)
	if s.original == nil {
		name, port := serverOf(r, &s)
		s.original = &Original{r.RemoteAddr, r.Host, s.schemeOf(r), s.script, name, port}
	}
	host, addr := r.Host, r.RemoteAddr
	if f.addr != "" {
		s.remote, addr = f.addr, joinRemote(f.addr, "")
	}
	if f.proto != "" {
		s.scheme = f.proto
	}
	if f.host != "" {
		host = f.host
		s.name, s.port = f.host, s.original.ServerPort
		if name, port := splitHost(f.host); port != "" {
			s.name, s.port = name, port
		}
	}
	if f.port != "" {
		if host != "" {
			name, _ := splitHost(host)
			host = name + ":" + f.port
		}
		s.port = f.port
	}
	if f.prefix != "" {
		s.script = f.prefix
	}
	r = withSite(r, s)
	r.Host, r.RemoteAddr = host, addr
	return r
}

// listOf is the values of a comma-separated header, its lines joined. A value in quotes loses them. A comma always ends a value, and a
// quote without its other half is a character like others: proxies append to what a client sent without looking, and none of that may
// swallow what they appended.
//
// Unlike Werkzeug's http.parse_list_header, which lets quotes hide commas.
func listOf(h http.Header, name string) []string {
	lines := h[name]
	if len(lines) == 0 {
		return nil
	}
	var items []string
	for item := range strings.SplitSeq(strings.Join(lines, ","), ",") {
		if item = strings.Trim(item, " \t"); item != "" {
			items = append(items, unquote(item))
		}
	}
	return items
}

// splitQuoted cuts s at sep outside of quoted strings, trims blanks and drops what is empty.
func splitQuoted(s string, sep byte) (items []string, ok bool) {
	start, quoted := 0, false
	for i := 0; i <= len(s); i++ {
		switch {
		case i == len(s) || s[i] == sep && !quoted:
			if item := strings.Trim(s[start:i], " \t"); item != "" {
				items = append(items, item)
			}
			start = i + 1
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '\\' && quoted:
			i++
		}
	}
	return items, !quoted
}

// unquote removes the quotes around s and the escapes inside.
func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	return unescape.Replace(s[1 : len(s)-1])
}

var unescape = strings.NewReplacer(`\\`, `\`, `\"`, `"`)

// AccessRoute is every address that X-Forwarded-For names, the client's claim first; without the header, RemoteAddr
// alone. It is for logs: nothing in it but what a ProxyFix believed is to be trusted.
//
// Source: Werkzeug Request.access_route.
func AccessRoute(r *http.Request) []string {
	if _, ok := r.Header["X-Forwarded-For"]; ok {
		return listOf(r.Header, "X-Forwarded-For")
	}
	if addr := RemoteAddr(r); addr != "" {
		return []string{addr}
	}
	return nil
}
