package carafe

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
)

// addCookie writes a Set-Cookie header; a cookie that browsers would drop for its size is warned of.
func (resp *Response) addCookie(a *App, cookie *http.Cookie) error {
	line, err := setCookieLine(cookie)
	if err != nil {
		return err
	}
	if size := a.Config.MaxCookieSize; size > 0 && len(line) > size {
		a.logger().Warn("carafe: a cookie is too large: browsers may silently ignore it", "cookie", cookie.Name,
			"value bytes", len(cookie.Value), "header bytes", len(line), "limit", size)
	}
	resp.materialize()
	resp.Header.Add(headerCookie, line)
	return nil
}

// setCookieLine is the value of a Set-Cookie header, with its attributes in Werkzeug's order. A negative MaxAge is
// written as 0, which deletes the cookie.
//
// Source: werkzeug.http.dump_cookie.
func setCookieLine(cookie *http.Cookie) (string, error) {
	if !isToken(cookie.Name) {
		return "", fmt.Errorf("carafe: %q cannot be the name of a cookie", cookie.Name)
	}
	var b strings.Builder
	b.WriteString(cookie.Name + "=" + quoteCookie(cookie.Value))
	attribute := func(on bool, text string) {
		if on {
			b.WriteString("; " + text)
		}
	}
	attribute(cookie.Domain != "", "Domain="+cookie.Domain)
	attribute(!cookie.Expires.IsZero(), "Expires="+cookie.Expires.UTC().Format(http.TimeFormat))
	attribute(cookie.MaxAge != 0, "Max-Age="+strconv.Itoa(max(cookie.MaxAge, 0)))
	attribute(cookie.Secure || cookie.Partitioned, "Secure")
	attribute(cookie.HttpOnly, "HttpOnly")
	attribute(cookie.Path != "", "Path="+cookie.Path)
	attribute(cookie.SameSite != 0, "SameSite="+sameSiteName(cookie.SameSite))
	attribute(cookie.Partitioned, "Partitioned")
	line := b.String()
	return line, checkHeader(headerCookie, line)
}

func sameSiteName(mode http.SameSite) string {
	switch mode {
	case http.SameSiteStrictMode:
		return "Strict"
	case http.SameSiteNoneMode:
		return "None"
	}
	return "Lax"
}

// cookieBytes stand in a cookie's value as they are, next to letters and digits.
const cookieBytes = "!#$%&'()*+-./:<=>?@[]^_`{|}~"

// quoteCookie puts a value in quotes, with octal escapes, if it has bytes that a cookie cannot hold.
//
// Source: werkzeug.http.dump_cookie, after Python's http.cookies.
func quoteCookie(value string) string {
	plain := true
	for i := 0; i < len(value) && plain; i++ {
		plain = isCookieByte(value[i])
	}
	if plain {
		return value
	}
	var b strings.Builder
	b.WriteByte('"')
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c >= 0x7f || c == ',' || c == ';':
			fmt.Fprintf(&b, "\\%03o", c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func isCookieByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte(cookieBytes, c) >= 0
}
