package wire

import (
	"strings"
	"unicode/utf8"
)

// ValidText is s with every ill-formed piece of UTF-8 as one U+FFFD, cut as the WHATWG and Python cut it: a
// sequence that is broken off is one piece, not one a byte.
func ValidText(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		if r == utf8.RuneError && size == 1 {
			size = brokenLen(s)
		}
		b.WriteRune(r)
		s = s[size:]
	}
	return b.String()
}

// brokenLen is how long the ill-formed piece at the start of s is: the longest start of a sequence that could have
// become well-formed, at least one byte.
func brokenLen(s string) int {
	lo, hi, need := byte(0x80), byte(0xbf), 0
	switch b := s[0]; {
	case 0xc2 <= b && b <= 0xdf:
		need = 1
	case 0xe0 <= b && b <= 0xef:
		need = 2
	case 0xf0 <= b && b <= 0xf4:
		need = 3
	}
	switch s[0] {
	case 0xe0:
		lo = 0xa0
	case 0xed:
		hi = 0x9f
	case 0xf0:
		lo = 0x90
	case 0xf4:
		hi = 0x8f
	}
	n := 1
	for n <= need && n < len(s) && lo <= s[n] && s[n] <= hi {
		lo, hi, n = 0x80, 0xbf, n+1
	}
	return n
}

// Latin1 is the text of bytes in ISO 8859-1.
func Latin1(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}

// asciiText is the text of bytes in ASCII; what is none is U+FFFD, byte by byte.
func asciiText(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] < utf8.RuneSelf {
			b.WriteByte(s[i])
		} else {
			b.WriteRune(utf8.RuneError)
		}
	}
	return b.String()
}

// DecodeText is the text of bytes in a charset that forms and parameters may name: "ascii", "us-ascii", "utf-8"
// and "iso-8859-1", in any case. For others ok is false.
func DecodeText(bytes, charset string) (text string, ok bool) {
	switch strings.ToLower(charset) {
	case "utf-8":
		return ValidText(bytes), true
	case "ascii", "us-ascii":
		return asciiText(bytes), true
	case "iso-8859-1":
		return Latin1(bytes), true
	}
	return bytes, false
}

// percentDecode undoes percent-encoding in a charset of DecodeText.
func percentDecode(s, charset string) (text string, ok bool) {
	return DecodeText(unescape(s, false), charset)
}

// unescape replaces "%" and two hexadecimal digits by the byte, and "+" by a blank if asked; everything
// else stays.
func unescape(s string, plus bool) string {
	if strings.IndexByte(s, '%') < 0 && (!plus || strings.IndexByte(s, '+') < 0) {
		return s
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '%' && i+2 < len(s) && isHex(s[i+1]) && isHex(s[i+2]):
			b = append(b, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
		case s[i] == '+' && plus:
			b = append(b, ' ')
		default:
			b = append(b, s[i])
		}
	}
	return string(b)
}

func isHex(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b && b <= 'f' || 'A' <= b && b <= 'F'
}

func unhex(b byte) byte {
	switch {
	case b <= '9':
		return b - '0'
	case b <= 'F':
		return b - 'A' + 10
	}
	return b - 'a' + 10
}
