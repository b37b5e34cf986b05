package carafe_test

import (
	"bytes"
	"context"
	"errors"
	"html/template"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/jinja"
	carafetest "github.com/carafeweb/carafe/testing"
)

// files is a folder of templates, by name.
func files(byName map[string]string) carafe.Templates {
	folder := fstest.MapFS{}
	for name, text := range byName {
		folder[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return carafe.Templates{FS: folder}
}

// pages is an app with these templates, whose unanswered errors fail the test.
func pages(byName map[string]string) *carafe.App {
	app := carafe.New("site", files(byName))
	app.Config.Testing = true
	app.Config.SecretKey = "secret"
	return app
}

// page is what the app answers a GET of "/" with, the view being given.
func page(t *testing.T, app *carafe.App, view any) string {
	t.Helper()
	app.Get("/", view, carafe.Endpoint("index"))
	resp := carafetest.NewClient(t, app).Get("/")
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("GET /: %d %s", resp.StatusCode, resp.Text())
	}
	return resp.Text()
}

// outside renders without a request.
func outside(t *testing.T, app *carafe.App, render func(ctx context.Context) (string, error)) string {
	t.Helper()
	var text string
	must(t, app.AppContext(t.Context()).With(func(ctx context.Context) (err error) {
		text, err = render(ctx)
		return err
	}))
	return text
}

func wantText(t *testing.T, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("rendered\n%s\nwant\n%s", got, want)
	}
}

func TestWhatProcessorsGiveJoinsWhatIsPassed(t *testing.T) {
	app := pages(map[string]string{"context_template.html": "<p>{{ value }}|{{ injected_value }}"})
	app.ContextProcessor(func(*carafe.Context) map[string]any { return map[string]any{"injected_value": 42} })
	wantText(t, page(t, app, func() any { return carafe.Render("context_template.html", map[string]any{"value": 23}) }), "<p>23|42")
}

func TestNamesArePassedOverProcessorsOverGlobals(t *testing.T) {
	app := pages(nil)
	app.TemplateGlobal("a", "global")
	app.TemplateGlobal("b", "global")
	app.TemplateGlobal("c", "global")
	app.ContextProcessor(func(*carafe.Context) map[string]any {
		return map[string]any{"b": "first", "c": "first", "d": "first", "request": "processed"}
	})
	app.ContextProcessor(func(*carafe.Context) map[string]any { return map[string]any{"d": "second"} })
	passed := map[string]any{"c": "passed", "config": 42}
	got := page(t, app, func() any {
		return carafe.RenderString("{{ a }} {{ b }} {{ c }} {{ d }} {{ config }} {{ request }}", passed)
	})
	wantText(t, got, "global first passed second 42 processed")
	if want := map[string]any{"c": "passed", "config": 42}; !reflect.DeepEqual(passed, want) {
		t.Errorf("the view's map has become %v, want %v", passed, want)
	}
}

func TestATemplateIsStreamedPieceByPiece(t *testing.T) {
	app := pages(map[string]string{"rows.html": "<ul>{% for row in rows() %}<li>{{ row }}{% endfor %}</ul>"})
	more := make(chan struct{})
	app.Get("/", func() any {
		return carafe.StreamTemplate("rows.html", map[string]any{"rows": func() []string {
			<-more
			return []string{"a", "<b>"}
		}})
	}, carafe.Endpoint("index"))
	resp, err := http.Get(carafetest.Serve(t, app) + "/")
	must(t, err)
	defer resp.Body.Close()
	first := make([]byte, len("<ul>"))
	_, err = io.ReadFull(resp.Body, first)
	must(t, err)
	wantText(t, string(first), "<ul>")
	close(more)
	rest, err := io.ReadAll(resp.Body)
	must(t, err)
	wantText(t, string(rest), "<li>a<li>&lt;b&gt;</ul>")
}

func TestAStreamedStringIsTheSamePage(t *testing.T) {
	app := pages(nil)
	wantText(t, page(t, app, func() any {
		return carafe.StreamTemplateString("{{ config }}", map[string]any{"config": 42})
	}), "42")
}

func TestRenderingWithoutARequest(t *testing.T) {
	app := pages(map[string]string{"hello.txt": "Hello {{ kind }} World {{ config.MAX_COOKIE_SIZE }}"})
	app.ContextProcessor(func(c *carafe.Context) map[string]any {
		if c != nil {
			t.Errorf("outside of a request the processor is called with %v, want nil", c)
		}
		return map[string]any{"kind": "Special"}
	})
	app.Config.MaxCookieSize = 42
	got := outside(t, app, func(ctx context.Context) (string, error) { return app.Render(ctx, "hello.txt", nil) })
	wantText(t, got, "Hello Special World 42")
	if _, err := app.Render(t.Context(), "hello.txt", nil); err == nil || !strings.Contains(err.Error(), "app.AppContext") {
		t.Errorf("without any context: %v, want an error that says what to do", err)
	}
	other := carafe.New("other")
	must(t, other.AppContext(t.Context()).With(func(ctx context.Context) error {
		if _, err := app.Render(ctx, "hello.txt", nil); err == nil {
			t.Error("the context of another app is taken for the app's own")
		}
		return nil
	}))
}

func TestRequestAndSessionAreUnboundOutsideOfARequest(t *testing.T) {
	app := pages(nil)
	app.Config.ServerName = "site.test"
	app.Get("/users/<name>", func(name string) string { return name }, carafe.Endpoint("user"))
	for _, tt := range []struct{ source, want string }{
		{"{% if request or session %}bound{% else %}unbound{% endif %}", "unbound"},
		{"{{ config.SERVER_NAME }}", "site.test"},
		{"{{ url_for('user', name='a/b') }}", "http://site.test/users/a/b"},
		{"{{ g.user }}", ""},
	} {
		wantText(t, outside(t, app, func(ctx context.Context) (string, error) { return app.RenderString(ctx, tt.source, nil) }), tt.want)
	}
	for _, source := range []string{"{{ request.path }}", "{{ session.user }}", "{{ get_flashed_messages() }}"} {
		must(t, app.AppContext(t.Context()).With(func(ctx context.Context) error {
			if text, err := app.RenderString(ctx, source, nil); err == nil || !strings.Contains(err.Error(), "is undefined") {
				t.Errorf("%s outside of a request: %q, %v, want an error that it is undefined", source, text, err)
			}
			return nil
		}))
	}
}

func TestEveryTemplateHasTheStandardNames(t *testing.T) {
	app := pages(nil)
	got := page(t, app, func(c *carafe.Context) any {
		c.G().Set("foo", 23)
		c.Session().Set("test", "aha")
		return carafe.RenderString("{{ request.args.foo }} {{ g.foo }} {{ config.DEBUG }} {{ session.test }}", nil)
	})
	wantText(t, got, " 23 False aha")
}

// TestGlobalsAreSeenByMacrosOfOtherTemplates is why they are globals: an import is without context.
func TestGlobalsAreSeenByMacrosOfOtherTemplates(t *testing.T) {
	app := pages(map[string]string{
		"m.html": "{% macro nav() %}{{ url_for('index', b=1, a=2) }} {{ request.path }} {{ g.x }} {{ session.get('u') }} {{ config.DEBUG }}|{{ passed }}{% endmacro %}",
		"p.html": "{% from 'm.html' import nav %}{{ nav() }}",
	})
	got := page(t, app, func(c *carafe.Context) any {
		c.G().Set("x", 5)
		c.Session().Set("u", "bo")
		return carafe.Render("p.html", map[string]any{"passed": 1})
	})
	wantText(t, got, "/?b=1&amp;a=2 / 5 bo False|")
}

// escaping is a page of Flask's suite.
const escaping = "{{ text }}\n{{ html }}\n{% autoescape false %}{{ text }}\n{{ html }}{% endautoescape %}\n{% autoescape true %}{{ text }}\n{{ html }}{% endautoescape %}"

func TestEscapingGoesByTheName(t *testing.T) {
	app := pages(map[string]string{"escaping.html": escaping, "non_escaping.txt": escaping, "mail.txt": "{{ foo }} Mail"})
	data := map[string]any{"text": "<p>Hello World!", "html": template.HTML("<p>Hello World!"), "foo": "<test>"}
	for _, tt := range []struct{ name, want string }{
		{"escaping.html", "&lt;p&gt;Hello World!|<p>Hello World!|<p>Hello World!|<p>Hello World!|&lt;p&gt;Hello World!|<p>Hello World!"},
		{"non_escaping.txt", "<p>Hello World!|<p>Hello World!|<p>Hello World!|<p>Hello World!|&lt;p&gt;Hello World!|<p>Hello World!"},
		{"mail.txt", "<test> Mail"},
	} {
		got := outside(t, app, func(ctx context.Context) (string, error) { return app.Render(ctx, tt.name, data) })
		wantText(t, strings.ReplaceAll(got, "\n", "|"), tt.want)
	}
	got := outside(t, app, func(ctx context.Context) (string, error) { return app.RenderString(ctx, "{{ foo }}", data) })
	wantText(t, got, "&lt;test&gt;")
}

func TestAMacroIsCalledFromCode(t *testing.T) {
	app := pages(map[string]string{"_macro.html": "{% macro hello(name, mark='!') %}Hello {{ name }}{{ mark }}{% endmacro %}"})
	must(t, app.AppContext(t.Context()).With(func(ctx context.Context) error {
		for want, args := range map[template.HTML][]any{
			"Hello World!":     {"World"},
			"Hello &lt;b&gt;?": {"<b>", jinja.Kwargs{"mark": "?"}},
		} {
			if got, err := app.CallMacro(ctx, "_macro.html", "hello", args...); got != want || err != nil {
				t.Errorf("hello%v: %q, %v, want %q", args, got, err, want)
			}
		}
		if _, err := app.CallMacro(ctx, "_macro.html", "bye"); err == nil || !strings.Contains(err.Error(), "bye") {
			t.Errorf("a macro that is not there: %v, want an error with its name", err)
		}
		if _, err := app.CallMacro(ctx, "missing.html", "hello"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("a template that is not there: %v, want fs.ErrNotExist", err)
		}
		return nil
	}))
}

func TestTheFirstTemplateThatIsThereIsRendered(t *testing.T) {
	app := pages(map[string]string{"context_template.html": "<h1>{{ value }} {{ injected }}</h1>"})
	app.ContextProcessor(func(*carafe.Context) map[string]any { return map[string]any{"injected": "J."} })
	got := page(t, app, func() any {
		return carafe.RenderFirst([]string{"no_template.xml", "context_template.html"}, map[string]any{"value": "Jameson"})
	})
	wantText(t, got, "<h1>Jameson J.</h1>")
	must(t, app.AppContext(t.Context()).With(func(ctx context.Context) error {
		text, err := app.RenderFirst(ctx, []string{"a.html", "b.html"}, nil)
		if !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), `["a.html" "b.html"]`) {
			t.Errorf("none of two: %q, %v, want an error with both names", text, err)
		}
		if text, err := app.RenderFirst(ctx, nil, nil); err == nil {
			t.Errorf("none of none: %q, want an error", text)
		}
		return nil
	}))
}

func TestTheLoaderIsTheAppsToChoose(t *testing.T) {
	app := carafe.New("site")
	app.Config.Testing = true
	app.Templates = &carafe.JinjaTemplates{Options: jinja.Options{Loader: jinja.Map{"index.html": "Hello Custom World!"}}}
	wantText(t, page(t, app, func() any { return carafe.Render("index.html", nil) }), "Hello Custom World!")
	if names, err := app.TemplateNames(); !slices.Equal(names, []string{"index.html"}) || err != nil {
		t.Errorf("the templates are %v, %v, want those of the loader", names, err)
	}
}

// shout is an engine whose templates are their own names, in capitals.
type shout struct{ opened *carafe.TemplateEnv }

func (e *shout) Open(env *carafe.TemplateEnv) (carafe.TemplateSet, error) {
	e.opened = env
	return e, nil
}
func (e *shout) Template(names ...string) (carafe.Template, error) { return loud(names[0]), nil }
func (e *shout) FromString(source string) (carafe.Template, error) { return loud(source), nil }

type loud string

func (l loud) Name() string { return string(l) }
func (l loud) Append(dst []byte, s *carafe.TemplateScope) ([]byte, error) {
	return append(dst, strings.ToUpper(string(l))+s.Context.Endpoint()...), nil
}
func (l loud) Stream(w io.Writer, s *carafe.TemplateScope) error {
	p, _ := l.Append(nil, s)
	_, err := w.Write(p)
	return err
}

func TestTheEngineIsTheAppsToChoose(t *testing.T) {
	app := pages(nil)
	engine := &shout{}
	app.Templates = engine
	app.TemplateFilter("reverse", reverse)
	wantText(t, page(t, app, func() any { return carafe.Render("hello ", nil) }), "HELLO index")
	if engine.opened.Filters["reverse"] == nil || engine.opened.App != app {
		t.Errorf("the engine was opened with %+v, want the app and its filters", engine.opened)
	}
}

func TestReloadingFollowsTheConfig(t *testing.T) {
	yes, no := true, false
	for _, tt := range []struct {
		debug  bool
		config *bool
		want   bool
	}{
		{false, nil, false}, {false, &no, false}, {false, &yes, true},
		{true, nil, true}, {true, &no, false}, {true, &yes, true},
	} {
		folder := t.TempDir()
		app := carafe.New("site", carafe.Templates{Dir: folder})
		app.Config.Debug, app.Config.TemplatesAutoReload = tt.debug, tt.config
		if got := reloads(t, app, folder); got != tt.want {
			t.Errorf("debug %v, TemplatesAutoReload %v: a changed template is read again: %v, want %v", tt.debug, tt.config, got, tt.want)
		}
	}
}

// reloads says whether a template that changes on disk is read again.
func reloads(t *testing.T, app *carafe.App, folder string) bool {
	t.Helper()
	file := filepath.Join(folder, "page.txt")
	must(t, os.WriteFile(file, []byte("old"), 0o600))
	render := func(ctx context.Context) (string, error) { return app.Render(ctx, "page.txt", nil) }
	wantText(t, outside(t, app, render), "old")
	must(t, os.WriteFile(file, []byte("new"), 0o600))
	must(t, os.Chtimes(file, time.Time{}, time.Unix(1, 0)))
	return outside(t, app, render) == "new"
}

func TestRunningInDebugModeSwitchesReloadingOn(t *testing.T) {
	for _, debug := range []bool{true, false} {
		folder := t.TempDir()
		app := carafe.New("site", carafe.Templates{Dir: folder})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		must(t, app.RunWith(ctx, io.Discard, net.Listen, carafe.Addr("127.0.0.1:0"), carafe.Debug(debug)))
		if got := reloads(t, app, folder); got != debug {
			t.Errorf("after Run with Debug(%v) a changed template is read again: %v", debug, got)
		}
	}
}

func TestMissingTemplatesNameTheFolders(t *testing.T) {
	root := t.TempDir()
	app := carafe.New("shop", carafe.RootPath(root))
	app.Get("/", func() any { return carafe.Render("no/such.html", nil) }, carafe.Endpoint("index"))
	app.Get("/inner", func() any { return carafe.RenderString("\n{% include 'inner.html' %}", nil) }, carafe.Endpoint("inner"))
	var log bytes.Buffer
	app.Logger = slog.New(slog.NewTextHandler(&log, nil))
	client := carafetest.NewClient(t, app)
	for path, want := range map[string][]string{
		"/":      {`no/such.html`, root, "app shop"},
		"/inner": {`inner.html`, root, "<template>:2"},
	} {
		log.Reset()
		resp := client.Get(path)
		if resp.StatusCode != http.StatusInternalServerError || strings.Contains(resp.Text(), "such") {
			t.Errorf("GET %s: %d %s, want a 500 that says nothing", path, resp.StatusCode, resp.Text())
		}
		for _, part := range want {
			if !strings.Contains(log.String(), part) {
				t.Errorf("GET %s: the log does not say %q:\n%s", path, part, &log)
			}
		}
	}
}

func TestNamesThatLeaveTheFolderAreNotFound(t *testing.T) {
	app := carafe.New("site", carafe.Templates{Dir: "testdata/templates"})
	for _, name := range []string{"../oracle_test.go", "/etc/passwd", "..", ".", "", "a/../hello.html", `..\x`, "a\x00b", "hello.html/x", "hello.html/"} {
		must(t, app.AppContext(t.Context()).With(func(ctx context.Context) error {
			if text, err := app.Render(ctx, name, nil); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%q: %q, %v, want fs.ErrNotExist", name, text, err)
			}
			return nil
		}))
	}
	wantText(t, outside(t, app, func(ctx context.Context) (string, error) {
		return app.Render(ctx, "hello.html", map[string]any{"name": "<b>"})
	}), "Hello &lt;b&gt;!\n")
}

func TestErrorsOfTemplatesNameThePlace(t *testing.T) {
	for _, tt := range []struct{ name, text, want string }{
		{"an undefined value", "\n\n{{ user.name }}", `page.html:3: UndefinedError: 'user' is undefined in "user.name"`},
		{"a syntax error", "\n{% if %}", "page.html:2: TemplateSyntaxError"},
		{"a URL that cannot be built", "{{ url_for('nowhere') }}", "page.html:1"},
		{"a filter that fails", "{{ 'x'|fail }}", "page.html:1"},
		{"a function that panics", "{{ panics() }}", "page.html:1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := pages(map[string]string{"page.html": tt.text})
			app.TemplateFilter("fail", func(string) (string, error) { return "", errTemplate })
			app.TemplateGlobal("panics", func(c *carafe.Context) string { return c.URLFor("nowhere") })
			app.Get("/", func() any { return carafe.Render("page.html", nil) }, carafe.Endpoint("index"))
			var err error
			carafetest.NewClient(t, app).Get("/", carafetest.WantError(&err))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: %v, want %s", tt.text, err, tt.want)
			}
		})
	}
}

var errTemplate = errors.New("the filter's own")

func TestErrorsThroughATemplateReachTheirHandlers(t *testing.T) {
	app := pages(nil)
	app.TemplateGlobal("find", func() (string, error) { return "", carafe.Abort(http.StatusNotFound) })
	app.TemplateGlobal("broken", func() (string, error) { return "", errTemplate })
	app.ErrorHandler(http.StatusNotFound, func(*carafe.Context, *carafe.HTTPError) (any, error) { return "handled", nil })
	app.Get("/find", func() any { return carafe.RenderString("{{ find() }}", nil) }, carafe.Endpoint("find"))
	app.Get("/broken", func() any { return carafe.RenderString("{{ broken() }}", nil) }, carafe.Endpoint("broken"))
	app.Get("/build", func() any { return carafe.RenderString("{{ url_for('nowhere') }}", nil) }, carafe.Endpoint("build"))
	client := carafetest.NewClient(t, app)
	if resp := client.Get("/find"); resp.Text() != "handled" {
		t.Errorf("an abort in a template: %d %s, want the answer of its handler", resp.StatusCode, resp.Text())
	}
	var err error
	if client.Get("/broken", carafetest.WantError(&err)); !errors.Is(err, errTemplate) {
		t.Errorf("an error in a template: %v, want %v in its chain", err, errTemplate)
	}
	var build *carafe.BuildError
	if client.Get("/build", carafetest.WantError(&err)); !errors.As(err, &build) || build.Endpoint != "nowhere" {
		t.Errorf("a URL that cannot be built: %v, want a *BuildError", err)
	}
}

func TestARenderingIsABodyLikeAnyOther(t *testing.T) {
	app := pages(map[string]string{"teapot.html": "short and {{ adjective }}"})
	app.AfterRequest(func(_ *carafe.Context, resp *carafe.Response) (*carafe.Response, error) {
		body, err := resp.Bytes()
		resp.SetText(string(body) + "!")
		return resp, err
	})
	app.Get("/", func() any {
		return carafe.Reply(carafe.Render("teapot.html", map[string]any{"adjective": "stout"}), http.StatusTeapot, http.Header{"X-Tea": {"black"}})
	}, carafe.Endpoint("index"))
	resp := carafetest.NewClient(t, app).Get("/")
	if resp.StatusCode != http.StatusTeapot || resp.Text() != "short and stout!" || resp.Header.Get("X-Tea") != "black" || resp.Header.Get("Content-Type") != "text/html; charset=utf-8" {
		t.Errorf("GET /: %d %s %v", resp.StatusCode, resp.Text(), resp.Header)
	}
	made, err := app.MakeResponse(nil, carafe.Render("teapot.html", nil))
	must(t, err)
	if body, err := made.Bytes(); string(body) != "short and " || err != nil {
		t.Errorf("MakeResponse without a context: %q, %v", body, err)
	}
}

func TestAViewMayHaveTheText(t *testing.T) {
	app := pages(map[string]string{"part.html": "<i>{{ x }}</i>"})
	got := page(t, app, func(c *carafe.Context) (string, error) {
		a, err := c.Render("part.html", map[string]any{"x": "&"})
		if err != nil {
			return "", err
		}
		b, err := c.RenderString("{{ request.path }}", nil)
		return a + b, err
	})
	wantText(t, got, "<i>&amp;</i>/")
}

func TestSignalsAroundARender(t *testing.T) {
	app := pages(map[string]string{"simple_template.html": "<h1>{{ whiskey }}</h1>"})
	passed := map[string]any{"whiskey": 42}
	var heard []string
	app.Signals.BeforeRenderTemplate.Connect(func(_ context.Context, e carafe.TemplateRender) {
		heard = append(heard, "before "+e.Template)
		e.Data["whiskey"] = 43
	})
	app.Signals.TemplateRendered.Connect(func(ctx context.Context, e carafe.TemplateRender) {
		heard = append(heard, "after "+e.Template)
		if e.Data["whiskey"] != 43 || e.Context == nil || carafe.CurrentContext(ctx) != e.Context {
			t.Errorf("TemplateRendered is told of %+v", e)
		}
	})
	wantText(t, page(t, app, func() any { return carafe.Render("simple_template.html", passed) }), "<h1>43</h1>")
	if want := []string{"before simple_template.html", "after simple_template.html"}; !slices.Equal(heard, want) {
		t.Errorf("heard %v, want %v", heard, want)
	}
	if passed["whiskey"] != 42 {
		t.Errorf("a receiver has changed the view's own map: %v", passed)
	}
}

func TestTheSignalOfAStreamComesAfterItsLastPiece(t *testing.T) {
	app := pages(nil)
	var order []string
	app.Signals.TemplateRendered.Connect(func(context.Context, carafe.TemplateRender) { order = append(order, "rendered") })
	app.Get("/", func() any {
		return carafe.StreamTemplateString("a{{ last() }}", map[string]any{"last": func() string { order = append(order, "last piece"); return "b" }})
	}, carafe.Endpoint("index"))
	app.Get("/cut", func() any { return carafe.StreamTemplateString("a{{ nope.x }}", nil) }, carafe.Endpoint("cut"))
	client := carafetest.NewClient(t, app)
	client.Get("/")
	var err error
	if client.Get("/cut", carafetest.WantError(&err)); err == nil || !strings.Contains(err.Error(), "'nope' is undefined") {
		t.Errorf("a stream that fails: %v, want the template's error", err)
	}
	if want := []string{"last piece", "rendered"}; !slices.Equal(order, want) {
		t.Errorf("%v, want %v", order, want)
	}
}

func TestExplainingWhereTemplatesAreLookedFor(t *testing.T) {
	app := pages(map[string]string{"there.html": "x"})
	app.Config.ExplainTemplateLoading = true
	var log bytes.Buffer
	app.Logger = slog.New(slog.NewTextHandler(&log, nil))
	app.Get("/", func() any { return carafe.Render("there.html", nil) }, carafe.Endpoint("index"))
	client := carafetest.NewClient(t, app)
	for range 2 {
		log.Reset()
		client.Get("/")
		if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "template=there.html") || !strings.Contains(got, "found fstest.MapFS/there.html") {
			t.Errorf("the log of a template that was found:\n%s", got)
		}
	}
}

func TestStringTemplatesAreKeptWithinBounds(t *testing.T) {
	app := pages(nil)
	w := httptest.NewRecorder()
	app.Get("/", func(c *carafe.Context) (string, error) {
		for i := range 500 {
			text := strings.Repeat("x", i) + "{{ 1 }}"
			if got, err := c.RenderString(text, nil); got != strings.Repeat("x", i)+"1" || err != nil {
				t.Errorf("%q: %q, %v", text, got, err)
			}
		}
		return "done", nil
	}, carafe.Endpoint("index"))
	app.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
	if n := app.KeptStringTemplates(); n == 0 || n > 100 {
		t.Errorf("%d templates made from strings are kept, want some and at most 100", n)
	}
}

// TestARenderDoesNoSetUpWork is the budget of a page that is compiled: 8 for Jinja and 15 for html/template when it was
// written, this test's own map included.
func TestARenderDoesNoSetUpWork(t *testing.T) {
	for name, tt := range map[string]struct {
		app    *carafe.App
		budget float64
	}{
		"jinja": {pages(map[string]string{"page.html": "<p>{{ name }}</p>"}), 10},
		"html":  {goPages(map[string]string{"page.html": "<p>{{ .name }}</p>"}), 20},
	} {
		must(t, tt.app.Freeze())
		must(t, tt.app.AppContext(t.Context()).With(func(ctx context.Context) error {
			got := testing.AllocsPerRun(200, func() {
				if _, err := tt.app.Render(ctx, "page.html", map[string]any{"name": "Ann"}); err != nil {
					t.Error(err)
				}
			})
			t.Logf("%s: %v allocations", name, got)
			if got > tt.budget {
				t.Errorf("%s: a page costs %v allocations, want at most %v", name, got, tt.budget)
			}
			return nil
		}))
	}
}
