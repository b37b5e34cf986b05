package jinja_test

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/carafeweb/carafe/jinja"
)

func TestLoaders(t *testing.T) {
	files := fstest.MapFS{"a.html": {Data: []byte("file a")}, "sub/b.html": {Data: []byte("file b")}}
	env := jinja.MustNew(jinja.Options{Loader: jinja.Loaders{
		jinja.Map{"m.html": "map m", "a.html": "map a"}, jinja.FS{Files: files},
		jinja.LoaderFunc(func(name string) (jinja.Source, error) {
			if name == "broken.html" {
				return jinja.Source{}, errors.New("disk on fire")
			}
			return jinja.Source{}, fs.ErrNotExist
		}),
	}})
	for _, tt := range []struct{ name, template, want string }{
		{"the first loader wins", "a.html", "map a"},
		{"a later loader is asked", "sub/b.html", "file b"},
		{"a missing template", "nope.html", "TemplateNotFound: nope.html"},
		{"a name that climbs is not found", "sub/../a.html.x", "TemplateNotFound"},
		{"an absolute name is not found", "/etc/passwd", "TemplateNotFound"},
		{"a loader's own trouble shows", "broken.html", "disk on fire"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := ""
			tmpl, err := env.Template(tt.template)
			if err == nil {
				got, err = tmpl.Render(nil)
			}
			if !strings.Contains(fmt.Sprint(got, err), tt.want) {
				t.Errorf("%s is %q, %v; want %q", tt.template, got, err, tt.want)
			}
		})
	}
	names, err := env.Names(".html")
	if got := fmt.Sprint(names, err); got != "[a.html m.html sub/b.html] <nil>" {
		t.Errorf("the templates are %s", got)
	}
	if _, err := env.Select("x", "y"); !jinja.IsNotFound(err) {
		t.Errorf("Select of two missing templates says %v, want not found", err)
	}
}

func TestReload(t *testing.T) {
	for _, tt := range []struct {
		name   string
		reload bool
		want   string
	}{
		{"with AutoReload a change is seen", true, "two"},
		{"without it the first text stays", false, "one"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			at := time.Unix(1700000000, 0)
			files := fstest.MapFS{"a.html": {Data: []byte("{% include 'b.html' %}"), ModTime: at}, "b.html": {Data: []byte("one"), ModTime: at}}
			env := jinja.MustNew(jinja.Options{Loader: jinja.FS{Files: files}, AutoReload: tt.reload})
			got := ""
			for _, text := range []string{"one", "two"} {
				at = at.Add(time.Second)
				files["b.html"] = &fstest.MapFile{Data: []byte(text), ModTime: at}
				tmpl, err := env.Template("a.html")
				if err != nil {
					t.Fatal(err)
				}
				if got, err = tmpl.Render(nil); err != nil {
					t.Fatal(err)
				}
			}
			if got != tt.want {
				t.Errorf("after the change the page is %q, want %q", got, tt.want)
			}
		})
	}
}

func TestAutoescapeByName(t *testing.T) {
	for name, want := range map[string]string{
		"a.html": "&lt;", "a.htm": "&lt;", "a.xml": "&lt;", "a.xhtml": "&lt;", "a.svg": "&lt;",
		"a.txt": "<", "a.HTML": "<", "a.html.j2": "<", "html": "<",
	} {
		env := jinja.MustNew(jinja.Options{Loader: jinja.Map{name: "{{ '<' }}"}})
		tmpl, err := env.Template(name)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := tmpl.Render(nil); got != want {
			t.Errorf("%s prints < as %q (%v), want %q", name, got, err, want)
		}
	}
}

func TestConcurrentRenders(t *testing.T) {
	env := jinja.MustNew(jinja.Options{Loader: jinja.Map{
		"base.html":   "{% block a %}{% endblock %}{% from 'macros.html' import m %}{{ m(n) }}",
		"page.html":   "{% extends 'base.html' %}{% block a %}{% for i in range(n) %}{{ i }}{% endfor %}{{ super() }}{% include 'inc.html' %}{% endblock %}",
		"inc.html":    "[{{ user.user_id }}{% set ns = namespace(x=0) %}{% for i in range(n) %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}]",
		"macros.html": "{% set greeting = 'hi' %}{% macro m(a) %}{{ greeting }}{{ a }}{% endmacro %}",
	}})
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for range 50 {
				tmpl, err := env.Template("page.html")
				if err != nil {
					t.Error(err)
					return
				}
				got, err := tmpl.Render(map[string]any{"n": n, "user": ann()})
				digits, sum := "", 0
				for i := range n {
					digits += fmt.Sprint(i)
					sum += i
				}
				if want := fmt.Sprintf("%s[7%d]hi%d", digits, sum, n); got != want || err != nil {
					t.Errorf("a render among others gives %q (%v), want %q", got, err, want)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestModulesStartAnewEachRender(t *testing.T) {
	env := jinja.MustNew(jinja.Options{Loader: jinja.Map{
		"m": "{% set seen = [] %}{% macro add(x) %}{{ seen.append(x) or seen|length }}{% endmacro %}",
		"p": "{% import 'm' as m %}{{ m.add(1) }}{{ m.add(2) }}",
	}})
	tmpl, err := env.Template("p")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got, err := tmpl.Render(nil); got != "12" {
			t.Errorf("a module's list counts %q (%v), want 12 in each render: renders run at the same time", got, err)
		}
	}
}

func TestStreamStopsWithItsReader(t *testing.T) {
	env := jinja.MustNew(jinja.Options{})
	calls := 0
	tmpl, err := env.FromString("{% for i in range(100) %}{{ next() }}{% endfor %}")
	if err != nil {
		t.Fatal(err)
	}
	pieces := 0
	for range tmpl.Stream(map[string]any{"next": func() int { calls++; return calls }}) {
		if pieces++; pieces == 3 {
			break
		}
	}
	if calls != 3 {
		t.Errorf("a stream left after 3 pieces made %d calls, want 3", calls)
	}
}

func TestStreamReportsErrorLast(t *testing.T) {
	tmpl, err := jinja.MustNew(jinja.Options{}).FromString("a{{ 1/0 }}b")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for piece, err := range tmpl.Stream(nil) {
		got = append(got, fmt.Sprint(piece, err))
	}
	want := []string{"a<nil>", `<template>:1: ZeroDivisionError: division by zero in "1/0"`}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("the stream is %q, want %q", got, want)
	}
}

func TestPanicOfAStreamsReaderIsItsOwn(t *testing.T) {
	defer func() {
		if p := recover(); p != "mine" {
			t.Errorf("the reader's panic arrives as %v, want mine", p)
		}
	}()
	tmpl, err := jinja.MustNew(jinja.Options{}).FromString("a{{ 1 }}")
	if err != nil {
		t.Fatal(err)
	}
	for range tmpl.Stream(nil) {
		panic("mine")
	}
}

func TestOutputs(t *testing.T) {
	tmpl, err := jinja.MustNew(jinja.Options{}).FromString("{{ x }}!")
	if err != nil {
		t.Fatal(err)
	}
	data := map[string]any{"x": 1}
	var b strings.Builder
	if err := tmpl.RenderTo(&b, data); err != nil || b.String() != "1!" {
		t.Errorf("RenderTo writes %q (%v), want 1!", b.String(), err)
	}
	if out, err := tmpl.Append([]byte("> "), data); err != nil || string(out) != "> 1!" {
		t.Errorf("Append gives %q (%v), want > 1!", out, err)
	}
	failing, err := jinja.MustNew(jinja.Options{}).FromString("text {{ 1/0 }}")
	if err != nil {
		t.Fatal(err)
	}
	b.Reset()
	if err := failing.RenderTo(&b, nil); err == nil || b.Len() > 0 {
		t.Errorf("a failing render writes %q (%v), want nothing and an error", b.String(), err)
	}
}
