package carafe

import (
	"net/url"
	"slices"
	"strings"
	"unicode"
)

// SafeRedirect says whether an address that a client has given ("?next=…") may be redirected to: one that stays where the browser
// is, or an http or https address of one of the hosts. A host is written as in the address, with the port if that has one; c.Request.Authority()
// is the app's own, if Config.TrustedHosts says which ones may be.
//
//	if next := c.Query("next"); carafe.SafeRedirect(next) {
//		return carafe.Redirect(next)
//	}
//
// It goes by what browsers make of an address, not by what the RFCs say: a backslash is a slash, control characters are dropped, and
// "http:evil.test" and "///evil.test" name a host.
//
// Source: django.utils.http.url_has_allowed_host_and_scheme. Unlike Flask, which has none.
func SafeRedirect(target string, hosts ...string) bool {
	if strings.ContainsFunc(target, unicode.IsControl) {
		return false
	}
	target = strings.TrimSpace(target)
	if target == "" || target[0] == '\\' {
		return false
	}
	// Once as it is, and once as a browser reads it.
	return leadsTo(target, hosts) && leadsTo(strings.ReplaceAll(target, "\\", "/"), hosts)
}

func leadsTo(target string, hosts []string) bool {
	u, err := url.Parse(target)
	if err != nil || strings.HasPrefix(target, "///") || u.Opaque != "" || u.User != nil || u.Host == "" && u.Scheme != "" {
		return false
	}
	if u.Host == "" {
		return true
	}
	return (u.Scheme == "" || u.Scheme == "http" || u.Scheme == "https") &&
		slices.ContainsFunc(hosts, func(host string) bool { return strings.EqualFold(host, u.Host) })
}
