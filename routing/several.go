package routing

import (
	"strings"
	"unicode/utf8"
)

// several matches a part with more than one variable, such as <a>-<int:b>, as a backtracking
// regexp would but in time linear in the text for each piece. From the last piece to the
// first it works out at which places the rest of the part can begin; then it goes from the
// first to the last and lets each variable take what it prefers among those places: the most,
// a path the least, any() the first item that fits.
//
// Go's regexp would do, but allocates for every match and counts to 1000 at most.
func (f *form) several(text string, spans []span) bool {
	if f.separate && strings.IndexByte(text, '/') < 0 {
		return f.separated(text, spans)
	}
	var small [16 * 64]bool
	width := len(text) + 1
	buffer := small[:]
	if need := (len(f.pieces) + 1) * width; need > len(buffer) {
		buffer = make([]bool, need)
	}
	row := func(i int) []bool { return buffer[i*width : (i+1)*width] }
	row(len(f.pieces))[len(text)] = true
	for i := len(f.pieces) - 1; i >= 0; i-- {
		f.pieces[i].begins(text, row(i+1), row(i))
	}
	if !row(0)[0] {
		return false
	}
	pos, found := 0, 0
	for i, piece := range f.pieces {
		end := piece.takes(text, pos, row(i+1))
		if piece.def != nil {
			if spans != nil {
				spans[found] = span{pos, end}
			}
			found++
		}
		pos = end
	}
	return true
}

// separated is several for the usual case, text variables with static text between them: from
// the end backwards, each separator is the last that leaves a character to what follows it.
func (f *form) separated(text string, spans []span) bool {
	end, found := len(text), f.vars
	for i := len(f.pieces) - 1; i >= 0; i-- {
		piece := &f.pieces[i]
		if piece.def == nil {
			if i != len(f.pieces)-1 {
				continue // found together with the variable after it
			}
			if !strings.HasSuffix(text, piece.text) {
				return false
			}
			end -= len(piece.text)
			continue
		}
		start, before := 0, 0
		switch {
		case i == 1 || (i == 0 && end > 0):
			if i == 1 {
				start = len(f.pieces[0].text)
				if !strings.HasPrefix(text, f.pieces[0].text) {
					return false
				}
			}
		case i > 1 && end > 0:
			before = strings.LastIndex(text[:end-1], f.pieces[i-1].text)
			if before < 0 {
				return false
			}
			start = before + len(f.pieces[i-1].text)
		}
		if start >= end {
			return false
		}
		found--
		if spans != nil {
			spans[found] = span{start, end}
		}
		end = before
	}
	return true
}

// separates tells whether text variables of any length alternate with static text.
func (f *form) separates() bool {
	for i := range f.pieces {
		d := f.pieces[i].def
		if d == nil {
			continue
		}
		if s := &d.shape; s.kind != shapeText || s.min != 1 || s.max >= 0 || (i > 0 && f.pieces[i-1].def != nil) {
			return false
		}
	}
	return true
}

// begins sets from[i] where the piece can begin so that it ends where next is set.
func (p *piece) begins(text string, next, from []bool) {
	if p.def == nil {
		for i := 0; i+len(p.text) <= len(text); i++ {
			from[i] = next[i+len(p.text)] && text[i:i+len(p.text)] == p.text
		}
		return
	}
	s := &p.def.shape
	switch s.kind {
	case shapeText:
		s.textBegins(text, next, from)
	case shapePath:
		pathBegins(text, next, from)
	case shapeInt:
		digitsBegin(text, next, from)
		signBegins(s.signed, text, from)
	case shapeFloat:
		s.floatBegins(text, next, from)
	default: // uuid and any take few lengths
		for i := range from {
			from[i] = s.listed(text, i, next) >= 0
		}
	}
}

// textBegins keeps a window: the places reached by at least min and at most max code points.
func (s *shape) textBegins(text string, next, from []bool) {
	if s.max < 0 && s.min <= 1 {
		s.anyTextBegins(text, next, from)
		return
	}
	starts := make([]int, 0, len(text)+1) // of code points
	for i := range text {
		starts = append(starts, i)
	}
	starts = append(starts, len(text))
	nearest := len(starts) // the first j >= i+min with next[starts[j]] and no "/" before it
	wall := len(starts)    // no variable beginning at or before i reaches beyond this place
	for i := len(starts) - 1; i >= 0; i-- {
		if i < len(starts)-1 && text[starts[i]] == '/' {
			wall = i
		}
		if j := i + s.min; j < len(starts) && next[starts[j]] {
			nearest = j
		}
		from[starts[i]] = nearest < len(starts) && nearest <= wall && (s.max < 0 || nearest <= i+s.max)
	}
}

// anyTextBegins is textBegins without counting.
func (s *shape) anyTextBegins(text string, next, from []bool) {
	from[len(text)] = s.min == 0 && next[len(text)]
	ahead := next[len(text)] // the rest fits somewhere after the current character
	for i := len(text) - 1; i >= 0; i-- {
		if !utf8.RuneStart(text[i]) {
			continue
		}
		if text[i] == '/' {
			ahead = false
		}
		from[i] = ahead || (s.min == 0 && next[i])
		ahead = ahead || next[i]
	}
}

// pathBegins: any character but "/", then any but newlines.
func pathBegins(text string, next, from []bool) {
	goesOn := make([]bool, len(next)) // from here to an end without a newline between
	goesOn[len(text)] = next[len(text)]
	for i := len(text) - 1; i >= 0; i-- {
		goesOn[i] = next[i] || (text[i] != '\n' && goesOn[i+1])
		from[i] = text[i] != '/' && goesOn[i+firstRune(text[i:])]
	}
}

func digitsBegin(text string, next, from []bool) {
	for i := len(text) - 1; i >= 0; i-- {
		from[i] = isDigit(text[i]) && (next[i+1] || from[i+1])
	}
}

// signBegins goes upwards, so that a place set for a sign is not taken for a digit.
func signBegins(signed bool, text string, from []bool) {
	for i := 0; signed && i+1 < len(text); i++ {
		from[i] = from[i] || (text[i] == '-' && isDigit(text[i+1]) && from[i+1])
	}
}

func (s *shape) floatBegins(text string, next, from []bool) {
	fraction := make([]bool, len(next))
	digitsBegin(text, next, fraction)
	point := make([]bool, len(next))
	for i := 0; i < len(text); i++ {
		point[i] = text[i] == '.' && fraction[i+1]
	}
	digitsBegin(text, point, from)
	signBegins(s.signed, text, from)
}

// listed is the end of the first item, or of a UUID, at pos after which the rest fits; or -1.
func (s *shape) listed(text string, pos int, next []bool) int {
	if s.kind == shapeUUID {
		if end := pos + 36; end <= len(text) && next[end] && isUUID(text[pos:end]) {
			return end
		}
		return -1
	}
	for _, item := range s.items {
		if strings.HasPrefix(text[pos:], item) && next[pos+len(item)] {
			return pos + len(item)
		}
	}
	return -1
}

// takes is where the piece ends that begins at pos, in the order of the regexp's preference.
func (p *piece) takes(text string, pos int, next []bool) int {
	if p.def == nil {
		return pos + len(p.text)
	}
	s := &p.def.shape
	switch s.kind {
	case shapeText:
		return s.longest(text, pos, next)
	case shapePath:
		end := pos + firstRune(text[pos:])
		for !next[end] {
			end++
		}
		return end
	case shapeInt:
		return lastDigit(text, pos+s.afterSign(text[pos:]), next)
	case shapeFloat:
		point := digitsEnd(text, pos+s.afterSign(text[pos:]))
		return lastDigit(text, point+1, next)
	}
	return s.listed(text, pos, next)
}

func (s *shape) longest(text string, pos int, next []bool) int {
	best, end := pos, pos
	for n := 0; s.max < 0 || n <= s.max; n++ {
		if n >= s.min && next[end] {
			best = end
		}
		if end == len(text) || text[end] == '/' {
			break
		}
		end += firstRune(text[end:])
	}
	return best
}

// lastDigit is the furthest place in the run of digits at pos after which the rest fits.
func lastDigit(text string, pos int, next []bool) int {
	end := digitsEnd(text, pos)
	for !next[end] {
		end--
	}
	return end
}
