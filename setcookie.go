package carafe

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// SetCookie adds a cookie, next to those that are set already. A positive MaxAge also writes Expires, for clients that know
// no other; a negative one deletes. An empty Path means "/". Values with characters that a cookie cannot hold are
// quoted and escaped as Python's http.cookies does, which [Request.CookieValues] undoes.
//
// The error says what cannot be: a name that is no token, a Domain that would end the attribute, or a name that begins with
// __Host- or __Secure- without the attributes that browsers then insist on.
//
// Source: werkzeug.wrappers.Response.set_cookie.
func (resp *Response) SetCookie(c *http.Cookie) error {
	cookie := *c
	name := strings.ToLower(c.Name)
	if !c.Secure && !c.Partitioned && (strings.HasPrefix(name, "__host-") || strings.HasPrefix(name, "__secure-")) {
		return fmt.Errorf("carafe: the cookie %q needs Secure: browsers drop it otherwise", c.Name)
	}
	if cookie.Path == "" {
		cookie.Path = "/"
	}
	if err := checkCookiePrefix(&cookie); err != nil {
		return err
	}
	line, err := CookieHeader(&cookie, time.Now())
	if err != nil {
		return err
	}
	resp.materialize()
	resp.Header.Add(headerCookie, line)
	return nil
}

// checkCookiePrefix refuses what browsers would drop: they hold the prefixes in whatever case (RFC 6265bis, 4.1.3).
func checkCookiePrefix(c *http.Cookie) error {
	name := strings.ToLower(c.Name)
	host := strings.HasPrefix(name, "__host-")
	switch {
	case (host || strings.HasPrefix(name, "__secure-")) && !c.Secure && !c.Partitioned:
		return fmt.Errorf("carafe: the cookie %q needs Secure: browsers drop it otherwise", c.Name)
	case host && (c.Domain != "" || c.Path != "/"):
		return fmt.Errorf("carafe: the cookie %q can have no Domain, and Path /: browsers drop it otherwise", c.Name)
	}
	return nil
}

// DeleteCookie has the client forget a cookie: Path and Domain must be those it was set with.
//
// Source: Response.delete_cookie.
func (resp *Response) DeleteCookie(c *http.Cookie) error {
	gone := *c
	gone.Value, gone.MaxAge, gone.Expires = "", -1, time.Unix(0, 0)
	return resp.SetCookie(&gone)
}

// addCookie is SetCookie for a cookie whose path is settled, at a time by the app's clock.
func (resp *Response) addCookie(cookie *http.Cookie, now time.Time) error {
	line, err := CookieHeader(cookie, now)
	if err != nil {
		return err
	}
	resp.materialize()
	resp.Header.Add(headerCookie, line)
	return nil
}

// warnLargeCookies warns of cookies that browsers would drop for their size.
//
// Source: werkzeug.http.dump_cookie, Config.MAX_COOKIE_SIZE.
func (a *App) warnLargeCookies(c *Context, resp *Response) {
	limit := a.Config.MaxCookieSize
	for _, line := range resp.Header[headerCookie] {
		if limit <= 0 || len(line) <= limit {
			continue
		}
		name, rest, _ := strings.Cut(line, "=")
		value, _, _ := strings.Cut(rest, ";")
		a.logger().WarnContext(c, "carafe: a cookie is too large: browsers may silently ignore it", "cookie", name,
			"value_bytes", len(value), "header_bytes", len(line), "limit", limit, "endpoint", c.Endpoint())
	}
}

// SetHeader sets a header in place of what it was. A name that is no token, or a value with CR, LF, NUL or another control
// character, is refused. Values in Header itself are checked too, but only before the response is written.
func (resp *Response) SetHeader(name, value string) error {
	if err := checkHeader(name, value); err != nil {
		return err
	}
	resp.materialize()
	resp.Header.Set(name, value)
	return nil
}

// AddHeader is SetHeader that keeps the values there are.
func (resp *Response) AddHeader(name, value string) error {
	if err := checkHeader(name, value); err != nil {
		return err
	}
	resp.materialize()
	resp.Header.Add(name, value)
	return nil
}
