package carafe

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/carafeweb/carafe/routing"
)

// CookieHeader is the value of a Set-Cookie header, with the attributes in Werkzeug's order; now is for Expires, which
// goes with MaxAge unless it is given: a browser may heed either.
//
// A zero MaxAge is left out, and a negative one is written as 0, as net/http has it. Domain loses a leading dot and a port and is
// written in ASCII. What a cookie cannot hold stands in the value as octal escapes, in quotes.
//
// The error says that the name is not a token, that an attribute could end itself early, or that the name's prefix (__Host-)
// forbids the domain or the path. Unlike Flask, which sends all of these.
//
// Source: werkzeug.http.dump_cookie, RFC 6265.
func CookieHeader(cookie *http.Cookie, now time.Time) (string, error) {
	domain, err := cookieDomain(cookie)
	if err != nil {
		return "", err
	}
	sameSite, err := sameSiteName(cookie.SameSite)
	if err != nil {
		return "", err
	}
	expires := cookie.Expires
	if expires.IsZero() && cookie.MaxAge != 0 {
		expires = now.Add(time.Duration(max(cookie.MaxAge, 0)) * time.Second)
	}
	b := make(cookieLine, 0, len(cookie.Name)+len(cookie.Value)+len(cookie.Path)+len(domain)+cookieAttributes)
	b = append(append(append(b, cookie.Name...), '='), quoteCookie(cookie.Value)...)
	b.attribute(domain != "", "Domain=", domain)
	if !expires.IsZero() {
		b = expires.UTC().AppendFormat(append(b, "; Expires="...), http.TimeFormat)
	}
	if cookie.MaxAge != 0 {
		b = strconv.AppendInt(append(b, "; Max-Age="...), int64(max(cookie.MaxAge, 0)), 10)
	}
	b.attribute(cookie.Secure || cookie.Partitioned, "Secure", "")
	b.attribute(cookie.HttpOnly, "HttpOnly", "")
	b.attribute(cookie.Path != "", "Path=", quoteCookiePath(cookie.Path))
	b.attribute(sameSite != "", "SameSite=", sameSite)
	b.attribute(cookie.Partitioned, "Partitioned", "")
	return string(b), nil
}

// cookieAttributes is room for the attributes of most cookies.
const cookieAttributes = 128

// cookieLine is a header line in the making.
type cookieLine []byte

func (b *cookieLine) attribute(on bool, name, value string) {
	if on {
		*b = append(append(append(*b, "; "...), name...), value...)
	}
}

// cookieDomain is the domain as it is sent, or why the cookie cannot be.
func cookieDomain(cookie *http.Cookie) (string, error) {
	if !isToken(cookie.Name) {
		return "", fmt.Errorf("carafe: %q cannot be the name of a cookie: use letters, digits, - and _", cookie.Name)
	}
	domain, _, _ := strings.Cut(cookie.Domain, ":")
	domain = strings.TrimLeft(domain, ".")
	if strings.HasPrefix(cookie.Name, "__Host-") && (domain != "" || cookie.Path != "/") {
		return "", fmt.Errorf("carafe: the cookie %q can have no Domain, and Path /: browsers drop it otherwise", cookie.Name)
	}
	if domain == "" {
		return "", nil
	}
	ascii, err := routing.ASCIIHost(domain)
	if err != nil {
		return "", fmt.Errorf("carafe: the domain of cookie %q: %w", cookie.Name, err)
	}
	for i := 0; i < len(ascii); i++ {
		if c := ascii[i]; !isAlphanumeric(c) && c != '-' && c != '.' && c != '_' {
			return "", fmt.Errorf("carafe: %q cannot be the domain of cookie %q: give a host name", cookie.Domain, cookie.Name)
		}
	}
	return ascii, nil
}

func isAlphanumeric(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

func sameSiteName(mode http.SameSite) (string, error) {
	switch mode {
	case 0, http.SameSiteDefaultMode:
		return "", nil
	case http.SameSiteLaxMode:
		return "Lax", nil
	case http.SameSiteStrictMode:
		return "Strict", nil
	case http.SameSiteNoneMode:
		return "None", nil
	}
	return "", fmt.Errorf("carafe: %d is no http.SameSite: use http.SameSiteLaxMode, Strict or None", mode)
}

// cookieBytes stand in a cookie's value as they are, next to letters and digits.
const cookieBytes = "!#$%&'()*+-./:<=>?@[]^_`{|}~"

// quoteCookie puts a value in quotes, with octal escapes, if it has bytes that a cookie cannot hold.
//
// Source: werkzeug.http.dump_cookie, after Python's http.cookies. Unlike Flask, 1A to 1F are escaped like other control characters.
func quoteCookie(value string) string {
	plain := true
	for i := 0; i < len(value) && plain; i++ {
		plain = isCookieByte(value[i])
	}
	if plain {
		return value
	}
	b := []byte{'"'}
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ' || c >= 0x7f || c == ',' || c == ';':
			b = append(b, '\\', '0'+c>>6, '0'+c>>3&7, '0'+c&7)
		default:
			b = append(b, c)
		}
	}
	return string(append(b, '"'))
}

// isCookieByte is asked for each byte of each cookie.
func isCookieByte(c byte) bool { return plainCookieBytes[c] }

var plainCookieBytes = func() (plain [256]bool) {
	for c := range plain {
		plain[c] = isAlphanumeric(byte(c)) || strings.IndexByte(cookieBytes, byte(c)) >= 0
	}
	return plain
}()

// cookiePathBytes stand in a path as they are, next to letters and digits: what a URL's path may hold, and the
// percent of what is encoded already, but no semicolon.
const cookiePathBytes = "_.-~%!$&'()*+,/:=@"

func quoteCookiePath(path string) string {
	for i := 0; i < len(path); i++ {
		if c := path[i]; !isAlphanumeric(c) && strings.IndexByte(cookiePathBytes, c) < 0 {
			return percentEncode(path, cookiePathBytes)
		}
	}
	return path
}
