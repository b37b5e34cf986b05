package devserver

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// isLocal says whether a request comes from this machine, by a name that no other site can have given it. Such a request alone
// sees source and errors.
//
//   - the peer is a loopback address: not one on a socket file, behind which anybody may be;
//   - no proxy says that it asks for somebody else;
//   - the Host is localhost, a name below it, a loopback address, or one of trusted: a foreign name that leads here is DNS rebinding;
//   - it was not made by a page of another site, but for a person who follows a link.
//
// Source: Werkzeug DebuggedApplication.check_host_trust, CVE-2024-34069.
func isLocal(r *http.Request, trusted []string) bool {
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || !peer.Addr().Unmap().IsLoopback() {
		return false
	}
	for name := range r.Header {
		if strings.HasPrefix(name, "X-Forwarded") || slices.Contains(proxyHeaders, name) {
			return false
		}
	}
	if site := r.Header.Get("Sec-Fetch-Site"); (site == "cross-site" || site == "same-site") && r.Header.Get("Sec-Fetch-Mode") != "navigate" {
		return false
	}
	return hostTrusted(r.Host, trusted)
}

// proxyHeaders are what proxies add beside X-Forwarded-…, as net/http spells it.
var proxyHeaders = []string{"Forwarded", "Via", "X-Real-Ip", "Cf-Connecting-Ip", "True-Client-Ip", "X-Client-Ip", "X-Original-Host"}

// hostTrusted compares the host without its port.
func hostTrusted(host string, trusted []string) bool {
	name := host
	if h, _, err := net.SplitHostPort(host); err == nil {
		name = h
	}
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	if name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return true
	}
	if ip, err := netip.ParseAddr(name); err == nil && ip.Unmap().IsLoopback() {
		return true
	}
	return name != "" && slices.ContainsFunc(trusted, func(t string) bool { return strings.EqualFold(t, name) })
}
