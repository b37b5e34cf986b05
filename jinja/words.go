package jinja

import (
	"strings"
	"unicode/utf8"
)

// tag reads the words of a block or variable tag up to its end mark.
func (l *lexer) tag(start tagStart, begin, end tokenType) bool {
	l.add(token{typ: begin, pos: start.at, end: start.end})
	mark, plus := l.delims.VariableEnd, false
	if end == tokBlockEnd {
		mark, plus = l.delims.BlockEnd, true
	}
	l.open = l.open[:0]
	for l.pos < len(l.src) {
		if n := l.endMark(l.src[l.pos:], mark, plus); n > 0 && len(l.open) == 0 {
			l.add(token{typ: end, pos: l.pos, end: l.pos + n})
			l.swallowed(l.src[l.pos : l.pos+n])
			l.advance(n)
			return true
		}
		if !l.word() {
			return false
		}
	}
	return true
}

// lineStatement reads the words of a line statement; the end of the line ends it.
func (l *lexer) lineStatement(start tagStart) bool {
	l.add(token{typ: tokBlockBegin, pos: start.at, end: start.end})
	l.open = l.open[:0]
	for {
		rest := l.src[l.pos:]
		n := leadingBlanks(rest)
		nl := strings.LastIndexByte(rest[:n], '\n')
		if len(l.open) == 0 && (nl >= 0 || n == len(rest)) {
			end := n
			if nl >= 0 {
				end = nl + 1
			}
			l.add(token{typ: tokBlockEnd, pos: l.pos, end: l.pos + end})
			l.swallowed(rest[:end])
			l.advance(end)
			return true
		}
		if l.pos >= len(l.src) || !l.word() {
			return l.pos >= len(l.src)
		}
	}
}

// word reads blanks, or one token of an expression.
func (l *lexer) word() bool {
	rest := l.src[l.pos:]
	if n := leadingBlanks(rest); n > 0 {
		l.advance(n)
		return true
	}
	afterDot := l.pos > 0 && l.src[l.pos-1] == '.'
	if n := floatLength(rest); n > 0 && !afterDot {
		return l.floatToken(n)
	}
	if n := integerLength(rest); n > 0 {
		return l.integerToken(n)
	}
	if n := nameLength(rest); n > 0 {
		return l.nameToken(n)
	}
	if n := stringLength(rest); n > 0 {
		return l.stringToken(n)
	}
	return l.operator(rest)
}

func (l *lexer) nameToken(n int) bool {
	name := l.src[l.pos : l.pos+n]
	if !isIdentifier(name) {
		return l.fail(l.line, "Invalid character in identifier")
	}
	l.add(token{typ: tokName, value: name, pos: l.pos, end: l.pos + n})
	l.advance(n)
	return true
}

func (l *lexer) operator(rest string) bool {
	n := min(2, len(rest))
	typ, ok := operators[rest[:n]]
	if !ok {
		n = 1
		typ, ok = operators[rest[:n]]
	}
	if !ok {
		r, _ := utf8.DecodeRuneInString(rest)
		at := utf8.RuneCountInString(l.src[:l.pos])
		return l.fail(l.line, "unexpected char "+quoteName(string(r))+" at "+string(appendStr(nil, integer(int64(at)))))
	}
	if msg := l.balance(rest[0], n); msg != "" {
		return l.fail(l.line, msg)
	}
	l.add(token{typ: typ, value: rest[:n], pos: l.pos, end: l.pos + n})
	l.advance(n)
	return true
}

// balance follows the brackets: inside them, an end mark is no end.
func (l *lexer) balance(c byte, n int) string {
	if n != 1 {
		return ""
	}
	switch c {
	case '{', '(', '[':
		l.open = append(l.open, map[byte]byte{'{': '}', '(': ')', '[': ']'}[c])
	case '}', ')', ']':
		if len(l.open) == 0 {
			return "unexpected '" + string(c) + "'"
		}
		want := l.open[len(l.open)-1]
		l.open = l.open[:len(l.open)-1]
		if want != c {
			return "unexpected '" + string(c) + "', expected '" + string(want) + "'"
		}
	}
	return ""
}
