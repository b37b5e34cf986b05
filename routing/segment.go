package routing

import (
	"strings"
	"unicode/utf8"
)

// A span is where the text of a variable begins and ends.
type span struct{ start, end int }

// match tells whether text, of one segment or of all that are left, fits the part, and where
// its variables are. spans may be nil; else it has an entry for each variable of the part.
func (f *form) match(text string, spans []span) bool {
	switch {
	case f.pattern != nil:
		return f.matchPattern(text, spans)
	case f.vars == 1:
		s, ok := f.single(text)
		if ok && spans != nil {
			spans[0] = s
		}
		return ok
	}
	return f.several(text, spans)
}

func (f *form) matchPattern(text string, spans []span) bool {
	if spans == nil {
		return f.pattern.MatchString(text)
	}
	m := f.pattern.FindStringSubmatchIndex(text)
	for i := range spans {
		if m == nil {
			return false
		}
		spans[i] = span{m[2*i+2], m[2*i+3]}
	}
	return m != nil
}

// single is the part with one variable: what stands around it fixes where it is.
func (f *form) single(text string) (span, bool) {
	s := span{0, len(text)}
	i := 0
	if f.pieces[0].def == nil {
		if !strings.HasPrefix(text, f.pieces[0].text) {
			return s, false
		}
		s.start = len(f.pieces[0].text)
		i = 1
	}
	if i+1 < len(f.pieces) {
		tail := f.pieces[i+1].text
		if len(text)-s.start < len(tail) || !strings.HasSuffix(text, tail) {
			return s, false
		}
		s.end -= len(tail)
	}
	return s, f.pieces[i].def.shape.fits(text[s.start:s.end])
}

// fits tells whether the whole of text is in the language of the shape.
func (s *shape) fits(text string) bool {
	switch s.kind {
	case shapeText:
		return s.fitsText(text)
	case shapeInt:
		return digitsEnd(text, s.afterSign(text)) == len(text) && isDigit(text[len(text)-1])
	case shapeFloat:
		return s.fitsFloat(text)
	case shapeUUID:
		return isUUID(text)
	case shapePath:
		return text != "" && text[0] != '/' && strings.IndexByte(text[firstRune(text):], '\n') < 0
	case shapeAny:
		for _, item := range s.items {
			if item == text {
				return true
			}
		}
	}
	return false
}

func (s *shape) fitsText(text string) bool {
	if strings.IndexByte(text, '/') >= 0 {
		return false
	}
	if s.max < 0 && s.min <= 1 {
		return len(text) >= s.min
	}
	n := utf8.RuneCountInString(text)
	return n >= s.min && (s.max < 0 || n <= s.max)
}

func (s *shape) fitsFloat(text string) bool {
	start := s.afterSign(text)
	point := digitsEnd(text, start)
	if point == start || point >= len(text)-1 || text[point] != '.' {
		return false
	}
	return digitsEnd(text, point+1) == len(text)
}

func (s *shape) afterSign(text string) int {
	if s.signed && text != "" && text[0] == '-' {
		return 1
	}
	return 0
}

// digitsEnd is -1 for an empty text, so that it never equals the length.
func digitsEnd(text string, start int) int {
	if text == "" {
		return -1
	}
	i := start
	for i < len(text) && isDigit(text[i]) {
		i++
	}
	return i
}

func firstRune(text string) int {
	_, n := utf8.DecodeRuneInString(text)
	return n
}
