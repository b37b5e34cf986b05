package carafe_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
	carafetest "github.com/carafeweb/carafe/testing"
)

// goPages is an app with these templates in the language of html/template.
func goPages(byName map[string]string) *carafe.App {
	app := pages(byName)
	app.Templates = &carafe.HTMLTemplates{}
	return app
}

// shop is a site with a layout, partials, and two pages that fill the same blocks.
var shop = map[string]string{
	"layout.html":       `<title>{{ block "title" . }}Shop{{ end }}</title>{{ template "partials/nav.html" . }}<main>{{ block "content" . }}empty{{ end }}</main>`,
	"admin.html":        `{{ template "layout.html" . }}{{ define "content" }}[{{ block "inner" . }}{{ end }}]{{ end }}`,
	"partials/nav.html": `<a href="{{ url_for "index" }}">{{ request.Method }}</a>`,
	"partials/row.html": `<li>{{ . }} of {{ config.DEBUG }}</li>`,
	"users.html":        `{{ template "layout.html" . }}{{ define "title" }}Users & {{ .who }}{{ end }}{{ define "content" }}{{ range .users }}{{ template "partials/row.html" . }}{{ end }}{{ end }}`,
	"empty.html":        `{{ template "layout.html" . }}`,
	"deep.html":         `{{ template "admin.html" . }}{{ define "inner" }}deep{{ end }}`,
	"missing.html":      "a\n{{ template \"nope.html\" }}",
	"broken.html":       "a\n{{ .who.Nope.X }}",
	"syntax.html":       "a\n{{ if }}",
	"unknown.html":      "{{ nosuch }}",
}

func TestPagesOfHTMLTemplatesFillTheirLayouts(t *testing.T) {
	nav := `<a href="/">GET</a>`
	for name, want := range map[string]string{
		"users.html": `<title>Users & &lt;b&gt;</title>` + nav + `<main><li>a of false</li><li>&lt;i&gt; of false</li></main>`,
		"empty.html": `<title>Shop</title>` + nav + `<main>empty</main>`,
		"deep.html":  `<title>Shop</title>` + nav + `<main>[deep]</main>`,
	} {
		app := goPages(shop)
		got := page(t, app, func() any {
			return carafe.Render(name, map[string]any{"who": "<b>", "users": []string{"a", "<i>"}})
		})
		wantText(t, got, want)
	}
}

func TestFunctionsOfHTMLTemplates(t *testing.T) {
	app := goPages(nil)
	app.TemplateFilter("reverse", reverse)
	app.TemplateTest("boolean", isBoolean)
	app.TemplateGlobal("answer", 42)
	app.TemplateGlobal("endpoint", func(c *carafe.Context) string { return c.Endpoint() })
	app.TemplateGlobal("joined", func(ctx context.Context, parts ...string) string {
		return strings.Join(parts, "+") + fmt.Sprint(carafe.CurrentApp(ctx) == app)
	})
	app.ContextProcessor(func(*carafe.Context) map[string]any { return map[string]any{"who": "processor", "kept": 1} })
	got := page(t, app, func(c *carafe.Context) any {
		c.G().Set("user", "bean")
		c.Session().Set("cart", 3)
		c.Flash("hi")
		c.Flash("<no>", "error")
		return carafe.RenderString(`{{ "abc" | reverse }} {{ boolean .flag }} {{ answer }} {{ endpoint }} {{ joined "a" "b" }} {{ .who }} {{ .kept }} `+
			`{{ g.user }} {{ session.Get "cart" }} {{ request.URL.Path }} {{ config.SESSION_COOKIE_NAME }} {{ config.SECRET_KEY }} `+
			`{{ range get_flashed_messages }}{{ .Category }}: {{ .Message }};{{ end }} {{ url_for "index" "q" "a b" "_anchor" "x" }}`,
			map[string]any{"flag": false, "who": "passed"})
	})
	wantText(t, got, `cba true 42 index a&#43;btrue passed 1 bean 3 / session [secret] message: hi;error: &lt;no&gt;; /?q=a&#43;b#x`)
}

func TestErrorsOfHTMLTemplatesNameThePlace(t *testing.T) {
	for _, tt := range []struct{ page, want string }{
		{"missing.html", `the template "nope.html" was not found in fstest.MapFS (app site) (missing.html:2:`},
		{"nowhere.html", `the template "nowhere.html" was not found in fstest.MapFS (app site)`},
		{"broken.html", "broken.html:2:"},
		{"syntax.html", "syntax.html:2:"},
		{"unknown.html", `function "nosuch" not defined`},
	} {
		app := goPages(shop)
		app.Get("/", func() any { return carafe.Render(tt.page, map[string]any{"who": struct{}{}}) }, carafe.Endpoint("index"))
		var err error
		carafetest.NewClient(t, app).Get("/", carafetest.WantError(&err))
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.page, err, tt.want)
		}
	}
}

func TestHTMLTemplatesOutsideOfARequest(t *testing.T) {
	app := goPages(nil)
	app.Config.ServerName = "site.test"
	app.Get("/", func() string { return "" }, carafe.Endpoint("index"))
	wantText(t, outside(t, app, func(ctx context.Context) (string, error) {
		return app.RenderString(ctx, `{{ url_for "index" }} {{ g.nobody }}`, nil)
	}), "http://site.test/ ")
	for _, source := range []string{"{{ request.Method }}", "{{ session.Len }}", "{{ get_flashed_messages }}", "{{ csrf_token }}"} {
		must(t, app.AppContext(t.Context()).With(func(ctx context.Context) error {
			if text, err := app.RenderString(ctx, source, nil); err == nil || !strings.Contains(err.Error(), "needs a request") {
				t.Errorf("%s: %q, %v, want an error that there is no request", source, text, err)
			}
			return nil
		}))
	}
	must(t, app.AppContext(t.Context()).With(func(ctx context.Context) error {
		if _, err := app.CallMacro(ctx, "page.html", "m"); err == nil || !strings.Contains(err.Error(), "has no macros") {
			t.Errorf("CallMacro: %v, want an error that says why", err)
		}
		if text, err := app.RenderFirst(ctx, []string{"a.html", "b.html"}, nil); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("none of two: %q, %v, want fs.ErrNotExist", text, err)
		}
		return nil
	}))
}

func TestAPageOfHTMLTemplatesIsReloadedWithItsParts(t *testing.T) {
	folder := t.TempDir()
	write := func(name, text string, second int64) {
		file := filepath.Join(folder, name)
		must(t, os.WriteFile(file, []byte(text), 0o600))
		must(t, os.Chtimes(file, time.Time{}, time.Unix(second, 0)))
	}
	write("page.html", `{{ template "part.html" }}`, 1)
	write("part.html", "old", 1)
	for _, reload := range []bool{true, false} {
		app := carafe.New("site", carafe.Templates{Dir: folder})
		app.Templates = &carafe.HTMLTemplates{}
		app.Config.TemplatesAutoReload = &reload
		write("part.html", "old", 1)
		render := func(ctx context.Context) (string, error) { return app.Render(ctx, "page.html", nil) }
		wantText(t, outside(t, app, render), "old")
		write("part.html", "new", 2)
		if got := outside(t, app, render); (got == "new") != reload {
			t.Errorf("reloading %v: the page is %q after its part has changed", reload, got)
		}
	}
}

func TestHTMLTemplatesMayBeStrictAndHaveOtherDelimiters(t *testing.T) {
	app := pages(map[string]string{"page.html": "{{ <% .here %> <% twice .here %>", "strict.html": "<% .nope %>"})
	app.Templates = &carafe.HTMLTemplates{Left: "<%", Right: "%>", Strict: true, Funcs: map[string]any{"twice": func(s string) string { return s + s }}}
	data := map[string]any{"here": "x"}
	wantText(t, outside(t, app, func(ctx context.Context) (string, error) { return app.Render(ctx, "page.html", data) }), "{{ x xx")
	must(t, app.AppContext(t.Context()).With(func(ctx context.Context) error {
		if text, err := app.Render(ctx, "strict.html", data); err == nil {
			t.Errorf("a key that is not there: %q, want an error", text)
		}
		return nil
	}))
}

// TestRendersAtOnceSeeTheirOwnRequest is for both engines, under -race.
func TestRendersAtOnceSeeTheirOwnRequest(t *testing.T) {
	for engine, app := range map[string]*carafe.App{
		"jinja": pages(map[string]string{"page.html": "{% for i in range(20) %}{{ request.args.n }},{{ g.n }};{% endfor %}"}),
		"html":  goPages(map[string]string{"page.html": `{{ range .rows }}{{ $q := request.URL.Query }}{{ $q.Get "n" }},{{ g.n }};{{ end }}`}),
	} {
		app.Get("/", func(c *carafe.Context) any {
			c.G().Set("n", c.Query("n"))
			return carafe.Render("page.html", map[string]any{"rows": make([]int, 20)})
		}, carafe.Endpoint("index"))
		client := carafetest.NewClient(t, app)
		var wg sync.WaitGroup
		for n := range 16 {
			wg.Go(func() {
				want := strings.Repeat(fmt.Sprintf("%d,%d;", n, n), 20)
				if resp := client.Get(fmt.Sprintf("/?n=%d", n)); resp.StatusCode != http.StatusOK || resp.Text() != want {
					t.Errorf("%s: request %d: %d %s, want %s", engine, n, resp.StatusCode, resp.Text(), want)
				}
			})
		}
		wg.Wait()
	}
}
