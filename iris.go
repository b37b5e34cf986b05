package carafe

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/carafeweb/carafe/routing"
)

// A uriParts is a URI cut as Python's urlsplit cuts it.
type uriParts struct {
	scheme, user, password, host, port, path, query, fragment string
	authority, hasPassword                                    bool
}

// splitURI never fails: what is no scheme or authority is path. Blanks and controls in front, and tabs and line breaks anywhere,
// are dropped, as browsers drop them.
func splitURI(s string) (u uriParts) {
	s = strings.TrimLeftFunc(s, func(r rune) bool { return r <= ' ' })
	if strings.ContainsAny(s, "\t\r\n") {
		s = strings.NewReplacer("\t", "", "\r", "", "\n", "").Replace(s)
	}
	if i := strings.IndexByte(s, ':'); i > 0 && isScheme(s[:i]) {
		u.scheme, s = strings.ToLower(s[:i]), s[i+1:]
	}
	if rest, ok := strings.CutPrefix(s, "//"); ok {
		u.authority = true
		end := strings.IndexAny(rest, "/?#")
		if end < 0 {
			end = len(rest)
		}
		u.splitAuthority(rest[:end])
		s = rest[end:]
	}
	s, u.fragment, _ = strings.Cut(s, "#")
	u.path, u.query, _ = strings.Cut(s, "?")
	return u
}

func isScheme(s string) bool {
	for i := 0; i < len(s); i++ {
		b := s[i] | 0x20
		letter := 'a' <= b && b <= 'z'
		if !letter && (i == 0 || !('0' <= s[i] && s[i] <= '9' || strings.IndexByte("+-.", s[i]) >= 0)) {
			return false
		}
	}
	return true
}

func (u *uriParts) splitAuthority(s string) {
	if user, host, ok := cutLast(s, "@"); ok {
		u.user, u.password, u.hasPassword = strings.Cut(user, ":")
		s = host
	}
	u.host = s
	if i := strings.LastIndexByte(s, ':'); i > strings.LastIndexByte(s, ']') {
		u.host, u.port = s[:i], s[i+1:]
	}
	if strings.Trim(u.port, "0123456789") == "" {
		u.port = strings.TrimLeft(u.port, "0")
	}
	name := u.host
	if i := strings.IndexByte(u.host, '%'); i >= 0 { // the zone of an address, or an escape: its case stays
		name = u.host[:i]
	}
	u.host = strings.ToLower(name) + u.host[len(name):]
}

// join puts the pieces together again; what is empty leaves no trace.
func (u *uriParts) join() string {
	var b strings.Builder
	if u.scheme != "" {
		b.WriteString(u.scheme + ":")
	}
	if u.host+u.user+u.port != "" || u.authority && (u.scheme != "" || strings.HasPrefix(u.path, "//")) {
		b.WriteString("//")
		if u.user != "" {
			b.WriteString(u.user)
			if u.hasPassword && u.password != "" {
				b.WriteString(":" + u.password)
			}
			b.WriteString("@")
		}
		b.WriteString(u.host)
		if u.port != "" {
			b.WriteString(":" + u.port)
		}
	}
	b.WriteString(u.path)
	if u.query != "" {
		b.WriteString("?" + u.query)
	}
	if u.fragment != "" {
		b.WriteString("#" + u.fragment)
	}
	return b.String()
}

// What each part of a URI holds as it is, next to letters, digits and "_.-~"; "%" is among it, since what is encoded stays.
const (
	pathSafe     = "%!$&'()*+,/:;=@"
	querySafe    = "%!$&'()*+,/:;=?@"
	fragmentSafe = "%!#$&'()*+,/:;=?@"
	userSafe     = "%!$&'()*+,;="
)

// IRIToURI percent-encodes what a URI cannot hold, and writes the host in ASCII (IDNA). What is encoded already stays.
//
// Source: werkzeug.urls.iri_to_uri.
func IRIToURI(iri string) string {
	u := splitURI(iri)
	if ascii, err := routing.ASCIIHost(u.host); err == nil {
		u.host = ascii
	}
	u.path, u.query = percentEncode(u.path, pathSafe), percentEncode(u.query, querySafe)
	u.fragment = percentEncode(u.fragment, fragmentSafe)
	u.user, u.password = percentEncode(u.user, userSafe), percentEncode(u.password, userSafe)
	return u.join()
}

// URIToIRI decodes what is readable without changing what the URI means: reserved characters and what is no UTF-8 stay
// percent-encoded. The host is written in its own script, but for labels that cannot be read without becoming another name.
//
// Source: werkzeug.urls.uri_to_iri. Unlike Flask, where such a label is a 500, it stays as it is.
func URIToIRI(uri string) string {
	u := splitURI(uri)
	labels := strings.Split(u.host, ".")
	for i, label := range labels {
		labels[i] = readableLabel(label)
	}
	u.host = strings.Join(labels, ".")
	u.path, u.query = percentDecode(u.path, "/?#"), percentDecode(u.query, "&=+#")
	u.fragment = percentDecode(u.fragment, "")
	u.user, u.password = percentDecode(u.user, ":@/?#"), percentDecode(u.password, ":@/?#")
	return u.join()
}

// maxLabel is the bytes of a label of a host (RFC 1035, 2.3.4).
const maxLabel = 63

// readableLabel is a label of a host in its own script, or as it is if that is not the way to write what it would become: a Host of
// xn--example-.com must not read as example.com to an app that compares it (CVE-2026-39821, of the idna package of Go).
func readableLabel(label string) string {
	code, ok := strings.CutPrefix(label, "xn--")
	if !ok || len(label) > maxLabel { // no name of the DNS: decoding takes quadratic time
		return label
	}
	text, ok := decodePunycode(code)
	if !ok || strings.ContainsFunc(text, looksLikeAnother) {
		return label
	}
	if again, err := routing.ASCIIHost(text); err != nil || again != label {
		return label
	}
	return text
}

// looksLikeAnother says whether a character is none that names are written in, or a compatibility form of others, full stops and slashes
// among them, which whoever normalises the name (NFKC) would take it for. The standard library has no tables for that: the blocks are
// those that consist of such forms.
func looksLikeAnother(r rune) bool {
	if r != '-' && !unicode.In(r, unicode.L, unicode.M, unicode.Nd, unicode.So) {
		return true
	}
	i := slices.IndexFunc(compatibilityForms, func(block [2]rune) bool { return block[0] <= r && r <= block[1] })
	return i >= 0
}

var compatibilityForms = [][2]rune{
	{0x2070, 0x209f}, {0x2100, 0x218f}, {0x2460, 0x24ff}, {0x3200, 0x33ff}, {0xf900, 0xfdff}, {0xfe10, 0xfe6f}, {0xfe70, 0xffef},
	{0x1d400, 0x1d7ff}, {0x1f100, 0x1f2ff}, {0x2f800, 0x2fa1f},
}

func percentEncode(s, safe string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if isUnreserved(s[i]) || strings.IndexByte(safe, s[i]) >= 0 {
			b.WriteByte(s[i])
		} else {
			fmt.Fprintf(&b, "%%%02X", s[i])
		}
	}
	return b.String()
}

func isUnreserved(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || strings.IndexByte("_.-~", b) >= 0
}

// percentDecode decodes what is not a control, a blank, "%" or reserved. Each run of escapes is read as UTF-8 on its own;
// what is reserved keeps the spelling it had.
func percentDecode(s, reserved string) string {
	var b strings.Builder
	var run []byte
	flush := func() {
		for len(run) > 0 {
			r, size := utf8.DecodeRune(run)
			if r == utf8.RuneError && size == 1 {
				fmt.Fprintf(&b, "%%%02X", run[0])
			} else {
				b.Write(run[:size])
			}
			run = run[size:]
		}
	}
	for i := 0; i < len(s); i++ {
		c, ok := escapeAt(s, i)
		switch {
		case ok && (c <= ' ' || c == '%' || c == 0x7f || strings.IndexByte(reserved, c) >= 0):
			flush()
			b.WriteString(s[i : i+3])
			i += 2
		case ok:
			run = append(run, c)
			i += 2
		default:
			flush()
			b.WriteByte(s[i])
		}
	}
	flush()
	return b.String()
}

// escapeAt is the byte that "%XX" at i stands for.
func escapeAt(s string, i int) (byte, bool) {
	if s[i] != '%' || i+2 >= len(s) {
		return 0, false
	}
	hi, lo := strings.IndexByte(hexDigits, s[i+1]|0x20), strings.IndexByte(hexDigits, s[i+2]|0x20)
	if s[i+1] < '0' || s[i+2] < '0' || hi < 0 || lo < 0 {
		return 0, false
	}
	return byte(hi<<4 | lo), true
}

// decodePunycode reads one label behind "xn--" (RFC 3492). ok is false for what is none.
func decodePunycode(code string) (string, bool) {
	var out []rune
	if i := strings.LastIndexByte(code, '-'); i > 0 {
		out, code = []rune(code[:i]), code[i+1:]
	}
	n, i, bias := 128, 0, 72
	for code != "" {
		before := i
		for weight, k := 1, 36; ; k += 36 {
			digit, ok := punycodeDigit(code)
			if !ok || digit > (1<<30-i)/weight {
				return "", false
			}
			code, i = code[1:], i+digit*weight
			t := min(max(k-bias, 1), 26)
			if digit < t {
				break
			}
			weight *= 36 - t
		}
		size := len(out) + 1
		bias = punycodeBias(i-before, size, before == 0)
		n, i = n+i/size, i%size
		if n > utf8.MaxRune || 0xd800 <= n && n < 0xe000 {
			return "", false
		}
		out = append(out[:i], append([]rune{rune(n)}, out[i:]...)...)
		i++
	}
	return string(out), true
}

func punycodeDigit(s string) (int, bool) {
	if s == "" {
		return 0, false
	}
	switch b := s[0] | 0x20; {
	case 'a' <= b && b <= 'z':
		return int(b - 'a'), true
	case '0' <= s[0] && s[0] <= '9':
		return int(s[0]-'0') + 26, true
	}
	return 0, false
}

func punycodeBias(delta, size int, first bool) int {
	if first {
		delta /= 700
	} else {
		delta /= 2
	}
	delta += delta / size
	k := 0
	for ; delta > 455; k += 36 {
		delta /= 35
	}
	return k + 36*delta/(delta+38)
}
