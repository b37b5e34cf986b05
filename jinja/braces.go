package jinja

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// A bracesFormatter does str.format. Names and attributes are reached as a template reaches them,
// so that no dunder name leads out of the sandbox.
type bracesFormatter struct {
	f       *frame
	self    value
	pos     []value
	kw      []keyword
	byName  map[string]value // kw, once a field asks for one: there may be many fields and many keywords
	mapping *value           // of format_map, else nil
	auto    int
	mode    byte // 'a' automatic numbering, 'm' manual, 0 not decided
	depth   int
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
		case c == '}' || s == "":
			throw(valueError, "Single '%c' encountered in format string", c)
		default:
			var r replacement
			r, s = parseReplacement(s)
			out = append(out, b.field(r)...)
		}
		checkItems(len(out))
	}
	return string(append(out, s...))
}

// A replacement is what stands between braces: name!conversion:spec.
type replacement struct{ name, conversion, spec string }

// parseReplacement reads a replacement up to its closing brace, and gives what follows. Inside []
// of the name all characters but ] are the key's.
func parseReplacement(s string) (replacement, string) {
	end := 0
	for end < len(s) && strings.IndexByte("}:!", s[end]) < 0 {
		switch s[end] {
		case '{':
			throw(valueError, "unexpected '{' in field name")
		case '[':
			key := strings.IndexByte(s[end:], ']')
			if key < 0 { // nothing closes it, nor what comes after it: another look for a ] would read all the rest again
				key = len(s) - end
			}
			end += key
		}
		end++
	}
	if end >= len(s) {
		throw(valueError, "expected '}' before end of string")
	}
	r, mark, s := replacement{name: s[:end]}, s[end], s[end+1:]
	if mark == '!' {
		r.conversion, mark, s = parseConversion(s)
	}
	if mark == '}' {
		return r, s
	}
	depth := 1
	for i := range len(s) {
		switch s[i] {
		case '{':
			depth++
		case '}':
			if depth--; depth == 0 {
				r.spec = s[:i]
				return r, s[i+1:]
			}
		}
	}
	throw(valueError, "unmatched '{' in format spec")
	return r, ""
}

// parseConversion reads the one character after the !, and the mark after it.
func parseConversion(s string) (conversion string, mark byte, rest string) {
	_, n := utf8.DecodeRuneInString(s)
	if n == 0 {
		throw(valueError, "end of string while looking for conversion specifier")
	}
	conversion, rest = s[:n], s[n:]
	if rest == "" {
		throw(valueError, "unmatched '{' in format spec")
	}
	if rest[0] != '}' && rest[0] != ':' {
		throw(valueError, "expected ':' after conversion specifier")
	}
	return conversion, rest[0], rest[1:]
}

// field is the text of a replacement.
func (b *bracesFormatter) field(r replacement) string {
	v := b.lookup(r.name)
	switch r.conversion {
	case "":
	case "r":
		v = text(reprString(v))
	case "s":
		v = text(str(v))
	case "a":
		v = text(asciiOnly(reprString(v)))
	default:
		throw(valueError, "Unknown conversion specifier '%s'", r.conversion)
	}
	spec := b.formatSpec(r.spec)
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

// lookup finds what a name stands for: an argument, and from there .attribute and [item].
func (b *bracesFormatter) lookup(name string) value {
	i := strings.IndexAny(name, ".[")
	if i < 0 {
		i = len(name)
	}
	v := b.argument(name[:i], i == len(name))
	for rest := name[i:]; rest != ""; {
		v, rest = b.step(v, rest)
	}
	return v
}

// step follows one .attribute or [item].
func (b *bracesFormatter) step(v value, rest string) (value, string) {
	if rest[0] != '.' && rest[0] != '[' {
		throw(valueError, "Only '.' or '[' may follow ']' in format field specifier")
	}
	item, end := rest[0] == '[', 0
	if rest = rest[1:]; item {
		end = strings.IndexByte(rest, ']') // parseReplacement ends no name within []
	} else if end = strings.IndexAny(rest, ".["); end < 0 {
		end = len(rest)
	}
	if end == 0 {
		throw(valueError, "Empty attribute in format string")
	}
	name := rest[:end]
	if !item {
		return attribute(v, name), rest[end:]
	}
	rest = rest[end+1:]
	if n, ok := fieldNumber(name); ok {
		return subscript(v, integer(int64(n))), rest
	}
	return subscript(v, text(name)), rest
}

func attribute(v value, name string) value {
	out, ok := attrOf(v, name)
	switch {
	case ok:
	case v.k == kUndefined && !isDunder(name):
		return v.undefined().attr(v)
	default:
		throw(attributeError, "'%s' object has no attribute %s", typeName(v), quoteName(name))
	}
	return out
}

func isDunder(name string) bool { return strings.HasPrefix(name, "__") }

// fieldNumber reads a number that has no sign, as the names of fields and items may be.
func fieldNumber(s string) (int, bool) {
	if !isAll(s, isDecimalRune) {
		return 0, false
	}
	n, err := strconv.Atoi(asciiDigits(s))
	if err != nil {
		throw(valueError, "Too many decimal digits in format string")
	}
	return n, true
}

func isDecimalRune(r rune) bool { return unicode.Is(unicode.Nd, r) }

// argument finds the argument that a field begins with. A field of a Markup is numbered only if it
// is nothing but its number: Python's string.Formatter, which MarkupSafe uses, has it so.
func (b *bracesFormatter) argument(name string, alone bool) value {
	n, numbered := fieldNumber(name)
	if b.self.k != kMarkup {
		alone = true
	}
	if alone && (numbered || name == "") {
		n = b.numbering(n, name == "")
		numbered = true
	}
	if !numbered {
		return b.keyword(name)
	}
	if b.mapping != nil && b.self.k != kMarkup {
		throw(valueError, "Format string contains positional fields")
	}
	if n >= len(b.pos) {
		throw(indexError, "Replacement index %d out of range for positional args tuple", n)
	}
	return b.pos[n]
}

// numbering is the number of a field that has n or, if it is automatic, none.
func (b *bracesFormatter) numbering(n int, automatic bool) int {
	mode := byte('m')
	if automatic {
		mode, n = 'a', b.auto
		b.auto++
	}
	if b.mode != 0 && b.mode != mode {
		throw(valueError, "cannot switch between manual field specification and automatic field numbering")
	}
	b.mode = mode
	return n
}

func (b *bracesFormatter) keyword(name string) value {
	if b.mapping != nil {
		return subscript(*b.mapping, text(name))
	}
	if b.byName == nil {
		b.byName = make(map[string]value, len(b.kw))
		for _, k := range b.kw {
			b.byName[k.name] = k.v
		}
	}
	v, ok := b.byName[name]
	if !ok {
		throw(keyError, "%s", quoteName(name))
	}
	return v
}
