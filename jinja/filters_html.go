package jinja

import (
	"html"
	"regexp"
	"slices"
	"strings"
)

func addHTMLFilters() {
	addFilter("escape", "", func(_ *frame, in value, _ []value) value { return markup(escaped(in)) })
	alias("e", "escape")
	addFilter("forceescape", "", func(_ *frame, in value, _ []value) value {
		if safe(in) {
			return markup(escapeText(escaped(in)))
		}
		return markup(escapeText(str(in)))
	})
	addFilter("safe", "", func(_ *frame, in value, _ []value) value { return asMarkup(in) })
	addFilter("striptags", "", func(_ *frame, in value, _ []value) value {
		if safe(in) {
			return text(stripTags(escaped(in)))
		}
		return text(stripTags(str(in)))
	})
	addFilter("xmlattr", "autospace=true", filterXMLAttr)
	addFilter("tojson", "indent=none", filterJSON)
	addFilter("urlize", "trim_url_limit=none nofollow=false target=none rel=none extra_schemes=none", filterURLize)
}

// asMarkup is v taken for HTML as it is.
func asMarkup(v value) value {
	if safe(v) {
		return markup(escaped(v))
	}
	return markup(str(v))
}

// autoMarkup is HTML that a filter made: Markup where autoescaping is on, else text.
func autoMarkup(f *frame, s string) value {
	if f.ctx.escape {
		return markup(s)
	}
	return text(s)
}

func unescapeHTML(s string) string { return html.UnescapeString(s) }

// stripTags drops comments and tags, collapses blanks and resolves entities, as Markup.striptags
// does. Its result is text like any other: it may hold "<" again.
func stripTags(s string) string {
	s = dropBetween(s, "<!--", "-->")
	s = dropBetween(s, "<", ">")
	return unescapeHTML(strings.Join(strings.FieldsFunc(s, isPySpace), " "))
}

// dropBetween drops everything from each start mark to the end mark after it. What remains on both
// sides may join to another start mark, which is dropped too; so each search begins in the end of
// what was kept.
func dropBetween(s, start, end string) string {
	var out []byte
	for {
		kept := string(out[max(0, len(out)-len(start)+1):])
		i := indexAcross(kept, s, start)
		if i < 0 {
			break
		}
		in, after := min(i, len(kept)), max(0, i-len(kept))
		j := indexAcross(kept[in:], s[after:], end)
		if j < 0 {
			break
		}
		out = append(out[:len(out)-len(kept)+in], s[:after]...)
		s = s[after+j+len(end)-len(kept[in:]):]
	}
	return string(append(out, s...))
}

// indexAcross is strings.Index(a+b, mark) for a short a, without building a+b.
func indexAcross(a, b, mark string) int {
	if i := strings.Index(a+b[:min(len(b), len(mark)-1)], mark); i >= 0 {
		return i
	}
	if i := strings.Index(b, mark); i >= 0 {
		return len(a) + i
	}
	return -1
}

func filterXMLAttr(f *frame, in value, a []value) value {
	if in.k != kDict {
		definedOrFail(in)
		throw(attributeError, "'%s' object has no attribute 'items'", typeName(in))
	}
	var attrs []string
	eachPair(in, func(key, val value) {
		if val.k == kNone || val.k == kUndefined {
			return
		}
		if !key.isText() {
			throw(typeError, "expected string or bytes-like object, got '%s'", typeName(key))
		}
		if strings.ContainsAny(key.s, " \t\n\r\f\v/>=") {
			throw(valueError, "Invalid character in attribute name: %s", reprString(key))
		}
		attrs = append(attrs, escaped(key)+`="`+escaped(val)+`"`)
	})
	s := strings.Join(attrs, " ")
	if s != "" && truth(a[0]) {
		s = " " + s
	}
	return autoMarkup(f, s)
}

func filterURLize(f *frame, in value, a []value) value {
	opts := f.r.env.opts
	u := urlizer{limit: -1}
	if a[0].k != kNone {
		u.limit = index(definedOrFail(a[0]))
	}
	rel := relWords(a[3], truth(a[1]), opts.URLizeRel)
	if rel != "" {
		u.attrs = ` rel="` + escapeText(rel) + `"`
	}
	target := a[2]
	if target.k == kNone && opts.URLizeTarget != "" {
		target = text(opts.URLizeTarget)
	}
	if truth(target) {
		u.attrs += ` target="` + escaped(target) + `"`
	}
	if a[4].k != kNone {
		for _, s := range collect(a[4]) {
			if !schemePattern.MatchString(str(s)) {
				throw(filterArgument, "%s is not a valid URI scheme prefix.", reprString(s))
			}
			u.schemes = append(u.schemes, str(s))
		}
	}
	return autoMarkup(f, u.links(escaped(in)))
}

// relWords is the rel attribute: the words given, nofollow, and the policy's, sorted.
func relWords(rel value, nofollow bool, policy *string) string {
	words := []string{}
	if truth(rel) {
		needText(rel, "split")
		words = strings.Fields(str(rel))
	}
	if nofollow {
		words = append(words, "nofollow")
	}
	if policy == nil {
		words = append(words, "noopener")
	} else {
		words = append(words, strings.Fields(*policy)...)
	}
	slices.Sort(words)
	return strings.Join(slices.Compact(words), " ")
}

// What urlize takes for a link. w is Python's \w.
const w = `\p{L}\p{N}_`

var (
	schemePattern = regexp.MustCompile(`^[` + w + `.+-]{2,}:/{0,2}$`)
	urlPattern    = regexp.MustCompile(`(?i)^(` +
		`(https?://|www\.)([` + w + `%-]+\.)*([a-z]{2,63}|xn--[` + w + `%]{2,59})` + // scheme or www, any domain
		`|([` + w + `%-]{2,63}\.)+(com|net|int|edu|gov|org|info|mil)` + // a bare domain, well known
		`|https?://([0-9]{1,3}(\.[0-9]{1,3}){3}|\[([0-9a-f]{0,4}:){2}([0-9a-f]{0,4}:?){1,6}\])` + // an address
		`)(:[0-9]{1,5})?([/?#]\S*)?$`)
	emailPattern = regexp.MustCompile(`^\S+@[` + w + `][` + w + `.-]*\.[` + w + `]+$`)
	headPattern  = regexp.MustCompile(`^([(<]|&lt;)+`)
	tailPattern  = regexp.MustCompile(`([)>.,\n]|&gt;)+$`)
)

// A urlizer makes links of the addresses in escaped text.
type urlizer struct {
	limit   int // of a link's text; negative for none
	attrs   string
	schemes []string
}

func (u urlizer) links(s string) string {
	var b strings.Builder
	for s != "" {
		i := strings.IndexFunc(s, isPySpace)
		switch {
		case i < 0:
			i = len(s)
			fallthrough
		case i > 0:
			b.WriteString(u.word(s[:i]))
		default:
			i = leadingBlanks(s)
			b.WriteString(s[:i])
		}
		s = s[i:]
	}
	return b.String()
}

func (u urlizer) word(s string) string {
	head := headPattern.FindString(s)
	middle := s[len(head):]
	tail := ""
	if loc := tailPattern.FindStringIndex(middle); loc != nil {
		middle, tail = middle[:loc[0]], middle[loc[0]:]
	}
	for _, pair := range [][2]string{{"(", ")"}, {"<", ">"}, {"&lt;", "&gt;"}} {
		middle, tail = balance(middle, tail, pair[0], pair[1])
	}
	return head + u.link(middle) + tail
}

// balance moves closing brackets from the tail back to a middle that has more opening ones.
func balance(middle, tail, open, end string) (string, string) {
	opened := strings.Count(middle, open)
	if opened <= strings.Count(middle, end) {
		return middle, tail
	}
	moved := 0
	for range min(opened, strings.Count(tail, end)) {
		moved += strings.Index(tail[moved:], end) + len(end)
	}
	return middle + tail[:moved], tail[moved:]
}

func (u urlizer) link(s string) string {
	switch {
	case urlPattern.MatchString(s):
		href := s
		if !strings.HasPrefix(s, "https://") && !strings.HasPrefix(s, "http://") {
			href = "https://" + s
		}
		return `<a href="` + href + `"` + u.attrs + `>` + u.trim(s) + `</a>`
	case strings.HasPrefix(s, "mailto:") && emailPattern.MatchString(s[7:]):
		return `<a href="` + s + `">` + s[7:] + `</a>`
	case strings.Contains(s, "@") && !strings.HasPrefix(s, "www.") && !strings.HasPrefix(s, "@") &&
		!strings.Contains(s, ":") && emailPattern.MatchString(s):
		return `<a href="mailto:` + s + `">` + s + `</a>`
	}
	for _, scheme := range u.schemes {
		if s != scheme && strings.HasPrefix(s, scheme) {
			s = `<a href="` + s + `"` + u.attrs + `>` + s + `</a>`
		}
	}
	return s
}

func (u urlizer) trim(s string) string {
	if u.limit < 0 || len([]rune(s)) <= u.limit {
		return s
	}
	return firstRunes(s, u.limit) + "..."
}
