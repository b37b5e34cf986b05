package jinja

import (
	"strconv"
	"strings"
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
