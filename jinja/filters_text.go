package jinja

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

func addTextFilters() {
	for name, f := range map[string]func(string) string{"upper": pyUpper, "lower": pyLower, "capitalize": capitalize} {
		addFilter(name, "", func(_ *frame, in value, _ []value) value {
			in = softText(in)
			return textLike(f(in.s), in)
		})
	}
	addFilter("title", "", func(_ *frame, in value, _ []value) value { return text(titleWords(str(in))) })
	addFilter("trim", "chars=none", func(_ *frame, in value, a []value) value { return textStrip(softText(in), a[0], true, true) })
	addFilter("center", "width=80", func(_ *frame, in value, a []value) value {
		in = softText(in)
		w := size(a[0])
		checkItems(w)
		return textLike(padCenter(in.s, w, " "), in)
	})
	addFilter("string", "", func(_ *frame, in value, _ []value) value { return softText(in) })
	addFilter("truncate", "length=255 killwords=false end='...' leeway=none", filterTruncate)
	addFilter("wordwrap", "width=79 break_long_words=true wrapstring=none break_on_hyphens=true", filterWordwrap)
	addFilter("indent", "width=4 first=false blank=false", filterIndent)
	addFilter("replace", "old new count=none", filterReplace)
	addFilter("wordcount", "", func(_ *frame, in value, _ []value) value {
		return integer(int64(len(wordPattern.FindAllStringIndex(str(in), -1))))
	})
	addFilter("urlencode", "", filterURLEncode)
	builtinFilters["format"] = &filter{name: "do_format", raw: filterFormat}
	addFilter("pprint", "", func(_ *frame, in value, _ []value) value { return text(prettyPrint(in)) })
}

var wordPattern = regexp.MustCompile(`[` + w + `]+`)

// titleWords starts every word with a capital. Words end at blanks, hyphens and opening brackets,
// so that "it's" stays one.
func titleWords(s string) string {
	var b strings.Builder
	separates := func(r rune) bool { return isPySpace(r) || strings.ContainsRune("-({[<", r) }
	for s != "" {
		i := strings.IndexFunc(s, separates)
		if i < 0 {
			i = len(s)
		}
		_, n := utf8.DecodeRuneInString(s[:i])
		b.WriteString(pyUpper(s[:n]) + pyLower(s[n:i]))
		for s = s[i:]; s != ""; s = s[n:] {
			r := rune(0)
			if r, n = utf8.DecodeRuneInString(s); !separates(r) {
				break
			}
			b.WriteString(s[:n])
		}
	}
	return b.String()
}

func filterFormat(_ *frame, in value, pos []value, kw []keyword) value {
	if len(pos) > 0 && len(kw) > 0 {
		throw(filterArgument, "can't handle positional and keyword arguments at the same time")
	}
	if len(kw) == 0 {
		return formatPercent(softText(in), tuple(append([]value(nil), pos...)))
	}
	d := &Dict{}
	fillDict(d, nil, kw)
	return formatPercent(softText(in), value{k: kDict, r: d})
}

func filterTruncate(f *frame, in value, a []value) value {
	limit, end, leeway := definedOrFail(a[0]), a[2], integer(5)
	if l := f.r.env.opts.TruncateLeeway; l != nil {
		leeway = integer(int64(*l))
	}
	if a[3].k != kNone {
		leeway = definedOrFail(a[3])
	}
	endLen := length(end)
	if less(limit, integer(int64(endLen))) {
		throw(pyAssertionError, "expected length >= %d, got %s", endLen, str(limit))
	}
	if less(leeway, integer(0)) {
		throw(pyAssertionError, "expected leeway >= 0, got %s", str(leeway))
	}
	if !less(add(limit, leeway), integer(int64(length(in)))) {
		return in
	}
	cut := slice(in, sliceBounds{none, integer(int64(sliceIndex(limit) - endLen)), none})
	if !truth(a[1]) {
		if !cut.isText() {
			throw(attributeError, "'%s' object has no attribute 'rsplit'", typeName(cut))
		}
		if i := strings.LastIndexByte(cut.s, ' '); i >= 0 {
			cut.s = cut.s[:i]
		}
	}
	return add(cut, end)
}

func needText(in value, attr string) {
	if !in.isText() {
		definedOrFail(in)
		throw(attributeError, "'%s' object has no attribute '%s'", typeName(in), attr)
	}
}

func filterIndent(_ *frame, in value, a []value) value {
	indent := a[0]
	if !indent.isText() {
		n := size(definedOrFail(indent))
		checkItems(n)
		indent = text(strings.Repeat(" ", max(n, 0)))
	}
	if !in.isText() {
		if in.k == kList {
			needText(in, "splitlines") // Python's list += text works, and then there are no lines
		}
		unsupported("+=", in, text(""))
	}
	lines := splitLines(in.s+"\n", false)
	checkItems(len(in.s) + len(lines)*len(indent.s))
	for i := 1; i < len(lines); i++ {
		if lines[i] != "" || truth(a[2]) {
			lines[i] = indent.s + lines[i]
		}
	}
	if truth(a[1]) {
		lines[0] = indent.s + lines[0]
	}
	return textLike(strings.Join(lines, "\n"), in)
}

func filterReplace(f *frame, in value, a []value) value {
	count := -1
	if a[2].k != kNone {
		count = size(a[2])
	}
	old, with := a[0], a[1]
	if !f.ctx.escape {
		old, with = softText(old), softText(with)
		in = text(str(in))
		return text(replaceText(in.s, old.s, with.s, count))
	}
	if safe(old) || safe(with) && !safe(in) {
		in = markup(escaped(in))
	} else {
		in = softText(in)
	}
	return textReplace(f, in, []value{softText(old), softText(with), integer(int64(count))})
}

// safe reports whether v has HTML of its own: Python's hasattr(v, "__html__").
func safe(v value) bool { return v.k == kMarkup || isHTML(v) }

func filterURLEncode(_ *frame, in value, _ []value) value {
	if in.isText() {
		return text(quoteURL(in.s, false))
	}
	var pairs []value
	if in.k == kDict {
		pairs = dictPairs(in)
	} else if it, ok := tryIterate(in); ok {
		pairs = drain(it)
	} else {
		return text(quoteURL(str(in), false))
	}
	var b strings.Builder
	for i, pair := range pairs {
		kv := unpack(pair, 2)
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(quoteURL(str(kv[0]), true) + "=" + quoteURL(str(kv[1]), true))
	}
	return text(b.String())
}

// quoteURL is percent-encoding in UTF-8. In a query a blank is a plus and the slash is encoded.
func quoteURL(s string, query bool) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || isDecimal(c) || strings.IndexByte("_.-~", c) >= 0, c == '/' && !query:
			b.WriteByte(c)
		case c == ' ' && query:
			b.WriteByte('+')
		default:
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		}
	}
	return b.String()
}

func filterWordwrap(f *frame, in value, a []value) value {
	needText(in, "splitlines")
	width := index(a[0])
	sep := "\n"
	if nl := f.r.env.opts.NewlineSequence; nl != "" {
		sep = nl
	}
	if a[2].k != kNone {
		needText(a[2], "join")
		sep = a[2].s
	}
	w := wrapper{width: width, breakLong: truth(a[1]), hyphens: truth(a[3])}
	var out []string
	for _, line := range splitLines(in.s, false) {
		out = append(out, strings.Join(w.wrap(line), sep))
	}
	return text(strings.Join(out, sep))
}

// A wrapper fills lines as Python's textwrap does, tabs and blanks kept as they are.
type wrapper struct {
	width              int
	breakLong, hyphens bool
}

func (w wrapper) wrap(s string) []string {
	if w.width <= 0 {
		throw(valueError, "invalid width %d (must be > 0)", w.width)
	}
	var lines []string
	chunks := w.chunks([]rune(s))
	blanks, of := 0, -1 // the blanks that chunks[0] ends with, counted once for all lines it is broken into
	for len(chunks) > 0 {
		if of != len(chunks) {
			blanks, of = blanksAtEnd(chunks[0]), len(chunks)
		}
		if len(lines) > 0 && len(chunks[0]) <= blanks {
			chunks = chunks[1:]
			if len(chunks) == 0 {
				break
			}
		}
		var line string
		line, chunks = w.line(chunks)
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// line takes the chunks that fit on a line, breaking a word that fits on none.
func (w wrapper) line(chunks [][]rune) (string, [][]rune) {
	var cur [][]rune
	n := 0
	for len(chunks) > 0 && n+len(chunks[0]) <= w.width {
		n += len(chunks[0])
		cur = append(cur, chunks[0])
		chunks = chunks[1:]
	}
	if len(chunks) > 0 && len(chunks[0]) > w.width {
		if w.breakLong {
			end := w.breakAt(chunks[0], w.width-n)
			cur = append(cur, chunks[0][:end])
			chunks[0] = chunks[0][end:]
		} else if len(cur) == 0 {
			cur = append(cur, chunks[0])
			chunks = chunks[1:]
		}
	}
	if last := len(cur) - 1; last >= 0 && blanksAtEnd(cur[last]) == len(cur[last]) {
		cur = cur[:last]
	}
	var b strings.Builder
	for _, c := range cur {
		b.WriteString(string(c))
	}
	return b.String(), chunks
}

// breakAt is where a word too long for a line is broken: after a hyphen if one is in reach.
func (w wrapper) breakAt(word []rune, room int) int {
	if w.hyphens && len(word) > room {
		for i := room - 1; i > 0; i-- {
			if word[i] == '-' {
				if strings.Trim(string(word[:i]), "-") != "" {
					return i + 1
				}
				break
			}
		}
	}
	return room
}

func isWrapSpace(r rune) bool { return strings.ContainsRune("\t\n\v\f\r ", r) }

// blanksAtEnd counts the blanks that s ends with. All of s is blank if there are as many.
func blanksAtEnd(s []rune) int {
	n := 0
	for n < len(s) && isPySpace(s[len(s)-1-n]) {
		n++
	}
	return n
}

// chunks cuts a line into the pieces that stay together: runs of blanks, words, and parts of words
// up to a hyphen or a dash.
func (w wrapper) chunks(s []rune) [][]rune {
	var out [][]rune
	for i := 0; i < len(s); {
		j := i + 1
		switch {
		case isWrapSpace(s[i]):
			for j < len(s) && isWrapSpace(s[j]) {
				j++
			}
		case w.hyphens && i > 0 && isWordPunct(s[i-1]) && dash(s, i) > 0:
			j = i + dash(s, i)
		default:
			j = w.wordEnd(s, i)
		}
		out = append(out, s[i:j])
		i = j
	}
	return out
}

func (w wrapper) wordEnd(s []rune, i int) int {
	for j := i + 1; ; j++ {
		if w.hyphens && j < len(s) && s[j] == '-' && hyphenBreak(s, i, j) {
			return j + 1
		}
		if j >= len(s) || isWrapSpace(s[j]) {
			return j
		}
		if w.hyphens && isWordPunct(s[j-1]) && dash(s, j) > 0 {
			return j
		}
	}
}

// hyphenBreak reports whether a word may be broken after the hyphen at j: between letters.
func hyphenBreak(s []rune, i, j int) bool {
	letter := func(k int) bool { return k >= 0 && k < len(s) && (unicode.IsLetter(s[k]) || s[k] == '_') }
	before := letter(j-1) && letter(j-2) || j >= 3 && s[j-2] == '-' && letter(j-3) && isWordPunct(s[j-1])
	if !before {
		return false
	}
	return letter(j+1) && (letter(j+2) || j+2 < len(s) && s[j+2] == '-' && letter(j+3))
}

// dash is the length of the dash of two or more hyphens at i that a word follows.
func dash(s []rune, i int) int {
	n := 0
	for i+n < len(s) && s[i+n] == '-' {
		n++
	}
	if n < 2 || i+n >= len(s) || !isWordRune(s[i+n]) {
		return 0
	}
	return n
}

func isWordRune(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsNumber(r) }

func isWordPunct(r rune) bool {
	return isWordRune(r) || r < utf8.RuneSelf && strings.ContainsRune("!\"'&.,?", r)
}
