package jinja

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// textMethods are those of Python's str. On a Markup the result is Markup and what is put into it
// is escaped, as MarkupSafe does.
var textMethods map[string]methodSpec

// A text method runs through textMethods, and format_map and join reach them again: set here to
// break the cycle of initialisation.
func init() {
	textMethods = map[string]methodSpec{
		"format": {raw: func(f *frame, v value, pos []value, kw []keyword) value { return formatBraces(f, v, pos, kw) }},
		"format_map": spec("mapping", func(f *frame, v value, a []value) value {
			b := &bracesFormatter{f: f, self: v, mapping: &a[0]}
			return textLike(b.format(v.s), v)
		}),
		"join":       spec("iterable", textJoin),
		"split":      spec("sep=none maxsplit=-1", func(_ *frame, v value, a []value) value { return textSplit(v, a, false) }),
		"rsplit":     spec("sep=none maxsplit=-1", func(_ *frame, v value, a []value) value { return textSplit(v, a, true) }),
		"splitlines": spec("keepends=false", textSplitLines),
		"partition":  spec("sep", func(_ *frame, v value, a []value) value { return textPartition(v, a[0], false) }),
		"rpartition": spec("sep", func(_ *frame, v value, a []value) value { return textPartition(v, a[0], true) }),
		"replace":    spec("old new count=-1", textReplace),
		"strip":      spec("chars=none", func(_ *frame, v value, a []value) value { return textStrip(v, a[0], true, true) }),
		"lstrip":     spec("chars=none", func(_ *frame, v value, a []value) value { return textStrip(v, a[0], true, false) }),
		"rstrip":     spec("chars=none", func(_ *frame, v value, a []value) value { return textStrip(v, a[0], false, true) }),
		"center":     padMethod("center", padCenter),
		"ljust":      padMethod("ljust", padLeft),
		"rjust":      padMethod("rjust", padRight),
		"zfill":      spec("width", func(_ *frame, v value, a []value) value { return textLike(zfill(v.s, size(a[0])), v) }),
		"expandtabs": spec("tabsize=8", func(_ *frame, v value, a []value) value { return textLike(expandTabs(v.s, size(a[0])), v) }),
		"encode":     spec("encoding='utf-8' errors='strict'", textEncode),
		"translate":  spec("table", textTranslate),
		"unescape":   spec("", func(_ *frame, v value, _ []value) value { return text(unescapeHTML(v.s)) }),
		"escape":     spec("s", func(_ *frame, _ value, a []value) value { return markup(escaped(a[0])) }),
		"striptags":  spec("", func(_ *frame, v value, _ []value) value { return text(stripTags(v.s)) }),
	}
	addMappers()
	addFinders()
	addPredicates()
}

func addMappers() {
	for name, f := range map[string]func(string) string{
		"upper": pyUpper, "lower": pyLower, "title": pyTitle, "capitalize": capitalize,
		"swapcase": swapCase, "casefold": caseFold,
	} {
		textMethods[name] = spec("", func(_ *frame, v value, _ []value) value { return textLike(f(v.s), v) })
	}
	textMethods["removeprefix"] = spec("prefix", func(_ *frame, v value, a []value) value {
		return textLike(strings.TrimPrefix(v.s, wantText(a, 0, "removeprefix")), v)
	})
	textMethods["removesuffix"] = spec("suffix", func(_ *frame, v value, a []value) value {
		return textLike(strings.TrimSuffix(v.s, wantText(a, 0, "removesuffix")), v)
	})
}

// isPySpace is str.isspace for one character, which the strip marks go by too: Unicode's blanks
// and the four separators below the space.
func isPySpace(r rune) bool { return unicode.IsSpace(r) || r >= 0x1c && r <= 0x1f }

// asciiDigits turns the decimal digits of any script into ASCII ones, as int() and float() do.
func asciiDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= utf8.RuneSelf && unicode.Is(unicode.Nd, r) {
			return '0' + digitValue(r)
		}
		return r
	}, s)
}

// digitValue is the value of a decimal digit: Unicode keeps each script's ten together, several tens
// in one range for those of mathematics.
func digitValue(r rune) rune {
	for _, in := range unicode.Nd.R16 {
		if rune(in.Lo) <= r && r <= rune(in.Hi) {
			return (r - rune(in.Lo)) % 10
		}
	}
	for _, in := range unicode.Nd.R32 {
		if rune(in.Lo) <= r && r <= rune(in.Hi) {
			return (r - rune(in.Lo)) % 10
		}
	}
	return 0
}

func textStrip(v, chars value, left, right bool) value {
	drop := isPySpace
	if chars.k != kNone {
		if !chars.isText() {
			throw(typeError, "strip arg must be None or str")
		}
		drop = oneOf(chars.s)
	}
	s := v.s
	if left {
		s = strings.TrimLeftFunc(s, drop)
	}
	if right {
		s = strings.TrimRightFunc(s, drop)
	}
	return textLike(s, v)
}

// oneOf tells the characters of a text from others. Many of them it looks up in a set: what is
// stripped may be as long as they are.
func oneOf(chars string) func(r rune) bool {
	if len(chars) <= 16 {
		return func(r rune) bool { return strings.ContainsRune(chars, r) }
	}
	set := map[rune]bool{}
	for _, r := range chars {
		set[r] = true
	}
	return func(r rune) bool { return set[r] }
}

// textArg is an argument that must be text; into a Markup it goes escaped.
func textArg(self, v value) string {
	if self.k == kMarkup {
		return escaped(v)
	}
	if !v.isText() {
		throw(typeError, "argument must be str, not %s", typeName(v))
	}
	return v.s
}

func textJoin(_ *frame, v value, a []value) value {
	var b strings.Builder
	for i, x := range collect(a[0]) {
		if i > 0 {
			b.WriteString(v.s)
		}
		switch {
		case v.k == kMarkup:
			b.WriteString(escaped(x))
		case x.isText():
			b.WriteString(x.s)
		default:
			throw(typeError, "sequence item %d: expected str instance, %s found", i, typeName(x))
		}
		checkItems(b.Len())
	}
	return textLike(b.String(), v)
}

func textReplace(_ *frame, v value, a []value) value {
	old, with := a[0], a[1]
	if !old.isText() {
		throw(typeError, "replace() argument 1 must be str, not %s", typeName(old))
	}
	return textLike(replaceText(v.s, old.s, textArg(v, with), size(a[2])), v)
}

// replaceText is strings.Replace within the bound of what a template may build.
func replaceText(s, old, with string, n int) string {
	if grown := len(with) - len(old); grown > 0 {
		times := strings.Count(s, old)
		if n >= 0 {
			times = min(times, n)
		}
		checkItems(len(s) + times*grown)
	}
	return strings.Replace(s, old, with, n)
}
