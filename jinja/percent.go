package jinja

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode/utf8"
)

// A percentFormatter does Python's printf-style formatting, "%5.2f" % x. On a Markup every argument
// that is not safe is escaped first, so widths count the escaped text; numbers are read there as int
// and float read them, from text too, and %x, %c and * find none. Source: _MarkupEscapeHelper.
type percentFormatter struct {
	out     []byte
	src     string
	safe    bool
	mapping bool    // args has items: it answers %(name)s, and need not be used
	args    value   // the right operand
	list    []value // the positional arguments
	next    int
}

// formatPercent is format % args.
func formatPercent(format, args value) value {
	p := &percentFormatter{src: format.s, safe: format.k == kMarkup, mapping: hasItems(args), args: args}
	if args.k == kTuple {
		p.list = seqItems(args)
	} else {
		p.list = []value{args}
	}
	for {
		i := strings.IndexByte(p.src, '%')
		if i < 0 {
			break
		}
		p.out = append(p.out, p.src[:i]...)
		p.src = p.src[i+1:]
		p.directive()
		checkItems(len(p.out))
	}
	p.out = append(p.out, p.src...)
	if p.next < len(p.list) && !p.mapping {
		throw(typeError, "not all arguments converted during string formatting")
	}
	return textLike(string(p.out), format)
}

// hasItems reports whether v[key] is something that v's type can do; of a text or tuple it does not
// count here. Undefined can: it raises its error when it is asked.
func hasItems(v value) bool {
	switch v.k {
	case kDict, kList, kBytes, kRange, kUndefined:
		return true
	case kObject:
		_, ok := v.r.(interface{ item(key value) (value, bool) })
		return ok
	case kGo:
		if _, ok := v.r.(Mapping); ok {
			return true
		}
		return kindOf(v) == kList || kindOf(v) == kDict
	}
	return false
}

// A fieldSpec is what stands between % or : and the conversion letter.
type fieldSpec struct {
	minus, plus, space, zero, alt bool
	width, precision              int // precision is -1 if there is none
}

func (p *percentFormatter) directive() {
	if strings.HasPrefix(p.src, "%") {
		p.out = append(p.out, '%')
		p.src = p.src[1:]
		return
	}
	p.key()
	spec := fieldSpec{precision: -1}
	p.flags(&spec)
	spec.width = p.number()
	if spec.width < 0 {
		spec.minus, spec.width = true, -spec.width
	}
	if strings.HasPrefix(p.src, ".") {
		p.src = p.src[1:]
		spec.precision = max(p.number(), 0)
	}
	if p.src != "" && strings.IndexByte("hlL", p.src[0]) >= 0 {
		p.src = p.src[1:]
	}
	verb, n := utf8.DecodeRuneInString(p.src)
	if n == 0 {
		throw(valueError, "incomplete format")
	}
	p.src = p.src[n:]
	p.convert(verb, p.positional(), spec)
}

// key reads the (name) of a directive, whose value is the only argument from there on.
func (p *percentFormatter) key() {
	if !strings.HasPrefix(p.src, "(") {
		return
	}
	if !p.mapping {
		throw(typeError, "format requires a mapping")
	}
	depth, end := 0, -1
	for i := 0; i < len(p.src) && end < 0; i++ {
		switch p.src[i] {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth == 0 {
			end = i
		}
	}
	if end < 0 {
		throw(valueError, "incomplete format key")
	}
	name := p.src[1:end]
	p.src = p.src[end+1:]
	p.list, p.next = []value{subscript(p.args, text(name))}, 0
}

func (p *percentFormatter) flags(s *fieldSpec) {
	for p.src != "" {
		switch p.src[0] {
		case '-':
			s.minus = true
		case '+':
			s.plus = true
		case ' ':
			s.space = true
		case '0':
			s.zero = true
		case '#':
			s.alt = true
		default:
			return
		}
		p.src = p.src[1:]
	}
}

// number reads a width or precision, or * for the next argument.
func (p *percentFormatter) number() int {
	if strings.HasPrefix(p.src, "*") {
		p.src = p.src[1:]
		v := p.positional()
		if !v.isInt() || p.safe {
			throw(typeError, "* wants int")
		}
		return boundedWidth(size(v))
	}
	n := 0
	for p.src != "" && p.src[0] >= '0' && p.src[0] <= '9' {
		n = boundedWidth(n*10 + int(p.src[0]-'0'))
		p.src = p.src[1:]
	}
	return n
}

func boundedWidth(n int) int {
	if n > maxItems || n < -maxItems {
		throw(valueError, "width too big")
	}
	return n
}

func (p *percentFormatter) positional() value {
	if p.next >= len(p.list) {
		throw(typeError, "not enough arguments for format string")
	}
	p.next++
	return p.list[p.next-1]
}

func (p *percentFormatter) convert(verb rune, v value, s fieldSpec) {
	switch verb {
	case 's', 'r', 'a':
		p.text(verb, v, s)
	case 'c':
		p.char(v, s)
	case 'd', 'i', 'u', 'x', 'X', 'o':
		p.integer(verb, v, s)
	case 'e', 'E', 'f', 'F', 'g', 'G':
		p.float(verb, v, s)
	default:
		throw(valueError, "unsupported format character '%c' (0x%x) at index %d", verb, verb, len(p.out))
	}
}

func (p *percentFormatter) text(verb rune, v value, s fieldSpec) {
	var str string
	switch {
	case verb != 's':
		str = reprString(v)
		if verb == 'a' {
			str = asciiOnly(str)
		}
		if p.safe {
			str = escapeText(str)
		}
	case p.safe:
		str = escaped(v)
	default:
		str = string(appendStr(nil, v))
	}
	if s.precision >= 0 {
		str = firstRunes(str, s.precision)
	}
	p.pad(str, s, s.minus)
}

func firstRunes(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// asciiOnly is Python's ascii() of a repr.
func asciiOnly(s string) string {
	var out []byte
	for _, r := range s {
		switch {
		case r < 0x80:
			out = append(out, byte(r))
		case r < 0x100:
			out = appendHex(append(out, `\x`...), r, 2)
		case r < 0x10000:
			out = appendHex(append(out, `\u`...), r, 4)
		default:
			out = appendHex(append(out, `\U`...), r, 8)
		}
	}
	return string(out)
}

func (p *percentFormatter) pad(s string, spec fieldSpec, left bool) {
	if left {
		s = padLeft(s, spec.width, " ")
	} else {
		s = padRight(s, spec.width, " ")
	}
	p.out = append(p.out, s...)
}

// character is the text of one character with the number v.
func character(v value) string {
	n := index(v)
	if n < 0 || n > utf8.MaxRune {
		throw(overflowError, "%%c arg not in range(0x110000)")
	}
	return string(rune(n))
}

func (p *percentFormatter) char(v value, s fieldSpec) {
	switch {
	case p.safe:
		throw(typeError, "%%c requires int or char")
	case v.isText() && utf8.RuneCountInString(v.s) == 1:
		p.text('s', v, s)
	case v.isInt():
		p.text('s', text(character(v)), s)
	default:
		throw(typeError, "%%c requires int or char")
	}
}

func (p *percentFormatter) integer(verb rune, v value, s fieldSpec) {
	v = plain(v)
	want := "an integer"
	if strings.ContainsRune("diu", verb) {
		want = "a real number"
		v = p.whole(definedOrFail(v))
	}
	if !v.isInt() || p.safe && want == "an integer" {
		throw(typeError, "%%%c format: %s is required, not %s", verb, want, typeName(v))
	}
	sign, prefix, digits := intDigits(v.asBig(), verb, s)
	p.write(sign, prefix, digits, s)
}

// whole is the integer that int() makes of a number, and of what goes into a Markup.
func (p *percentFormatter) whole(v value) value {
	switch {
	case v.k == kFloat:
		return truncateFloat(v.float())
	case p.safe && v.isText():
		n, ok := parsePyInt(v.s, 10)
		if !ok {
			throw(valueError, "invalid literal for int() with base 10: %s", quoteName(v.s))
		}
		return n
	}
	return v
}

func intDigits(b *big.Int, verb rune, s fieldSpec) (sign, prefix, digits string) {
	base := map[rune]int{'x': 16, 'X': 16, 'o': 8}[verb]
	if base == 0 {
		base = 10
	}
	switch {
	case b.IsInt64() && b.Int64() != math.MinInt64:
		digits = strconv.FormatInt(max(b.Int64(), -b.Int64()), base)
	case base == 10:
		digits = decimal(new(big.Int).Abs(b))
	default:
		digits = new(big.Int).Abs(b).Text(base)
	}
	if s.alt && base != 10 {
		prefix = "0" + string(verb)
	}
	if verb == 'X' {
		digits = strings.ToUpper(digits)
	}
	if s.precision > len(digits) {
		digits = strings.Repeat("0", s.precision-len(digits)) + digits
	}
	return signOf(b.Sign() < 0, s), prefix, digits
}

func signOf(negative bool, s fieldSpec) string {
	switch {
	case negative:
		return "-"
	case s.plus:
		return "+"
	case s.space:
		return " "
	}
	return ""
}

// truncateFloat is int(f).
func truncateFloat(f float64) value {
	switch {
	case math.IsNaN(f):
		throw(valueError, "cannot convert float NaN to integer")
	case math.IsInf(f, 0):
		throw(overflowError, "cannot convert float infinity to integer")
	case math.Abs(f) < 1<<62:
		return integer(int64(f))
	}
	b, _ := big.NewFloat(f).Int(nil)
	return bigInt(b)
}

// write writes sign, prefix and digits, padded with zeros or blanks.
func (p *percentFormatter) write(sign, prefix, digits string, s fieldSpec) {
	if s.zero && !s.minus {
		room := s.width - len(sign) - len(prefix)
		digits = padRight(digits, room, "0")
	}
	p.pad(sign+prefix+digits, s, s.minus)
}

func (p *percentFormatter) float(verb rune, v value, s fieldSpec) {
	v = plain(definedOrFail(v))
	if p.safe && v.isText() {
		x, ok := parsePyFloat(v.s)
		if !ok {
			throw(valueError, "could not convert string to float: %s", quoteName(v.s))
		}
		v = float(x)
	}
	if !v.isNumber() {
		throw(typeError, "must be real number, not %s", typeName(v))
	}
	f := v.asFloat()
	prec := s.precision
	if prec < 0 {
		prec = 6
	}
	digits := formatFloat(math.Abs(f), byte(verb), prec, s.alt)
	p.write(signOf(math.Signbit(f) && !math.IsNaN(f), s), "", digits, s)
}
