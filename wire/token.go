package wire

import "strings"

// tokenByte marks the bytes of a token (RFC 9110, 5.6.2).
var tokenByte = byteSet("!#$%&'*+-.^_`|~" + alphanumeric)

const alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

func byteSet(members string) (set [256]bool) {
	for i := 0; i < len(members); i++ {
		set[members[i]] = true
	}
	return set
}

// IsToken says whether s is a token, as header names, methods and cookie names are.
func IsToken(s string) bool { return s != "" && tokenEnd(s) == len(s) }

// tokenEnd is how many bytes at the start of s are those of a token.
func tokenEnd(s string) int {
	for i := 0; i < len(s); i++ {
		if !tokenByte[s[i]] {
			return i
		}
	}
	return len(s)
}

// Quote is s as a parameter's value: as it is if it is a token, else between quotes, with quotes and
// backslashes escaped. It does not look for control characters.
//
// Source: werkzeug.http.quote_header_value.
func Quote(s string) string {
	if IsToken(s) {
		return s
	}
	return QuoteAlways(s)
}

// QuoteAlways is Quote for values that stand between quotes even if they are tokens.
func QuoteAlways(s string) string { return `"` + quoter.Replace(s) + `"` }

var quoter = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// Unquote undoes Quote. What does not stand between quotes is returned as it is.
//
// Source: werkzeug.http.unquote_header_value.
func Unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	s = s[1 : len(s)-1]
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+1 < len(s) && s[i+1] != '\n' {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
