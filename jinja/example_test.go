package jinja_test

import (
	"errors"
	"fmt"
	"html/template"
	"strings"
	"testing/fstest"
	"time"

	"github.com/carafeweb/carafe/jinja"
)

func Example() {
	files := fstest.MapFS{
		"layout.html": {Data: []byte("<title>{% block title %}{% endblock %}</title>\n{% block body %}{% endblock %}\n")},
		"users.html": {Data: []byte(`{% extends "layout.html" %}
{% block title %}{{ users|length }} users{% endblock %}
{% block body %}{% for user in users %}
<a href="/users/{{ user.id }}">{{ user.name }}</a>
{%- else %}none{% endfor %}{% endblock %}`)},
	}
	type User struct {
		ID   int
		Name string
	}
	env := jinja.MustNew(jinja.Options{Loader: jinja.FS{Files: files}})
	tmpl, err := env.Template("users.html")
	if err != nil {
		fmt.Println(err)
		return
	}
	page, err := tmpl.Render(map[string]any{"users": []User{{1, "Ann"}, {2, "Bob <b>"}}})
	fmt.Println(page, err)
	// Output:
	// <title>2 users</title>
	//
	// <a href="/users/1">Ann</a>
	// <a href="/users/2">Bob &lt;b&gt;</a> <nil>
}

func ExampleOptions_filters() {
	env := jinja.MustNew(jinja.Options{
		Filters: map[string]any{
			"shout":  func(s string, times int) string { return strings.ToUpper(s) + strings.Repeat("!", times) },
			"strong": func(s template.HTML) template.HTML { return "<b>" + s + "</b>" },
		},
		Tests:   map[string]any{"weekend": func(t time.Time) bool { return t.Weekday() == time.Saturday || t.Weekday() == time.Sunday }},
		Globals: map[string]any{"version": "1.2", "link": func(path string, kw jinja.Kwargs) string { return path + fmt.Sprint(kw["page"]) }},
	})
	tmpl, _ := env.FromString(`{{ 'hi'|shout(2) }} {{ '<i>'|strong }} {{ day is weekend }} v{{ version }} {{ link('/p/', page=3) }}`)
	fmt.Println(tmpl.Render(map[string]any{"day": time.Date(2024, 2, 3, 0, 0, 0, 0, time.UTC)}))
	// Output: HI!! <b>&lt;i&gt;</b> True v1.2 /p/3 <nil>
}

func ExampleError() {
	env := jinja.MustNew(jinja.Options{Loader: jinja.Map{"cart.html": "<ul>\n<li>{{ item.price * 2 }}\n</ul>"}})
	tmpl, _ := env.Template("cart.html")
	_, err := tmpl.Render(map[string]any{"item": map[string]any{}})
	fmt.Println(err)
	var e *jinja.Error
	if errors.As(err, &e) {
		fmt.Println(e.Line, e.Source)
	}
	// Output:
	// cart.html:2: UndefinedError: 'dict object' has no attribute 'price' in "item.price * 2"
	// 2 <li>{{ item.price * 2 }}
}

func ExampleTemplate_Stream() {
	env := jinja.MustNew(jinja.Options{})
	tmpl, _ := env.FromString("{% for n in range(3) %}{{ n }} {% endfor %}")
	for piece, err := range tmpl.Stream(nil) {
		fmt.Printf("%q %v\n", piece, err)
	}
	// Output:
	// "0" <nil>
	// " " <nil>
	// "1" <nil>
	// " " <nil>
	// "2" <nil>
	// " " <nil>
}

func ExampleEnvironment_Check() {
	env := jinja.MustNew(jinja.Options{Loader: jinja.Map{
		"a.html": "{% include 'gone.html' %}",
		"b.html": "\n{{ x|nofilter }}",
		"c.html": "{% for x in y %}",
	}})
	for _, err := range env.Check(".html") {
		fmt.Println(err)
	}
	// Output:
	// a.html:1: TemplateNotFound: gone.html
	// b.html:2: TemplateAssertionError: No filter named 'nofilter'.
	// c.html:1: TemplateSyntaxError: Unexpected end of template. Jinja was looking for the following tags: 'endfor' or 'else'. The innermost block that needs to be closed is 'for'.
}

func ExampleTemplate_References() {
	env := jinja.MustNew(jinja.Options{})
	tmpl, _ := env.FromString(`{% extends "base.html" %}{% block nav %}<a href="{{ url_for('index') }}">{{ user.name|title }}</a>{% endblock %}`)
	refs := tmpl.References()
	fmt.Println(refs.Templates, refs.Variables, refs.Endpoints, refs.Blocks, refs.Filters)
	// Output: [base.html] [url_for user] [index] [nav] [title]
}

func ExampleTemplate_References_urls() {
	env := jinja.MustNew(jinja.Options{})
	tmpl, _ := env.FromString("{% for u in users %}\n{{ url_for('user', id=u.id) }}{{ url_for('list', **q) }}\n{% endfor %}{{ url_for(there) }}")
	for _, url := range tmpl.References().URLs {
		fmt.Println(url.Line, url.Endpoint, url.Names, url.Open)
	}
	// Output:
	// 2 user [id] false
	// 2 list [] true
}

func ExampleNewDict() {
	env := jinja.MustNew(jinja.Options{})
	tmpl, _ := env.FromString("{% for k, v in d.items() %}{{ k }}={{ v }} {% endfor %}")
	fmt.Println(tmpl.Render(map[string]any{"d": jinja.NewDict("z", 1, "a", 2)}))
	// Output: z=1 a=2  <nil>
}

func ExampleTranslationsFunc() {
	german := jinja.TranslationsFunc(func(_, singular, plural string, n int) string {
		if singular == "%(n)s apple" {
			return map[bool]string{true: "%(n)s Apfel", false: "%(n)s Äpfel"}[n == 1]
		}
		return singular
	})
	env := jinja.MustNew(jinja.Options{Extensions: []string{"i18n"}, Translations: german})
	tmpl, _ := env.FromString("{% trans n=n %}{{ n }} apple{% pluralize %}{{ n }} apples{% endtrans %}")
	fmt.Println(tmpl.Render(map[string]any{"n": 3}))
	// Output: 3 Äpfel <nil>
}
