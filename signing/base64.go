package signing

import (
	"bytes"
	"encoding/base64"
	"errors"
)

var (
	errBase64Padding = errors.New("signing: base64 text ends within a group")
	errBase64Length  = errors.New("signing: base64 text has one character too many")
)

// decodeURLSafe appends what text stands for, read as itsdangerous reads it: without padding in the
// normal case, which takes the quick way; but padding, "+/" and characters outside the alphabet are
// put up with, since a cookie that Flask opens is one that we open. Several texts of one signature
// are no forgery; they do mean that a token's text is not an identity (compare what it says).
func decodeURLSafe(dst, text []byte) ([]byte, error) {
	start := len(dst)
	if bytes.IndexByte(text, '\n') < 0 && bytes.IndexByte(text, '\r') < 0 {
		out, err := base64.RawURLEncoding.AppendDecode(dst, text)
		if err == nil {
			return out, nil
		}
	}
	return decodeLax(dst[:start], text, true, -len(text)&3)
}

// decodeLax is binascii.a2b_base64 without strict mode: characters outside the alphabet are dropped,
// and padding that completes a group ends the text. pads "=" are read after it. urlSafe takes "-"
// and "_" for "+" and "/"; otherwise they are dropped too.
func decodeLax(dst, text []byte, urlSafe bool, pads int) ([]byte, error) {
	group, seen := 0, 0 // characters of the group, "=" since the last of them
	var left byte
	for i := range len(text) + pads {
		c := byte('=')
		if i < len(text) {
			c = text[i]
		}
		if c == '=' {
			if group >= 2 {
				if seen++; group+seen >= 4 {
					return dst, nil
				}
			}
			continue
		}
		v, ok := sextet(c, urlSafe)
		if !ok {
			continue
		}
		seen = 0
		switch group {
		case 0:
			left = v
		case 1:
			dst = append(dst, left<<2|v>>4)
			left = v & 15
		case 2:
			dst = append(dst, left<<4|v>>2)
			left = v & 3
		case 3:
			dst = append(dst, left<<6|v)
		}
		group = (group + 1) & 3
	}
	switch group {
	case 0:
		return dst, nil
	case 1:
		return dst, errBase64Length
	}
	return dst, errBase64Padding
}

func sextet(c byte, urlSafe bool) (byte, bool) {
	switch {
	case 'A' <= c && c <= 'Z':
		return c - 'A', true
	case 'a' <= c && c <= 'z':
		return c - 'a' + 26, true
	case '0' <= c && c <= '9':
		return c - '0' + 52, true
	case c == '+' || urlSafe && c == '-':
		return 62, true
	case c == '/' || urlSafe && c == '_':
		return 63, true
	}
	return 0, false
}
