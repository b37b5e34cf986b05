// Package pages holds the pages that the benchmarks render, once for each engine.
package pages

import (
	"fmt"
	"html"
	"strconv"
	"strings"
)

// A User is a row of the pages.
type User struct {
	ID    int
	Name  string
	Email string
	Admin bool
	Tags  []string
}

// Users makes n rows; some names need escaping.
func Users(n int) []User {
	out := make([]User, n)
	for i := range out {
		out[i] = User{
			ID: i + 1, Name: fmt.Sprintf("User %d <Ann & Co>", i), Email: fmt.Sprintf("user%d@example.com", i),
			Admin: i%3 == 0, Tags: []string{"go", "web", "x&y"},
		}
	}
	return out
}

// Rows is the page of rows in Jinja's language.
const Rows = `<!doctype html>
<title>{{ title }}</title>
<h1>{{ title }}</h1>
<table>
{% for user in users %}<tr>
  <td>{{ user.id }}</td>
  <td><a href="/users/{{ user.id }}">{{ user.name }}</a></td>
  <td>{{ user.email }}</td>
  <td>{% if user.admin %}admin{% else %}user{% endif %}</td>
</tr>
{% endfor %}</table>
`

// RowsGonja is Rows with the field names that gonja finds.
var RowsGonja = strings.NewReplacer("user.id", "user.ID", "user.name", "user.Name", "user.email", "user.Email", "user.admin", "user.Admin").Replace(Rows)

// RowsGo is the page of rows in the language of html/template.
const RowsGo = `<!doctype html>
<title>{{ .title }}</title>
<h1>{{ .title }}</h1>
<table>
{{ range .users }}<tr>
  <td>{{ .ID }}</td>
  <td><a href="/users/{{ .ID }}">{{ .Name }}</a></td>
  <td>{{ .Email }}</td>
  <td>{{ if .Admin }}admin{{ else }}user{{ end }}</td>
</tr>
{{ end }}</table>
`

// RowsByHand is the page of rows as a program would write it out.
func RowsByHand(dst []byte, title string, users []User) []byte {
	dst = append(dst, "<!doctype html>\n<title>"...)
	dst = append(dst, html.EscapeString(title)...)
	dst = append(dst, "</title>\n<h1>"...)
	dst = append(dst, html.EscapeString(title)...)
	dst = append(dst, "</h1>\n<table>\n"...)
	for i := range users {
		u := &users[i]
		dst = append(dst, "<tr>\n  <td>"...)
		dst = strconv.AppendInt(dst, int64(u.ID), 10)
		dst = append(dst, "</td>\n  <td><a href=\"/users/"...)
		dst = strconv.AppendInt(dst, int64(u.ID), 10)
		dst = append(dst, "\">"...)
		dst = append(dst, html.EscapeString(u.Name)...)
		dst = append(dst, "</a></td>\n  <td>"...)
		dst = append(dst, html.EscapeString(u.Email)...)
		dst = append(dst, "</td>\n  <td>"...)
		if u.Admin {
			dst = append(dst, "admin"...)
		} else {
			dst = append(dst, "user"...)
		}
		dst = append(dst, "</td>\n</tr>\n"...)
	}
	return append(dst, "</table>\n"...)
}

// Layout are the files of a page with inheritance and macros.
var Layout = map[string]string{
	"layout.html": `<!doctype html>
<html lang="en">
<head><title>{% block title %}{% endblock %} - {{ site }}</title></head>
<body>
<nav>{% for href, caption in nav %}<a href="{{ href }}">{{ caption }}</a>{% endfor %}</nav>
<main>{% block content %}{% endblock %}</main>
<footer>{% block footer %}&copy; {{ site }}{% endblock %}</footer>
</body>
</html>
`,
	"forms.html": `{% macro field(name, value='', type='text', label=none) -%}
<p><label for="{{ name }}">{{ label or name|title }}</label>
<input type="{{ type }}" name="{{ name }}" id="{{ name }}" value="{{ value }}"></p>
{%- endmacro %}`,
	"page.html": `{% extends "layout.html" %}
{% from "forms.html" import field %}
{% block title %}Sign up{% endblock %}
{% block content %}
<h1>{{ self.title() }}</h1>
<form method="post">
{{ field('name', form.name) }}
{{ field('email', form.email, type='email') }}
{{ field('password', type='password') }}
{{ field('city', form.city, label='Where you live') }}
<button>Go</button>
</form>
{% endblock %}
{% block footer %}{{ super() }} and friends{% endblock %}
`,
}

// Table is a large table with filters.
const Table = `<table>
{% for user in users %}<tr class="{{ loop.cycle('odd', 'even') }}">
  <td>{{ loop.index }}</td><td>{{ user.name|upper|truncate(12) }}</td>
  <td>{{ user.tags|join(', ') }}</td><td>{{ user.email|replace('@', ' at ') }}</td>
  <td>{{ "%05d"|format(user.id) }}</td>
</tr>
{% endfor %}</table>`

// TableGo is the table in the language of html/template, with the functions it needs.
const TableGo = `<table>
{{ range $i, $u := .users }}<tr class="{{ cycle $i }}">
  <td>{{ inc $i }}</td><td>{{ truncate (upper .Name) }}</td>
  <td>{{ join .Tags ", " }}</td><td>{{ at .Email }}</td>
  <td>{{ printf "%05d" .ID }}</td>
</tr>
{{ end }}</table>`

// Fragment is a tiny template.
const Fragment = `<span class="badge">{{ count }}</span>`

// FragmentGo is the same for html/template.
const FragmentGo = `<span class="badge">{{ .count }}</span>`

// LayoutData is what the layout page is rendered with.
func LayoutData() map[string]any {
	return map[string]any{
		"site": "Carafe & Co",
		"nav":  []any{[]any{"/", "Home"}, []any{"/about", "About"}, []any{"/blog", "Blog"}},
		"form": map[string]any{"name": "Ann <admin>", "email": "ann@example.com", "city": "Köln"},
	}
}
