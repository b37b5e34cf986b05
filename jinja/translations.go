package jinja

import (
	"slices"
	"strings"
)

// Translations give the text of a message in the reader's language. context is "" but for pgettext
// and npgettext; plural is "" but for a message with two forms, of which n decides. A message that
// is not known comes back as it is. Must be safe for concurrent use.
type Translations interface {
	Translate(context, singular, plural string, n int) string
}

// TranslationsFunc is a function as Translations.
type TranslationsFunc func(context, singular, plural string, n int) string

// Translate calls the function.
func (f TranslationsFunc) Translate(context, singular, plural string, n int) string {
	return f(context, singular, plural, n)
}

// untranslated is gettext's NullTranslations.
func untranslated(_, singular, plural string, n int) string {
	if plural == "" || n == 1 {
		return singular
	}
	return plural
}

// addTranslations adds the gettext functions: {% trans %} calls them by name. Without the
// newstyle option they give plain text; with it they format, and their result is Markup where
// autoescaping is on.
func addTranslations(env *Environment) {
	t := env.opts.Translations
	if t == nil {
		t = TranslationsFunc(untranslated)
	}
	newstyle := env.opts.NewstyleGettext
	for _, g := range []gettext{
		{"gettext", false, false}, {"_", false, false}, {"ngettext", false, true},
		{"pgettext", true, false}, {"npgettext", true, true},
	} {
		env.globals[g.name] = method(g.name, nil, func(f *frame, pos []value, kw []keyword) value {
			return g.call(f, t, newstyle, pos, kw)
		})
	}
}

// A gettext is one of the family: with a context, with a plural, or both.
type gettext struct {
	name            string
	context, plural bool
}

func (g gettext) call(f *frame, t Translations, newstyle bool, pos []value, kw []keyword) value {
	want := 1
	if g.context {
		want++
	}
	if g.plural {
		want += 2
	}
	if len(pos) != want || !newstyle && len(kw) > 0 {
		throw(typeError, "%s() takes %d positional arguments but %d were given", g.name, want, len(pos)+len(kw))
	}
	context, singular, plural, n := "", "", "", value{}
	if g.context {
		context, pos = str(pos[0]), pos[1:]
	}
	singular = str(pos[0])
	if g.plural {
		plural, n = str(pos[1]), pos[2]
	}
	out := text(t.Translate(context, singular, plural, pluralNumber(n)))
	if g.plural && plural == "" && out.s == singular && pluralNumber(n) != 1 {
		out.s = "" // an empty plural is one all the same
	}
	if !newstyle {
		return out
	}
	if f.ctx.escape {
		out = markup(out.s)
	}
	return formatPercent(out, g.variables(kw, n, context))
}

// pluralNumber is n for the choice of a form; what is no integer is not one.
func pluralNumber(v value) int {
	v = plain(v)
	switch {
	case v.k == kFloat && v.float() == 1:
		return 1
	case v.isInt():
		return index(v)
	}
	return 0
}

func (g gettext) variables(kw []keyword, n value, context string) value {
	d := &Dict{}
	fillDict(d, nil, kw)
	if g.plural {
		if _, ok := d.get(text("num")); !ok {
			d.set(text("num"), n)
		}
	}
	if g.context {
		if _, ok := d.get(text("context")); !ok {
			d.set(text("context"), text(context))
		}
	}
	return value{k: kDict, r: d}
}

// A transTag collects a {% trans %} statement while it is read.
type transTag struct {
	p           *parser
	start       at
	context     *token
	vars        []kwNode
	plural      node
	assign      *setNode // of a plural expression that is a call: it is evaluated once
	calledNum   bool
	trimmed     *bool
	referenced  []string
	havePlural  bool
	one, others string
}

func parseTrans(p *parser) node {
	t := &transTag{p: p, start: p.here()}
	p.next()
	if p.cur().typ == tokString {
		t.context = p.next()
	}
	t.head()
	t.one = t.body(true)
	if len(t.referenced) > 0 && t.plural == nil {
		t.plural = &nameNode{at: t.start, name: t.referenced[0]}
		t.calledNum = t.referenced[0] == "num"
	}
	if p.cur().is("name:pluralize") {
		t.pluralize()
	}
	p.next()
	for _, name := range t.referenced {
		if t.find(name) < 0 {
			t.vars = append(t.vars, kwNode{name, &nameNode{at: t.start, name: name}})
		}
	}
	if t.havePlural && t.plural == nil {
		p.fail(t.start.line, "pluralize without variables")
	}
	return t.node()
}

func (t *transTag) find(name string) int {
	return slices.IndexFunc(t.vars, func(k kwNode) bool { return k.name == name })
}

// head reads the variables up to the end of the tag.
func (t *transTag) head() {
	p := t.p
	for p.cur().typ != tokBlockEnd {
		if len(t.vars) > 0 {
			p.expect("comma")
		}
		if p.skipIf("colon") {
			break
		}
		a := p.here()
		name := p.expect("name").value
		if t.find(name) >= 0 {
			p.failKind(assertionError, a.line, "translatable variable %s defined twice.", quoteName(name))
		}
		var v node
		switch {
		case p.skipIf("assign"):
			v = p.expression(true)
		case t.trimmed == nil && (name == "trimmed" || name == "notrimmed"):
			trimmed := name == "trimmed"
			t.trimmed = &trimmed
			continue
		default:
			v = &nameNode{at: a, name: name}
		}
		t.variable(name, v, a)
	}
	p.expect("block_end")
}

func (t *transTag) variable(name string, v node, a at) {
	if t.plural == nil {
		if _, isCall := v.(*callNode); isCall {
			held := &nameNode{at: a, name: "_trans"}
			t.assign = &setNode{at: t.start, target: held, v: v}
			v = held
		}
		t.plural = v
		t.calledNum = name == "num"
	}
	t.vars = append(t.vars, kwNode{name, v})
}

func (t *transTag) pluralize() {
	p := t.p
	t.havePlural = true
	p.next()
	if p.cur().typ != tokBlockEnd {
		line := p.cur().line
		name := p.expect("name").value
		i := t.find(name)
		if i < 0 {
			p.failKind(assertionError, line, "unknown variable %s for pluralization", quoteName(name))
		}
		t.plural = t.vars[i].v
		t.calledNum = name == "num"
	}
	p.expect("block_end")
	t.others = t.body(false)
}

// body reads text and {{ name }} up to endtrans or pluralize, as a message.
func (t *transTag) body(allowPlural bool) string {
	p := t.p
	var b strings.Builder
	for {
		switch c := p.cur(); c.typ {
		case tokData:
			b.WriteString(strings.ReplaceAll(p.next().value, "%", "%%"))
		case tokVariableBegin:
			p.next()
			name := p.expect("name").value
			t.referenced = append(t.referenced, name)
			b.WriteString("%(" + name + ")s")
			p.expect("variable_end")
		case tokBlockBegin:
			p.next()
			if t.ends(allowPlural) {
				return b.String()
			}
		default:
			p.fail(c.line, "unclosed translation block")
		}
	}
}

// ends reports whether the tag at hand ends a message; any other is an error.
func (t *transTag) ends(allowPlural bool) bool {
	p := t.p
	switch c := p.cur(); {
	case c.is("name:endtrans"), allowPlural && c.is("name:pluralize"):
		return true
	case c.is("name:pluralize"):
		p.fail(c.line, "a translatable section can have only one pluralize section")
	case c.is("name:trans"):
		p.fail(c.line, "trans blocks can't be nested; did you mean `endtrans`?")
	default:
		saw := "None"
		if c.typ == tokName {
			saw = c.value
		}
		p.fail(c.line, "control structures in translatable sections are not allowed; saw `%s`", saw)
	}
	return false
}

// node is the call of the gettext function that the statement stands for.
func (t *transTag) node() node {
	newstyle := t.p.env.opts.NewstyleGettext
	message := func(s string) node {
		if trim := t.trimmed; trim != nil && *trim || trim == nil && t.p.env.opts.TrimTranslations {
			s = trimMessage(s)
		}
		if len(t.referenced) == 0 && !newstyle {
			s = strings.ReplaceAll(s, "%%", "%")
		}
		return &constNode{at: t.start, v: text(s)}
	}
	name, call := "gettext", &callNode{at: t.start}
	args := []node{message(t.one)}
	if t.havePlural {
		name = "ngettext"
		args = append(args, message(t.others), t.plural)
	}
	if t.context != nil {
		name = map[string]string{"gettext": "pgettext", "ngettext": "npgettext"}[name]
		args = append([]node{&constNode{at: t.start, v: text(t.context.value)}}, args...)
	}
	call.fn, call.callArgs.pos = &nameNode{at: t.start, name: name}, args
	out := &outputNode{at: t.start, items: []node{t.result(call, newstyle)}}
	if t.assign != nil {
		return &manyNode{at: t.start, nodes: []node{t.assign, out}}
	}
	return out
}

// result formats the translation: new style passes the variables, old style formats with them.
func (t *transTag) result(call *callNode, newstyle bool) node {
	if newstyle {
		for _, v := range t.vars {
			if !(t.calledNum && t.havePlural && v.name == "num") {
				call.kw = append(call.kw, v)
			}
		}
		return call
	}
	safe := &safeNode{at: t.start, arg: call}
	if len(t.vars) == 0 {
		return safe
	}
	d := &dictNode{at: t.start}
	for _, v := range t.vars {
		d.keys = append(d.keys, &constNode{at: t.start, v: text(v.name)})
		d.vals = append(d.vals, v.v)
	}
	return &binaryNode{at: t.start, op: "mod", left: safe, right: d}
}

// trimMessage drops the blanks around a message, and makes each line break in it one blank.
func trimMessage(s string) string {
	lines := strings.Split(strings.TrimFunc(s, isPySpace), "\n")
	var out []string
	for i, line := range lines {
		line = strings.TrimFunc(line, isPySpace)
		if line != "" || i == 0 {
			out = append(out, line)
		}
	}
	return strings.Join(out, " ")
}
