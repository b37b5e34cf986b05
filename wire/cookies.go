package wire

import (
	"iter"
	"strings"
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
