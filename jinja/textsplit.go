package jinja

import (
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

func textSplit(v value, a []value, right bool) value {
	limit := size(a[1])
	var parts []string
	switch {
	case a[0].k == kNone && right:
		parts = rsplitBlanks(v.s, limit)
	case a[0].k == kNone:
		parts = splitBlanks(v.s, limit)
	case textArg(text(""), a[0]) == "":
		throw(valueError, "empty separator")
	case right:
		parts = rsplit(v.s, a[0].s, limit)
	case limit < 0:
		parts = strings.Split(v.s, a[0].s)
	default:
		parts = strings.SplitN(v.s, a[0].s, limit+1)
	}
	return texts(parts, v)
}

// texts is a list of texts that are as safe as like.
func texts(parts []string, like value) value {
	out := make([]value, len(parts))
	for i, p := range parts {
		out[i] = textLike(p, like)
	}
	return list(out)
}

func splitBlanks(s string, limit int) []string {
	if limit < 0 {
		return strings.FieldsFunc(s, isPySpace)
	}
	var out []string
	s = strings.TrimLeftFunc(s, isPySpace)
	for ; s != "" && len(out) < limit; s = strings.TrimLeftFunc(s, isPySpace) {
		i := strings.IndexFunc(s, isPySpace)
		if i < 0 {
			break
		}
		out = append(out, s[:i])
		s = s[i:]
	}
	if s != "" {
		out = append(out, s)
	}
	return out
}

func rsplitBlanks(s string, limit int) []string {
	if limit < 0 {
		return strings.FieldsFunc(s, isPySpace)
	}
	var out []string
	s = strings.TrimRightFunc(s, isPySpace)
	for ; s != "" && len(out) < limit; s = strings.TrimRightFunc(s, isPySpace) {
		i := strings.LastIndexFunc(s, isPySpace)
		if i < 0 {
			break
		}
		_, n := utf8.DecodeRuneInString(s[i:])
		out = append(out, s[i+n:])
		s = s[:i]
	}
	if s != "" {
		out = append(out, s)
	}
	slices.Reverse(out)
	return out
}

func rsplit(s, sep string, limit int) []string {
	var out []string
	for limit < 0 || len(out) < limit {
		i := strings.LastIndex(s, sep)
		if i < 0 {
			break
		}
		out = append(out, s[i+len(sep):])
		s = s[:i]
	}
	out = append(out, s)
	slices.Reverse(out)
	return out
}

// isLineEnd are the characters at which str.splitlines splits.
func isLineEnd(r rune) bool {
	switch r {
	case '\n', '\r', '\v', '\f', 0x1c, 0x1d, 0x1e, 0x85, 0x2028, 0x2029:
		return true
	}
	return false
}

// splitLines is str.splitlines.
func splitLines(s string, keep bool) []string {
	var out []string
	for s != "" {
		i := strings.IndexFunc(s, isLineEnd)
		if i < 0 {
			return append(out, s)
		}
		_, n := utf8.DecodeRuneInString(s[i:])
		if strings.HasPrefix(s[i:], "\r\n") {
			n = 2
		}
		if keep {
			out = append(out, s[:i+n])
		} else {
			out = append(out, s[:i])
		}
		s = s[i+n:]
	}
	return out
}

func textSplitLines(_ *frame, v value, a []value) value {
	return texts(splitLines(v.s, flag(a[0])), v)
}

func textPartition(v, sep value, last bool) value {
	s := textArg(text(""), sep)
	if s == "" {
		throw(valueError, "empty separator")
	}
	i := strings.Index(v.s, s)
	if last {
		i = strings.LastIndex(v.s, s)
	}
	parts := []string{v.s, "", ""}
	switch {
	case i >= 0:
		parts = []string{v.s[:i], s, v.s[i+len(s):]}
	case last:
		parts = []string{"", "", v.s}
	}
	return tuple(seqItems(texts(parts, v)))
}

func textTranslate(_ *frame, v value, a []value) value {
	var b strings.Builder
	for _, r := range v.s {
		to, ok := itemOf(a[0], integer(int64(r)))
		switch {
		case !ok:
			b.WriteRune(r)
		case to.k == kInt:
			b.WriteRune(rune(to.n))
		case to.isText():
			b.WriteString(to.s)
		}
		checkItems(b.Len())
	}
	return textLike(b.String(), v)
}

// bytesMethods are the few of Python's bytes that a page may need.
var bytesMethods = map[string]methodSpec{
	"decode": spec("encoding='utf-8' errors='strict'", func(_ *frame, v value, _ []value) value {
		return text(strings.ToValidUTF8(v.s, "\uFFFD"))
	}),
	"hex": spec("", func(_ *frame, v value, _ []value) value {
		var b []byte
		for i := range len(v.s) {
			b = appendHex(b, rune(v.s[i]), 2)
		}
		return text(string(b))
	}),
}

// textEncode is str.encode. Unlike Python's, it knows UTF-8, Latin-1 and ASCII alone.
func textEncode(_ *frame, v value, a []value) value {
	limit := codecLimit(wantText(a, 0, "encode"))
	handling := wantText(a, 1, "encode")
	if limit > utf8.MaxRune {
		return bytesVal(v.s)
	}
	var out []byte
	rs := []rune(v.s)
	for i := 0; i < len(rs); i++ {
		if rs[i] < limit {
			out = append(out, byte(rs[i]))
			continue
		}
		from := i
		for i+1 < len(rs) && rs[i+1] >= limit {
			i++
		}
		out = appendUnencodable(out, rs[from:i+1], from, limit, handling)
		checkItems(len(out))
	}
	return bytesVal(string(out))
}

// appendUnencodable adds what stands for characters that an encoding does not have, of which the
// first is at a position of the text. Unlike Python, there is no table of character names: namereplace is unknown.
func appendUnencodable(dst []byte, rs []rune, at int, limit rune, handling string) []byte {
	switch handling {
	case "strict", "surrogateescape", "surrogatepass": // the surrogates of these are in no text of Go
		throwUnencodable(rs, at, limit)
	case "ignore":
		return dst
	case "replace":
		return append(dst, strings.Repeat("?", len(rs))...)
	case "xmlcharrefreplace":
		for _, r := range rs {
			dst = append(strconv.AppendInt(append(dst, "&#"...), int64(r), 10), ';')
		}
		return dst
	case "backslashreplace":
		return append(dst, asciiOnly(string(rs))...)
	}
	throw(lookupError, "unknown error handler name '%s'", handling)
	return nil
}

func throwUnencodable(rs []rune, at int, limit rune) {
	codec := "ascii"
	if limit > utf8.RuneSelf {
		codec = "latin-1"
	}
	if len(rs) > 1 {
		throw(encodeError, "'%s' codec can't encode characters in position %d-%d: ordinal not in range(%d)", codec, at, at+len(rs)-1, limit)
	}
	throw(encodeError, "'%s' codec can't encode character '%s' in position %d: ordinal not in range(%d)", codec, asciiOnly(string(rs)), at, limit)
}

// codecLimit is the first character that an encoding does not have.
func codecLimit(name string) rune {
	switch strings.NewReplacer("-", "", "_", "", " ", "").Replace(strings.ToLower(name)) {
	case "utf8", "u8", "utf":
		return utf8.MaxRune + 1
	case "latin1", "iso88591", "latin", "l1", "8859", "cp819":
		return 0x100
	case "ascii", "usascii", "646":
		return 0x80
	}
	throw(lookupError, "unknown encoding: %s", name)
	return 0
}
