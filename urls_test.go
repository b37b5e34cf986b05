package carafe_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/blueprints"
	"github.com/carafeweb/carafe/gateway"
	"github.com/carafeweb/carafe/routing"
	carafetest "github.com/carafeweb/carafe/testing"
)

// inRequest is a pushed context of GET path.
func inRequest(t *testing.T, app *carafe.App, path string) *carafe.Context {
	t.Helper()
	c := app.TestRequestContext(httptest.NewRequest("GET", path, nil))
	c.Request.Host = "localhost"
	c.Push()
	t.Cleanup(func() { must(t, c.Pop(nil)) })
	return c
}

// urlOrPanic is c.URLFor, or the error that it panics with.
func urlOrPanic(c *carafe.Context, endpoint string, values ...any) (url string, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = v.(error)
		}
	}()
	return c.URLFor(endpoint, values...), nil
}

func urlSite() *carafe.App {
	app := quiet()
	app.Get("/", okView, carafe.Endpoint("index"))
	app.Post("/hello/<name>", okView, carafe.Endpoint("hello"))
	app.Get("/<self>", okView, carafe.Endpoint("self"))
	view := func() string { return "" }
	app.Get("/myview/", view, carafe.Endpoint("myview"))
	app.Get("/myview/<int:id>", view, carafe.Endpoint("myview"))
	app.Post("/myview/create", view, carafe.Endpoint("myview"))
	return app
}

func TestURLForInARequest(t *testing.T) {
	c := inRequest(t, urlSite(), "/")
	for _, tt := range []struct {
		name, endpoint string
		values         []any
		want           string
	}{
		{"a value is quoted, though the rule is for POST alone", "hello", []any{"name", "test x"}, "/hello/test%20x"},
		{"external", "hello", []any{"name", "test x", "_external", true}, "http://localhost/hello/test%20x"},
		{"an anchor is quoted", "index", []any{"_anchor", "x y"}, "/#x%20y"},
		{"an empty anchor is a bare hash", "index", []any{"_anchor", ""}, "/#"},
		{"a scheme and external", "index", []any{"_external", true, "_scheme", "https"}, "https://localhost/"},
		{"a scheme alone makes it external", "index", []any{"_scheme", "https"}, "https://localhost/"},
		{"the rule with the most values", "myview", []any{"id", 42, "_method", "GET"}, "/myview/42"},
		{"the rule without", "myview", []any{"_method", "GET"}, "/myview/"},
		{"the rule of a method", "myview", []any{"_method", "POST"}, "/myview/create"},
		{"a variable of any name", "self", []any{"self", "2"}, "/2"},
		{"one Values, in the order of their names", "index", []any{carafe.Values{"b": 1, "a": []int{1, 2}, "c": nil}}, "/?a=1&a=2&b=1"},
		{"pairs in the order given", "index", []any{"b", 1, "a", true, "c", "x y"}, "/?b=1&a=True&c=x+y"},
		{"bytes are text", "hello", []any{"name", []byte("x"), "q", []byte("y")}, "/hello/x?q=y"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := urlOrPanic(c, tt.endpoint, tt.values...); got != tt.want || err != nil {
				t.Errorf("URLFor(%q, %v): %q, %v; want %q", tt.endpoint, tt.values, got, err, tt.want)
			}
		})
	}
}

func TestASchemeIsForOneURLOnly(t *testing.T) {
	c := inRequest(t, urlSite(), "/")
	for _, tt := range []struct {
		want   string
		values []any
	}{
		{"http://localhost/", []any{"_external", true}},
		{"https://localhost/", []any{"_external", true, "_scheme", "https"}},
		{"http://localhost/", []any{"_external", true}},
	} {
		if got := c.URLFor("index", tt.values...); got != tt.want {
			t.Errorf("URLFor(index, %v): %q, want %q", tt.values, got, tt.want)
		}
	}
}

func TestURLForRefusesWhatCannotBeMeant(t *testing.T) {
	c := inRequest(t, urlSite(), "/")
	for _, tt := range []struct {
		name   string
		values []any
		want   string
	}{
		{"a scheme without a host", []any{"_scheme", "https", "_external", false}, "'_external' must be true"},
		{"a name without a value", []any{"id"}, "pairs of name and value"},
		{"a name that is none", []any{1, 2}, "is a int, not a name"},
		{"an anchor that is no text", []any{"_anchor", []int{1}}, "_anchor cannot be a []int"},
		{"an external that is no bool", []any{"_external", "yes"}, "_external cannot be a string"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got, err := urlOrPanic(c, "index", tt.values...); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("URLFor(index, %v): %q, %v; want an error with %q", tt.values, got, err, tt.want)
			}
		})
	}
}

func TestURLForOutsideOfARequest(t *testing.T) {
	app := urlSite()
	if url, err := app.URLFor("index"); err == nil || !strings.Contains(err.Error(), "without Config.ServerName") {
		t.Errorf("without a server name: %q, %v; want an error that says what to set", url, err)
	}
	must(t, app.AppContext(context.Background()).With(func(ctx context.Context) error {
		if url, err := carafe.CurrentApp(ctx).URLFor("index"); err == nil {
			t.Errorf("in an app context without a server name: %q, want an error", url)
		}
		return nil
	}))
	app.Config.ServerName = "localhost"
	for _, tt := range []struct{ scheme, root, want string }{
		{"https", "/", "https://localhost/"},
		{"http", "", "http://localhost/"},
		{"http", "/app", "http://localhost/app/"},
		{"http", "app", "http://localhost/app/"},
		{"http", "//evil.example/", "http://localhost/evil.example/"},
	} {
		app.Config.PreferredURLScheme, app.Config.ApplicationRoot = tt.scheme, tt.root
		if got, err := app.URLFor("index"); got != tt.want || err != nil {
			t.Errorf("with scheme %q and root %q: %q, %v; want %q", tt.scheme, tt.root, got, err, tt.want)
		}
	}
}

func TestAScriptRootNeverRunsIntoTheHostOrNamesAnother(t *testing.T) {
	app := urlSite()
	for root, want := range map[string]string{"/shop": "/shop/", "shop": "/shop/", "//evil.example": "/evil.example/", "": "/", "/": "/"} {
		r := gateway.WithScriptName(httptest.NewRequest("GET", "/", nil), root)
		c := app.TestRequestContext(r)
		c.Push()
		if got, external := c.URLFor("index"), c.URLFor("index", "_external", true); got != want || external != "http://example.com"+want {
			t.Errorf("below script root %q: %q and %q, want %q", root, got, external, want)
		}
	}
}

func TestAHandlerOfBuildErrorsGivesTheURL(t *testing.T) {
	app := urlSite()
	if _, err := urlOrPanic(inRequest(t, app, "/"), "spam"); !errors.As(err, new(*routing.BuildError)) || !strings.Contains(err.Error(), "'spam'") {
		t.Errorf("without a handler: %v, want a *BuildError", err)
	}
	app.OnURLBuildError(func(c *carafe.Context, fail *carafe.URLBuildFailure) (string, error) {
		if fail.Endpoint != "spam" {
			return "", fail
		}
		return "/test_handler/", nil
	})
	c := inRequest(t, app, "/")
	if got, err := urlOrPanic(c, "spam", "_anchor", "x"); got != "/test_handler/" || err != nil {
		t.Errorf("with a handler: %q, %v; want its URL without the anchor", got, err)
	}
	_, err := urlOrPanic(c, "other")
	if _, ok := err.(*routing.BuildError); !ok {
		t.Errorf("with a handler that passes: %T %v, want the *BuildError itself", err, err)
	}
}

func TestTheNextHandlerOfBuildErrorsIsAskedIfOneFailsWithABuildError(t *testing.T) {
	app := urlSite()
	var asked []string
	app.OnURLBuildError(func(_ *carafe.Context, fail *carafe.URLBuildFailure) (string, error) {
		asked = append(asked, "first")
		return "", fail.BuildError
	})
	app.OnURLBuildError(func(_ *carafe.Context, fail *carafe.URLBuildFailure) (string, error) {
		asked = append(asked, "second")
		if fail.Endpoint == "broken" {
			return "", errors.New("no more cups")
		}
		return "/second", nil
	})
	c := inRequest(t, app, "/")
	if got, err := urlOrPanic(c, "spam"); got != "/second" || fmt.Sprint(asked) != "[first second]" {
		t.Errorf("two handlers: %q, %v after %v; want the second's URL", got, err, asked)
	}
	if _, err := urlOrPanic(c, "broken"); err == nil || err.Error() != "no more cups" {
		t.Errorf("a handler with another error: %v, want that error", err)
	}
}

func TestHandlersOfBuildErrorsAreToldHowTheURLWasWanted(t *testing.T) {
	app := urlSite()
	app.Config.ServerName = "localhost"
	var got carafe.URLBuildFailure
	app.OnURLBuildError(func(_ *carafe.Context, fail *carafe.URLBuildFailure) (string, error) {
		got = *fail
		return "handled", nil
	})
	c := inRequest(t, app, "/")
	c.URLFor("/")
	if got.External || got.Anchor != nil || got.Scheme != nil || got.Method != "" || got.Endpoint != "/" {
		t.Errorf("URLFor(/): told %+v, want external resolved to false and nothing else", got)
	}
	c.URLFor("/", "a", 1, "_anchor", "x", "_scheme", "https", "_method", "PUT")
	if !got.External || *got.Anchor != "x" || *got.Scheme != "https" || got.Method != "PUT" || len(got.Values) != 1 {
		t.Errorf("with everything: told %+v", got)
	}
	if _, err := app.URLFor("/"); err != nil || !got.External {
		t.Errorf("outside of a request: %v, told %+v; want external resolved to true", err, got)
	}
}

func TestURLDefaultsOfTheBlueprintsThatTheEndpointNames(t *testing.T) {
	app := quiet()
	outer, inner := blueprints.New("outer", carafe.URLPrefix("/o")), blueprints.New("inner", carafe.URLPrefix("/i"))
	note := func(name string) func(*carafe.Context, string, carafe.Values) {
		return func(_ *carafe.Context, _ string, v carafe.Values) { v["by"] = fmt.Sprint(v["by"], name) }
	}
	app.URLDefaults(note("app "))
	outer.URLDefaults(note("outer "))
	inner.URLDefaults(note("inner "))
	inner.Get("/", okView, carafe.Endpoint("x"))
	outer.Get("/", okView, carafe.Endpoint("x"))
	outer.Get("/deep", okView, carafe.Endpoint("y"))
	outer.RegisterBlueprint(inner)
	app.RegisterBlueprint(outer)
	app.Get("/", okView, carafe.Endpoint("x"))
	app.Get("/odd", okView, carafe.Endpoint("outer.nobody.x"))
	c := inRequest(t, app, "/")
	for endpoint, want := range map[string]string{
		"x":              "/?by=app+",
		"outer.x":        "/o/?by=app+outer+",
		"outer.inner.x":  "/o/i/?by=app+outer+inner+",
		"outer.nobody.x": "/odd?by=app+outer+",
	} {
		if got := c.URLFor(endpoint, "by", ""); got != want {
			t.Errorf("URLFor(%q): %q, want %q", endpoint, got, want)
		}
	}
}

func TestEndpointsGivenAndDerived(t *testing.T) {
	app := quiet()
	app.Get("/foo/", fooView)
	app.Get("/bar/", fooView, carafe.Endpoint("bar"))
	app.Get("/bar/123", fooView, carafe.Endpoint("123"))
	client := carafetest.NewClient(t, app)
	for path, want := range map[string]string{"/foo/": "fooView /foo/", "/bar/": "bar /bar/", "/bar/123": "123 /bar/123"} {
		if got := client.Get(path).Text(); got != want {
			t.Errorf("GET %s: %q, want %q", path, got, want)
		}
	}
}

func fooView(c *carafe.Context) string { return c.Endpoint() + " " + c.URLFor(c.Endpoint()) }

func TestAViewIsFoundByItsEndpoint(t *testing.T) {
	app := quiet()
	app.Get("/foo/", nil, carafe.Endpoint("index"))
	app.Get("/foo/bar", nil, carafe.Endpoint("bar"))
	app.Endpoint("index", func() string { return "index" })
	app.Endpoint("bar", func() string { return "bar" })
	client := carafetest.NewClient(t, app)
	for path, want := range map[string]string{"/foo/": "index", "/foo/bar": "bar"} {
		if got := client.Get(path).Text(); got != want {
			t.Errorf("GET %s: %q, want %q", path, got, want)
		}
	}
}

// TestURLForAllocations guards urlFor: the URL itself, a query, and outside of a request its host. The race detector adds to them.
func TestURLForAllocations(t *testing.T) {
	app := urlSite()
	app.Config.ServerName = "example.com"
	c := inRequest(t, app, "/")
	for _, tt := range []struct {
		name  string
		build func()
		most  float64
	}{
		{"in a request, no values", func() { c.URLFor("index") }, 1},
		{"in a request, a variable and a query", func() { c.URLFor("myview", "id", 42, "page", "x") }, 2},
		{"outside of one", func() { _, _ = app.URLFor("myview", "id", 42) }, 3},
	} {
		if got := testing.AllocsPerRun(100, tt.build); got > tt.most && !poolsLeak {
			t.Errorf("%s: %v allocations, want at most %v", tt.name, got, tt.most)
		}
	}
}
