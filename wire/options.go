package wire

import (
	"strings"
)

// A Param is one name=value of a header field.
type Param struct {
	Name  string // as it was sent
	Value string // without quotes; "" if Bare
	Bare  bool   // there was a name only, without "="
}

// Params are the parameters of a header field in their order; no name comes twice.
type Params []Param

// Get is the value of name; ok is false if there is none, or if it is bare.
func (p Params) Get(name string) (value string, ok bool) {
	if i := p.index(name); i >= 0 && !p[i].Bare {
		return p[i].Value, true
	}
	return "", false
}

// Has says whether name is there, bare or not.
func (p Params) Has(name string) bool { return p.index(name) >= 0 }

// Map is the parameters that are not bare.
func (p Params) Map() map[string]string {
	m := make(map[string]string, len(p))
	for _, q := range p {
		if !q.Bare {
			m[q.Name] = q.Value
		}
	}
	return m
}

func (p Params) index(name string) int {
	for i := range p {
		if p[i].Name == name {
			return i
		}
	}
	return -1
}

// set replaces or adds a parameter.
func (p Params) set(q Param) Params {
	if i := p.index(q.Name); i >= 0 {
		p[i] = q
		return p
	}
	return append(p, q)
}

// maxParams is how many parameters of one field are read: more are no use to anybody, and Params is
// searched one by one.
const maxParams = 256

// ParseOptions reads a value with parameters, such as Content-Type's.
//
// Names are lower case. What is not name=value with a token or a quoted string is left out. Both `\"` and
// "%22" are a quote within quotes, since browsers write the latter in forms. RFC 2231's charset and
// continuations are joined: `a*=UTF-8”%C3%A9`, `a*0=x; a*1=y`. The text is taken as it is:
// whoever has bytes in another charset decodes them first.
//
// Source: werkzeug.http.parse_options_header.
func ParseOptions(field string) (value string, params Params) {
	value, rest, _ := strings.Cut(field, ";")
	value, rest = strings.TrimSpace(value), strings.TrimSpace(rest)
	if value == "" || rest == "" {
		return value, nil
	}
	var d extended
	for more := true; more && len(params) < maxParams; {
		var name, raw string
		name, raw, rest = nextOption(rest)
		if name != "" {
			params = d.add(params, strings.ToLower(name), raw)
		}
		_, rest, more = strings.Cut(rest, ";")
		rest = strings.TrimLeft(rest, " \t\r\n")
	}
	return value, params
}

// nextOption reads name=value at the start of s; name is "" if there is none. The value is
// raw, and rest begins somewhere before the next ";" that is not part of it.
func nextOption(s string) (name, raw, rest string) {
	end := tokenEnd(s)
	if end == 0 || end == len(s) || s[end] != '=' {
		return "", "", s
	}
	name, s = s[:end], s[end+1:]
	if end = tokenEnd(s); end > 0 {
		return name, s[:end], s[end:]
	}
	if end = quotedEnd(s); end > 0 {
		return name, s[:end], s[end:]
	}
	return "", "", s
}

// quotedEnd is the length of the quoted string at the start of s, 0 if it is not closed.
func quotedEnd(s string) int {
	if s == "" || s[0] != '"' {
		return 0
	}
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return i + 1
		case s[i] == '\\' && i+1 < len(s) && (s[i+1] == '\\' || s[i+1] == '"'):
			i++
		}
	}
	return 0
}

// extended reads RFC 2231's forms. A charset holds for the parameters that follow too, as in Werkzeug.
type extended struct{ charset string }

func (d *extended) add(params Params, name, raw string) Params {
	if strings.HasSuffix(name, "*") {
		name, raw = name[:len(name)-1], d.decode(raw)
	}
	raw = unquoteOption(raw)
	base, continued := cutContinuation(name)
	if !continued {
		return params.set(Param{Name: name, Value: raw})
	}
	before, _ := params.Get(base)
	return params.set(Param{Name: base, Value: before + raw})
}

// decode reads charset'language'value; a charset that is not known leaves the value encoded.
func (d *extended) decode(raw string) string {
	if charset, text, ok := cutCharset(raw); ok {
		raw = text
		if charset != "" {
			d.charset = strings.ToLower(charset)
		}
	}
	if decoded, ok := percentDecode(raw, d.charset); ok {
		return decoded
	}
	return raw
}

// cutCharset splits charset'language'value. The charset may be empty, the value may not.
func cutCharset(s string) (charset, value string, ok bool) {
	charset, rest, ok := strings.Cut(s, "'")
	if !ok || tokenEnd(charset) != len(charset) {
		return "", "", false
	}
	language, value, ok := strings.Cut(rest, "'")
	if !ok || tokenEnd(language) != len(language) {
		return "", "", false
	}
	end := tokenEnd(value)
	return charset, value[:end], end > 0
}

// unquoteOption is Unquote with the HTML standard's "%22" for a quote, as forms have it.
func unquoteOption(s string) string {
	if s == "" || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	if len(s) == 1 {
		return ""
	}
	s = strings.ReplaceAll(s[1:len(s)-1], `\\`, `\`)
	return strings.ReplaceAll(strings.ReplaceAll(s, `\"`, `"`), "%22", `"`)
}

// cutContinuation splits "name*0".
func cutContinuation(name string) (base string, ok bool) {
	i := strings.LastIndexByte(name, '*')
	if i < 0 || i+1 == len(name) || strings.Trim(name[i+1:], "0123456789") != "" {
		return name, false
	}
	return name[:i], true
}

// DumpOptions is the reverse of ParseOptions. Bare parameters are left out; a name that ends in "*" has its
// value as it is. An empty value is left out as well, with its ";".
//
// Source: werkzeug.http.dump_options_header.
func DumpOptions(value string, params Params) string {
	segments := make([]string, 0, len(params)+1)
	if value != "" {
		segments = append(segments, value)
	}
	for _, p := range params {
		if !p.Bare {
			segments = append(segments, p.String())
		}
	}
	return strings.Join(segments, "; ")
}

// String is name=value, quoted if need be, or the bare name.
func (p Param) String() string {
	switch {
	case p.Bare:
		return p.Name
	case strings.HasSuffix(p.Name, "*"):
		return p.Name + "=" + p.Value
	}
	return p.Name + "=" + Quote(p.Value)
}
