package jinja_test

import (
	"errors"
	"html/template"
	"strings"
	"testing"

	"github.com/carafeweb/carafe/jinja"
)

// TestBounds tries to make the engine run for ever, or out of memory.
func TestBounds(t *testing.T) {
	files := jinja.Map{
		"self.html": "{% include 'self.html' %}", "loop.html": "{% extends 'loop.html' %}",
		"a.html": "{% extends 'b.html' %}", "b.html": "{% extends 'a.html' %}", "i.html": "{% import 'i.html' as i %}",
	}
	for _, tt := range []struct{ name, source, kind string }{
		{"a template that includes itself", "{% include 'self.html' %}", "RecursionError"},
		{"a template that extends itself", "{% extends 'loop.html' %}", "RecursionError"},
		{"two templates that extend each other", "{% extends 'a.html' %}", "RecursionError"},
		{"a template that imports itself", "{% import 'i.html' as i %}", "RecursionError"},
		{"a macro that calls itself", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "RecursionError"},
		{"a block that calls itself", "{% block b %}{{ self.b() }}{% endblock %}", "RecursionError"},
		{"a recursive loop without end", "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", "RecursionError"},
		{"a caller that calls itself", "{% macro m() %}{{ caller() }}{% endmacro %}{% set ns = namespace() %}{% macro n() %}{% call m() %}{{ n() }}{% endcall %}{% endmacro %}{{ n() }}", "RecursionError"},
		{"a macro that calls itself twice", "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(60) }}", "OverflowError"},
		{"a range too long to walk", "{% for x in range(10**12) %}{% endfor %}", "OverflowError"},
		{"loops inside loops", "{% for x in range(10**4) %}{% for y in range(10**4) %}{% endfor %}{% endfor %}", "OverflowError"},
		{"a number too large", "{{ 9**(9**9) }}", "OverflowError"},
		{"a shift of powers", "{% set ns = namespace(n=7) %}{% for i in range(99) %}{% set ns.n = ns.n * ns.n %}{% endfor %}", "OverflowError"},
		{"a text too long", "{{ 'x' * 10**10 }}", "OverflowError"},
		{"a list too long", "{{ [1] * 10**9 }}", "OverflowError"},
		{"text that doubles", "{% set ns = namespace(s='xxxxxxxx') %}{% for i in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}", "OverflowError"},
		{"text that doubles by adding", "{% set ns = namespace(s='xxxxxxxx') %}{% for i in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}", "OverflowError"},
		{"a format that is wide", "{{ '%999999999d' % 1 }}", "ValueError"},
		{"a brace format that is wide", "{{ '{:999999999}'.format(1) }}", "ValueError"},
		{"centering that is wide", "{{ 'x'|center(10**9) }}", "OverflowError"},
		{"indenting that is wide", "{{ 'x'|indent(10**9, true) }}", "OverflowError"},
		{"replacing that grows", "{{ ('x' * 10000).replace('x', 'y' * 10000) }}", "OverflowError"},
		{"output that is long", "{% for x in range(100000) %}{{ 'x' * 4000 }}{% endfor %}", "OverflowError"},
		{"a list in itself is compared", "{% set a = [] %}{{ a.append(a) }}{% set b = [] %}{{ b.append(b) }}{{ a == b }}", "RecursionError"},
		{"a list in itself is encoded", "{% set a = [] %}{{ a.append(a) }}{{ a|tojson }}", "ValueError"},
		{"a namespace in itself is a Go argument", "{% set ns = namespace(a=[]) %}{{ ns.a.append(ns.a) }}{{ give(ns.a) }}", "RecursionError"},
		{"generators over generators", "{% set ns = namespace(g=[1]) %}{% for i in range(100000) %}{% set ns.g = ns.g|map('string') %}{% endfor %}{{ ns.g|list }}", "RecursionError"},
		{"lists that double are printed", "{% set ns = namespace(a=[1]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ ns.a }}", "OverflowError"},
		{"lists that double are compared", "{% set ns = namespace(a=[1], b=[1]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% set ns.b = [ns.b, ns.b] %}{% endfor %}{{ ns.a == ns.b }}", "OverflowError"},
		{"tuples that double are a key", "{% set ns = namespace(a=(1,)) %}{% for i in range(60) %}{% set ns.a = (ns.a, ns.a) %}{% endfor %}{{ {ns.a: 1} }}", "OverflowError"},
		{"lists that double are encoded", "{% set ns = namespace(a=[1]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ ns.a|tojson }}", "OverflowError"},
		{"lists that double are a Go argument", "{% set ns = namespace(a=[1]) %}{% for i in range(60) %}{% set ns.a = [ns.a, ns.a] %}{% endfor %}{{ give(ns.a) }}", "OverflowError"},
		{"a view of a dict in the dict is printed", "{% set d = {} %}{{ d.update(v=d.values()) or d }}", "RecursionError"},
		{"a deep list is printed", "{% set ns = namespace(a=[]) %}{% for i in range(5000) %}{% set ns.a = [ns.a] %}{% endfor %}{{ ns.a }}", "RecursionError"},
		{"a deep list is a filter's", "{% set ns = namespace(a=[]) %}{% for i in range(5000) %}{% set ns.a = [ns.a] %}{% endfor %}{{ ns.a|pprint }}", "RecursionError"},
		{"a deep tuple is a key", "{% set ns = namespace(a=()) %}{% for i in range(5000) %}{% set ns.a = (ns.a,) %}{% endfor %}{{ {ns.a: 1} }}", "RecursionError"},
		{"deep parentheses", "{{ " + strings.Repeat("(", 5000) + "1" + strings.Repeat(")", 5000) + " }}", "TemplateSyntaxError"},
		{"deep nots", "{{ " + strings.Repeat("not ", 5000) + "1 }}", "TemplateSyntaxError"},
		{"deep ifs", strings.Repeat("{% if 1 %}", 5000), "TemplateSyntaxError"},
		{"a long sum", "{{ 1" + strings.Repeat("+ 1", 50000) + " }}", "TemplateSyntaxError"},
		{"a long chain of filters", "{{ 1" + strings.Repeat("|e", 50000) + " }}", "TemplateSyntaxError"},
		{"a long chain of attributes", "{{ a" + strings.Repeat(".b", 50000) + " }}", "TemplateSyntaxError"},
		{"a long literal", "{{ " + strings.Repeat("9", 300000) + " }}", "TemplateSyntaxError"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := render(t, jinja.Options{Loader: files, Limits: jinja.Limits{Iterations: 1 << 20}}, tt.source, map[string]any{"give": func(any) string { return "" }})
			var e *jinja.Error
			if !errors.As(err, &e) || e.Kind != tt.kind {
				t.Errorf("the render ends with %.300v, want a %s", err, tt.kind)
			}
		})
	}
}

func TestValuesInThemselvesPrint(t *testing.T) {
	for source, want := range map[string]string{
		"{% set a = [] %}{{ a.append(a) or a }}":                          "[[...]]",
		"{% set d = {} %}{{ d.update(d=d) or d }}":                        "{'d': {...}}",
		"{% set ns = namespace() %}{% set ns.me = ns %}{{ ns }}":          "<Namespace {'me': <Namespace {...}>}>",
		"{% set ns = namespace() %}{% set ns.me = [ns] %}{{ ns|string }}": "<Namespace {'me': [<Namespace {...}>]}>",
	} {
		if got, err := render(t, jinja.Options{Autoescape: func(string) bool { return false }}, source, nil); got != want {
			t.Errorf("%s prints %q (%v), want %q", source, got, err, want)
		}
	}
}

func TestSandbox(t *testing.T) {
	for _, source := range []string{
		"{{ ''.__class__ }}", "{{ ''['__class__'] }}", "{{ ''|attr('__class__') }}", "{{ x.__init__ }}", "{{ x.secret }}", "{{ x|attr('secret') }}",
		"{{ range.__globals__ }}", "{{ self.__init__ }}", "{{ cycler.__init__ }}", "{% macro m() %}{% endmacro %}{{ m.__globals__ }}", "{{ open }}", "{{ os }}",
		"{{ [x]|map(attribute='secret')|first }}", "{{ [x]|map(attribute='__class__')|first }}",
	} {
		if got, err := render(t, jinja.Options{}, source, map[string]any{"x": ann()}); got != "" || err != nil {
			t.Errorf("%s prints %q (%v), want nothing: it is undefined", source, got, err)
		}
	}
	for _, source := range []string{"{{ '{0.__class__}'.format('x') }}", "{{ '{0.secret}'.format(x) }}", "{{ '%(x)s'.format_map({'x': 1}).__class__() }}"} {
		if got, err := render(t, jinja.Options{}, source, map[string]any{"x": ann()}); err == nil {
			t.Errorf("%s prints %q, want an error", source, got)
		}
	}
}

func TestErrorsTellTheirPlace(t *testing.T) {
	env := jinja.MustNew(jinja.Options{Loader: jinja.Map{
		"page.html":  "{% extends 'base.html' %}\n{% block b %}\n  {{ nope.show(\n     item.price) }}\n{% endblock %}",
		"base.html":  "{% import 'mac.html' as macros %}\n{% block b %}{% endblock %}",
		"mac.html":   "{% macro show(x) %}\n\n<p>{{ x.y.z }}</p>{% endmacro %}",
		"other.html": "{% import 'mac.html' as m %}\n\n{{ m.show({}) }}",
	}})
	for _, tt := range []struct{ name, template, want, source string }{
		{"an argument belongs to the line of the print", "page.html", `page.html:3: UndefinedError: 'nope' is undefined in "nope.show( item.price)"`, "  {{ nope.show("},
		{"an error in a macro belongs to the macro's template", "other.html", `mac.html:3: UndefinedError: 'dict object' has no attribute 'y' in "x.y.z"`, "<p>{{ x.y.z }}</p>{% endmacro %}"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tmpl, err := env.Template(tt.template)
			if err != nil {
				t.Fatal(err)
			}
			_, err = tmpl.Render(map[string]any{"item": map[string]any{}})
			var e *jinja.Error
			if !errors.As(err, &e) || e.Error() != tt.want || e.Source != tt.source {
				t.Errorf("the error is\n%v on %q, want\n%s on %q", err, e.Source, tt.want, tt.source)
			}
		})
	}
}

func TestRenderAllocations(t *testing.T) {
	tmpl, err := jinja.MustNew(jinja.Options{}).FromString(
		"{% for u in users %}<li class='{{ loop.index }}'>{{ u.user_id }} {{ u.role }}{% if u.level %} *{% endif %}</li>{% endfor %}")
	if err != nil {
		t.Fatal(err)
	}
	users := make([]account, 200)
	for i := range users {
		users[i] = *ann()
	}
	data, buf := map[string]any{"users": users}, make([]byte, 0, 1<<16)
	got := testing.AllocsPerRun(50, func() {
		if _, err := tmpl.Append(buf, data); err != nil {
			t.Fatal(err)
		}
	})
	if perRow := (got - 10) / 200; perRow > 1.01 {
		t.Errorf("a page of 200 rows allocates %v times, want 10 and one a row for the Stringer", got)
	}
}

func TestFieldsOfRowsAreEscaped(t *testing.T) {
	type row struct {
		Name  string
		Role  role
		Safe  template.HTML
		Count int8
		Inner *row
	}
	rows := []row{{Name: "<a>", Role: "<b>", Safe: "<i>", Count: -3, Inner: &row{Name: "'c'"}}}
	const source = "{% for r in rows %}{{ r.name }} {{ r.role }} {{ r.safe }} {{ r.count }} {{ r.inner.name }} {{ r.inner.inner }}{% endfor %}"
	for _, data := range []any{rows, []*row{&rows[0]}, []any{rows[0]}, map[string]row{"k": rows[0]}} {
		src := source
		if _, ok := data.(map[string]row); ok {
			src = strings.Replace(source, "in rows", "in rows.values()", 1)
		}
		got, err := render(t, jinja.Options{}, src, map[string]any{"rows": data})
		if want := "&lt;a&gt; &lt;b&gt; <i> -3 &#39;c&#39; None"; got != want {
			t.Errorf("rows in a %T print as %q (%v), want %q", data, got, err, want)
		}
	}
}
