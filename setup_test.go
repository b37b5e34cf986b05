package carafe_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/blueprints"
	carafetest "github.com/carafeweb/carafe/testing"
)

// wantSetupPanic wants do to panic with a *SetupError that names this test's file and says want.
func wantSetupPanic(t *testing.T, want string, do func()) {
	t.Helper()
	defer func() {
		t.Helper()
		v := recover()
		err, ok := v.(*carafe.SetupError)
		switch {
		case v == nil:
			t.Errorf("there was no panic, want one that says %q", want)
		case !ok:
			t.Errorf("the panic is a %T (%v), want a *carafe.SetupError", v, v)
		case !strings.Contains(err.Error(), want):
			t.Errorf("the panic says\n%v\nwant %q in it", err, want)
		case !strings.HasSuffix(err.Site.File, "_test.go") || !strings.Contains(err.Error(), err.Site.String()):
			t.Errorf("the panic is placed at %v, want the call in the test: %v", err.Site, err)
		}
	}()
	do()
}

func named(int, string) string { return "" }
func other() string            { return "" }

func TestSetupFaultsPanicWithThePlaceAndTheCure(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		do         func(app *carafe.App)
	}{
		{"a value that is no view", `a int is not a view: a view is func(`, func(a *carafe.App) { a.Route("/", 42) }},
		{"a nil function", "the view is a nil func() string", func(a *carafe.App) { var f func() string; a.Route("/", f, carafe.Endpoint("x")) }},
		{"a view without results", "returns nothing: a view is", func(a *carafe.App) { a.Route("/", func() {}, carafe.Endpoint("x")) }},
		{"a wrong result", "has a result 2 that is a string", func(a *carafe.App) { a.Route("/", func() (string, string) { return "", "" }, carafe.Endpoint("x")) }},
		{"an error that is not last", "has a result 2 that is a error", func(a *carafe.App) {
			//lint:ignore ST1008 the wrong order is what is tested
			a.Route("/", func() (string, error, int) { return "", nil, 0 }, carafe.Endpoint("x"))
		}},
		{"a variadic view", "is variadic", func(a *carafe.App) { a.Route("/", func(...string) string { return "" }, carafe.Endpoint("x")) }},
		{"a handler that returns something", "takes an http.ResponseWriter, as an http.HandlerFunc does, which returns nothing: a view is", func(a *carafe.App) {
			a.Route("/", func(http.ResponseWriter, *http.Request) error { return nil }, carafe.Endpoint("x"))
		}},
		{"a variable as other routers write it", "takes 1 variable, but the rule has none (they are written <id>, or <int:id>)",
			func(a *carafe.App) { a.Route("/{id}", func(string) string { return "" }, carafe.Endpoint("x")) }},
		{"too few variables", `takes 1 variable, but the rule has 2 (id int, name string): take all of them in that order, or none and use c.Param`,
			func(a *carafe.App) { a.Route("/<int:id>/<name>", func(int) string { return "" }, carafe.Endpoint("x")) }},
		{"too many variables", `takes 2 variables, but the rule has 1 (id int)`, func(a *carafe.App) { a.Route("/<int:id>", named) }},
		{"a variable of another type", `takes variable "id" as string, but its converter "int" gives int`,
			func(a *carafe.App) { a.Route("/<int:id>", func(string) string { return "" }, carafe.Endpoint("x")) }},
		{"the view's own place is named", "setup_test.go", func(a *carafe.App) { a.Route("/<int:id>", named) }},
		{"a rule without a slash", "must start with a slash", func(a *carafe.App) { a.Route("x", other) }},
		{"a rule that is malformed", "malformed", func(a *carafe.App) { a.Route("/<x", other) }},
		{"a method that is none", `"GE T" is not a method: a method is one word`, func(a *carafe.App) { a.Route("/", other, carafe.Methods{"GE T"}) }},
		{"a converter that does not exist", `the converter 'nope' does not exist`, func(a *carafe.App) { a.Route("/<nope:x>", other) }},
		{"an endpoint with another view", `view function mapping is overwriting an existing endpoint function: "x" is the view (setup_test.go:`,
			func(a *carafe.App) {
				a.Route("/1", func() string { return "1" }, carafe.Endpoint("x"))
				a.Route("/2", func() string { return "2" }, carafe.Endpoint("x"))
			}},
		{"a nil hook", "BeforeRequest(nil): give a function", func(a *carafe.App) { a.BeforeRequest(nil) }},
		{"a nil middleware", "Use(nil)", func(a *carafe.App) { a.Use(nil) }},
		{"a handler for a code that is no error", "999 is not a recognized HTTP error code: use OnError", func(a *carafe.App) { a.ErrorHandler(999, say("x")) }},
		{"a handler for a success", "200 is not a recognized HTTP error code", func(a *carafe.App) { a.ErrorHandler(200, say("x")) }},
		{"a mount at the root", "needs a prefix that begins with a slash", func(a *carafe.App) { a.Mount("/", http.NotFoundHandler()) }},
		{"two mounts at one place", "something is mounted at /x already", func(a *carafe.App) {
			a.Mount("/x", http.NotFoundHandler())
			a.Mount("/x/", http.NotFoundHandler())
		}},
		{"a nil blueprint", "RegisterBlueprint(nil)", func(a *carafe.App) { a.RegisterBlueprint(nil) }},
		{"a nil view for an endpoint", `endpoint "x" is given a nil view`, func(a *carafe.App) { a.Endpoint("x", nil) }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := quiet()
			wantSetupPanic(t, tt.want, func() { tt.do(app) })
		})
	}
}

func TestEverySetupMethodIsClosedAfterTheFirstRequest(t *testing.T) {
	app := quiet()
	app.Route("/", other)
	app.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	for method, call := range map[string]func(){
		"Route":         func() { app.Route("/late", other) },
		"Get":           func() { app.Get("/late", other) },
		"Endpoint":      func() { app.Endpoint("late", other) },
		"BeforeRequest": func() { app.BeforeRequest(func(*carafe.Context) (any, error) { return nil, nil }) },
		"AfterRequest": func() {
			app.AfterRequest(func(*carafe.Context, *carafe.Response) (*carafe.Response, error) { return nil, nil })
		},
		"TeardownRequest":      func() { app.TeardownRequest(func(*carafe.Context, error) {}) },
		"TeardownAppContext":   func() { app.TeardownAppContext(func(*carafe.AppContext, error) {}) },
		"BeforeFirstRequest":   func() { app.BeforeFirstRequest(func(*carafe.Context) error { return nil }) },
		"URLValuePreprocessor": func() { app.URLValuePreprocessor(func(*carafe.Context, string, carafe.Values) {}) },
		"URLDefaults":          func() { app.URLDefaults(func(*carafe.Context, string, carafe.Values) {}) },
		"ContextProcessor":     func() { app.ContextProcessor(func(*carafe.Context) map[string]any { return nil }) },
		"ErrorHandler":         func() { app.ErrorHandler(404, say("x")) },
		"OnError":              func() { carafe.OnError(app, text[error]("x")) },
		"RegisterBlueprint":    func() { app.RegisterBlueprint(blueprints.New("late")) },
		"Use":                  func() { app.Use(func(h http.Handler) http.Handler { return h }) },
		"Mount":                func() { app.Mount("/late", http.NotFoundHandler()) },
	} {
		t.Run(method, func(t *testing.T) {
			wantSetupPanic(t, fmt.Sprintf("the setup method %q can no longer be called on the application. It has already handled its first request", method), call)
		})
	}
}

func TestFreezeReportsEveryFaultAtOnce(t *testing.T) {
	app := quiet(carafe.HostMatching(true), carafe.SubdomainMatching(true))
	app.Config.SessionCookie.SameSite = "maybe"
	app.Route("/", nil, carafe.Endpoint("nobody"))
	app.Route("/twice", other)
	app.Route("/twice", func() string { return "2" }, carafe.Endpoint("second"))
	err := app.Freeze()
	for _, want := range []string{`endpoint "nobody", which has no view`, "exclude each other", `SameSite is "maybe"`, "/twice"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Freeze says\n%v\nwant %q in it", err, want)
		}
	}
	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", "/twice", nil))
	if w.Code != 500 || strings.Contains(w.Body.String(), "nobody") {
		t.Errorf("an app with faults answers %d %s, want a plain 500", w.Code, w.Body)
	}
}

func TestAFaultOfTheAppsOptionsNamesTheCallOfNew(t *testing.T) {
	_, _, line, _ := runtime.Caller(0)
	app := carafe.New("app", carafe.HostMatching(true), carafe.SubdomainMatching(true))
	want := fmt.Sprintf("carafe: setup_test.go:%d: HostMatching and SubdomainMatching exclude each other", line+1)
	if err := app.Freeze(); err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("Freeze says %v, want %s", err, want)
	}
}

func TestARouteThatWasRefusedLeavesNothingBehind(t *testing.T) {
	app := quiet()
	app.Config.ServerName = "example.com"
	for name, refused := range map[string]func(){
		"a view that does not fit the rule": func() { app.Get("/x/<int:n>", func([]int) string { return "" }, carafe.Endpoint("e")) },
		"a malformed rule":                  func() { app.Get("/x/<int:n", say("x"), carafe.Endpoint("e")) },
		"a method that is none":             func() { app.Route("/x/<int:n>", say("x"), carafe.Endpoint("e"), carafe.Methods{"A B"}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s was accepted", name)
				}
			}()
			refused()
		}()
	}
	if routes := app.Routes(); len(routes) != 0 {
		t.Errorf("the refused routes are listed: %v", routes)
	}
	app.Get("/x/<int:n>", func(n int) string { return fmt.Sprint(n) }, carafe.Endpoint("e"))
	if err := app.Freeze(); err != nil {
		t.Fatalf("after refused routes: %v", err)
	}
	if got := carafetest.NewClient(t, app).Get("/x/7").Text(); got != "7" {
		t.Errorf("GET /x/7 = %q", got)
	}
}

func TestAURLMayBeBuiltDuringSetupAndRoutesAddedAfterwards(t *testing.T) {
	app := quiet()
	app.Config.ServerName = "example.com"
	app.Route("/first", other, carafe.Endpoint("first"))
	if got, err := app.URLFor("first"); got != "http://example.com/first" || err != nil {
		t.Errorf("URLFor(first) = %s %v", got, err)
	}
	app.Route("/second", other, carafe.Endpoint("second"))
	if got, err := app.URLFor("second"); got != "http://example.com/second" || err != nil {
		t.Errorf("URLFor(second) = %s %v", got, err)
	}
	if got := carafetest.NewClient(t, app).Get("/second").StatusCode; got != 200 {
		t.Errorf("GET /second = %d", got)
	}
}

func TestASetupErrorUnwraps(t *testing.T) {
	cause := errors.New("cause")
	err := &carafe.SetupError{Err: cause}
	if !errors.Is(err, cause) || err.Error() != "carafe: cause" {
		t.Errorf("%v", err)
	}
}

func TestCommandsAreCheckedAtSetup(t *testing.T) {
	f := func(*carafe.AppContext, []string, io.Writer) error { return nil }
	app := quiet()
	app.Command("init-db", f)
	wantSetupPanic(t, "a command's name has small letters", func() { app.Command("Init DB", f) })
	wantSetupPanic(t, "give a function", func() { app.Command("x", nil) })
	wantSetupPanic(t, `there is a command "init-db" already`, func() { app.Command("init-db", f) })
}
