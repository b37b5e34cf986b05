package blueprints_test

import (
	"errors"
	"net/http"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/blueprints"
	carafetest "github.com/carafeweb/carafe/testing"
)

// newClient is a client of an app under test: errors that nobody answers fail the test.
func newClient(t *testing.T, app *carafe.App) *carafetest.Client {
	t.Helper()
	app.Config.Testing = true
	return carafetest.NewClient(t, app)
}

// setupFault runs f and returns the *SetupError that it panics with.
func setupFault(t *testing.T, f func()) (fault *carafe.SetupError) {
	t.Helper()
	defer func() {
		t.Helper()
		v := recover()
		err, _ := v.(error)
		if !errors.As(err, &fault) {
			t.Fatalf("set-up panicked with %v, want a *carafe.SetupError", v)
		}
	}()
	f()
	return nil
}

// nextLine is "file.go:line" of the line after the call.
func nextLine() carafe.Site {
	_, file, line, _ := runtime.Caller(1)
	return carafe.Site{File: file, Line: line + 1}
}

func index() string { return "index" }

func none(*carafe.Context) (any, error) { return nil, nil }

func TestSetUpFaults(t *testing.T) {
	app := carafe.New("app")
	bp := blueprints.New("bp")
	inner, outer := blueprints.New("inner"), blueprints.New("outer")
	deepest := blueprints.New("deepest")
	inner.RegisterBlueprint(deepest)
	outer.RegisterBlueprint(inner)
	twice := carafe.New("twice")
	twice.RegisterBlueprint(bp)
	fresh := func() *blueprints.Blueprint { return blueprints.New("bp") }
	var site carafe.Site
	tests := []struct {
		name string
		do   func()
		want string
	}{
		{"an empty name", func() {
			site = nextLine()
			blueprints.New("")
		}, "may not be empty"},
		{"a name with a dot", func() {
			site = nextLine()
			blueprints.New("app.ui")
		}, "may not contain a dot"},
		{"a second name when it is made", func() {
			site = nextLine()
			blueprints.New("bp", carafe.Name("other"))
		}, "the name is the first argument"},
		{"a dot in the name it is registered with", func() {
			site = nextLine()
			app.RegisterBlueprint(fresh(), carafe.Name("a.b"))
		}, "may not contain a dot"},
		{"the same name for the same blueprint", func() {
			site = nextLine()
			twice.RegisterBlueprint(bp)
		}, `the name "bp" is already registered for this blueprint`},
		{"the same name for another blueprint", func() {
			site = nextLine()
			twice.RegisterBlueprint(fresh())
		}, `the name "bp" is already registered for a different blueprint`},
		{"a blueprint on itself", func() {
			site = nextLine()
			inner.RegisterBlueprint(inner)
		}, "cannot register a blueprint on itself"},
		{"a blueprint on one that lies in it", func() {
			site = nextLine()
			inner.RegisterBlueprint(outer)
		}, `cannot register blueprint "outer" on "inner", which lies in it`},
		{"a blueprint on one that lies deep in it", func() {
			site = nextLine()
			deepest.RegisterBlueprint(outer)
		}, `cannot register blueprint "outer" on "deepest", which lies in it`},
		{"no blueprint on a blueprint", func() {
			site = nextLine()
			outer.RegisterBlueprint(nil)
		}, "RegisterBlueprint(nil)"},
		{"a dot in an endpoint", func() {
			site = nextLine()
			inner.Get("/", index, carafe.Endpoint("a.b"))
		}, "may not contain a dot"},
		{"no function to record", func() {
			site = nextLine()
			inner.Record(nil)
		}, "Record(nil)"},
		{"no function to record once", func() {
			site = nextLine()
			inner.RecordOnce(nil)
		}, "RecordOnce(nil)"},
		{"no app-wide hook", func() {
			site = nextLine()
			inner.BeforeAppRequest(nil)
		}, "BeforeAppRequest(nil)"},
		{"no app-wide error handler", func() {
			site = nextLine()
			inner.AppErrorHandler(403, nil)
		}, "AppErrorHandler(nil)"},
		{"a code without an error, app-wide", func() {
			site = nextLine()
			inner.AppErrorHandler(999, func(*carafe.Context, *carafe.HTTPError) (any, error) { return "", nil })
		}, "999 is not a recognized HTTP error code"},
		{"a code without an error", func() {
			site = nextLine()
			inner.ErrorHandler(999, func(*carafe.Context, *carafe.HTTPError) (any, error) { return "", nil })
		}, "999 is not a recognized HTTP error code"},
		{"no view for an endpoint", func() {
			site = nextLine()
			inner.Endpoint("name", nil)
		}, `endpoint "name" is given a nil view`},
		{"files when it is registered", func() {
			site = nextLine()
			app.RegisterBlueprint(fresh(), carafe.Static{Dir: "static"})
		}, "give them to blueprints.New"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fault := setupFault(t, tt.do)
			if !strings.Contains(fault.Err.Error(), tt.want) {
				t.Errorf("the fault reads %q, want %q in it", fault.Err, tt.want)
			}
			if fault.Site != site {
				t.Errorf("the fault is placed at %v, want %v", fault.Site, site)
			}
		})
	}
}

func TestAFaultOfARouteNamesTheRouteAndTheRegistration(t *testing.T) {
	bp := blueprints.New("bp")
	route := nextLine()
	bp.Get("/<int:id>/<name>", func(id int) string { return "" })
	app := carafe.New("app")
	registration := nextLine()
	fault := setupFault(t, func() { app.RegisterBlueprint(bp, carafe.Name("again")) })
	if fault.Site != route {
		t.Errorf("the fault is placed at %v, want the route's %v", fault.Site, route)
	}
	for _, want := range []string{`"again"`, registration.String()} {
		if !strings.Contains(fault.Error(), want) {
			t.Errorf("the fault reads %q, want %s in it", fault, want)
		}
	}
}

func TestABlueprintNestedTwiceNamesBothPlaces(t *testing.T) {
	parent, child := blueprints.New("parent"), blueprints.New("child")
	first := nextLine()
	parent.RegisterBlueprint(child)
	second := nextLine()
	parent.RegisterBlueprint(child)
	fault := setupFault(t, func() { carafe.New("app").RegisterBlueprint(parent) })
	if want := "already registered for this blueprint (at " + first.String() + ")"; fault.Site != second || !strings.Contains(fault.Error(), want) {
		t.Errorf("the fault reads %q, want it placed at %v and %q in it", fault, second, want)
	}
}

func TestAFaultOfANestedBlueprintNamesWhereItWasNested(t *testing.T) {
	parent, one, other := blueprints.New("parent"), blueprints.New("child"), blueprints.New("child")
	parent.RegisterBlueprint(one)
	nested := nextLine()
	parent.RegisterBlueprint(other)
	app := carafe.New("app")
	fault := setupFault(t, func() { app.RegisterBlueprint(parent) })
	if want := `the name "parent.child" is already registered for a different blueprint`; !strings.Contains(fault.Error(), want) {
		t.Errorf("the fault reads %q, want %q in it", fault, want)
	}
	if fault.Site != nested {
		t.Errorf("the fault is placed at %v, want %v", fault.Site, nested)
	}
}

func TestAFaultOfARouteOfANestedBlueprintNamesTheRoute(t *testing.T) {
	parent, child := blueprints.New("parent"), blueprints.New("child")
	route := nextLine()
	child.Get("no slash", index)
	parent.RegisterBlueprint(child)
	fault := setupFault(t, func() { carafe.New("app").RegisterBlueprint(parent) })
	if fault.Site != route || !strings.Contains(fault.Error(), `blueprint "parent.child"`) || strings.Count(fault.Error(), "carafe: ") != 1 {
		t.Errorf("the fault reads %q, want the route's %v, its blueprint, and one prefix", fault, route)
	}
}

func TestABlueprintCanBeRegisteredAgainUnderAnotherName(t *testing.T) {
	app := carafe.New("app")
	bp, bp2 := blueprints.New("bp"), blueprints.New("bp")
	app.RegisterBlueprint(bp)
	app.RegisterBlueprint(bp, carafe.Name("again"))
	app.RegisterBlueprint(bp2, carafe.Name("alt"))
	if want := []string{"bp", "again", "alt"}; !reflect.DeepEqual(app.Blueprints(), want) {
		t.Errorf("registered are %q, want %q", app.Blueprints(), want)
	}
}

func TestARegisteredBlueprintTakesNoMore(t *testing.T) {
	bp := blueprints.New("bp")
	var inside *carafe.SetupError
	bp.Record(func(*blueprints.SetupState) {
		inside = setupFault(t, func() { bp.Get("/late", index) })
	})
	carafe.New("app").RegisterBlueprint(bp)
	for method, do := range map[string]func(){
		"Get":                  func() { bp.Get("/", index) },
		"Route":                func() { bp.Route("/", index) },
		"BeforeRequest":        func() { bp.BeforeRequest(none) },
		"BeforeAppRequest":     func() { bp.BeforeAppRequest(none) },
		"AfterRequest":         func() { bp.AfterRequest(nil) },
		"TeardownRequest":      func() { bp.TeardownRequest(nil) },
		"URLDefaults":          func() { bp.URLDefaults(nil) },
		"URLValuePreprocessor": func() { bp.URLValuePreprocessor(nil) },
		"ContextProcessor":     func() { bp.ContextProcessor(nil) },
		"ErrorHandler":         func() { bp.ErrorHandler(404, nil) },
		"OnError":              func() { carafe.OnError[error](bp, nil) },
		"OnAppError":           func() { blueprints.OnAppError[error](bp, nil) },
		"Record":               func() { bp.Record(nil) },
		"RecordOnce":           func() { bp.RecordOnce(nil) },
		"Endpoint":             func() { bp.Endpoint("x", index) },
		"RegisterBlueprint":    func() { bp.RegisterBlueprint(blueprints.New("other")) },
	} {
		want := `the setup method "` + method + `" can no longer be called on the blueprint "bp". It has already been registered at least once`
		if fault := setupFault(t, do); !strings.Contains(fault.Error(), want) {
			t.Errorf("%s on a registered blueprint: %q, want %q in it", method, fault, want)
		}
	}
	if inside == nil || !strings.Contains(inside.Error(), "can no longer be called") {
		t.Errorf("a route that a recorded function adds to its blueprint: %v, want a fault", inside)
	}
}

func TestAnAppThatServesTakesNoBlueprint(t *testing.T) {
	app := carafe.New("app")
	app.Get("/", index)
	newClient(t, app).Get("/")
	fault := setupFault(t, func() { app.RegisterBlueprint(blueprints.New("bp")) })
	if want := `the setup method "RegisterBlueprint" can no longer be called on the application`; !strings.Contains(fault.Error(), want) {
		t.Errorf("the fault reads %q, want %q in it", fault, want)
	}
}

func TestRegisteringReplaysInTheOrderOfRecordingParentsFirst(t *testing.T) {
	app := carafe.New("app")
	parent, child := blueprints.New("parent", carafe.URLPrefix("/p")), blueprints.New("child", carafe.URLPrefix("/c"))
	child.Get("/first", index, carafe.Endpoint("first"))
	parent.RegisterBlueprint(child)
	parent.Get("/a", index, carafe.Endpoint("a"))
	parent.Record(func(s *blueprints.SetupState) {
		s.AddRoute("/recorded", index, carafe.Endpoint("recorded"), carafe.Methods{"POST"})
	})
	parent.Get("/b", index, carafe.Endpoint("b"))
	app.RegisterBlueprint(parent)
	var got []string
	for _, r := range app.Routes() {
		got = append(got, r.Rule+" "+r.Endpoint)
	}
	want := []string{"/p/a parent.a", "/p/recorded parent.recorded", "/p/b parent.b", "/p/c/first parent.child.first"}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("routes are %q, want %q", got, want)
	}
	if resp := newClient(t, app).Post("/p/recorded"); resp.StatusCode != http.StatusOK {
		t.Errorf("POST to the recorded route: %d, want 200", resp.StatusCode)
	}
}

func TestRecordedFunctionsSeeWhatTheOptionsComeTo(t *testing.T) {
	var states []blueprints.SetupState
	var once int
	bp := blueprints.New("bp", carafe.URLPrefix("/own"), carafe.Subdomain("sub"), carafe.Defaults{"a": 1, "b": 1})
	bp.Record(func(s *blueprints.SetupState) { states = append(states, *s) })
	bp.RecordOnce(func(*blueprints.SetupState) { once++ })
	parent := blueprints.New("parent", carafe.Subdomain("top"))
	parent.RegisterBlueprint(bp, carafe.Name("kid"), carafe.URLPrefix("/given"), carafe.Defaults{"b": 2})
	app := carafe.New("app")
	app.RegisterBlueprint(bp, carafe.URLPrefix(""))
	app.RegisterBlueprint(parent)
	carafe.New("other").RegisterBlueprint(bp)
	if len(states) != 3 || once != 2 {
		t.Fatalf("recorded functions ran %d times, and those once for each app %d times, want 3 and 2", len(states), once)
	}
	for i, want := range []struct {
		full, name, prefix, url, subdomain string
		first                              bool
		b                                  any
	}{
		{"bp", "bp", "", "", "sub", true, 1},
		{"parent.kid", "kid", "parent", "/given", "sub.top", false, 2},
		{"bp", "bp", "", "/own", "sub", true, 1},
	} {
		s := states[i]
		if s.FullName() != want.full || s.Name != want.name || s.NamePrefix != want.prefix || *s.URLPrefix != want.url || *s.Subdomain != want.subdomain ||
			s.First != want.first || s.Defaults["a"] != 1 || s.Defaults["b"] != want.b || s.Blueprint != bp {
			t.Errorf("registration %d: %q %q %q %q %q first=%v defaults=%v, want %+v", i, s.FullName(), s.Name, s.NamePrefix, *s.URLPrefix, *s.Subdomain, s.First, s.Defaults, want)
		}
	}
	if states[0].App != app || states[2].App == app {
		t.Error("the states name the wrong apps")
	}
}

func TestABlueprintKeepsItsFoldersForTheApp(t *testing.T) {
	bp := blueprints.New("bp", carafe.Static{Dir: "files"}, carafe.Templates{Dir: "pages"})
	if bp.Name() != "bp" || bp.Static() == nil || bp.Static().Dir != "files" || bp.Templates() == nil || bp.Templates().Dir != "pages" {
		t.Errorf("the blueprint says name %q, static %v, templates %v", bp.Name(), bp.Static(), bp.Templates())
	}
	if plain := blueprints.New("plain"); plain.Static() != nil || plain.Templates() != nil {
		t.Error("a blueprint without folders has some")
	}
}
