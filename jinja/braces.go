package jinja

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A bracesFormatter does str.format. Names and attributes are reached as a template reaches them,
// so that no dunder name leads out of the sandbox.
type bracesFormatter struct {
	f     *frame
	self  value
	pos   []value
	kw    []keyword
	auto  int
	mode  byte // 'a' automatic numbering, 'm' manual, 0 not decided
	depth int
}

func formatBraces(f *frame, self value, pos []value, kw []keyword) value {
	b := &bracesFormatter{f: f, self: self, pos: pos, kw: kw}
	return textLike(b.format(self.s), self)
}

func (b *bracesFormatter) format(s string) string {
	if b.depth++; b.depth > 2 {
		throw(valueError, "Max string recursion exceeded")
	}
	defer func() { b.depth-- }()
	var out []byte
	for s != "" {
		i := strings.IndexAny(s, "{}")
		if i < 0 {
			break
		}
		out = append(out, s[:i]...)
		c := s[i]
		s = s[i+1:]
		switch {
		case s != "" && s[0] == c:
			out = append(out, c)
			s = s[1:]
		case c == '}':
			throw(valueError, "Single '}' encountered in format string")
		default:
			end := closingBrace(s)
			out = append(out, b.field(s[:end])...)
			s = s[end+1:]
		}
		checkItems(len(out))
	}
	return string(append(out, s...))
}

func closingBrace(s string) int {
	depth := 1
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	if s == "" {
		throw(valueError, "Single '{' encountered in format string")
	}
	throw(valueError, "expected '}' before end of string")
	return 0
}

// field is the text of one {name!conversion:spec}.
func (b *bracesFormatter) field(s string) string {
	name, spec, conv := splitField(s)
	v := b.lookup(name)
	spec = b.formatSpec(spec)
	switch conv {
	case "":
	case "r":
		v = text(reprString(v))
	case "s":
		v = text(str(v))
	case "a":
		v = text(asciiOnly(reprString(v)))
	default:
		throw(valueError, "Unknown conversion specifier '%s'", conv)
	}
	if b.self.k == kMarkup {
		return b.escapedField(v, spec)
	}
	return formatValue(v, spec)
}

// escapedField is the field of a Markup: HTML as it is, all else formatted and then escaped.
func (b *bracesFormatter) escapedField(v value, spec string) string {
	if safe(v) {
		if spec != "" {
			throw(valueError, "Unsupported format specification for Markup.")
		}
		if v.k == kMarkup {
			return v.s
		}
		return escapeText(ownHTML(v)) // MarkupSafe escapes what __html__ gives here
	}
	return escapeText(formatValue(v, spec))
}

func (b *bracesFormatter) formatSpec(spec string) string {
	if strings.ContainsAny(spec, "{}") {
		return b.format(spec)
	}
	return spec
}

// splitField separates name, format and conversion; colons in [] belong to the name.
func splitField(s string) (name, spec, conv string) {
	depth := 0
	for i := range len(s) {
		switch s[i] {
		case '[':
			depth++
		case ']':
			depth--
		case ':':
			if depth <= 0 {
				return s[:i], s[i+1:], ""
			}
		case '!':
			if depth <= 0 {
				conv, spec, _ = strings.Cut(s[i+1:], ":")
				return s[:i], spec, conv
			}
		}
	}
	return s, "", ""
}

func (b *bracesFormatter) lookup(name string) value {
	i := strings.IndexAny(name, ".[")
	if i < 0 {
		i = len(name)
	}
	v := b.argument(name[:i])
	for rest := name[i:]; rest != ""; {
		v, rest = b.step(v, rest)
	}
	return v
}

// step follows one .attribute or [item].
func (b *bracesFormatter) step(v value, rest string) (value, string) {
	if rest[0] == '.' {
		end := strings.IndexAny(rest[1:], ".[")
		if end < 0 {
			end = len(rest) - 1
		}
		out, ok := attrOf(v, rest[1:end+1])
		if !ok {
			throw(attributeError, "'%s' object has no attribute %s", typeName(v), quoteName(rest[1:end+1]))
		}
		return out, rest[end+1:]
	}
	end := strings.IndexByte(rest, ']')
	if rest[0] != '[' || end < 0 {
		throw(valueError, "Missing ']' in format string")
	}
	key := text(rest[1:end])
	if n, err := strconv.Atoi(key.s); err == nil && n >= 0 {
		key = integer(int64(n))
	}
	out, ok := itemOf(v, key)
	if !ok {
		throw(keyError, "%s", reprString(key))
	}
	return out, rest[end+1:]
}

func (b *bracesFormatter) argument(name string) value {
	mode := byte('m')
	if name == "" {
		mode = 'a'
		name = strconv.Itoa(b.auto)
		b.auto++
	}
	n, err := strconv.Atoi(name)
	if err != nil {
		return b.keyword(name)
	}
	if b.mode != 0 && b.mode != mode {
		throw(valueError, "cannot switch between manual field specification and automatic field numbering")
	}
	b.mode = mode
	if n < 0 || n >= len(b.pos) {
		throw(indexError, "Replacement index %d out of range for positional args tuple", n)
	}
	return b.pos[n]
}

func (b *bracesFormatter) keyword(name string) value {
	for _, k := range b.kw {
		if k.name == name {
			return k.v
		}
	}
	throw(keyError, "%s", quoteName(name))
	return none
}

// A formatSpec is Python's format specification: [[fill]align][sign][#][0][width][,][.precision][type].
type formatSpec struct {
	fill      string
	align     byte
	sign      byte
	alt, zero bool
	width     int
	comma     string
	precision int
	verb      byte
}

func parseSpec(s string, typ string) formatSpec {
	f := formatSpec{fill: " ", precision: -1}
	_, n := utf8.DecodeRuneInString(s)
	if len(s) > n && strings.IndexByte("<>=^", s[n]) >= 0 {
		f.fill, f.align, s = s[:n], s[n], s[n+1:]
	} else if s != "" && strings.IndexByte("<>=^", s[0]) >= 0 {
		f.align, s = s[0], s[1:]
	}
	if s != "" && strings.IndexByte("+- ", s[0]) >= 0 {
		f.sign, s = s[0], s[1:]
	}
	if strings.HasPrefix(s, "#") {
		f.alt, s = true, s[1:]
	}
	if strings.HasPrefix(s, "0") {
		f.zero, s = true, s[1:]
		if f.align == 0 {
			f.fill, f.align = "0", '='
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
		throw(valueError, "Invalid format specifier '%s' for object of type '%s'", s, typ)
	}
	if s != "" {
		f.verb = s[0]
	}
	return f
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
	if v.k == kTime {
		return strftimeOf(v, spec)
	}
	if v.k == kUndefined {
		v = text(str(v))
	}
	if !v.isNumber() && !v.isText() {
		throw(typeError, "unsupported format string passed to %s.__format__", typeName(v))
	}
	f := parseSpec(spec, typeName(v))
	if v.isText() {
		return f.text(v)
	}
	if v.k == kBool && f.verb == 0 {
		return f.pad(pyBool(v.n != 0), '<')
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
	if f.align == '=' && !f.zero {
		throw(valueError, "'=' alignment not allowed in string format specifier")
	}
	if f.sign != 0 {
		throw(valueError, "Sign not allowed in string format specifier")
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
	if f.precision >= 0 {
		throw(valueError, "Precision not allowed in integer format specifier")
	}
	n := v.asBig()
	abs := new(big.Int).Abs(n)
	var digits, prefix string
	switch f.verb {
	case 0, 'd', 'n':
		digits = abs.String()
	case 'b', 'o', 'x', 'X':
		base := map[byte]int{'b': 2, 'o': 8, 'x': 16, 'X': 16}[f.verb]
		digits, prefix = abs.Text(base), "0"+string(f.verb)
		if f.verb == 'X' {
			digits = strings.ToUpper(digits)
		}
	case 'c':
		return f.pad(string(rune(index(v))), '<')
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
		if prec < 0 {
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
	if i := strings.IndexAny(digits, ".e"); i >= 0 {
		whole, rest = digits[:i], digits[i:]
	}
	return f.number(math.Signbit(x) && x == x, "", whole, rest+suffix, 3)
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
		if f.fill == "0" && f.comma != "" {
			for len(group(digits, f.comma, every)) < room {
				digits = "0" + digits
			}
		}
		body := group(digits, f.comma, every)
		return head + padRight(body, room, f.fill) + rest
	}
	return f.pad(head+group(digits, f.comma, every)+rest, '>')
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
