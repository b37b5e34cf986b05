package carafe_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/jinja"
	carafetest "github.com/carafeweb/carafe/testing"
)

func reverse(s string) string {
	r := []rune(s)
	slices.Reverse(r)
	return string(r)
}

func isBoolean(v any) bool { _, ok := v.(bool); return ok }

func getStuff() int { return 42 }

// TestFunctionsForTemplates has Flask's four spellings as two: a name that is given, and "" for the function's own.
func TestFunctionsForTemplates(t *testing.T) {
	for _, tt := range []struct {
		name, source, want string
		register           func(app *carafe.App)
	}{
		{"a filter under its own name", "{{ value|reverse }}", "dcba", func(app *carafe.App) { app.TemplateFilter("", reverse) }},
		{"a filter under another name", "{{ value|strrev }}", "dcba", func(app *carafe.App) { app.TemplateFilter("strrev", reverse) }},
		{"a filter in the place of a built-in one", "{{ value|upper }}", "dcba", func(app *carafe.App) { app.TemplateFilter("upper", reverse) }},
		{"the last filter of a name", "{{ value|f }}", "dcba", func(app *carafe.App) {
			app.TemplateFilter("f", strings.ToUpper)
			app.TemplateFilter("f", reverse)
		}},
		{"a filter with arguments", "{{ value|pad(6, fill) }}", "abcd**", func(app *carafe.App) {
			app.TemplateFilter("pad", func(s string, n int, fill string) string { return s + strings.Repeat(fill, n-len(s)) })
		}},
		{"a filter that wants the context", "{{ value|at }}", "abcd at index", func(app *carafe.App) {
			app.TemplateFilter("at", func(c *carafe.Context, s string) string { return s + " at " + c.Endpoint() })
		}},
		{"a filter of any number of arguments that wants a context", "{{ value|all('x', 'y') }}", "abcd[x y] true", func(app *carafe.App) {
			app.TemplateFilter("all", func(ctx context.Context, s string, more ...string) string {
				return fmt.Sprint(s, more, carafe.CurrentContext(ctx) != nil)
			})
		}},
		{"a filter that wants the engine's context", "{{ value|by }}", "abcd of page.html", func(app *carafe.App) {
			app.TemplateFilter("by", func(c *jinja.Context, s string) string { return s + " of " + c.Template() })
		}},
		{"a test under its own name", "{% if flag is isBoolean %}Success!{% endif %}", "Success!", func(app *carafe.App) { app.TemplateTest("", isBoolean) }},
		{"a test under another name", "{% if flag is boolean %}Success!{% endif %}", "Success!", func(app *carafe.App) { app.TemplateTest("boolean", isBoolean) }},
		{"a test that says no", "{% if value is not boolean %}Success!{% endif %}", "Success!", func(app *carafe.App) { app.TemplateTest("boolean", isBoolean) }},
		{"a global under its own name", "{{ getStuff() }}", "42", func(app *carafe.App) { app.TemplateGlobal("", getStuff) }},
		{"a global under another name", "{{ stuff() }}", "42", func(app *carafe.App) { app.TemplateGlobal("stuff", getStuff) }},
		{"a global that is no function", "{{ stuff.x }}", "1", func(app *carafe.App) { app.TemplateGlobal("stuff", map[string]int{"x": 1}) }},
		{"a global that is none", "{{ stuff }}", "None", func(app *carafe.App) { app.TemplateGlobal("stuff", nil) }},
		{"a global that wants the context and keywords", "{{ link('a', b=1) }}", "GET a map[b:1]", func(app *carafe.App) {
			app.TemplateGlobal("link", func(c *carafe.Context, s string, kw jinja.Kwargs) string {
				return fmt.Sprint(c.Request.Method, " ", s, " ", map[string]any(kw))
			})
		}},
		{"a global in the place of a standard one", "{{ url_for() }}", "42", func(app *carafe.App) { app.TemplateGlobal("url_for", getStuff) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := pages(map[string]string{"page.html": tt.source})
			tt.register(app)
			wantText(t, page(t, app, func() any {
				return carafe.Render("page.html", map[string]any{"value": "abcd", "flag": false, "fill": "*"})
			}), tt.want)
		})
	}
}

// TestGlobalsAreAddedAfterARender is test_add_template_global: a context may render while set-up goes on.
func TestGlobalsAreAddedAfterARender(t *testing.T) {
	app := pages(nil)
	render := func(ctx context.Context) (string, error) {
		return app.RenderString(ctx, "{{ get_stuff and get_stuff() }}", nil)
	}
	wantText(t, outside(t, app, render), "")
	app.TemplateGlobal("get_stuff", getStuff)
	wantText(t, outside(t, app, render), "42")
}

func TestFunctionsThatTemplatesCannotCallAreRefused(t *testing.T) {
	app := carafe.New("site")
	for _, tt := range []struct {
		name, want string
		register   func()
	}{
		{"a filter that is no function", `"f" is a int: give a function`, func() { app.TemplateFilter("f", 1) }},
		{"a filter that is nil", "give a function", func() { app.TemplateFilter("f", nil) }},
		{"a filter that is a nil function", "give a function", func() { app.TemplateFilter("f", (func(string) string)(nil)) }},
		{"a filter without a value", "must take the value", func() { app.TemplateFilter("f", func() string { return "" }) }},
		{"a filter with a context alone", "must take the value", func() { app.TemplateFilter("f", func(*carafe.Context) string { return "" }) }},
		{"a filter without a result", "must return a result", func() { app.TemplateFilter("f", func(string) {}) }},
		{"a filter with an error alone", "must return a result", func() { app.TemplateFilter("f", func(string) error { return nil }) }},
		{"a filter with two results", "must return a result", func() { app.TemplateFilter("f", func(string) (int, int) { return 0, 0 }) }},
		{"a test that returns no bool", "must return a bool", func() { app.TemplateTest("f", reverse) }},
		{"a global function without a result", "must return a result", func() { app.TemplateGlobal("f", func() {}) }},
		{"a global that is a nil function", "give a function", func() { app.TemplateGlobal("f", (func() string)(nil)) }},
		{"a closure without a name", "without a name", func() { app.TemplateFilter("", func(s string) string { return s }) }},
		{"a value without a name", "without a name", func() { app.TemplateGlobal("", 1) }},
		{"a name that is none", "a template cannot call that", func() { app.TemplateFilter("no-name", reverse) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			defer func() {
				fault, ok := recover().(*carafe.SetupError)
				if !ok || !strings.Contains(fault.Error(), tt.want) || !strings.HasSuffix(fault.Site.File, "templatefunctions_test.go") {
					t.Errorf("panic %v, want a *SetupError with this place and %q", fault, tt.want)
				}
			}()
			tt.register()
		})
	}
}

func TestFunctionsAreForSetUp(t *testing.T) {
	app := pages(nil)
	page(t, app, func() string { return "" })
	for name, register := range map[string]func(){
		"TemplateFilter": func() { app.TemplateFilter("reverse", reverse) },
		"TemplateTest":   func() { app.TemplateTest("boolean", isBoolean) },
		"TemplateGlobal": func() { app.TemplateGlobal("answer", 42) },
	} {
		func() {
			defer func() {
				if fault, ok := recover().(*carafe.SetupError); !ok || !strings.Contains(fault.Error(), name) {
					t.Errorf("%s after the first request: panic %v, want a *SetupError", name, fault)
				}
			}()
			register()
		}()
	}
}

func TestFaultsOfTemplatesShowWhenSetUpEnds(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		app        func() *carafe.App
	}{
		{"a folder and a file system", "give one of them", func() *carafe.App {
			both := files(nil)
			both.Dir = "templates"
			return carafe.New("site", both)
		}},
		{"neither", "give one of them", func() *carafe.App { return carafe.New("site", carafe.Templates{}) }},
		{"an extension that there is not", "no extension named", func() *carafe.App {
			app := carafe.New("site")
			app.Templates = &carafe.JinjaTemplates{Options: jinja.Options{Extensions: []string{"nope"}}}
			return app
		}},
		{"a function of Jinja's for html/template", "jinja.Context", func() *carafe.App {
			app := carafe.New("site")
			app.Templates = &carafe.HTMLTemplates{}
			app.TemplateFilter("f", func(_ *jinja.Context, s string) string { return s })
			return app
		}},
	} {
		if err := tt.app().Freeze(); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: Freeze: %v, want %q", tt.name, err, tt.want)
		}
	}
}

func TestToJSONIsTheProviders(t *testing.T) {
	type point struct {
		Y int `json:"y"`
	}
	data := map[string]any{"s": "</script>", "list": []any{1.0, nil, point{2}}}
	app := pages(nil)
	wantText(t, page(t, app, func() any {
		return carafe.RenderString("{{ s|tojson }} {{ list|tojson }} {{ {'b': 1, 'a': 2}|tojson }}", data)
	}),
		`"\u003c/script\u003e" [1.0, null, {"y": 2}] {"a": 2, "b": 1}`)
	own := pages(nil)
	own.JSON = &constantJSON{}
	wantText(t, page(t, own, func() any { return carafe.RenderString("{{ s|tojson }}", data) }), `{"provider": ["own", 1]}`)
}

// constantJSON encodes everything alike.
type constantJSON struct{ carafe.StdJSON }

func (*constantJSON) Marshal(any) ([]byte, error) {
	return []byte(`{"provider":["own",1]}` + "\n"), nil
}

// TestPanicsInATemplateAreItsErrors is that panics of functions called by a template are errors of the template.
func TestPanicsInATemplateAreItsErrors(t *testing.T) {
	app := pages(nil)
	boom := errors.New("boom")
	app.TemplateGlobal("boom", func() int { panic(boom) })
	app.Get("/", func() any { return carafe.RenderString("{{ boom() }}", nil) }, carafe.Endpoint("index"))
	var err error
	if carafetest.NewClient(t, app).Get("/", carafetest.WantError(&err)); !errors.Is(err, boom) {
		t.Errorf("a panic in a template: %v, want it in the chain", err)
	}
}
