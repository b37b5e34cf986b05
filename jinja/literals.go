package jinja

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// digitsLength is the length of digits with single underscores between them, the last a digit.
func digitsLength(s string, isDigit func(byte) bool) int {
	n := 0
	for n < len(s) && (isDigit(s[n]) || n > 0 && s[n] == '_' && n+1 < len(s) && isDigit(s[n+1])) {
		n++
	}
	return n
}

func isDecimal(c byte) bool { return c >= '0' && c <= '9' }

// floatLength is the length of the float that s starts with: digits on both sides of a point, or
// an exponent. 0 if there is none.
func floatLength(s string) int {
	whole := digitsLength(s, isDecimal)
	if whole == 0 {
		return 0
	}
	n, point := whole, false
	if n+1 < len(s) && s[n] == '.' {
		if d := digitsLength(s[n+1:], isDecimal); d > 0 {
			n, point = n+1+d, true
		}
	}
	if n < len(s) && s[n]|0x20 == 'e' {
		e := n + 1
		if e < len(s) && (s[e] == '+' || s[e] == '-') {
			e++
		}
		if d := digitsLength(s[e:], isDecimal); d > 0 {
			return e + d
		}
	}
	if point {
		return n
	}
	return 0
}

// integerLength is the length of the integer that s starts with. 012 is two integers.
func integerLength(s string) int {
	if s == "" || !isDecimal(s[0]) {
		return 0
	}
	if s[0] != '0' {
		return digitsLength(s, isDecimal)
	}
	if len(s) > 2 {
		if isDigit := prefixDigits(s[1] | 0x20); isDigit != nil {
			skip := 2
			if s[2] == '_' {
				skip = 3
			}
			if d := digitsLength(s[skip:], isDigit); d > 0 {
				return skip + d
			}
		}
	}
	return digitsLength(s, func(c byte) bool { return c == '0' })
}

func prefixDigits(c byte) func(byte) bool {
	switch c {
	case 'b':
		return func(c byte) bool { return c == '0' || c == '1' }
	case 'o':
		return func(c byte) bool { return c >= '0' && c <= '7' }
	case 'x':
		return func(c byte) bool { return isDecimal(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }
	}
	return nil
}

func nameLength(s string) int {
	for i, r := range s {
		if r != '_' && !unicode.IsLetter(r) && !unicode.IsNumber(r) && !isIDContinue(r) {
			return i
		}
	}
	return len(s)
}

// stringLength is the length of the quoted string that s starts with; 0 if it has no end.
func stringLength(s string) int {
	if s[0] != '\'' && s[0] != '"' {
		return 0
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case s[0]:
			return i + 1
		}
	}
	return 0
}

func (l *lexer) floatToken(n int) bool {
	f, err := strconv.ParseFloat(strings.ReplaceAll(l.src[l.pos:l.pos+n], "_", ""), 64)
	if err != nil && !math.IsInf(f, 0) {
		return l.fail(l.line, "invalid number")
	}
	l.add(token{typ: tokFloat, value: l.src[l.pos : l.pos+n], num: float(f), pos: l.pos, end: l.pos + n})
	l.advance(n)
	return true
}

func (l *lexer) integerToken(n int) bool {
	if n > maxBigBits/4 {
		return l.fail(l.line, "integer literal too large")
	}
	b, ok := new(big.Int).SetString(strings.ReplaceAll(l.src[l.pos:l.pos+n], "_", ""), intBase(l.src[l.pos:l.pos+n]))
	if !ok {
		return l.fail(l.line, "invalid number")
	}
	l.add(token{typ: tokInteger, value: l.src[l.pos : l.pos+n], num: bigInt(b), pos: l.pos, end: l.pos + n})
	l.advance(n)
	return true
}

// intBase is 0, "by the prefix", unless the number is a row of zeros, which would be octal.
func intBase(s string) int {
	if strings.Trim(s, "0_") == "" {
		return 10
	}
	return 0
}

func (l *lexer) stringToken(n int) bool {
	raw := l.src[l.pos+1 : l.pos+n-1]
	s := l.newlines(raw)
	if strings.Contains(raw, `\`) {
		decoded, msg := unescapeString(s)
		if msg != "" {
			return l.fail(l.line, msg)
		}
		s = decoded
	}
	l.add(token{typ: tokString, value: s, pos: l.pos, end: l.pos + n})
	l.advance(n)
	return true
}

// simpleEscapes are the escapes of one letter.
var simpleEscapes = map[byte]string{
	'\n': "", '\\': "\\", '\'': "'", '"': `"`, 'a': "\a", 'b': "\b", 'f': "\f", 'n': "\n", 'r': "\r", 't': "\t", 'v': "\v",
}

// unescapeString decodes Python's escapes, or says what is wrong. Unlike Python, \N{NAME} is not
// known: there is no table of Unicode names here.
func unescapeString(s string) (out, msg string) {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 {
			return b.String() + s, ""
		}
		b.WriteString(s[:i])
		s = s[i+1:]
		if s == "" {
			return "", `\ at end of string`
		}
		if e, ok := simpleEscapes[s[0]]; ok {
			b.WriteString(e)
			s = s[1:]
			continue
		}
		e, n, msg := longEscape(s)
		if msg != "" {
			return "", msg
		}
		b.WriteString(e)
		s = s[n:]
	}
}

// longEscape decodes an octal, \x, \u or \U escape that s holds after its backslash.
func longEscape(s string) (out string, n int, msg string) {
	switch c := s[0]; {
	case c >= '0' && c <= '7':
		r := rune(0)
		for n < 3 && n < len(s) && s[n] >= '0' && s[n] <= '7' {
			r = r*8 + rune(s[n]-'0')
			n++
		}
		return string(r), n, ""
	case c == 'x':
		return hexEscape(s, 2, `truncated \xXX escape`)
	case c == 'u':
		return hexEscape(s, 4, `truncated \uXXXX escape`)
	case c == 'U':
		return hexEscape(s, 8, `truncated \UXXXXXXXX escape`)
	case c == 'N':
		return "", 0, namedEscape(s)
	}
	return `\`, 0, ""
}

func namedEscape(s string) string {
	if len(s) < 3 || s[1] != '{' || strings.IndexByte(s, '}') < 3 {
		return `malformed \N character escape`
	}
	return "unknown Unicode character name"
}

func hexEscape(s string, digits int, short string) (string, int, string) {
	if len(s) < 1+digits {
		return "", 0, short
	}
	n, err := strconv.ParseUint(s[1:1+digits], 16, 32)
	if err != nil {
		return "", 0, short
	}
	if n > utf8.MaxRune {
		return "", 0, "illegal Unicode character"
	}
	return string(rune(n)), 1 + digits, ""
}
