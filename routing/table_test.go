package routing_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/gorilla/mux"

	"github.com/carafeweb/carafe/routing"
)

func TestTheTableListsRulesInTheOrderTheyAreTried(t *testing.T) {
	rules := rulesOf("/<x>", "/<int:n>", "/a", "/<path:p>/e")
	rules = append(rules, &routing.Rule{Rule: "/a", Endpoint: "/a", Methods: []string{"POST"}})
	m := addAll(t, routing.Options{}, rules...)
	m.Router().HandleFunc("/foreign/{id}", func(http.ResponseWriter, *http.Request) {}).Name("foreign")
	var got []string
	err := m.Walk(func(route *mux.Route, rule *routing.Rule) error {
		template, err := route.GetPathTemplate()
		if err != nil {
			return err
		}
		owner := "-"
		if rule != nil {
			owner = rule.Rule
		}
		got = append(got, route.GetName()+" "+template+" "+owner)
		return nil
	})
	want := []string{
		"/a /a /a",
		"/a#2 /a /a",
		"/<path:p>/e /{p:[^/].*?}/e /<path:p>/e",
		"/<int:n> /{n:[0-9]+} /<int:n>",
		"/<x> /{x:[^/]+} /<x>",
		"foreign /foreign/{id} -",
	}
	if err != nil || !slices.Equal(got, want) {
		t.Errorf("Walk (%v):\n%s\nwant:\n%s", err, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// The table costs more than all the rest of the set-up: a program that does not look at it does not pay for it.
func TestTheTableIsMadeWhenItIsAskedForOnly(t *testing.T) {
	t.Setenv(routing.RouterVariable, "") // which would have it made at once
	m := addAll(t, routing.Options{}, rulesOf("/users/<int:id>", "/about/")...)
	a, err := m.Bind("example.com", routing.BindOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/users/7", "/about", "/nothing", "//users/7"} {
		_, _ = a.Match(t0, "GET", path)
		a.AllowedMethods(t0, path)
	}
	_, _ = a.Build("/users/<int:id>", []routing.Pair{{Name: "id", Value: 7}}, routing.BuildOptions{})
	_, _ = m.Foreign(httptest.NewRequest("GET", "/nothing", nil))
	m.Check()
	if m.HasTable() {
		t.Error("the table was made though nobody had asked for it")
	}
	if m.Table(); !m.HasTable() {
		t.Error("there is no table though it was asked for")
	}
}

// What gorilla/mux would misread in a template is still a route, and builds.
func TestTheTableTakesAwkwardRules(t *testing.T) {
	m := addAll(t, routing.Options{Converters: map[string]routing.ConverterFunc{
		"braces": func(routing.Arguments) (routing.Definition, error) {
			return routing.Definition{Regexp: `[{}]\{(a|b)\}\x{41}{1,2}`}, nil
		},
	}}, rulesOf("/100%/{x}/<y>", "/<braces:b>", "/<string(length=2):l>/<any('{','(a)'):c>")...)
	for path, want := range map[string]string{"/100%/{x}/7": "/100%/{x}/<y>", "/{{a}AA": "/<braces:b>",
		"/de/{": "/<string(length=2):l>/<any('{','(a)'):c>", "/de/(a)": "/<string(length=2):l>/<any('{','(a)'):c>"} {
		var match mux.RouteMatch
		r := &http.Request{Method: "GET", URL: &url.URL{Path: path}}
		if !m.Table().Match(r, &match) || match.Route.GetName() != want {
			t.Errorf("%s: %v, %v; want route %s", path, match.Route, match.MatchErr, want)
			continue
		}
		if match.Route.GetError() != nil {
			t.Errorf("%s: %v", path, match.Route.GetError())
		}
		var index routing.Match
		if err := m.Find(t0, &index, "", "GET", path, false); err != nil || index.Rule.Rule != want {
			t.Errorf("%s: the index says %v, %v", path, index.Rule, err)
		}
	}
	built, err := m.Table().Get("/100%/{x}/<y>").URL("y", "z", "#0", "100%", "#1", "{x}")
	if err != nil || built.Path != "/100%/{x}/z" {
		t.Errorf("gorilla/mux builds %v, %v", built, err)
	}
}

func TestConditionsAreDecidedByMux(t *testing.T) {
	newMap := func(opts routing.Options) *routing.Map {
		return addAll(t, opts,
			&routing.Rule{Rule: "/feed", Endpoint: "json", When: func(r *mux.Route) { r.Headers("Accept", "application/json") }},
			&routing.Rule{Rule: "/feed", Endpoint: "query", When: func(r *mux.Route) { r.Queries("v", "{v:[0-9]+}") }},
			&routing.Rule{Rule: "/feed", Endpoint: "custom", When: func(r *mux.Route) {
				r.MatcherFunc(func(r *http.Request, _ *mux.RouteMatch) bool { return r.Host == "beta.example.com" })
			}},
			&routing.Rule{Rule: "/feed", Endpoint: "plain"},
			&routing.Rule{Rule: "/only", Endpoint: "only", When: func(r *mux.Route) { r.Headers("X", "1") }})
	}
	for _, tt := range []struct {
		name, target, host, accept, want string
	}{
		{"a header", "/feed", "example.com", "application/json", "json"},
		{"a query", "/feed?v=2", "example.com", "", "query"},
		{"a query of another form", "/feed?v=x", "example.com", "", "plain"},
		{"a function", "/feed", "beta.example.com", "", "custom"},
		{"none of them", "/feed", "example.com", "text/html", "plain"},
		{"no rule without condition", "/only", "example.com", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", tt.target, nil)
			r.Host = tt.host
			r.Header.Set("Accept", tt.accept)
			ctx := routing.ContextWithRequest(context.Background(), r)
			for name, m := range map[string]*routing.Map{"index": newMap(routing.Options{}), "mux alone": newMap(routing.Options{MuxOnly: true})} {
				var match routing.Match
				err := m.Find(ctx, &match, "", "GET", r.URL.Path, false)
				if tt.want == "" {
					if !errors.Is(err, routing.ErrNotFound) {
						t.Errorf("%s: %v, want ErrNotFound", name, err)
					}
					continue
				}
				if err != nil || match.Rule.Endpoint != tt.want {
					t.Errorf("%s: %v, %v; want %s", name, match.Rule, err, tt.want)
				}
			}
		})
	}
	t.Run("without a request a condition does not hold", func(t *testing.T) {
		var match routing.Match
		var none context.Context // which Find allows
		if err := newMap(routing.Options{}).Find(none, &match, "", "GET", "/only", false); !errors.Is(err, routing.ErrNotFound) {
			t.Errorf("Find = %v, want ErrNotFound", err)
		}
	})
}

func TestForeignRoutes(t *testing.T) {
	m := addAll(t, routing.Options{}, rulesOf("/mine")...)
	r := httptest.NewRequest("GET", "/admin/users/7", nil)
	if _, err := m.Foreign(r); !errors.Is(err, routing.ErrNotFound) {
		t.Errorf("before any route: %v, want ErrNotFound", err)
	}
	admin := m.Router().PathPrefix("/admin").Subrouter()
	var seen string
	admin.HandleFunc("/users/{id}", func(w http.ResponseWriter, r *http.Request) {
		seen = mux.Vars(r)["id"] + " " + mux.CurrentRoute(r).GetName()
	}).Methods("GET", "DELETE").Name("user")
	h, err := m.Foreign(r)
	if err != nil {
		t.Fatal(err)
	}
	h.ServeHTTP(httptest.NewRecorder(), r)
	if seen != "7 user" {
		t.Errorf("the handler sees %q, want the variable and the route", seen)
	}
	var refused *routing.MethodNotAllowed
	_, err = m.Foreign(httptest.NewRequest("POST", "/admin/users/7", nil))
	if !errors.As(err, &refused) || !slices.Equal(refused.Allow, []string{"DELETE", "GET"}) {
		t.Errorf("POST: %v, want 405 with DELETE and GET", err)
	}
	if _, err = m.Foreign(httptest.NewRequest("GET", "/other", nil)); !errors.Is(err, routing.ErrNotFound) {
		t.Errorf("another path: %v, want ErrNotFound", err)
	}
}

func TestTheEnvironmentChoosesMux(t *testing.T) {
	t.Setenv(routing.RouterVariable, "mux")
	if !routing.New(routing.Options{}).Options().MuxOnly {
		t.Error("CARAFE_ROUTER=mux does not turn MuxOnly on")
	}
}
