package signing

import (
	"math"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// text writes s as Python's json does: ", \ and control characters are escaped, and unless RawUnicode
// all from U+007F on; < > & and / are not.
func (e *encoder) text(s string) {
	out := append(e.out, '"')
	start := 0
	for i := 0; i < len(s); {
		if c := s[i]; c < utf8.RuneSelf {
			if c < ' ' || c == '"' || c == '\\' || c == 0x7f && !e.codec.RawUnicode {
				out = append(out, s[start:i]...)
				out = appendEscape(out, c)
				start = i + 1
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if !e.codec.RawUnicode || r == utf8.RuneError && size == 1 {
			out = append(out, s[start:i]...)
			out = appendRune(out, r, e.codec.RawUnicode)
			start = i + size
		}
		i += size
	}
	out = append(out, s[start:]...)
	e.out = append(out, '"')
}

func appendEscape(out []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(out, '\\', c)
	case '\b':
		return append(out, '\\', 'b')
	case '\f':
		return append(out, '\\', 'f')
	case '\n':
		return append(out, '\\', 'n')
	case '\r':
		return append(out, '\\', 'r')
	case '\t':
		return append(out, '\\', 't')
	}
	return appendHex(out, uint16(c))
}

func appendRune(out []byte, r rune, raw bool) []byte {
	if raw {
		return utf8.AppendRune(out, r)
	}
	if r > 0xffff {
		high, low := utf16.EncodeRune(r)
		return appendHex(appendHex(out, uint16(high)), uint16(low))
	}
	return appendHex(out, uint16(r))
}

func appendHex(out []byte, v uint16) []byte {
	const digits = "0123456789abcdef"
	return append(out, '\\', 'u', digits[v>>12], digits[v>>8&15], digits[v>>4&15], digits[v&15])
}

// appendFloat writes f as Python's json does, which is float.__repr__: the shortest text that reads
// back, always with a point or an exponent, the exponent from 1e16 and below 1e-4.
func appendFloat(out []byte, f float64, bits int) []byte {
	switch {
	case math.IsNaN(f):
		return append(out, "NaN"...)
	case math.IsInf(f, 1):
		return append(out, "Infinity"...)
	case math.IsInf(f, -1):
		return append(out, "-Infinity"...)
	}
	return appendRepr(out, f, bits)
}

func appendRepr(out []byte, f float64, bits int) []byte {
	if a := math.Abs(f); a != 0 && (a < 1e-4 || a >= 1e16) {
		return strconv.AppendFloat(out, f, 'e', -1, bits)
	}
	start := len(out)
	out = strconv.AppendFloat(out, f, 'f', -1, bits)
	if !strings.Contains(string(out[start:]), ".") {
		out = append(out, ".0"...)
	}
	return out
}
