package carafe

import (
	"fmt"
	"strconv"
	"unicode/utf16"
	"unicode/utf8"
)

// A jsonScanner goes once over a JSON text, checking the grammar of RFC 8259 as it goes, for the decoders that a plan is
// made of. It accepts what json.Valid accepts (FuzzJSONScanner), provided that the text is UTF-8 and nested no deeper than
// maxDepth.
//
// Its error sticks: after the first one every method reports failure at once, so that callers check it where they loop.
type jsonScanner struct {
	data     []byte
	pos      int
	depth    int
	maxDepth int   // negative means no limit
	budget   int   // bytes of memory that what is decoded may still take beside strings, by the length of the text
	memory   int64 // the same with all that Go needs around it, whatever the length
	counts   bool  // memory is looked at: the text is so long that it may not be enough
	err      *jsonError
	scratch  []byte // the last string that had escapes
}

// A jsonError says where a text stops being JSON.
type jsonError struct {
	at     int
	reason string
	large  bool // it is JSON, but decoding it would take too much memory
}

func (e *jsonError) Error() string { return fmt.Sprintf("byte %d: %s", e.at, e.reason) }

func (s *jsonScanner) fail(reason string) bool {
	if s.err == nil {
		s.err = &jsonError{at: s.pos, reason: reason}
	}
	return false
}

// spend takes n bytes off the budget. A body of two bytes an element may not become a slice of large structs.
func (s *jsonScanner) spend(n int) bool {
	s.budget -= n
	if s.budget < 0 && s.err == nil {
		s.err = &jsonError{at: s.pos, reason: "what it decodes to is too large for its length", large: true}
	}
	return s.err == nil
}

// hold takes n bytes off the memory, if it is counted.
func (s *jsonScanner) hold(n int) bool {
	if s.counts {
		s.memory -= int64(n)
		if s.memory < 0 && s.err == nil {
			s.err = &jsonError{at: s.pos, reason: "what it decodes to takes more than MaxJSONMemory", large: true}
		}
	}
	return s.err == nil
}

// peek skips white space and gives the byte that follows, 0 at the end and after an error.
func (s *jsonScanner) peek() byte {
	if s.err != nil {
		return 0
	}
	for s.pos < len(s.data) {
		switch b := s.data[s.pos]; b {
		case ' ', '\t', '\r', '\n':
			s.pos++
		default:
			return b
		}
	}
	return 0
}

// expect takes one byte after white space.
func (s *jsonScanner) expect(b byte, reason string) bool {
	if s.peek() != b || s.err != nil {
		return s.fail(reason)
	}
	s.pos++
	return true
}

// end says whether nothing but white space is left.
func (s *jsonScanner) end() bool {
	s.peek()
	if s.err == nil && s.pos < len(s.data) {
		return s.fail("expected the end of the body")
	}
	return s.err == nil
}

// open takes the bracket that peek has seen.
func (s *jsonScanner) open() bool {
	s.pos++
	s.depth++
	if s.maxDepth >= 0 && s.depth > s.maxDepth || s.depth > jsonStackDepth {
		return s.fail("nested too deep")
	}
	return true
}

// jsonStackDepth holds whatever maxDepth says, since the stack may not grow with the body; it is encoding/json's own limit.
const jsonStackDepth = 10_000

// more says whether another element follows in an array or object that closing ends; it takes the comma before it, or the end.
func (s *jsonScanner) more(first bool, closing byte) bool {
	b := s.peek()
	if s.err != nil {
		return false
	}
	if b == closing {
		s.pos++
		s.depth--
		return false
	}
	if first {
		return true
	}
	if b != ',' {
		return s.fail("expected a comma or the closing bracket")
	}
	s.pos++
	if s.peek() == closing {
		return s.fail("a comma before the closing bracket")
	}
	return true
}

// key takes a member's name and the colon. The bytes are valid until the next string is read.
func (s *jsonScanner) key() ([]byte, bool) {
	if s.peek() != '"' {
		return nil, s.fail("expected a member's name in quotes")
	}
	k, ok := s.text()
	return k, ok && s.expect(':', "expected a colon")
}

// text takes the string that peek has seen. The bytes are valid until the next string is read.
func (s *jsonScanner) text() ([]byte, bool) {
	start := s.pos + 1
	ascii := true
	for i := start; i < len(s.data); i++ {
		switch b := s.data[i]; {
		case b == '"':
			s.pos = i + 1
			text := s.data[start:i]
			if !ascii && !utf8.Valid(text) {
				return nil, s.fail("a string that is not UTF-8")
			}
			return text, true
		case b == '\\':
			return s.escaped(start, i)
		case b < ' ':
			s.pos = i
			return nil, s.fail("a control character in a string")
		case b >= utf8.RuneSelf:
			ascii = false
		}
	}
	s.pos = len(s.data)
	return nil, s.fail("a string without an end")
}

// escaped takes the rest of a string that began at start and has its first backslash at i.
func (s *jsonScanner) escaped(start, i int) ([]byte, bool) {
	buf := append(s.scratch[:0], s.data[start:i]...)
	s.pos = i
	for s.pos < len(s.data) {
		switch b := s.data[s.pos]; {
		case b == '"':
			s.pos++
			s.scratch = buf
			if !utf8.Valid(buf) {
				return nil, s.fail("a string that is not UTF-8")
			}
			return buf, true
		case b == '\\':
			var ok bool
			if buf, ok = s.escape(buf); !ok {
				return nil, false
			}
		case b < ' ':
			return nil, s.fail("a control character in a string")
		default:
			buf = append(buf, b)
			s.pos++
		}
	}
	return nil, s.fail("a string without an end")
}

// jsonEscapes are the characters that one letter after a backslash stands for.
var jsonEscapes = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func (s *jsonScanner) escape(buf []byte) ([]byte, bool) {
	if s.pos+1 >= len(s.data) {
		return buf, s.fail("a string without an end")
	}
	letter := s.data[s.pos+1]
	if b := jsonEscapes[letter]; b != 0 {
		s.pos += 2
		return append(buf, b), true
	}
	r, ok := s.hex(s.pos)
	if letter != 'u' || !ok {
		return buf, s.fail("an unknown escape in a string")
	}
	s.pos += 6
	if utf16.IsSurrogate(r) {
		r2, _ := s.hex(s.pos)
		if pair := utf16.DecodeRune(r, r2); pair != utf8.RuneError {
			s.pos += 6
			return utf8.AppendRune(buf, pair), true
		}
		r = utf8.RuneError // half a pair stands for nothing; encoding/json and Python's decoder let it pass, too
	}
	return utf8.AppendRune(buf, r), true
}

// hex reads \uXXXX at i.
func (s *jsonScanner) hex(i int) (rune, bool) {
	if i+6 > len(s.data) || s.data[i] != '\\' || s.data[i+1] != 'u' {
		return 0, false
	}
	n, err := strconv.ParseUint(string(s.data[i+2:i+6]), 16, 16)
	return rune(n), err == nil
}

// number takes the number that peek has seen; whole says that it has neither fraction nor exponent.
func (s *jsonScanner) number() (token []byte, whole, ok bool) {
	start := s.pos
	if s.data[s.pos] == '-' {
		s.pos++
	}
	zero := s.pos < len(s.data) && s.data[s.pos] == '0'
	if n := s.digits(); n == 0 || zero && n > 1 {
		return nil, false, s.fail("a number with wrong digits")
	}
	whole = true
	if s.pos < len(s.data) && s.data[s.pos] == '.' {
		s.pos++
		whole = false
		if s.digits() == 0 {
			return nil, false, s.fail("a number that ends in a point")
		}
	}
	if s.pos < len(s.data) && s.data[s.pos]|0x20 == 'e' {
		s.pos++
		whole = false
		if s.pos < len(s.data) && (s.data[s.pos] == '+' || s.data[s.pos] == '-') {
			s.pos++
		}
		if s.digits() == 0 {
			return nil, false, s.fail("a number without an exponent")
		}
	}
	return s.data[start:s.pos], whole, true
}

func (s *jsonScanner) digits() int {
	start := s.pos
	for s.pos < len(s.data) && '0' <= s.data[s.pos] && s.data[s.pos] <= '9' {
		s.pos++
	}
	return s.pos - start
}

// literal takes true, false or null.
func (s *jsonScanner) literal(word string) bool {
	if len(s.data)-s.pos < len(word) || string(s.data[s.pos:s.pos+len(word)]) != word {
		return s.fail("an unknown word")
	}
	s.pos += len(word)
	return true
}

func isNumberStart(b byte) bool { return b == '-' || '0' <= b && b <= '9' }

// skip takes one value whatever it is, and gives its text.
func (s *jsonScanner) skip() ([]byte, bool) {
	b := s.peek()
	start := s.pos
	ok := false
	switch {
	case b == '{' || b == '[':
		ok = s.skipNested(b)
	case b == '"':
		_, ok = s.text()
	case isNumberStart(b):
		_, _, ok = s.number()
	case b == 't':
		ok = s.literal("true")
	case b == 'f':
		ok = s.literal("false")
	case b == 'n':
		ok = s.literal("null")
	default:
		ok = s.fail("expected a value")
	}
	return s.data[start:s.pos], ok && s.err == nil
}

// skipNested takes an array or object; it recurses as deep as the text is nested, which open bounds.
func (s *jsonScanner) skipNested(open byte) bool {
	if !s.open() {
		return false
	}
	closing := open + 2 // '{'+2 is '}', '['+2 is ']'
	for first := true; s.more(first, closing); first = false {
		if open == '{' {
			if _, ok := s.key(); !ok {
				return false
			}
		}
		if _, ok := s.skip(); !ok {
			return false
		}
	}
	return s.err == nil
}

// unmarshalAny decodes a value that no plan is made for, as the app's provider does.
func (s *jsonScanner) unmarshalAny(p JSONProvider, dst any) (read bool, err error) {
	start := s.pos
	if s.counts {
		s.measure(anyJSON)
		s.pos = start
	}
	raw, ok := s.skip()
	if !ok {
		return false, nil
	}
	return true, p.Unmarshal(raw, dst)
}
