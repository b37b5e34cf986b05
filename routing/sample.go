package routing

import (
	"regexp"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"
)

// sample is a domain and a path that fit the rule's text. Other rules may be tried before it.
func (r *Rule) sample() (domain, path string) {
	for i := range r.parts {
		switch text := r.parts[i].sample(); i {
		case 0:
			domain = text
		case 1:
			path = text
		default:
			path += "/" + text
		}
	}
	return domain, path
}

func (p *part) sample() string {
	if p.static {
		return p.text
	}
	var b strings.Builder
	for _, piece := range p.pieces {
		if piece.def == nil {
			b.WriteString(piece.text)
		} else {
			b.WriteString(piece.def.sample())
		}
	}
	return b.String()
}

func (d *Definition) sample() string {
	s := &d.shape
	switch s.kind {
	case shapeText:
		if s.max == 0 {
			return ""
		}
		return strings.Repeat("a", max(s.min, 1))
	case shapeAny:
		if len(s.items) == 0 {
			return ""
		}
		return s.items[0]
	case shapePath:
		return "a"
	case shapeInt:
		return zeroFill(strconv.Itoa(int(s.number.sample(1))), s.number.fixed)
	case shapeFloat:
		return string(appendFloat(nil, s.number.sample(1.5)))
	case shapeUUID:
		return "00000000-0000-0000-0000-000000000000"
	}
	tree, err := syntax.Parse(d.Regexp, syntax.Perl)
	if err != nil {
		return ""
	}
	return shortest(tree)
}

func (n *numberRange) sample(f float64) float64 {
	switch {
	case n.hasMin && f < n.min:
		return n.min
	case n.hasMax && f > n.max:
		return n.max
	}
	return f
}

// takesEmpty tells whether the variable may be empty.
func (d *Definition) takesEmpty() bool {
	switch d.shape.kind {
	case shapeText:
		return d.shape.min == 0
	case shapeAny:
		return len(d.shape.items) == 0 || slices.Contains(d.shape.items, "")
	case shapeRegexp:
		empty, err := regexp.MatchString(`\A(?:`+d.Regexp+`)\z`, "")
		return err != nil || empty
	}
	return false
}

// shortest is a short text in the language of a regexp.
func shortest(tree *syntax.Regexp) string {
	switch tree.Op {
	case syntax.OpLiteral:
		return string(tree.Rune)
	case syntax.OpCharClass:
		if len(tree.Rune) > 0 {
			return string(printable(tree.Rune))
		}
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		return "a"
	case syntax.OpPlus, syntax.OpCapture, syntax.OpAlternate:
		return shortest(tree.Sub[0])
	case syntax.OpRepeat:
		return strings.Repeat(shortest(tree.Sub[0]), tree.Min)
	case syntax.OpConcat:
		var b strings.Builder
		for _, sub := range tree.Sub {
			b.WriteString(shortest(sub))
		}
		return b.String()
	}
	return ""
}

// printable prefers a letter or a digit of the class to its first character.
func printable(ranges []rune) rune {
	for i := 0; i+1 < len(ranges); i += 2 {
		for _, c := range "a0A_-" {
			if ranges[i] <= c && c <= ranges[i+1] {
				return c
			}
		}
	}
	return ranges[0]
}
