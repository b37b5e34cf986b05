package carafe_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
	carafetest "github.com/carafeweb/carafe/testing"
)

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
