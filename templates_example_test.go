package carafe_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing/fstest"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/jinja"
)

// showPage prints what an app answers.
func showPage(app *carafe.App, path string) {
	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	fmt.Println(strings.TrimSpace(w.Body.String()))
}

func ExampleRender() {
	app := carafe.New("shop", carafe.Templates{FS: fstest.MapFS{
		"layout.html": {Data: []byte(`<title>{% block title %}{% endblock %}</title>{% block body %}{% endblock %}`)},
		"user.html": {Data: []byte(`{% extends "layout.html" %}
{% block title %}{{ name }}{% endblock %}
{% block body %}<a href="{{ url_for('user', name=name) }}">{{ greeting }}, {{ name }}</a>{% endblock %}`)},
	}})
	app.ContextProcessor(func(*carafe.Context) map[string]any { return map[string]any{"greeting": "Hello"} })
	app.Get("/users/<name>", func(name string) any {
		return carafe.Render("user.html", map[string]any{"name": name})
	}, carafe.Endpoint("user"))
	showPage(app, "/users/Ann%20&%20Bob")
	// Output: <title>Ann &amp; Bob</title><a href="/users/Ann%20&amp;%20Bob">Hello, Ann &amp; Bob</a>
}

// A status, or headers, stand around a page as around any body.
func ExampleRenderString() {
	app := carafe.New("shop")
	app.ErrorHandler(404, func(*carafe.Context, *carafe.HTTPError) (any, error) {
		return carafe.Reply(carafe.RenderString("<p>There is no {{ request.path }}.", nil), 404), nil
	})
	showPage(app, "/<b>")
	// Output: <p>There is no /&lt;b&gt;.
}

// A function that wants to know about the request takes a *Context first.
func ExampleApp_TemplateGlobal() {
	app := carafe.New("shop")
	app.TemplateFilter("shout", func(s string) string { return strings.ToUpper(s) + "!" })
	app.TemplateGlobal("lang", func(c *carafe.Context) string { return c.Query("lang") })
	app.Get("/", func() any { return carafe.RenderString("{{ lang()|shout }}", nil) }, carafe.Endpoint("index"))
	showPage(app, "/?lang=go")
	// Output: GO!
}

// Mail is made of templates outside of any request too.
func ExampleApp_Render() {
	app := carafe.New("shop", carafe.Templates{FS: fstest.MapFS{"mail.txt": {Data: []byte("{{ name }}, see {{ url_for('cart') }}")}}})
	app.Config.ServerName = "shop.test"
	app.Get("/cart", func() string { return "" }, carafe.Endpoint("cart"))
	err := app.AppContext(context.Background()).With(func(ctx context.Context) error {
		mail, err := app.Render(ctx, "mail.txt", map[string]any{"name": "Ann & Bob"})
		fmt.Println(mail)
		return err
	})
	fmt.Println(err)
	// Output:
	// Ann & Bob, see http://shop.test/cart
	// <nil>
}

func ExampleHTMLTemplates() {
	app := carafe.New("shop", carafe.Templates{FS: fstest.MapFS{
		"layout.html": {Data: []byte(`<title>{{ block "title" . }}Shop{{ end }}</title>{{ block "body" . }}{{ end }}`)},
		"cart.html":   {Data: []byte(`{{ template "layout.html" . }}{{ define "body" }}{{ .n }} things, <a href="{{ url_for "cart" "page" 2 }}">more</a>{{ end }}`)},
	}})
	app.Templates = &carafe.HTMLTemplates{}
	app.Get("/cart", func() any { return carafe.Render("cart.html", map[string]any{"n": 3}) }, carafe.Endpoint("cart"))
	showPage(app, "/cart")
	// Output: <title>Shop</title>3 things, <a href="/cart?page=2">more</a>
}

func ExampleJinjaTemplates() {
	app := carafe.New("shop")
	app.Templates = &carafe.JinjaTemplates{Options: jinja.Options{
		Loader:     jinja.Map{"index.html": "{% do list.append(3) %}{{ list }}"},
		Extensions: []string{"do"},
	}}
	app.Get("/", func() any {
		return carafe.Render("index.html", map[string]any{"list": jinja.NewList(1, 2)})
	}, carafe.Endpoint("index"))
	showPage(app, "/")
	// Output: [1, 2, 3]
}
