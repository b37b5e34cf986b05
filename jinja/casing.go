package jinja

import (
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

// Upper, lower and title case as Python's str has them: by Unicode's full mappings, of which Go's
// unicode package knows those alone that make one letter of one.

// manyLettered are the letters whose capital, or capital first letter, is more than one letter:
// letter, upper case, title case. Source: Unicode's SpecialCasing.txt, without its conditions.
const manyLettered = "" +
	"ß SS Ss  ŉ ʼN ʼN  ǰ J\u030c J\u030c  ΐ Ι\u0308\u0301 Ι\u0308\u0301  ΰ Υ\u0308\u0301 Υ\u0308\u0301  և ԵՒ Եւ " +
	"ẖ H\u0331 H\u0331  ẗ T\u0308 T\u0308  ẘ W\u030a W\u030a  ẙ Y\u030a Y\u030a  ẚ Aʾ Aʾ  ὐ Υ\u0313 Υ\u0313 " +
	"ὒ Υ\u0313\u0300 Υ\u0313\u0300  ὔ Υ\u0313\u0301 Υ\u0313\u0301  ὖ Υ\u0313\u0342 Υ\u0313\u0342  ᾀ ἈΙ ᾈ  ᾁ ἉΙ ᾉ " +
	"ᾂ ἊΙ ᾊ  ᾃ ἋΙ ᾋ  ᾄ ἌΙ ᾌ  ᾅ ἍΙ ᾍ  ᾆ ἎΙ ᾎ  ᾇ ἏΙ ᾏ  ᾈ ἈΙ ᾈ  ᾉ ἉΙ ᾉ  ᾊ ἊΙ ᾊ  ᾋ ἋΙ ᾋ  ᾌ ἌΙ ᾌ  ᾍ ἍΙ ᾍ  ᾎ ἎΙ ᾎ  ᾏ ἏΙ ᾏ " +
	"ᾐ ἨΙ ᾘ  ᾑ ἩΙ ᾙ  ᾒ ἪΙ ᾚ  ᾓ ἫΙ ᾛ  ᾔ ἬΙ ᾜ  ᾕ ἭΙ ᾝ  ᾖ ἮΙ ᾞ  ᾗ ἯΙ ᾟ  ᾘ ἨΙ ᾘ  ᾙ ἩΙ ᾙ  ᾚ ἪΙ ᾚ  ᾛ ἫΙ ᾛ  ᾜ ἬΙ ᾜ  ᾝ ἭΙ ᾝ " +
	"ᾞ ἮΙ ᾞ  ᾟ ἯΙ ᾟ  ᾠ ὨΙ ᾨ  ᾡ ὩΙ ᾩ  ᾢ ὪΙ ᾪ  ᾣ ὫΙ ᾫ  ᾤ ὬΙ ᾬ  ᾥ ὭΙ ᾭ  ᾦ ὮΙ ᾮ  ᾧ ὯΙ ᾯ  ᾨ ὨΙ ᾨ  ᾩ ὩΙ ᾩ  ᾪ ὪΙ ᾪ  ᾫ ὫΙ ᾫ " +
	"ᾬ ὬΙ ᾬ  ᾭ ὭΙ ᾭ  ᾮ ὮΙ ᾮ  ᾯ ὯΙ ᾯ  ᾲ ᾺΙ Ὰ\u0345  ᾳ ΑΙ ᾼ  ᾴ ΆΙ Ά\u0345  ᾶ Α\u0342 Α\u0342  ᾷ Α\u0342Ι Α\u0342\u0345 " +
	"ᾼ ΑΙ ᾼ  ῂ ῊΙ Ὴ\u0345  ῃ ΗΙ ῌ  ῄ ΉΙ Ή\u0345  ῆ Η\u0342 Η\u0342  ῇ Η\u0342Ι Η\u0342\u0345  ῌ ΗΙ ῌ " +
	"ῒ Ι\u0308\u0300 Ι\u0308\u0300  ΐ Ι\u0308\u0301 Ι\u0308\u0301  ῖ Ι\u0342 Ι\u0342  ῗ Ι\u0308\u0342 Ι\u0308\u0342 " +
	"ῢ Υ\u0308\u0300 Υ\u0308\u0300  ΰ Υ\u0308\u0301 Υ\u0308\u0301  ῤ Ρ\u0313 Ρ\u0313  ῦ Υ\u0342 Υ\u0342 " +
	"ῧ Υ\u0308\u0342 Υ\u0308\u0342  ῲ ῺΙ Ὼ\u0345  ῳ ΩΙ ῼ  ῴ ΏΙ Ώ\u0345  ῶ Ω\u0342 Ω\u0342  ῷ Ω\u0342Ι Ω\u0342\u0345 " +
	"ῼ ΩΙ ῼ  ﬀ FF Ff  ﬁ FI Fi  ﬂ FL Fl  ﬃ FFI Ffi  ﬄ FFL Ffl  ﬅ ST St  ﬆ ST St  ﬓ ՄՆ Մն  ﬔ ՄԵ Մե  ﬕ ՄԻ Մի  ﬖ ՎՆ Վն " +
	"ﬗ ՄԽ Մխ"

// wide gives the full mappings of manyLettered.
var wide = sync.OnceValue(func() map[rune][2]string {
	words := strings.Fields(manyLettered)
	out := make(map[rune][2]string, len(words)/3)
	for i := 0; i < len(words); i += 3 {
		r, _ := utf8.DecodeRuneInString(words[i])
		out[r] = [2]string{words[i+1], words[i+2]}
	}
	return out
})

func appendUpper(dst []byte, r rune) []byte {
	if to, ok := wide()[r]; ok {
		return append(dst, to[0]...)
	}
	return utf8.AppendRune(dst, unicode.ToUpper(r))
}

func appendTitle(dst []byte, r rune) []byte {
	if to, ok := wide()[r]; ok {
		return append(dst, to[1]...)
	}
	return utf8.AppendRune(dst, unicode.ToTitle(r))
}

// appendLower adds the small form of rs[i], which for a capital sigma depends on what is around it.
func appendLower(dst []byte, rs []rune, i int) []byte {
	switch r := rs[i]; {
	case r == 'İ':
		return append(dst, "i̇"...)
	case r == 'Σ' && endsWord(rs, i):
		return append(dst, "ς"...)
	default:
		return utf8.AppendRune(dst, unicode.ToLower(r))
	}
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// pyUpper is str.upper.
func pyUpper(s string) string {
	if isASCII(s) {
		return strings.ToUpper(s)
	}
	out := make([]byte, 0, len(s)+8)
	for _, r := range s {
		out = appendUpper(out, r)
	}
	return string(out)
}

// pyLower is str.lower.
func pyLower(s string) string {
	if !strings.ContainsAny(s, "İΣ") {
		return strings.ToLower(s)
	}
	rs := []rune(s)
	var out []byte
	for i := range rs {
		out = appendLower(out, rs, i)
	}
	return string(out)
}

// endsWord reports whether a cased letter comes before position i and none after it, what Unicode
// calls case-ignorable aside: its Final_Sigma.
func endsWord(rs []rune, i int) bool {
	before := i - 1
	for before >= 0 && ignoresCase(rs[before]) {
		before--
	}
	after := i + 1
	for after < len(rs) && ignoresCase(rs[after]) {
		after++
	}
	return before >= 0 && isCased(rs[before]) && (after == len(rs) || !isCased(rs[after]))
}

func ignoresCase(r rune) bool {
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk) ||
		strings.ContainsRune("'.:·\u0387՟״‘’․‧︓﹒﹕＇．：", r)
}

// pyTitle is str.title: every run of letters starts with a capital.
func pyTitle(s string) string {
	rs := []rune(s)
	var out []byte
	for i, r := range rs {
		if i > 0 && isCased(rs[i-1]) {
			out = appendLower(out, rs, i)
		} else {
			out = appendTitle(out, r)
		}
	}
	return string(out)
}

// capitalize is str.capitalize.
func capitalize(s string) string {
	rs := []rune(s)
	var out []byte
	for i, r := range rs {
		if i == 0 {
			out = appendTitle(out, r)
		} else {
			out = appendLower(out, rs, i)
		}
	}
	return string(out)
}

// swapCase is str.swapcase.
func swapCase(s string) string {
	rs := []rune(s)
	var out []byte
	for i, r := range rs {
		switch {
		case isUpperRune(r):
			out = appendLower(out, rs, i)
		case isLowerRune(r):
			out = appendUpper(out, r)
		default:
			out = utf8.AppendRune(out, r)
		}
	}
	return string(out)
}

// caseFold is str.casefold: the small form of the capital, which makes one of all that differ in
// case alone. The capitals of Cherokee are its older letters, so they are the ones kept there.
func caseFold(s string) string {
	var out, capital []byte
	for _, r := range s {
		switch {
		case r == 'ı':
			out = append(out, "ı"...)
		case r == 'İ':
			out = append(out, "i̇"...)
		case r == 'ẞ':
			out = append(out, "ss"...)
		case unicode.Is(unicode.Cherokee, r):
			out = utf8.AppendRune(out, unicode.ToUpper(r))
		default:
			capital = appendUpper(capital[:0], r)
			out = append(out, strings.ToLower(string(capital))...)
		}
	}
	return string(out)
}

// isUpperRune, isLowerRune and isCased go by Unicode's derived properties, which count Roman
// numerals, circled and raised letters in.
func isUpperRune(r rune) bool { return unicode.IsUpper(r) || unicode.Is(unicode.Other_Uppercase, r) }
func isLowerRune(r rune) bool { return unicode.IsLower(r) || unicode.Is(unicode.Other_Lowercase, r) }
func isCased(r rune) bool     { return isUpperRune(r) || isLowerRune(r) || unicode.IsTitle(r) }
