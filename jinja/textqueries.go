package jinja

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// padMethod is center, ljust or rjust: width in characters, and a fill character.
func padMethod(name string, pad func(s string, width int, fill string) string) methodSpec {
	return spec("width fillchar=none", func(_ *frame, v value, a []value) value {
		fill := " "
		if a[1].k != kNone {
			if fill = textArg(v, a[1]); utf8.RuneCountInString(fill) != 1 {
				throw(typeError, "The fill character must be exactly one character long")
			}
		}
		w := size(a[0])
		checkItems(w)
		return textLike(pad(v.s, w, fill), v)
	})
}

func padLeft(s string, width int, fill string) string {
	return s + strings.Repeat(fill, max(0, width-utf8.RuneCountInString(s)))
}

func padRight(s string, width int, fill string) string {
	return strings.Repeat(fill, max(0, width-utf8.RuneCountInString(s))) + s
}

// padCenter puts the odd blank where str.center puts it: left if the width is odd.
func padCenter(s string, width int, fill string) string {
	room := width - utf8.RuneCountInString(s)
	if room <= 0 {
		return s
	}
	left := room/2 + (room & width & 1)
	return strings.Repeat(fill, left) + s + strings.Repeat(fill, room-left)
}

func zfill(s string, width int) string {
	checkItems(width)
	sign := ""
	if s != "" && (s[0] == '-' || s[0] == '+') {
		sign = s[:1]
	}
	return sign + padRight(s[len(sign):], width-len(sign), "0")
}

func expandTabs(s string, size int) string {
	var b strings.Builder
	col := 0
	for _, r := range s {
		switch r {
		case '\t':
			n := 0
			if size > 0 {
				n = size - col%size
			}
			checkItems(n)
			checkItems(b.Len() + n)
			b.WriteString(strings.Repeat(" ", n))
			col += n
		case '\n', '\r':
			b.WriteRune(r)
			col = 0
		default:
			b.WriteRune(r)
			col++
		}
	}
	return b.String()
}

// addFinders adds the methods that look for a text within [start:stop].
func addFinders() {
	textMethods["find"] = finder(func(s, sub string) int { return strings.Index(s, sub) }, false)
	textMethods["rfind"] = finder(strings.LastIndex, false)
	textMethods["index"] = finder(strings.Index, true)
	textMethods["rindex"] = finder(strings.LastIndex, true)
	textMethods["count"] = spec("sub start=none stop=none", func(_ *frame, v value, a []value) value {
		s, _, ok := window(v.s, a)
		if !ok {
			return integer(0)
		}
		return integer(int64(strings.Count(s, textArg(text(""), a[0]))))
	})
	textMethods["startswith"] = affix(strings.HasPrefix)
	textMethods["endswith"] = affix(strings.HasSuffix)
}

// window is s[start:stop] by characters, and how many characters come before it. It is not ok if
// it starts beyond the end.
func window(s string, a []value) (string, int, bool) {
	if a[1].k == kNone && a[2].k == kNone {
		return s, 0, true
	}
	n := utf8.RuneCountInString(s)
	lo, hi, _ := sliceBounds{a[1], a[2], none}.resolve(n)
	if a[1].k != kNone && index(a[1]) > n {
		return "", 0, false
	}
	return sliceText(s, sliceBounds{integer(int64(lo)), integer(int64(hi)), none}), lo, true
}

func finder(find func(s, sub string) int, must bool) methodSpec {
	return spec("sub start=none stop=none", func(_ *frame, v value, a []value) value {
		s, before, ok := window(v.s, a)
		i := -1
		if ok {
			i = find(s, textArg(text(""), a[0]))
		}
		if i < 0 {
			if must {
				throw(valueError, "substring not found")
			}
			return integer(-1)
		}
		return integer(int64(before + utf8.RuneCountInString(s[:i])))
	})
}

func affix(has func(s, x string) bool) methodSpec {
	return spec("prefix start=none stop=none", func(_ *frame, v value, a []value) value {
		s, _, ok := window(v.s, a)
		if !ok {
			return falseVal
		}
		if a[0].k != kTuple {
			return boolean(has(s, textArg(text(""), a[0])))
		}
		for _, x := range seqItems(a[0]) {
			if has(s, textArg(text(""), x)) {
				return trueVal
			}
		}
		return falseVal
	})
}

// addPredicates adds isdigit and its like.
func addPredicates() {
	all := func(f func(r rune) bool) func(string) bool {
		return func(s string) bool {
			return s != "" && strings.IndexFunc(s, func(r rune) bool { return !f(r) }) < 0
		}
	}
	for name, f := range map[string]func(string) bool{
		"isalpha":      all(unicode.IsLetter),
		"isalnum":      all(isAlnum),
		"isdigit":      all(isDigit),
		"isdecimal":    all(isDecimalRune),
		"isnumeric":    all(func(r rune) bool { return unicode.IsNumber(r) || strings.ContainsRune(hanNumbers, r) }),
		"isspace":      all(isPySpace),
		"isupper":      isUpper,
		"islower":      isLower,
		"istitle":      isTitle,
		"isidentifier": isIdentifier,
		"isascii":      func(s string) bool { return strings.IndexFunc(s, func(r rune) bool { return r > 127 }) < 0 },
		"isprintable":  func(s string) bool { return strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0 },
	} {
		textMethods[name] = spec("", func(_ *frame, v value, _ []value) value { return boolean(f(v.s)) })
	}
}

// isAlnum is str.isalnum for one character, and \w of Python's regular expressions but for the _.
func isAlnum(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

// hanNumbers are the letters that are numbers: Unihan's numeric values.
const hanNumbers = "㐅㒃㠪㭍一七万三九二五亖亿什仟仨伍佰億兆兩八六十千卄卅卌叁参參叄四壱壹幺廾廿弌弍弎弐拾捌柒漆玖百肆萬貮貳贰阡陆陌陸零\uf96b\uf973\uf978\uf9b2\uf9d1\uf9d3\uf9fd𠀁𠁤𠃢𠄡𠤪𠦃𠦌𠦜𠫪𠫽𠬙𢎐𢦘𣬛𦉭\U0002f890"

// superDigits are the digits that are no decimal ones: raised, lowered, circled, and those of
// scripts that do not count by place. Source: Unicode's Numeric_Type=Digit.
var superDigits = &unicode.RangeTable{
	R16: []unicode.Range16{
		{0xb2, 0xb3, 1}, {0xb9, 0xb9, 1}, {0x1369, 0x1371, 1}, {0x19da, 0x19da, 1}, {0x2070, 0x2070, 1}, {0x2074, 0x2079, 1},
		{0x2080, 0x2089, 1}, {0x2460, 0x2468, 1}, {0x2474, 0x247c, 1}, {0x2488, 0x2490, 1}, {0x24ea, 0x24ea, 1}, {0x24f5, 0x24fd, 1},
		{0x24ff, 0x24ff, 1}, {0x2776, 0x277e, 1}, {0x2780, 0x2788, 1}, {0x278a, 0x2792, 1},
	},
	R32: []unicode.Range32{
		{0x10a40, 0x10a43, 1}, {0x10e60, 0x10e68, 1}, {0x11052, 0x1105a, 1}, {0x1f100, 0x1f10a, 1},
	},
	LatinOffset: 2,
}

// isDigit is str.isdigit for one character.
func isDigit(r rune) bool { return unicode.In(r, unicode.Nd, superDigits) }

func isUpper(s string) bool { return hasCase(s) && strings.IndexFunc(s, lowerOrTitle) < 0 }
func isLower(s string) bool { return hasCase(s) && strings.IndexFunc(s, upperOrTitle) < 0 }

func lowerOrTitle(r rune) bool { return isLowerRune(r) || unicode.IsTitle(r) }
func upperOrTitle(r rune) bool { return isUpperRune(r) || unicode.IsTitle(r) }

func hasCase(s string) bool { return strings.IndexFunc(s, isCased) >= 0 }

func isTitle(s string) bool {
	prev, found := false, false
	for _, r := range s {
		switch {
		case upperOrTitle(r):
			if prev {
				return false
			}
			prev, found = true, true
		case isLowerRune(r):
			if !prev {
				return false
			}
		default:
			prev = false
		}
	}
	return found
}

// isIdentifier is str.isidentifier.
func isIdentifier(s string) bool {
	for i, r := range s {
		switch {
		case strings.ContainsRune(unstable, r):
			return false
		case r == '_' || unicode.IsLetter(r) || unicode.Is(unicode.Nl, r) || unicode.Is(unicode.Other_ID_Start, r):
			if i == 0 && strings.ContainsRune("ำຳﾞﾟ", r) {
				return false
			}
		case i == 0 || !isIDContinue(r):
			return false
		}
	}
	return s != ""
}

// unstable are the letters that normalising (NFKC) turns into what is no identifier.
const unstable = "\u037aⸯ\u309b\u309cﱞﱟﱠﱡﱢﱣﷺﷻﹰﹲﹴﹶﹸﹺﹼﹾ"

func isIDContinue(r rune) bool {
	return unicode.In(r, unicode.Mn, unicode.Mc, unicode.Nd, unicode.Pc, unicode.Other_ID_Continue)
}
