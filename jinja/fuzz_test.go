package jinja_test

import (
	"errors"
	"html/template"
	"strings"
	"testing"

	"github.com/carafeweb/carafe/jinja"
)

// tight are limits that end a template which would run for long.
var tight = jinja.Limits{Depth: 60, Output: 1 << 20, Iterations: 5000}

func seedTemplates(f *testing.F) {
	f.Helper()
	for _, s := range []string{
		"", "{{ x }}", "{% for a in l %}{{ loop.index }}{{ a }}{% else %}none{% endfor %}", "{{ x|upper|e }}{# c #}",
		"{% macro m(a, b=2) %}{{ a }}{{ caller() }}{% endmacro %}{% call m(1) %}x{% endcall %}",
		"{% raw %}{{ no }}{% endraw %}{%- set y = [1, 2][::-1] -%}{{ y ~ x }}", "{% block a scoped %}{{ super() }}{% endblock %}",
		"{{ {'a': (1, 2.5e3)}['a'][0] ** 2 // 3 }}", "{{ 'a%sb' % x }}{{ '{0!r:>9}'.format(x) }}", "{% trans n=3 %}{{ n }}{% pluralize %}{% endtrans %}",
		"{% filter replace('<', x) %}<{{ x }}>{% endfilter %}", "{% autoescape false %}{{ x }}{% endautoescape %}",
		"{% set ns = namespace(l=[]) %}{% for i in range(9) %}{% set ns.l = [ns.l, ns.l] %}{% endfor %}{{ ns.l }}",
		"{{ x|urlize }}{{ x|wordwrap(3) }}{{ x|tojson(2) }}{{ {x: x}|xmlattr }}", "{% include 'self' %}", "{% extends 'self' %}",
	} {
		f.Add(s)
	}
}

// FuzzTemplate compiles and renders any text: the result is a page or an *Error, never a panic.
func FuzzTemplate(f *testing.F) {
	seedTemplates(f)
	f.Fuzz(func(t *testing.T, src string) {
		env := jinja.MustNew(jinja.Options{
			Loader: jinja.Map{"self": src}, Extensions: []string{"do", "loopcontrols", "i18n"}, Limits: tight,
		})
		tmpl, err := env.Template("self")
		if err == nil {
			_, err = tmpl.Render(map[string]any{"x": "<x>", "l": []int{1, 2}, "d": map[string]any{"k": 1}})
		}
		var e *jinja.Error
		if err != nil && !errors.As(err, &e) {
			t.Fatalf("%q gives a %T, want an *Error: %v", src, err, err)
		}
		if e != nil && strings.HasPrefix(e.Message, "panic") {
			t.Fatalf("%q panics: %v", src, err)
		}
	})
}

// hostile is a value whose every dangerous character is marked: a private-use letter stands before
// it, so that what comes out of the value can be told from the template's own text.
const hostile = "\ue000<\ue001>\ue002\"\ue003'\ue004&\ue005"

// leaks tells which dangerous character of a hostile value is in a page as it was.
func leaks(page string) string {
	for _, bad := range []string{"\ue000<", "\ue001>", "\ue002\"", "\ue003'", "\ue004&\ue005"} {
		if strings.Contains(page, bad) {
			return bad
		}
	}
	return ""
}

// pieces are parts of expressions around a value, §, that keep a value text and unsafe. What Jinja2 itself lets
// through is not among them: safe, autoescape blocks, filter blocks, set blocks with filters,
// and striptags or unescape in them.
var pieces = []string{
	"§|upper", "§|lower", "§|trim", "§|replace('x', 'y')", "§|center(80)", "§|indent(2, true)", "§|title",
	"§|truncate(60)", "§|wordwrap(5)", "§|string", "§ ~ 'a'", "'<b>'|safe ~ §", "§ + 'a'", "('<i>'|safe) + §",
	"('%s'|safe) % §", "'%s' % §", "'%(a)s'|safe|format(a=§)", "'%s'|safe|format(§)", "('{}'|safe).format(§)", "'{}'.format(§)", "('{!r:>90}'|safe).format(§)",
	"[§]|join", "[§, '<b>'|safe]|join(', ')", "['a', 'b']|join(§)", "['a'|safe, 'b']|join(§)", "§|e", "§|e|e", "§|forceescape",
	"§|urlize", "§|list|join", "§[0:]", "§[::-1][::-1]", "§|first ~ §|last", "[§, §]|string", "{'k': §}", "{'k': §}|string",
	"{'k': §}|items|list", "{'k': §}|dictsort", "[§]|map('upper')|list", "(§, 1)", "§|default('x')", "none|default(§)", "§ if true else 1",
	"[§]|first", "[§]|last", "[§]|max", "[§]|sort|join('|'|safe)", "[§]|unique|join", "§|urlencode", "[§]|pprint", "§.split('q')[0]",
	"('<a>'|safe).replace('a', §)", "('a'|safe).join([§])", "(('a'|safe) ~ §).upper()", "§|replace('a'|safe, 'b'|safe)", "'a'|safe|replace('a', §)",
	"namespace(v=§).v", "cycler(§).next()", "dict(a=§).a", "§|e|replace('&', '&')", "('x'|safe).center(3, 'y') ~ §", "{'a': §}|xmlattr",
}

// wrappings are statements around a print.
var wrappings = []string{
	"{{ § }}", "{% set v = § %}{{ v }}", "{% set v %}{{ § }}{% endset %}{{ v }}", "{% for c in [§] %}{{ c }}{% endfor %}",
	"{% macro m(a) %}{{ a }}{% endmacro %}{{ m(§) }}", "{% macro m() %}[{{ caller() }}]{% endmacro %}{% call m() %}{{ § }}{% endcall %}",
	"{% with v = § %}{{ v }}{% endwith %}", "{% block b %}{{ § }}{% endblock %}{{ self.b() }}", "{% if true %}{{ § }}{% endif %}",
	"{% for c in [[§]] recursive %}{% if c is string %}{{ c }}{% else %}{{ loop(c) }}{% endif %}{% endfor %}", "{% print § %}",
	"{% autoescape true %}{{ § }}{% endautoescape %}", "{% autoescape on %}{{ § }}{% endautoescape %}", "{% include 'inc' %}{{ § }}",
	"{% from 'mac' import show %}{{ show(§) }}", "{% import 'mac' as m %}{{ m.show(§)|upper }}", "{% trans v=§ %}a {{ v }}{% endtrans %}",
	"{% filter trim %}{{ § }}{% endfilter %}", "{{ gettext('%(v)s')|format(v=§) }}",
}

// build makes a template from fuzz bytes: each byte picks a piece, the last one a wrapping.
func build(picks []byte) string {
	expr := "x"
	for _, b := range picks[:min(len(picks), 8)] {
		piece := pieces[int(b)%len(pieces)]
		expr = "(" + strings.ReplaceAll(piece, "§", expr) + ")"
		if len(expr) > 2000 {
			break
		}
	}
	w := wrappings[0]
	if len(picks) > 0 {
		w = wrappings[int(picks[len(picks)-1])%len(wrappings)]
	}
	return strings.ReplaceAll(w, "§", expr)
}

// FuzzEscape renders random combinations of everything that handles text with a hostile value: no
// dangerous character of it reaches the page as it was.
func FuzzEscape(f *testing.F) {
	for i := range byte(255) {
		f.Add([]byte{i, i})
		f.Add([]byte{i, i + 7, i * 3})
		f.Add([]byte{i * 5, i, i + 31, i})
	}
	files := jinja.Map{"inc": "[{{ x }}]", "mac": "{% macro show(a) %}<{{ a }}>{% endmacro %}"}
	env := jinja.MustNew(jinja.Options{
		Loader: files, Limits: tight, Extensions: []string{"i18n"}, Autoescape: func(string) bool { return true },
	})
	f.Fuzz(func(t *testing.T, picks []byte) {
		src := build(picks)
		tmpl, err := env.FromString(src)
		if err != nil {
			t.Fatalf("%s does not compile: %v", src, err)
		}
		for _, x := range []any{hostile, jinja.NewList(hostile), named(hostile)} {
			out, err := tmpl.Render(map[string]any{"x": x, "on": true})
			if bad := leaks(out); err == nil && bad != "" {
				t.Errorf("%s lets %q of a value through:\n%s", src, bad, out)
			}
		}
	})
}

// named is text with a method of its own.
type named string

func (n named) String() string { return string(n) }

func TestMarkupPassesUnescaped(t *testing.T) {
	env := jinja.MustNew(jinja.Options{})
	tmpl, err := env.FromString("{{ x }}")
	if err != nil {
		t.Fatal(err)
	}
	out, err := tmpl.Render(map[string]any{"x": template.HTML(hostile)})
	if err != nil || leaks(out) == "" {
		t.Errorf("a template.HTML prints as %q (%v), want it as it is: the fuzz test would see nothing", out, err)
	}
}
