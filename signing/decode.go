package signing

import (
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"sync"
	"unicode/utf16"
	"unicode/utf8"
)

// A decoder reads one payload and untags on the way: what Python does in two passes. Its grammar is
// that of Python's json: RFC 8259 and NaN, Infinity, -Infinity.
type decoder struct {
	codec TaggedJSON
	s     string
	i     int
	depth int
	keys  []string // of the maps being read, innermost last
	last  []string // those of the map read last, in their order
}

// maxIntDigits is Python's limit (sys.int_info.default_max_str_digits): reading is quadratic.
const maxIntDigits = 4300

var (
	decoders = sync.Pool{New: func() any { return new(decoder) }}

	errNotUTF8 = errors.New("signing: payload is not UTF-8")
)

// Decode reads a payload; for the types it gives see TaggedJSON.
//
// The error says what is wrong and at which byte: not UTF-8, not JSON, nested deeper than MaxDepth,
// an integer above 4300 digits, or a tag around what it cannot be around.
func (c TaggedJSON) Decode(data []byte) (any, error) {
	if !utf8.Valid(data) {
		return nil, errNotUTF8
	}
	d := decoders.Get().(*decoder)
	// One string for the whole payload: texts and keys are cut out of it without a copy each.
	d.codec, d.s, d.i, d.depth = c, string(data), 0, 0
	v, err := d.document()
	clear(d.keys[:cap(d.keys)])
	d.codec, d.s, d.keys, d.last = TaggedJSON{}, "", d.keys[:0], nil
	decoders.Put(d)
	return v, err
}

func (d *decoder) document() (any, error) {
	v, err := d.value()
	if err != nil {
		return nil, err
	}
	if d.space(); d.i < len(d.s) {
		return nil, d.wrong("nothing more is expected")
	}
	return v, nil
}

func (d *decoder) wrong(what string) error {
	return fmt.Errorf("signing: payload is not JSON at byte %d: %s", d.i, what)
}

// space skips white space and returns the byte behind it, 0 at the end.
func (d *decoder) space() byte {
	for d.i < len(d.s) {
		switch c := d.s[d.i]; c {
		case ' ', '\t', '\n', '\r':
			d.i++
		default:
			return c
		}
	}
	return 0
}

func (d *decoder) value() (any, error) {
	switch d.space() {
	case '"':
		return d.boxed()
	case '{':
		return d.nested(d.object)
	case '[':
		return d.nested(d.list)
	case 'n':
		return d.word("null", nil)
	case 't':
		return d.word("true", true)
	case 'f':
		return d.word("false", false)
	}
	return d.number()
}

func (d *decoder) boxed() (any, error) {
	s, err := d.text()
	if err != nil {
		return nil, err
	}
	return s, nil
}

func (d *decoder) word(word string, v any) (any, error) {
	if !strings.HasPrefix(d.s[d.i:], word) {
		return nil, d.wrong("a value is expected")
	}
	d.i += len(word)
	return v, nil
}

func (d *decoder) nested(read func() (any, error)) (any, error) {
	if d.depth++; d.depth > MaxDepth {
		return nil, d.wrong(fmt.Sprintf("nested deeper than %d", MaxDepth))
	}
	d.i++
	v, err := read()
	d.depth--
	return v, err
}

func (d *decoder) list() (any, error) {
	items := []any{}
	if d.space() == ']' {
		d.i++
		return items, nil
	}
	for {
		v, err := d.value()
		if err != nil {
			return nil, err
		}
		items = append(items, v)
		more, err := d.more(']')
		if err != nil {
			return nil, err
		}
		if !more {
			return items, nil
		}
	}
}

// more reads the comma after an item, or the end.
func (d *decoder) more(end byte) (bool, error) {
	c := d.space()
	if c != ',' && c != end {
		return false, d.wrong(fmt.Sprintf("a comma or %q is expected", end))
	}
	d.i++
	return c == ',', nil
}

// object reads a map. One of a single key, which may be a tag, is not made before it is known to be none.
func (d *decoder) object() (any, error) {
	start := len(d.keys)
	defer func() { d.keys = d.keys[:start] }()
	if d.space() == '}' {
		d.i++
		d.last = nil
		return map[string]any{}, nil
	}
	key, v, more, err := d.pair()
	if err != nil {
		return nil, err
	}
	if !more && d.codec.marks(key) {
		return d.untag(key, v)
	}
	m := map[string]any{key: v}
	for more {
		if key, v, more, err = d.pair(); err != nil {
			return nil, err
		}
		m[key] = v
	}
	if len(m) == 1 && d.codec.marks(key) { // one key, several times
		return d.untag(key, v)
	}
	d.last = d.keys[start:]
	return m, nil
}

func (d *decoder) pair() (key string, v any, more bool, err error) {
	if d.space() != '"' {
		return "", nil, false, d.wrong("a key is expected")
	}
	if key, err = d.text(); err != nil {
		return "", nil, false, err
	}
	if d.space() != ':' {
		return "", nil, false, d.wrong("a colon is expected")
	}
	d.i++
	d.keys = append(d.keys, key)
	if v, err = d.value(); err != nil {
		return "", nil, false, err
	}
	more, err = d.more('}')
	return key, v, more, err
}

// text reads a string; d.i is at its quote.
func (d *decoder) text() (string, error) {
	d.i++
	start := d.i
	for ; d.i < len(d.s); d.i++ {
		switch c := d.s[d.i]; {
		case c == '"':
			s := d.s[start:d.i]
			d.i++
			return s, nil
		case c == '\\':
			return d.escaped([]byte(d.s[start:d.i]))
		case c < ' ':
			return "", d.wrong("a control character in a string")
		}
	}
	return "", d.wrong("a string has no end")
}

// escaped reads the rest of a string from its first escape on.
func (d *decoder) escaped(out []byte) (string, error) {
	for d.i < len(d.s) {
		c := d.s[d.i]
		d.i++
		switch {
		case c == '"':
			return string(out), nil
		case c < ' ':
			return "", d.wrong("a control character in a string")
		case c != '\\':
			out = append(out, c)
		default:
			r, err := d.escape()
			if err != nil {
				return "", err
			}
			out = utf8.AppendRune(out, r)
		}
	}
	return "", d.wrong("a string has no end")
}

const (
	escapes = `"\/bfnrt`
	escaped = "\"\\/\b\f\n\r\t"
)

// escape reads what follows a backslash.
func (d *decoder) escape() (rune, error) {
	if d.i == len(d.s) {
		return 0, d.wrong("a string has no end")
	}
	c := d.s[d.i]
	d.i++
	if at := strings.IndexByte(escapes, c); at >= 0 {
		return rune(escaped[at]), nil
	}
	r, ok := d.hex4(d.i)
	if c != 'u' || !ok {
		return 0, d.wrong("an escape that does not exist")
	}
	d.i += 4
	if !utf16.IsSurrogate(r) {
		return r, nil
	}
	if strings.HasPrefix(d.s[d.i:], `\u`) {
		if low, ok := d.hex4(d.i + 2); ok {
			if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
				d.i += 6
				return both, nil
			}
		}
	}
	return utf8.RuneError, nil
}

func (d *decoder) hex4(at int) (rune, bool) {
	if at+4 > len(d.s) {
		return 0, false
	}
	var r rune
	for _, c := range []byte(d.s[at : at+4]) {
		switch {
		case '0' <= c && c <= '9':
			r = r<<4 | rune(c-'0')
		case 'a' <= c|0x20 && c|0x20 <= 'f':
			r = r<<4 | rune(c|0x20-'a'+10)
		default:
			return 0, false
		}
	}
	return r, true
}

// number reads a number, or NaN or an infinity, and tells int from float by the text as Python does.
func (d *decoder) number() (any, error) {
	rest := d.s[d.i:]
	for _, special := range specialFloats {
		if strings.HasPrefix(rest, special.text) {
			d.i += len(special.text)
			return special.value, nil
		}
	}
	size, whole := numberSize(rest)
	if size == 0 {
		return nil, d.wrong("a value is expected")
	}
	text := rest[:size]
	d.i += size
	if !whole {
		// Out of range is an infinity, as in Python; the text itself is known to be good.
		f, _ := strconv.ParseFloat(text, 64)
		return f, nil
	}
	if n, err := strconv.Atoi(text); err == nil {
		return n, nil
	}
	if len(strings.TrimPrefix(text, "-")) > maxIntDigits {
		return nil, d.wrong(fmt.Sprintf("an integer of more than %d digits", maxIntDigits))
	}
	n, _ := new(big.Int).SetString(text, 10)
	return n, nil
}

// numberSize is the length of the number at the start of s, 0 if there is none; whole if it is an int.
func numberSize(s string) (size int, whole bool) {
	i := 0
	if strings.HasPrefix(s, "-") {
		i++
	}
	n := digits(s[i:])
	if n == 0 {
		return 0, false
	}
	if s[i] == '0' {
		n = 1
	}
	i += n
	whole = true
	if strings.HasPrefix(s[i:], ".") {
		if n := digits(s[i+1:]); n > 0 {
			i, whole = i+1+n, false
		}
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		j := i + 1
		if j < len(s) && (s[j] == '+' || s[j] == '-') {
			j++
		}
		if n := digits(s[j:]); n > 0 {
			i, whole = j+n, false
		}
	}
	return i, whole
}

func digits(s string) int {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return i
		}
	}
	return len(s)
}
