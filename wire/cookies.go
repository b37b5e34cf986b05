package wire

import (
	"fmt"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Cookies are the names and values of a Cookie header in their order. Values in quotes lose them, and Python's octal escapes
// are undone; a value that is no UTF-8 then has U+FFFD where it is not. Cookies without a name are left out.
//
// Source: werkzeug.sansio.http.parse_cookie.
func Cookies(field string) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		closing := 0
		for len(field) > 0 {
			var name, value string
			name, value, field = nextCookie(field, &closing)
			if name != "" && !yield(name, value) {
				return
			}
		}
	}
}

// nextCookie reads up to the next ";" that does not stand in a quoted value. closing is -1 once it is known that no
// quoted value ends any more.
func nextCookie(s string, closing *int) (name, value, rest string) {
	end := strings.IndexAny(s, "=;")
	if end < 0 || s[end] == ';' {
		name, rest, _ = strings.Cut(s, ";")
		return strings.TrimSpace(name), "", rest
	}
	name, s = strings.TrimSpace(s[:end]), strings.TrimLeft(s[end+1:], " \t")
	if n := cookieQuoteEnd(s, closing); n > 0 {
		_, rest, _ = strings.Cut(s[n:], ";")
		return name, unescapeCookie(s[1 : n-1]), rest
	}
	value, rest, _ = strings.Cut(s, ";")
	if value = strings.TrimSpace(value); len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
		value = unescapeCookie(value[1 : len(value)-1])
	}
	return name, value, rest
}

// cookieQuoteEnd is the length of the quoted value at the start of s that a ";" or the end follows, 0 if
// there is none.
func cookieQuoteEnd(s string, closing *int) int {
	if s == "" || s[0] != '"' || *closing < 0 {
		return 0
	}
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\':
			i++
		case s[i] == '"':
			if rest := strings.TrimLeft(s[i+1:], " \t"); rest == "" || rest[0] == ';' {
				return i + 1
			}
			return 0
		}
	}
	*closing = -1
	return 0
}

// unescapeCookie undoes backslashes: three octal digits are a byte, anything else is itself.
func unescapeCookie(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return ValidText(s)
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b = append(b, s[i])
			continue
		}
		i++
		if i+2 < len(s) && s[i] <= '3' && isOctal(s[i]) && isOctal(s[i+1]) && isOctal(s[i+2]) {
			b = append(b, (s[i]-'0')<<6|(s[i+1]-'0')<<3|(s[i+2]-'0'))
			i += 2
			continue
		}
		b = append(b, s[i])
	}
	return ValidText(string(b))
}

func isOctal(b byte) bool { return '0' <= b && b <= '7' }

// cookiePlain marks what stands in a cookie's value without quotes, cookieSlashed what is written in octal within them.
var (
	cookiePlain   = byteSet(alphanumeric + "_!#$%&'()*+-./:<=>?@[]^`{|}~")
	cookieSlashed = slashedSet()
	pathPlain     = byteSet(alphanumeric + "_.-~%!$&'()*+,/:=@")
)

func slashedSet() (set [256]bool) {
	for i := range set {
		set[i] = i < 0x20 || i >= 0x7f || strings.IndexByte("\",;\\", byte(i)) >= 0
	}
	return set
}

func within(s string, set *[256]bool) bool {
	for i := 0; i < len(s); i++ {
		if !set[s[i]] {
			return false
		}
	}
	return true
}

// SetCookie is the text of a Set-Cookie header: name, value and the attributes in Werkzeug's order. A positive MaxAge also
// writes Expires, relative to now, a negative one both as already past; a zero time and a zero MaxAge write nothing. An
// empty Path writes none. Partitioned implies Secure.
//
// The error says what cannot be written: a name that is no token, a path or domain that would end the attribute, a
// SameSite without meaning, a __Host- or __Secure- cookie that browsers would drop for its attributes.
//
// Source: werkzeug.http.dump_cookie. Unlike Flask, names and domains are checked, all control characters in
// values are escaped, and the prefixes hold (RFC 6265bis, 4.1.3).
func SetCookie(c *http.Cookie, now time.Time) (string, error) {
	if err := checkCookie(c); err != nil {
		return "", err
	}
	var b strings.Builder
	b.WriteString(c.Name + "=")
	writeCookieValue(&b, c.Value)
	if domain := cookieDomain(c.Domain); domain != "" {
		b.WriteString("; Domain=" + domain)
	}
	writeCookieAge(&b, c, now)
	if c.Secure || c.Partitioned {
		b.WriteString("; Secure")
	}
	if c.HttpOnly {
		b.WriteString("; HttpOnly")
	}
	if c.Path != "" {
		b.WriteString("; Path=")
		writeCookiePath(&b, c.Path)
	}
	if same := sameSiteName(c.SameSite); same != "" {
		b.WriteString("; SameSite=" + same)
	}
	if c.Partitioned {
		b.WriteString("; Partitioned")
	}
	return b.String(), nil
}

func checkCookie(c *http.Cookie) error {
	if !IsToken(c.Name) {
		return fmt.Errorf("wire: %q cannot be the name of a cookie: a name is letters, digits and !#$%%&'*+-.^_`|~", c.Name)
	}
	for i := 0; i < len(c.Domain); i++ {
		if b := c.Domain[i]; b <= ' ' || b >= 0x7f || b == ';' || b == ',' {
			return fmt.Errorf("wire: %q cannot be the domain of cookie %s", c.Domain, c.Name)
		}
	}
	lower := strings.ToLower(c.Name)
	switch {
	case !c.Secure && !c.Partitioned && (strings.HasPrefix(lower, "__secure-") || strings.HasPrefix(lower, "__host-")):
		return fmt.Errorf("wire: cookie %s needs Secure, else browsers drop it", c.Name)
	case strings.HasPrefix(lower, "__host-") && (c.Domain != "" || c.Path != "/"):
		return fmt.Errorf(`wire: cookie %s needs Path "/" and no Domain, else browsers drop it`, c.Name)
	}
	return nil
}

func writeCookieValue(b *strings.Builder, v string) {
	if within(v, &cookiePlain) {
		b.WriteString(v)
		return
	}
	b.WriteByte('"')
	for i := 0; i < len(v); i++ {
		switch {
		case v[i] == '"' || v[i] == '\\':
			b.WriteByte('\\')
			b.WriteByte(v[i])
		case cookieSlashed[v[i]]:
			fmt.Fprintf(b, `\%03o`, v[i])
		default:
			b.WriteByte(v[i])
		}
	}
	b.WriteByte('"')
}

// cookieDomain is the domain without the leading dot and the port.
func cookieDomain(domain string) string {
	domain, _, _ = strings.Cut(domain, ":")
	return strings.TrimLeft(domain, ".")
}

func writeCookieAge(b *strings.Builder, c *http.Cookie, now time.Time) {
	expires := c.Expires
	if expires.IsZero() && c.MaxAge != 0 {
		expires = now.Add(time.Duration(max(c.MaxAge, 0)) * time.Second)
	}
	if !expires.IsZero() {
		b.WriteString("; Expires=" + expires.UTC().Format(http.TimeFormat))
	}
	if c.MaxAge != 0 {
		b.WriteString("; Max-Age=" + strconv.Itoa(max(c.MaxAge, 0)))
	}
}

func writeCookiePath(b *strings.Builder, path string) {
	for i := 0; i < len(path); i++ {
		if pathPlain[path[i]] {
			b.WriteByte(path[i])
		} else {
			fmt.Fprintf(b, "%%%02X", path[i])
		}
	}
}

func sameSiteName(s http.SameSite) string {
	switch s {
	case http.SameSiteLaxMode:
		return "Lax"
	case http.SameSiteStrictMode:
		return "Strict"
	case http.SameSiteNoneMode:
		return "None"
	}
	return ""
}
