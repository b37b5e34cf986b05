package carafetest

import (
	"net/http"
	"slices"
	"strings"
	"sync"
)

// A jar is the cookies of a client, each known by domain, path and name. Domain and path decide which of them a request
// gets; Secure and expiry do not matter, but that a cookie which expires at once is deleted.
//
// Source: werkzeug.test.Client.
type jar struct {
	mu      sync.Mutex
	cookies []storedCookie
}

// A storedCookie keeps the value as it was sent, which is how it is sent back.
type storedCookie struct {
	http.Cookie
	raw      string
	thisHost bool // only for exactly Domain, not for what lies below it
}

// store takes over what a response to host and path has set.
func (j *jar) store(host, path string, lines []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, line := range lines {
		if c, ok := parseCookie(line); ok {
			j.put(c.within(host, path))
		}
	}
}

// parseCookie reads a Set-Cookie line. The value may be anything, as with browsers.
func parseCookie(line string) (storedCookie, bool) {
	pair, attributes, _ := strings.Cut(line, ";")
	name, value, ok := strings.Cut(pair, "=")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	c, err := http.ParseSetCookie(name + "=v;" + attributes)
	if !ok || err != nil {
		return storedCookie{}, false
	}
	c.Value = value
	if n := len(value); n >= 2 && value[0] == '"' && value[n-1] == '"' {
		c.Value, c.Quoted = value[1:n-1], true
	}
	return storedCookie{Cookie: *c, raw: value}, true
}

// within fills in the domain and the path that the cookie does not have: the host, and the path without its last segment.
//
// Unlike Werkzeug, a domain is read as RFC 6265, 5.2.3 says: without a leading dot, in any case.
func (c storedCookie) within(host, path string) storedCookie {
	c.Domain = strings.ToLower(strings.TrimPrefix(c.Domain, "."))
	if c.Domain == "" {
		c.Domain, c.thisHost = host, true
	}
	if !strings.HasPrefix(c.Path, "/") {
		c.Path = path[:max(strings.LastIndexByte(path, '/'), 0)]
	}
	if c.Path == "" {
		c.Path = "/"
	}
	return c
}

// put stores a cookie in the place of the one that it replaces, or deletes that; j.mu is held.
func (j *jar) put(c storedCookie) {
	at := slices.IndexFunc(j.cookies, func(o storedCookie) bool {
		return o.Domain == c.Domain && o.Path == c.Path && o.Name == c.Name
	})
	ends := c.MaxAge < 0 || !c.Expires.IsZero() && c.Expires.Unix() == 0
	switch {
	case ends && at >= 0:
		j.cookies = slices.Delete(j.cookies, at, at+1)
	case ends:
	case at >= 0:
		j.cookies[at] = c
	default:
		j.cookies = append(j.cookies, c)
	}
}

// pairs are the cookies for a request, "name=value".
func (j *jar) pairs(host, path string) []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	var pairs []string
	for _, c := range j.cookies {
		if c.matches(host, path) {
			pairs = append(pairs, c.Name+"="+c.raw)
		}
	}
	return pairs
}

func (c *storedCookie) matches(host, path string) bool {
	if host != c.Domain && (c.thisHost || !strings.HasSuffix(host, "."+c.Domain)) {
		return false
	}
	rest, below := strings.CutPrefix(path, strings.TrimSuffix(c.Path, "/"))
	return path == c.Path || below && strings.HasPrefix(path, c.Path) && strings.HasPrefix(rest, "/")
}

// withCookies is the jar for a method that needs it.
func (c *Client) withCookies() *jar {
	c.t.Helper()
	if c.jar == nil {
		c.t.Fatalf("Cookies are disabled. Create the client without carafetest.Cookies(false)")
	}
	return c.jar
}

// Cookie is the client's cookie of that name, the one that was set first if there are several, nil if there is none. Its Domain
// and Path are always filled in.
//
// Source: werkzeug.test.Client.get_cookie.
func (c *Client) Cookie(name string) *http.Cookie {
	c.t.Helper()
	for _, cookie := range c.AllCookies() {
		if cookie.Name == name {
			return cookie
		}
	}
	return nil
}

// AllCookies are the client's cookies in the order in which they were first set: those for all hosts and paths.
func (c *Client) AllCookies() []*http.Cookie {
	c.t.Helper()
	j := c.withCookies()
	j.mu.Lock()
	defer j.mu.Unlock()
	all := make([]*http.Cookie, len(j.cookies))
	for i := range j.cookies {
		cookie := j.cookies[i].Cookie
		all[i] = &cookie
	}
	return all
}

// SetCookie has the client send a cookie from now on: to the host of the app's base URL, or, with a Domain, to that and what
// lies below it; for Path and what lies below it, "" being "/". A MaxAge below zero deletes it.
//
// Source: werkzeug.test.Client.set_cookie.
func (c *Client) SetCookie(cookie *http.Cookie) {
	c.t.Helper()
	j := c.withCookies()
	line := cookie.String()
	parsed, ok := parseCookie(line)
	if !ok {
		c.t.Fatalf("SetCookie: %q is not the name of a cookie, or its value cannot be sent", cookie.Name)
	}
	if !strings.HasPrefix(parsed.Path, "/") {
		parsed.Path = "/"
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.put(parsed.within(hostname(c.baseHost()), "/"))
}

// DeleteCookie forgets every cookie of that name; SetCookie with a negative MaxAge forgets a single one.
//
// Source: werkzeug.test.Client.delete_cookie.
func (c *Client) DeleteCookie(name string) {
	c.t.Helper()
	j := c.withCookies()
	j.mu.Lock()
	defer j.mu.Unlock()
	j.cookies = slices.DeleteFunc(j.cookies, func(o storedCookie) bool { return o.Name == name })
}
