package jinja

import (
	"math"
	"math/big"
	"strings"
	"unicode/utf8"
)

// A formatSpec is Python's format specification: [[fill]align][sign][z][#][0][width][,][.precision][type].
type formatSpec struct {
	fill       string
	align      byte
	sign       byte
	alt, noNeg bool // noNeg turns -0.0 into 0.0
	width      int
	comma      string
	precision  int
	verb       byte
}

func parseSpec(s string, v value) formatSpec {
	f, filled := formatSpec{fill: " ", precision: -1}, false
	_, n := utf8.DecodeRuneInString(s)
	if len(s) > n && strings.IndexByte("<>=^", s[n]) >= 0 {
		f.fill, f.align, s, filled = s[:n], s[n], s[n+1:], true
	} else if s != "" && strings.IndexByte("<>=^", s[0]) >= 0 {
		f.align, s = s[0], s[1:]
	}
	if s != "" && strings.IndexByte("+- ", s[0]) >= 0 {
		f.sign, s = s[0], s[1:]
	}
	if strings.HasPrefix(s, "z") {
		f.noNeg, s = true, s[1:]
	}
	if strings.HasPrefix(s, "#") {
		f.alt, s = true, s[1:]
	}
	if strings.HasPrefix(s, "0") && !filled {
		f.fill, s = "0", s[1:]
		if f.align == 0 && !v.isText() {
			f.align = '='
		}
	}
	f.width, s = leadingInt(s)
	f.width = max(f.width, 0)
	if s != "" && (s[0] == ',' || s[0] == '_') {
		f.comma, s = s[:1], s[1:]
	}
	if strings.HasPrefix(s, ".") {
		if f.precision, s = leadingInt(s[1:]); f.precision < 0 {
			throw(valueError, "Format specifier missing precision")
		}
	}
	if len(s) > 1 {
		throw(valueError, "Invalid format specifier '%s' for object of type '%s'", s, typeName(v))
	}
	if s != "" {
		f.verb = s[0]
	}
	f.checkComma()
	return f
}

// checkComma refuses thousands separators where digits are not grouped.
func (f formatSpec) checkComma() {
	groups := "\x00defgEG%F"
	if f.comma == "_" {
		groups += "boxX"
	}
	if f.comma != "" && strings.IndexByte(groups, f.verb) < 0 {
		throw(valueError, "Cannot specify '%s' with '%c'.", f.comma, f.verb)
	}
}

// leadingInt reads the digits s starts with; -1 if it has none.
func leadingInt(s string) (int, string) {
	n, i := 0, 0
	for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
		n = boundedWidth(n*10 + int(s[i]-'0'))
	}
	if i == 0 {
		return -1, s
	}
	return n, s[i:]
}

// formatValue is Python's format(v, spec).
func formatValue(v value, spec string) string {
	v = plain(v)
	if spec == "" {
		return str(v)
	}
	if t, ok := momentOf(v); ok {
		return strftime(t, spec)
	}
	if !v.isNumber() && !v.isText() {
		throw(typeError, "unsupported format string passed to %s.__format__", typeName(v))
	}
	f := parseSpec(spec, v)
	if v.isText() {
		return f.text(v)
	}
	if v.k == kFloat || strings.IndexByte("eEfFgG%", f.verb) >= 0 && f.verb != 0 {
		return f.float(v)
	}
	return f.integer(v)
}

func (f formatSpec) unknown(v value) {
	throw(valueError, "Unknown format code '%c' for object of type '%s'", f.verb, typeName(v))
}

func (f formatSpec) text(v value) string {
	if f.verb != 0 && f.verb != 's' {
		f.unknown(v)
	}
	if f.align == '=' {
		throw(valueError, "'=' alignment not allowed in string format specifier")
	}
	if f.sign != 0 || f.alt || f.noNeg {
		throw(valueError, "Sign, z and # not allowed in string format specifier")
	}
	if f.comma != "" {
		throw(valueError, "Cannot specify '%s' with 's'.", f.comma)
	}
	s := v.s
	if f.precision >= 0 {
		s = firstRunes(s, f.precision)
	}
	return f.pad(s, '<')
}

func (f formatSpec) pad(s string, align byte) string {
	if f.align != 0 {
		align = f.align
	}
	room := f.width - utf8.RuneCountInString(s)
	if room <= 0 {
		return s
	}
	switch align {
	case '<':
		return s + strings.Repeat(f.fill, room)
	case '^':
		return strings.Repeat(f.fill, room/2) + s + strings.Repeat(f.fill, room-room/2)
	}
	return strings.Repeat(f.fill, room) + s
}

func (f formatSpec) integer(v value) string {
	if f.precision >= 0 || f.noNeg {
		throw(valueError, "Precision and z not allowed in integer format specifier")
	}
	n := v.asBig()
	abs := new(big.Int).Abs(n)
	var digits, prefix string
	switch f.verb {
	case 0, 'd', 'n':
		digits = decimal(abs)
	case 'b', 'o', 'x', 'X':
		base := map[byte]int{'b': 2, 'o': 8, 'x': 16, 'X': 16}[f.verb]
		digits, prefix = abs.Text(base), "0"+string(f.verb)
		if f.verb == 'X' {
			digits = strings.ToUpper(digits)
		}
	case 'c':
		if f.sign != 0 || f.alt {
			throw(valueError, "Sign and # not allowed with integer format specifier 'c'")
		}
		return f.number(false, "", character(v), "", 3)
	default:
		f.unknown(v)
	}
	if !f.alt {
		prefix = ""
	}
	every := 3
	if prefix != "" || f.verb == 'b' || f.verb == 'x' || f.verb == 'X' || f.verb == 'o' {
		every = 4
	}
	return f.number(n.Sign() < 0, prefix, digits, "", every)
}

func (f formatSpec) float(v value) string {
	x := v.asFloat()
	verb, prec, suffix := f.verb, f.precision, ""
	var digits string
	abs := math.Abs(x)
	switch {
	case verb == '%':
		abs, verb, suffix = abs*100, 'f', "%"
	case verb == 0 || verb == 'n':
		if prec < 0 && verb == 0 {
			digits = string(appendFloat(nil, abs))
		}
		verb = 'g'
	case strings.IndexByte("eEfFgG", verb) < 0:
		f.unknown(v)
	}
	if digits == "" {
		if prec < 0 {
			prec = 6
		}
		digits = formatFloat(abs, verb, prec, f.alt)
		if f.verb == 0 && !strings.ContainsAny(digits, ".en") {
			digits += ".0"
		}
	}
	whole, rest := digits, ""
	if i := strings.IndexFunc(digits, func(r rune) bool { return r < '0' || r > '9' }); i >= 0 {
		whole, rest = digits[:i], digits[i:]
	}
	negative := math.Signbit(x) && x == x && !(f.noNeg && !strings.ContainsAny(digits, "123456789inf"))
	return f.number(negative, "", whole, rest+suffix, 3)
}

// number puts sign, prefix, grouped digits and the rest together, padded.
func (f formatSpec) number(negative bool, prefix, digits, rest string, every int) string {
	sign := ""
	switch {
	case negative:
		sign = "-"
	case f.sign == '+' || f.sign == ' ':
		sign = string(f.sign)
	}
	head := sign + prefix
	if f.align == '=' {
		room := f.width - len(head) - len(rest)
		if f.fill == "0" && f.comma != "" && digits != "" { // inf and nan have no digits to group
			digits = padRight(digits, groupedDigits(room, every), "0")
		}
		body := group(digits, f.comma, every)
		return head + padRight(body, room, f.fill) + rest
	}
	return f.pad(head+group(digits, f.comma, every)+rest, '>')
}

// groupedDigits is the least number of digits that fill room characters together with a separator
// between every so many of them. Where only a separator would fill it, a digit goes before that.
func groupedDigits(room, every int) int {
	if room <= 0 {
		return 0
	}
	return room/(every+1)*every + max(room%(every+1), 1)
}

func group(digits, sep string, every int) string {
	if sep == "" {
		return digits
	}
	var b strings.Builder
	for i := range len(digits) {
		if i > 0 && (len(digits)-i)%every == 0 {
			b.WriteString(sep)
		}
		b.WriteByte(digits[i])
	}
	return b.String()
}
