package blueprints_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/blueprints"
)

func TestNilsAreRefusedWhereTheyAreGiven(t *testing.T) {
	app := carafe.New("app")
	bp := blueprints.New("bp")
	var site carafe.Site
	for _, tt := range []struct {
		name string
		call func()
		want string
	}{
		{"an option of the app", func() {
			site = nextLine()
			carafe.New("app", carafe.RootPath("/tmp"), nil)
		}, "New: option 2 is nil"},
		{"an option of a route", func() {
			site = nextLine()
			app.Get("/nil", index, nil)
		}, `rule "/nil": option 1 is nil`},
		{"an option of a blueprint", func() {
			site = nextLine()
			blueprints.New("other", nil)
		}, `blueprints.New("other"): option 1 is nil`},
		{"an option of a blueprint's route", func() {
			site = nextLine()
			bp.Route("/nil", index, carafe.Endpoint("x"), nil)
		}, `rule "/nil": option 2 is nil`},
		{"an option when registering", func() {
			site = nextLine()
			app.RegisterBlueprint(blueprints.New("third"), nil)
		}, "option 1 is nil"},
		{"an option when nesting", func() {
			site = nextLine()
			bp.RegisterBlueprint(blueprints.New("child"), nil)
		}, `RegisterBlueprint of "child": option 1 is nil`},
		{"no blueprint", func() {
			site = nextLine()
			app.RegisterBlueprint(nil)
		}, "RegisterBlueprint(nil)"},
		{"a nil *Blueprint", func() {
			site = nextLine()
			app.RegisterBlueprint((*blueprints.Blueprint)(nil))
		}, "RegisterBlueprint(nil)"},
		{"a nil *Blueprint to be nested", func() {
			site = nextLine()
			bp.RegisterBlueprint(nil)
		}, "RegisterBlueprint(nil)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fault := setupFault(t, tt.call)
			if fault.Site != site || !strings.Contains(fault.Error(), tt.want) {
				t.Errorf("panicked with %v at %v, want %q at %v", fault, fault.Site, tt.want, site)
			}
		})
	}
}

func TestTheCSRFCheckOfABlueprintIsThatOfItsRoutes(t *testing.T) {
	view := func(name string) (func() string, carafe.Endpoint) {
		return func() string { return name }, carafe.Endpoint(name)
	}
	app := carafe.New("app")
	app.Config.SecretKey = "k"
	add := func(s interface {
		Post(string, any, ...carafe.RouteOption)
	}, name string, opts ...carafe.RouteOption) {
		f, endpoint := view(name)
		s.Post("/"+name, f, append(opts, endpoint)...)
	}
	api := blueprints.New("api", carafe.URLPrefix("/api"), carafe.CSRFOff)
	add(api, "hook")
	add(api, "pay", carafe.CSRFToken)
	add(api, "browser", carafe.CSRFOrigin)
	inner := blueprints.New("inner", carafe.URLPrefix("/inner"))
	add(inner, "hook")
	strict := blueprints.New("strict", carafe.URLPrefix("/strict"), carafe.CSRFOrigin)
	add(strict, "hook")
	lax := blueprints.New("lax", carafe.URLPrefix("/lax"), carafe.CSRFOrigin)
	add(lax, "hook")
	api.RegisterBlueprint(inner)
	api.RegisterBlueprint(strict)
	api.RegisterBlueprint(lax, carafe.CSRFOff)
	api.Record(func(s *blueprints.SetupState) {
		f, endpoint := view("recorded")
		s.AddRoute("/recorded", f, carafe.Methods{"POST"}, endpoint)
	})
	shop := blueprints.New("shop", carafe.URLPrefix("/shop"))
	add(shop, "order")
	app.RegisterBlueprint(api)
	app.RegisterBlueprint(shop)
	app.RegisterBlueprint(shop, carafe.Name("forms"), carafe.URLPrefix("/forms"), carafe.CSRFToken)
	add(app, "own")
	for _, tt := range []struct {
		path     string
		own, far int // from the site itself without a token, from another site
	}{
		{"/own", 200, 403},
		{"/api/hook", 200, 200},
		{"/api/recorded", 200, 200},
		{"/api/pay", 403, 403},
		{"/api/browser", 200, 403},
		{"/api/inner/hook", 200, 200},
		{"/api/strict/hook", 200, 403},
		{"/api/lax/hook", 200, 200},
		{"/shop/order", 200, 403},
		{"/forms/order", 403, 403},
	} {
		for from, want := range map[string]int{"same-origin": tt.own, "cross-site": tt.far} {
			r := httptest.NewRequest(http.MethodPost, tt.path, nil)
			r.Header.Set("Sec-Fetch-Site", from)
			w := httptest.NewRecorder()
			app.ServeHTTP(w, r)
			if w.Code != want {
				t.Errorf("POST %s, %s: %d, want %d", tt.path, from, w.Code, want)
			}
		}
	}
}

func TestACSRFCheckThatIsNoneIsAFaultOfTheApp(t *testing.T) {
	app := carafe.New("app")
	bp := blueprints.New("bp", carafe.CSRF("of"))
	bp.Post("/", index)
	app.RegisterBlueprint(bp)
	if err := app.Freeze(); err == nil || !strings.Contains(err.Error(), `carafe.CSRF("of")`) {
		t.Errorf("Freeze: %v, want a fault that names the check", err)
	}
}
