package jinja

import (
	"strings"
)

// Delimiters are the marks of a template's syntax. The zero value of a field means Jinja2's own.
type Delimiters struct {
	BlockStart, BlockEnd       string // "{%" and "%}"
	VariableStart, VariableEnd string // "{{" and "}}"
	CommentStart, CommentEnd   string // "{#" and "#}"
	// LineStatement starts a statement that fills a line; "" means there are none.
	LineStatement string
	// LineComment starts a comment to the end of the line; "" means there are none.
	LineComment string
}

func (d Delimiters) withDefaults() Delimiters {
	for _, f := range []struct {
		field *string
		def   string
	}{
		{&d.BlockStart, "{%"}, {&d.BlockEnd, "%}"}, {&d.VariableStart, "{{"}, {&d.VariableEnd, "}}"},
		{&d.CommentStart, "{#"}, {&d.CommentEnd, "#}"},
	} {
		if *f.field == "" {
			*f.field = f.def
		}
	}
	return d
}

// A lexer cuts a template into tokens. It never fails: an error becomes the last token, and is
// raised when the parser comes to it, so that of two errors the first in the text is reported.
type lexer struct {
	opts   *Options
	delims Delimiters
	src    string // with \n alone as line end
	pos    int
	line   int
	tokens []token
	open   []byte // brackets that are open in the current tag
	// lineStart is true if the text before pos ended with a newline that a tag swallowed: then
	// lstrip_blocks applies to a tag though the text it sees does not begin a line.
	lineStart bool
}

// lex cuts source into tokens, the last of which is an eof or an error.
func lex(source string, opts *Options) (tokens []token, normal string) {
	l := &lexer{opts: opts, delims: opts.Delimiters.withDefaults(), line: 1, lineStart: true}
	l.src = normalizeNewlines(source)
	if !opts.KeepTrailingNewline {
		l.src = strings.TrimSuffix(l.src, "\n")
	}
	for l.pos < len(l.src) && l.template() {
	}
	if n := len(l.tokens); n == 0 || l.tokens[n-1].typ != tokError {
		line := 1 // the end is on the line of the last token, as in Jinja2
		if n > 0 {
			line = l.tokens[n-1].line
		}
		l.tokens = append(l.tokens, token{typ: tokEOF, line: line, pos: len(l.src), end: len(l.src)})
	}
	return l.tokens, l.src
}

func normalizeNewlines(s string) string {
	if !strings.Contains(s, "\r") {
		return s
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n")
}

func (l *lexer) add(t token) {
	t.line = l.line
	l.tokens = append(l.tokens, t)
}

// fail ends the tokens with an error and reports false.
func (l *lexer) fail(line int, msg string) bool {
	l.tokens = append(l.tokens, token{typ: tokError, line: line, pos: l.pos, end: l.pos,
		err: &Error{Kind: syntaxError, Message: msg, Line: line}})
	return false
}

// advance moves over n bytes and counts their lines.
func (l *lexer) advance(n int) {
	l.line += strings.Count(l.src[l.pos:l.pos+n], "\n")
	l.pos += n
}

// A tagStart is where the next tag begins.
type tagStart struct {
	kind byte // 'b' block, 'v' variable, 'c' comment, 'l' line statement, 'm' line comment, 0 none
	at   int  // offset where the tag begins
	end  int  // offset after its start mark
}

// next finds the next tag: the earliest, and of two at one place the one with the longer mark.
func (l *lexer) nextTag() tagStart {
	best := tagStart{at: len(l.src), end: len(l.src)}
	consider := func(kind byte, mark string) {
		i := strings.Index(l.src[l.pos:], mark)
		if i < 0 {
			return
		}
		at := l.pos + i
		if at < best.at || at == best.at && at+len(mark) > best.end {
			best = tagStart{kind, at, at + len(mark)}
		}
	}
	consider('b', l.delims.BlockStart)
	consider('v', l.delims.VariableStart)
	consider('c', l.delims.CommentStart)
	return l.lineTag(best)
}

// lineTag looks for a line statement or comment before the tag found.
func (l *lexer) lineTag(best tagStart) tagStart {
	if l.delims.LineStatement != "" {
		if t := l.findLineStatement(best.at); t.kind != 0 {
			best = t
		}
	}
	if l.delims.LineComment != "" {
		if t := l.findLineComment(best.at); t.kind != 0 {
			best = t
		}
	}
	return best
}

// findLineStatement finds a line that, blanks aside, begins with the mark, before offset limit.
func (l *lexer) findLineStatement(limit int) tagStart {
	for i := l.pos; i <= limit && i < len(l.src); {
		if i == 0 || l.src[i-1] == '\n' {
			j := i
			for j < len(l.src) && strings.IndexByte(" \t\v", l.src[j]) >= 0 {
				j++
			}
			if strings.HasPrefix(l.src[j:], l.delims.LineStatement) && i < limit+1 && !l.isLineComment(j) {
				return tagStart{'l', i, j + len(l.delims.LineStatement)}
			}
		}
		n := strings.IndexByte(l.src[i:], '\n')
		if n < 0 {
			break
		}
		i += n + 1
	}
	return tagStart{}
}

func (l *lexer) isLineComment(at int) bool {
	c := l.delims.LineComment
	return len(c) > len(l.delims.LineStatement) && strings.HasPrefix(l.src[at:], c)
}

// findLineComment finds a line comment: at the start of a line or after what is no blank.
func (l *lexer) findLineComment(limit int) tagStart {
	n := strings.Index(l.src[l.pos:], l.delims.LineComment)
	if n < 0 || l.pos+n >= limit {
		return tagStart{}
	}
	at := l.pos + n
	start := at
	for start > l.pos && strings.IndexByte(" \t\v\f", l.src[start-1]) >= 0 {
		start--
	}
	return tagStart{'m', start, at + len(l.delims.LineComment)}
}

// template reads text up to a tag, and the tag. It reports whether to go on.
func (l *lexer) template() bool {
	tag := l.nextTag()
	sign := byte(0)
	if tag.kind != 0 && tag.kind != 'l' && tag.kind != 'm' && tag.end < len(l.src) {
		if c := l.src[tag.end]; c == '-' || c == '+' {
			sign = c
			tag.end++
		}
	}
	l.data(tag, sign)
	l.advance(tag.end - l.pos)
	if l.pos >= len(l.src) && tag.kind != 'b' && tag.kind != 'v' {
		return false
	}
	switch tag.kind {
	case 'b':
		if n := l.rawBegin(); n > 0 {
			return l.raw(n)
		}
		return l.tag(tag, tokBlockBegin, tokBlockEnd)
	case 'v':
		return l.tag(tag, tokVariableBegin, tokVariableEnd)
	case 'c':
		return l.comment()
	case 'l':
		return l.lineStatement(tag)
	case 'm':
		l.advance(lineRest(l.src[l.pos:]))
	}
	return true
}

func lineRest(s string) int {
	if i := strings.IndexByte(s, '\n'); i >= 0 {
		return i
	}
	return len(s)
}

// data adds the text before a tag, stripped as the tag's sign and lstrip_blocks ask for.
func (l *lexer) data(tag tagStart, sign byte) {
	s := l.src[l.pos:tag.at]
	if sign == '-' {
		s = strings.TrimRightFunc(s, isPySpace)
	} else if sign != '+' && l.opts.LstripBlocks && (tag.kind == 'b' || tag.kind == 'c') {
		s = l.lstrip(s)
	}
	if s != "" {
		l.add(token{typ: tokData, value: l.newlines(s), pos: l.pos, end: l.pos + len(s)})
	}
	l.lineStart = false
}

// lstrip drops the blanks between the start of the line and a tag.
func (l *lexer) lstrip(s string) string {
	at := strings.LastIndexByte(s, '\n') + 1
	if (at > 0 || l.lineStart) && strings.TrimFunc(s[at:], isPySpace) == "" {
		return s[:at]
	}
	return s
}

func (l *lexer) newlines(s string) string {
	if nl := l.opts.NewlineSequence; nl != "" && nl != "\n" {
		return strings.ReplaceAll(s, "\n", nl)
	}
	return s
}

// endMark is the length of the end mark that s starts with, with its sign and what it swallows; 0
// if there is none. A plus keeps the newline that trim_blocks would drop.
func (l *lexer) endMark(s, mark string, plus bool) int {
	switch {
	case strings.HasPrefix(s, "-"+mark):
		return 1 + len(mark) + leadingBlanks(s[1+len(mark):])
	case plus && strings.HasPrefix(s, "+"+mark):
		return 1 + len(mark)
	case strings.HasPrefix(s, mark):
		n := len(mark)
		if plus && l.opts.TrimBlocks && strings.HasPrefix(s[n:], "\n") {
			n++
		}
		return n
	}
	return 0
}

func leadingBlanks(s string) int {
	return len(s) - len(strings.TrimLeftFunc(s, isPySpace))
}

// swallowed notes whether the mark just passed ended with a newline.
func (l *lexer) swallowed(mark string) { l.lineStart = strings.HasSuffix(mark, "\n") }

func (l *lexer) comment() bool {
	start := l.line
	i := strings.Index(l.src[l.pos:], l.delims.CommentEnd)
	if i < 0 {
		return l.fail(start, "Missing end of comment tag")
	}
	at := l.pos + i
	if at > l.pos && (l.src[at-1] == '-' || l.src[at-1] == '+') {
		at--
	}
	n := l.endMark(l.src[at:], l.delims.CommentEnd, true)
	l.swallowed(l.src[at : at+n])
	l.advance(at + n - l.pos)
	return true
}

// rawBegin is the length of "raw %}" at pos, after the block's start mark; 0 if it is another tag.
func (l *lexer) rawBegin() int {
	s := l.src[l.pos:]
	n := leadingBlanks(s)
	if !strings.HasPrefix(s[n:], "raw") {
		return 0
	}
	n += len("raw")
	n += leadingBlanks(s[n:])
	rest := s[n:]
	if strings.HasPrefix(rest, "-"+l.delims.BlockEnd) {
		n += 1 + len(l.delims.BlockEnd)
		return n + leadingBlanks(s[n:])
	}
	if strings.HasPrefix(rest, l.delims.BlockEnd) {
		return n + len(l.delims.BlockEnd)
	}
	return 0
}

// raw adds the text of a raw block. Its end tag may strip, and lstrip_blocks applies to it too.
func (l *lexer) raw(n int) bool {
	l.advance(n)
	if l.pos >= len(l.src) {
		return false
	}
	start := l.line
	for at := l.pos; ; {
		i := strings.Index(l.src[at:], l.delims.BlockStart)
		if i < 0 {
			return l.fail(start, "Missing end of raw directive")
		}
		at += i
		if sign, end := l.rawEnd(at + len(l.delims.BlockStart)); end > 0 {
			l.data(tagStart{'b', at, end}, sign)
			l.swallowed(l.src[at:end])
			l.advance(end - l.pos)
			return true
		}
		at += len(l.delims.BlockStart)
	}
}

// rawEnd reads "endraw %}" at an offset and gives the start sign and the offset after it.
func (l *lexer) rawEnd(at int) (sign byte, end int) {
	if at < len(l.src) && (l.src[at] == '-' || l.src[at] == '+') {
		sign = l.src[at]
		at++
	}
	at += leadingBlanks(l.src[at:])
	if !strings.HasPrefix(l.src[at:], "endraw") {
		return 0, 0
	}
	at += len("endraw")
	at += leadingBlanks(l.src[at:])
	if n := l.endMark(l.src[at:], l.delims.BlockEnd, true); n > 0 {
		return sign, at + n
	}
	return 0, 0
}
