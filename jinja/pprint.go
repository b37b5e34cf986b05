package jinja

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// A prettyPrinter prints as Python's pprint.pformat does: on one line if it fits into 80 columns,
// else an item a line, dict keys sorted.
type prettyPrinter struct {
	out []byte
}

const prettyWidth = 80

func prettyPrint(v value) string {
	var p prettyPrinter
	p.format(v, 0, 0, 1)
	return string(p.out)
}

// format prints v at column indent, with allowance columns to be kept free after it.
func (p *prettyPrinter) format(v value, indent, allowance, level int) {
	if level > maxReprDepth {
		throw(recursionError, "maximum recursion depth exceeded")
	}
	rep := sortedRepr(v)
	if utf8.RuneCountInString(rep) <= prettyWidth-indent-allowance || v.k == kStr && v.s == "" {
		p.out = append(p.out, rep...)
		return
	}
	switch v.k {
	case kDict:
		p.dict(v, indent, allowance+1, level)
	case kList:
		p.sequence("[", seqItems(v), "]", indent, allowance, level)
	case kTuple:
		end := ")"
		if seqLen(v) == 1 {
			end = ",)"
		}
		p.sequence("(", seqItems(v), end, indent, allowance, level)
	case kStr:
		p.text(v.s, indent, allowance, level)
	default:
		p.out = append(p.out, rep...)
	}
}

func (p *prettyPrinter) sequence(open string, items []value, end string, indent, allowance, level int) {
	p.out = append(p.out, open...)
	for i, v := range items {
		rest := 1
		if i == len(items)-1 {
			rest = allowance + len(end)
		}
		if i > 0 {
			p.line(indent + 1)
		}
		p.format(v, indent+1, rest, level+1)
		if i < len(items)-1 {
			p.out = append(p.out, ',')
		}
	}
	p.out = append(p.out, end...)
}

func (p *prettyPrinter) line(indent int) {
	checkItems(len(p.out) + indent) // a long key indents all lines below it
	p.out = append(append(p.out, '\n'), strings.Repeat(" ", indent)...)
}

func (p *prettyPrinter) dict(v value, indent, allowance, level int) {
	p.out = append(p.out, '{')
	keys := prettyKeys(v)
	for i, k := range keys {
		val, _ := dictGet(v, k)
		rep := sortedRepr(k)
		rest := 1
		if i == len(keys)-1 {
			rest = allowance
		}
		if i > 0 {
			p.line(indent + 1)
		}
		p.out = append(append(p.out, rep...), ": "...)
		p.format(val, indent+1+utf8.RuneCountInString(rep)+2, rest, level+1)
		if i < len(keys)-1 {
			p.out = append(p.out, ',')
		}
	}
	p.out = append(p.out, '}')
}

// prettyKeys are a dict's keys sorted; those that do not compare, by type and text.
func prettyKeys(v value) []value {
	keys := slices.Clone(dictKeys(v))
	slices.SortStableFunc(keys, func(a, b value) int {
		if a.isNumber() && b.isNumber() || a.isText() && b.isText() {
			c, _ := order(a, b, "<")
			return c
		}
		return strings.Compare(typeName(a), typeName(b))
	})
	return keys
}

// sortedRepr is the repr with the keys of all dicts sorted.
func sortedRepr(v value) string {
	p := reprinter{sorted: true}
	p.repr(v)
	return string(p.dst)
}

// text prints a long text as several literals, broken at lines and blanks.
func (p *prettyPrinter) text(s string, indent, allowance, level int) {
	if level == 1 {
		indent, allowance = indent+1, allowance+1
	}
	width := prettyWidth - indent
	var parts []string
	lines := splitLines(s, true)
	for i, line := range lines {
		rep := reprString(text(line))
		room := width
		if i == len(lines)-1 {
			room -= allowance
		}
		if utf8.RuneCountInString(rep) <= room {
			parts = append(parts, rep)
			continue
		}
		parts = append(parts, wrapRepr(line, width, allowance, i == len(lines)-1)...)
	}
	if len(parts) == 1 {
		p.out = append(p.out, reprString(text(s))...)
		return
	}
	if level == 1 {
		p.out = append(p.out, '(')
	}
	for i, part := range parts {
		if i > 0 {
			p.line(indent)
		}
		p.out = append(p.out, part...)
	}
	if level == 1 {
		p.out = append(p.out, ')')
	}
}

// wrapRepr breaks a line at blanks so that each part's repr fits.
func wrapRepr(line string, width, allowance int, last bool) []string {
	words := blankRuns(line)
	var parts []string
	cur := ""
	for i, w := range words {
		room := width
		if i == len(words)-1 && last {
			room -= allowance
		}
		if utf8.RuneCountInString(reprString(text(cur+w))) > room {
			if cur != "" {
				parts = append(parts, reprString(text(cur)))
			}
			cur = w
			continue
		}
		cur += w
	}
	if cur != "" {
		parts = append(parts, reprString(text(cur)))
	}
	return parts
}

// blankRuns cuts a text into words with the blanks that follow them.
func blankRuns(s string) []string {
	var out []string
	for s != "" {
		i := 0
		for i < len(s) && !isPySpace(rune(s[i])) {
			i++
		}
		for i < len(s) && isPySpace(rune(s[i])) {
			i++
		}
		out = append(out, s[:i])
		s = s[i:]
	}
	return out
}
