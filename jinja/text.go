package jinja

import (
	"math/big"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// str is Python's str(v).
func str(v value) string {
	if v.isText() {
		return v.s
	}
	return string(appendStr(nil, v))
}

// appendStr appends str(v), unescaped. The common kinds come first: it runs for every {{ }}.
func appendStr(dst []byte, v value) []byte {
	switch v.k {
	case kStr, kMarkup:
		return append(dst, v.s...)
	case kInt:
		return strconv.AppendInt(dst, v.n, 10)
	case kUndefined:
		return append(dst, v.undefined().str()...)
	case kTime:
		return appendTime(dst, v.r.(time.Time))
	case kObject:
		if p, ok := v.r.(printer); ok {
			return append(dst, p.str()...)
		}
	case kGo:
		return appendGoStr(dst, v)
	}
	p := reprinter{dst: dst}
	p.repr(v)
	return p.dst
}

func reprString(v value) string {
	var p reprinter
	p.repr(v)
	return string(p.dst)
}

// A reprinter prints values as Python's repr does. open holds the containers being printed, so
// that one that contains itself prints [...] and ends.
type reprinter struct {
	dst    []byte
	open   []any
	sorted bool // dict keys are sorted, as pprint has them
}

const maxReprDepth = 500

func (p *reprinter) repr(v value) {
	switch v.k {
	case kNone:
		p.dst = append(p.dst, "None"...)
	case kBool:
		p.dst = append(p.dst, pyBool(v.n != 0)...)
	case kInt:
		p.dst = strconv.AppendInt(p.dst, v.n, 10)
	case kBig:
		p.dst = append(p.dst, decimal(v.r.(*big.Int))...)
	case kFloat:
		p.dst = appendFloat(p.dst, v.float())
	case kStr:
		p.dst = appendQuoted(p.dst, v.s)
	case kMarkup:
		p.dst = append(appendQuoted(append(p.dst, "Markup("...), v.s), ')')
	case kBytes:
		p.dst = appendQuotedBytes(p.dst, v.s)
	default:
		p.reprComposite(v)
	}
}

func pyBool(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

func (p *reprinter) reprComposite(v value) {
	switch v.k {
	case kList:
		p.nested(v, "[...]", func() { p.sequence("[", v, "]") })
	case kTuple:
		p.nested(v, "(...)", func() { p.tuple(v) })
	case kDict:
		p.nested(v, "{...}", func() { p.dict(v) })
	case kRange:
		p.dst = append(p.dst, v.r.(*rangeValue).str()...)
	case kUndefined:
		p.dst = append(p.dst, "Undefined"...)
	case kTime:
		p.dst = appendTimeRepr(p.dst, v.r.(time.Time))
	case kObject:
		p.object(v)
	case kGo:
		p.dst = appendGoStr(p.dst, v)
	case kIter:
		p.dst = append(p.dst, "<generator object>"...)
	case kFunc:
		p.function(v)
	default:
		p.dst = append(p.dst, "<"+typeName(v)+">"...)
	}
}

func (p *reprinter) function(v value) {
	if _, ok := v.r.(object); ok {
		p.object(v)
		return
	}
	if b, ok := v.r.(*builtin); ok && b.class != "" {
		p.dst = append(p.dst, "<class '"+b.class+"'>"...)
		return
	}
	p.dst = append(p.dst, "<function "+v.r.(callable).name()+">"...)
}

func (p *reprinter) object(v value) {
	if o, ok := v.r.(interface{ reprTo(p *reprinter) }); ok {
		p.nested(v, "...", func() { o.reprTo(p) })
		return
	}
	if o, ok := v.r.(interface{ repr() string }); ok {
		p.dst = append(p.dst, o.repr()...)
		return
	}
	if o, ok := v.r.(printer); ok {
		p.dst = append(p.dst, o.str()...)
		return
	}
	p.dst = append(p.dst, "<"+typeName(v)+" object>"...)
}

// nested guards against containers that contain themselves, or nest without end.
func (p *reprinter) nested(v value, again string, print func()) {
	if len(p.open) > maxReprDepth {
		throw(recursionError, "maximum recursion depth exceeded while getting the repr of an object")
	}
	id := identity(v)
	for _, o := range p.open {
		if o != nil && o == id {
			p.dst = append(p.dst, again...)
			return
		}
	}
	p.open = append(p.open, id)
	checkItems(len(p.dst))
	print()
	p.open = p.open[:len(p.open)-1]
}

// identity is a comparable pointer for the containers a template can change; nil for others, which
// cannot contain themselves through a template.
func identity(v value) any {
	switch r := v.r.(type) {
	case *List, *Dict, *Tuple:
		return r
	}
	return nil
}

func (p *reprinter) sequence(open string, v value, end string) {
	p.dst = append(p.dst, open...)
	for i := range seqLen(v) {
		if i > 0 {
			p.dst = append(p.dst, ", "...)
		}
		p.repr(seqAt(v, i))
		checkItems(len(p.dst))
	}
	p.dst = append(p.dst, end...)
}

func (p *reprinter) tuple(v value) {
	t := v.r.(*Tuple)
	if t.title == "" {
		end := ")"
		if len(t.items) == 1 {
			end = ",)"
		}
		p.sequence("(", v, end)
		return
	}
	p.dst = append(p.dst, t.title+"("...)
	for i, item := range t.items {
		if i > 0 {
			p.dst = append(p.dst, ", "...)
		}
		p.dst = append(p.dst, t.names[i]+"="...)
		p.repr(item)
	}
	p.dst = append(p.dst, ')')
}

func (p *reprinter) dict(v value) {
	keys := dictKeys(v)
	if p.sorted {
		keys = prettyKeys(v)
	}
	p.dst = append(p.dst, '{')
	for i, key := range keys {
		if i > 0 {
			p.dst = append(p.dst, ", "...)
		}
		val, _ := dictGet(v, key)
		p.repr(key)
		p.dst = append(p.dst, ": "...)
		p.repr(val)
	}
	p.dst = append(p.dst, '}')
}

// appendQuoted is the repr of a str: single quotes unless the text has them and no double ones.
func appendQuoted(dst []byte, s string) []byte {
	quote := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	dst = append(dst, quote)
	for _, r := range s {
		dst = appendReprRune(dst, r, quote)
	}
	return append(dst, quote)
}

func appendReprRune(dst []byte, r rune, quote byte) []byte {
	switch {
	case r == rune(quote) || r == '\\':
		return append(dst, '\\', byte(r))
	case r == '\n':
		return append(dst, `\n`...)
	case r == '\r':
		return append(dst, `\r`...)
	case r == '\t':
		return append(dst, `\t`...)
	case unicode.IsPrint(r):
		return utf8.AppendRune(dst, r)
	case r < 0x100:
		return appendHex(append(dst, `\x`...), r, 2)
	case r < 0x10000:
		return appendHex(append(dst, `\u`...), r, 4)
	}
	return appendHex(append(dst, `\U`...), r, 8)
}

func appendHex(dst []byte, r rune, digits int) []byte {
	const hex = "0123456789abcdef"
	for shift := (digits - 1) * 4; shift >= 0; shift -= 4 {
		dst = append(dst, hex[(r>>shift)&15])
	}
	return dst
}

// appendQuotedBytes is the repr of bytes: b'...' in ASCII.
func appendQuotedBytes(dst []byte, s string) []byte {
	quote := byte('\'')
	if strings.Contains(s, "'") && !strings.Contains(s, `"`) {
		quote = '"'
	}
	dst = append(dst, 'b', quote)
	for i := range len(s) {
		if c := s[i]; c >= 0x7f {
			dst = appendHex(append(dst, `\x`...), rune(c), 2)
		} else {
			dst = appendReprRune(dst, rune(c), quote)
		}
	}
	return append(dst, quote)
}

// typeName is the name of v's type as Python's messages give it.
func typeName(v value) string {
	if int(v.k) < len(typeNames) && typeNames[v.k] != "" {
		return typeNames[v.k]
	}
	switch v.k {
	case kTuple:
		if t := v.r.(*Tuple); t.title != "" {
			return t.title
		} else if t.names != nil {
			return "jinja2.filters._GroupTuple"
		}
		return "tuple"
	case kFunc:
		if o, ok := v.r.(object); ok {
			return o.typeName()
		}
		return "function"
	case kObject:
		return v.r.(object).typeName()
	case kGo:
		return goTypeName(v)
	}
	return "Undefined"
}

var typeNames = [...]string{
	kUndefined: "Undefined", kNone: "NoneType", kBool: "bool", kInt: "int", kBig: "int", kFloat: "float",
	kStr: "str", kMarkup: "Markup", kBytes: "bytes", kList: "list", kDict: "dict", kRange: "range",
	kIter: "generator", kTime: "datetime.datetime", kMissing: "Undefined",
}
