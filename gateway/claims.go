package gateway

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// What a proxy tells ends up in logs, in rate limits' keys and in front of every URL that the application builds. A proxy may be
// trusted and yet pass on a client's text, so each value has to look like what its header is for.

// addrOrNone keeps an IP address, in the spelling of RFC 5952 and without port and brackets: a client that comes from another
// port is the same client to a rate limit. Unlike Werkzeug, "unknown" and obfuscated names (RFC 7239 section 6.3) are not believed:
// RemoteAddr is an address, or the empty text.
func addrOrNone(node string) string {
	if ip, ok := addrOf(node); ok {
		return ip.String()
	}
	return ""
}

// addrOf reads an address with or without port and brackets. Zones mean something on one machine only, and may hold any character.
func addrOf(node string) (netip.Addr, bool) {
	if host, port, err := net.SplitHostPort(node); err == nil {
		if !isPort(port) && !isObfuscated(port) {
			return netip.Addr{}, false
		}
		node = host
	} else if strings.HasPrefix(node, "[") && strings.HasSuffix(node, "]") {
		node = node[1 : len(node)-1]
	}
	ip, err := netip.ParseAddr(node)
	return ip, err == nil && ip.Zone() == ""
}

// isObfuscated reports whether s is RFC 7239's obfuscated identifier, which stands for a port as well as for an address.
func isObfuscated(s string) bool {
	return len(s) > 1 && s[0] == '_' && isName(s)
}

// schemeOrNone keeps the four schemes that a request of HTTP can have had, in lower case. Unlike Werkzeug, anything else is not
// believed: it would end up in front of "://" in a redirect.
func schemeOrNone(s string) string {
	switch s = strings.ToLower(s); s {
	case "http", "https", "ws", "wss":
		return s
	}
	return ""
}

// hostOrNone keeps a name or an address with or without a port. Unlike Werkzeug, anything else is not believed: Werkzeug takes a
// Host that is none for an empty one, and would serve such a request.
func hostOrNone(s string) string {
	name, port := splitHost(s)
	if strings.HasSuffix(s, ":") || port != "" && !isPort(port) {
		return ""
	}
	if strings.HasPrefix(name, "[") && strings.HasSuffix(name, "]") {
		if ip, err := netip.ParseAddr(name[1 : len(name)-1]); err != nil || !ip.Is6() || ip.Zone() != "" {
			return ""
		}
	} else if !isName(name) {
		return ""
	}
	return s
}

// isName reports whether s may be a host's name, or an IPv4 address. Names of containers have underscores.
func isName(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isAlphanumeric(c) && c != '.' && c != '-' && c != '_' {
			return false
		}
	}
	return s != ""
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z'
}

// portOrNone keeps a port's digits. Unlike Werkzeug, anything else is not believed: it would stand in every URL of the app's own.
func portOrNone(s string) string {
	if isPort(s) {
		return s
	}
	return ""
}

func isPort(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil && len(s) <= 5
}

// prefixOrNone keeps a path: slashes and the characters that a segment may have unescaped (RFC 3986 section 3.3). Unlike
// Werkzeug, one that a browser would take for a host ("//evil") is cut to one slash, and anything else is not believed: ".evil.test"
// would prolong the host of every URL, a line break would end the header it stands in (CVE-2023-26125 is gin's).
func prefixOrNone(s string) string {
	if s == "" || s[0] != '/' {
		return ""
	}
	s = "/" + strings.TrimLeft(s, `/\`)
	for i := range len(s) {
		if c := s[i]; !isAlphanumeric(c) && strings.IndexByte("/%-._~!$&'()*+,;=:@", c) < 0 {
			return ""
		}
	}
	return s
}
