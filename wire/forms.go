package wire

import (
	"iter"
	"strings"
	"unicode/utf8"
)

// FormPairs are the names and values of a query or an urlencoded body, in their order. Only "&" separates. Bytes that are
// no UTF-8 stay percent-encoded, so that all text is valid.
//
// Source: urllib.parse.parse_qsl with Werkzeug's error handler.
func FormPairs(text string) iter.Seq2[string, string] {
	return func(yield func(name, value string) bool) {
		for len(text) > 0 {
			var pair string
			pair, text, _ = strings.Cut(text, "&")
			if pair == "" {
				continue
			}
			name, value, _ := strings.Cut(pair, "=")
			if !yield(formText(name), formText(value)) {
				return
			}
		}
	}
}

// formText decodes one name or value.
func formText(s string) string { return keepEncoded(unescape(s, true)) }

// keepEncoded percent-encodes the bytes of s that are no UTF-8.
func keepEncoded(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			b.WriteByte('%')
			b.WriteByte(upperHex[s[i]>>4])
			b.WriteByte(upperHex[s[i]&15])
		} else {
			b.WriteString(s[i : i+size])
		}
		i += size
	}
	return b.String()
}

const upperHex = "0123456789ABCDEF"
