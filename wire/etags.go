package wire

import (
	"fmt"
	"slices"
	"strings"
)

// ETags are the entity tags of If-Match or If-None-Match, without their quotes. The zero value is that of a missing
// header.
//
// Source: werkzeug.datastructures.ETags.
type ETags struct {
	Star   bool     // "*": any
	Strong []string // nil means none
	Weak   []string // without their W/; nil means none
}

// IsZero says whether there are none.
func (e ETags) IsZero() bool { return !e.Star && len(e.Strong) == 0 && len(e.Weak) == 0 }

// Matches compares strongly, as If-Match does (RFC 9110, 8.8.3.2): weak tags match nothing. tag is without
// quotes.
func (e ETags) Matches(tag string, weak bool) bool {
	return e.Star || !weak && slices.Contains(e.Strong, tag)
}

// MatchesWeakly compares weakly, as If-None-Match does.
func (e ETags) MatchesWeakly(tag string) bool {
	return e.Star || slices.Contains(e.Strong, tag) || slices.Contains(e.Weak, tag)
}

// ParseETags reads a list of entity tags, quoted or not. One "*" stands for all.
//
// Source: werkzeug.http.parse_etags.
func ParseETags(field string) (e ETags) {
	s := tagScanner{text: field, closing: -2}
	for s.pos < len(field) {
		tag, weak, star := s.next()
		switch {
		case star:
			return ETags{Star: true}
		case weak:
			e.Weak = append(e.Weak, tag)
		default:
			e.Strong = append(e.Strong, tag)
		}
	}
	return e
}

// A tagScanner goes through a list of tags once.
type tagScanner struct {
	text    string
	pos     int
	closing int // the next quote that ends a tag, -1 if there is none, -2 if not yet looked for
}

// next reads one tag and the comma after it.
func (s *tagScanner) next() (tag string, weak, star bool) {
	if rest := s.text[s.pos:]; len(rest) > 1 && (rest[0] == 'W' || rest[0] == 'w') && rest[1] == '/' {
		weak, s.pos = true, s.pos+2
	}
	if end := s.quoted(); end > 0 {
		tag, s.pos = s.text[s.pos+1:end], s.skipComma(end+1)
		return tag, weak, false
	}
	end := len(s.text)
	if comma := strings.IndexByte(s.text[s.pos:], ','); comma >= 0 {
		end = s.pos + len(strings.TrimRight(s.text[s.pos:s.pos+comma], " \t"))
	}
	tag, s.pos = s.text[s.pos:end], s.skipComma(end)
	return tag, weak, tag == "*"
}

// quoted is where the quoted tag at pos ends, 0 if there is none. A quote ends a tag if a comma or nothing follows. What was
// found is remembered, since a hostile list would else be searched to its end for every tag.
func (s *tagScanner) quoted() int {
	if s.pos >= len(s.text) || s.text[s.pos] != '"' || s.closing == -1 {
		return 0
	}
	for i := max(s.pos+1, s.closing); i < len(s.text); i++ {
		if s.text[i] == '"' && s.endsTag(i+1) {
			s.closing = i
			return i
		}
	}
	s.closing = -1
	return 0
}

// endsTag says whether nothing, or blanks and a comma, stand at i.
func (s *tagScanner) endsTag(i int) bool {
	if i == len(s.text) {
		return true
	}
	rest := strings.TrimLeft(s.text[i:], " \t")
	return rest != "" && rest[0] == ','
}

func (s *tagScanner) skipComma(i int) int {
	rest := strings.TrimLeft(s.text[i:], " \t")
	if rest != "" && rest[0] == ',' {
		rest = strings.TrimLeft(rest[1:], " \t")
	}
	return len(s.text) - len(rest)
}

// ParseETag takes the quotes and the weakness off one tag. ok is false if there is none at all.
//
// Source: werkzeug.http.unquote_etag.
func ParseETag(field string) (tag string, weak, ok bool) {
	if field == "" {
		return "", false, false
	}
	tag = strings.TrimSpace(field)
	if len(tag) > 1 && (tag[0] == 'W' || tag[0] == 'w') && tag[1] == '/' {
		tag, weak = tag[2:], true
	}
	if len(tag) > 1 && tag[0] == '"' && tag[len(tag)-1] == '"' {
		tag = tag[1 : len(tag)-1]
	} else if tag == `"` {
		tag = ""
	}
	return tag, weak, true
}

// QuoteETag writes a tag. One with a quote or a control character cannot be written.
//
// Source: werkzeug.http.quote_etag.
func QuoteETag(tag string, weak bool) (string, error) {
	if i := strings.IndexFunc(tag, func(r rune) bool { return r == '"' || r < ' ' || r == 0x7f }); i >= 0 {
		return "", fmt.Errorf("wire: invalid etag %q", tag)
	}
	if weak {
		return `W/"` + tag + `"`, nil
	}
	return `"` + tag + `"`, nil
}
