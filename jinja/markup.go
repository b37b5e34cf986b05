package jinja

import (
	"html/template"
	"strings"
)

// An HTMLer is a value that knows its own safe HTML: Python's __html__.
type HTMLer interface{ HTML() template.HTML }

// isHTML reports whether v brings its own HTML though it is no Markup.
func isHTML(v value) bool {
	switch v.k {
	case kGo:
		_, ok := v.r.(HTMLer)
		return ok
	case kObject:
		_, ok := v.r.(interface{ html() string })
		return ok
	}
	return false
}

func ownHTML(v value) string {
	if h, ok := v.r.(HTMLer); ok {
		return string(h.HTML())
	}
	return v.r.(interface{ html() string }).html()
}

// escaped is the text of v as HTML: markupsafe.escape.
func escaped(v value) string {
	switch {
	case v.k == kMarkup:
		return v.s
	case v.k == kStr:
		return escapeText(v.s)
	case isHTML(v):
		return ownHTML(v)
	}
	return escapeText(str(v))
}

func escapeText(s string) string {
	if !strings.ContainsAny(s, "&<>\"'") {
		return s
	}
	return string(appendEscaped(make([]byte, 0, len(s)+16), s))
}

// escapes are the replacements of the five bytes that HTML gives a meaning, and escapeIndex says
// which of them a byte has; 0 is none.
var (
	escapes     = [...]string{"", "&amp;", "&lt;", "&gt;", "&#34;", "&#39;"}
	escapeIndex = [256]uint8{'&': 1, '<': 2, '>': 3, '"': 4, '\'': 5}
)

// appendEscaped copies s in runs between the five bytes. It is the inner loop of every page:
// BenchmarkRows spends a third of its time here.
func appendEscaped(dst []byte, s string) []byte {
	start := 0
	for i := 0; i < len(s); i++ {
		if esc := escapeIndex[s[i]]; esc != 0 {
			dst = append(dst, s[start:i]...)
			dst = append(dst, escapes[esc]...)
			start = i + 1
		}
	}
	return append(dst, s[start:]...)
}

// appendHTML appends v as it is printed where autoescaping is on.
func appendHTML(dst []byte, v value) []byte {
	switch v.k {
	case kStr:
		return appendEscaped(dst, v.s)
	case kMarkup:
		return append(dst, v.s...)
	case kInt, kFloat, kBool, kNone, kBig:
		return appendStr(dst, v)
	}
	if isHTML(v) {
		return append(dst, ownHTML(v)...)
	}
	return appendEscaped(dst, str(v))
}

// concat is the ~ operator and the joining of mixed parts: where escape is on and a part is Markup,
// the others are escaped and the whole is Markup. A value that only has its own HTML is taken as
// its str here, as in Jinja2.
func concat(parts []value, escape bool) value {
	safe := false
	if escape {
		for _, p := range parts {
			safe = safe || p.k == kMarkup
		}
	}
	var buf []byte
	for _, p := range parts {
		if safe && p.k != kMarkup {
			buf = appendEscaped(buf, str(p))
		} else {
			buf = appendStr(buf, p)
		}
		checkItems(len(buf))
	}
	if safe {
		return markup(string(buf))
	}
	return text(string(buf))
}

// softText is v as text that keeps its safety: Markup stays Markup, all else is str(v).
func softText(v value) value {
	if v.isText() {
		return v
	}
	return text(str(v))
}
