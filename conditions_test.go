package carafe_test

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/blueprints"
	"github.com/carafeweb/carafe/routing"
	"github.com/gorilla/mux"
)

func TestARouteWithConditionsMatchesWhereTheyHold(t *testing.T) {
	app := carafe.New("app")
	name := func(c *carafe.Context) string { return c.Endpoint() + " " + c.Param("id") }
	app.Get("/<id>", name, carafe.Endpoint("beta"), carafe.Headers{"X-Beta": "1", "X-Any": ""})
	app.Get("/<id>", name, carafe.Endpoint("paged"), carafe.Queries{"page": "{page:[0-9]+}"})
	app.Get("/<id>", name, carafe.Endpoint("secure"), carafe.Schemes{"HTTPS"}, carafe.Queries{"login": ""})
	app.Get("/<id>", name, carafe.Endpoint("own"), carafe.MatcherFunc(func(r *http.Request, _ *mux.RouteMatch) bool { return strings.HasPrefix(r.UserAgent(), "curl/") }))
	app.Get("/<id>", name, carafe.Endpoint("plain"))
	app.Get("/only", name, carafe.Endpoint("only"), carafe.Headers{"X-Only": "1"})
	for _, tt := range []struct {
		name, target string
		header       [2]string
		tls          bool
		want         string
	}{
		{"without any, the rule without conditions", "/7", [2]string{}, false, "plain 7"},
		{"a query that fits its template", "/7?page=2", [2]string{}, false, "paged 7"},
		{"a query that does not", "/7?page=x", [2]string{}, false, "plain 7"},
		{"one of two headers is not enough", "/7", [2]string{"X-Beta", "1"}, false, "plain 7"},
		{"a scheme and a query", "/7?login=me", [2]string{}, true, "secure 7"},
		{"the query without the scheme", "/7?login=me", [2]string{}, false, "plain 7"},
		{"an absolute target does not make the scheme", "https://example.com/7?login=me", [2]string{}, false, "plain 7"},
		{"a condition of one's own", "/7", [2]string{"User-Agent", "curl/8"}, false, "own 7"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", tt.target, nil)
			r.TLS = nil // which httptest sets for an absolute target
			if tt.tls {
				r.TLS = &tls.ConnectionState{}
			}
			if tt.header[0] != "" {
				r.Header.Set(tt.header[0], tt.header[1])
			}
			w := httptest.NewRecorder()
			app.ServeHTTP(w, r)
			if got := w.Body.String(); got != tt.want {
				t.Errorf("GET %s with %q: %q, want %q", tt.target, tt.header, got, tt.want)
			}
		})
	}
	r := httptest.NewRequest("GET", "/7", nil)
	r.Header = http.Header{"X-Beta": {"1"}, "X-Any": {"2"}}
	w := httptest.NewRecorder()
	app.ServeHTTP(w, r)
	if got := w.Body.String(); got != "beta 7" {
		t.Errorf("GET /7 with both headers: %q, want beta 7", got)
	}
}

func TestConditionsThatCannotWorkAreRefusedWithThePlaceOfTheRoute(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		option     carafe.RouteOption
	}{
		{"a group that captures", "capture groups", carafe.Queries{"a": "{a:(x)}"}},
		{"braces that do not close", "unbalanced braces", carafe.Queries{"a": "{a"}},
		{"no scheme", "without a scheme", carafe.Schemes{}},
		{"a nil function", "nil carafe.MatcherFunc", carafe.MatcherFunc(nil)},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := carafe.New("app")
			got := panicText(func() { app.Get("/", func() string { return "" }, tt.option) })
			if !strings.Contains(got, tt.want) || !strings.HasPrefix(got, "carafe: conditions_test.go:") {
				t.Errorf("Get with %T: panic %q, want the place and %q", tt.option, got, tt.want)
			}
		})
	}
}

func TestRulesThatCannotBeReadAreRefusedWithTheirPlace(t *testing.T) {
	for _, tt := range []struct{ rule, want string }{
		{"users", "must start with a slash"},
		{"/<int:id", "malformed"},
		{"/<list:id>", "the converter 'list' does not exist"},
		{"/<id>/<id>", "occurs twice"},
		{"/<int(min=x):id>", "int"},
	} {
		app := carafe.New("app")
		got := panicText(func() { app.Route(tt.rule, func() string { return "" }) })
		if !strings.Contains(got, tt.want) || !strings.HasPrefix(got, "carafe: conditions_test.go:") {
			t.Errorf("Route(%q): panic %q, want the place and %q", tt.rule, got, tt.want)
		}
	}
}

func TestRulesOfOnePathAreReportedWithBothPlaces(t *testing.T) {
	app := carafe.New("app")
	app.Get("/users/<id>", func(id string) string { return id }, carafe.Endpoint("one"))
	app.Get("/users/<name>", func(name string) string { return name }, carafe.Endpoint("two"))
	err := app.Freeze()
	if err == nil || strings.Count(err.Error(), "conditions_test.go:") != 2 || !strings.Contains(err.Error(), `goes to endpoint "one", never to "two"`) {
		t.Errorf("Freeze with two rules for the same paths: %v, want both places and where the path goes", err)
	}
}

func TestAConverterCountsForLaterRulesWheneverItIsAdded(t *testing.T) {
	app := carafe.New("app")
	app.Get("/", func() string { return "" }, carafe.Endpoint("index"))
	app.Converter("list", func(routing.Arguments) (routing.Definition, error) {
		return routing.Definition{Converter: csvConverter{}, Type: reflect.TypeFor[csv]()}, nil
	})
	app.Get("/<list:names>", func(names csv) string { return fmt.Sprint(len(names), names) }, carafe.Endpoint("names"))
	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", "/a,b", nil))
	if got := w.Body.String(); got != "2 [a b]" {
		t.Errorf("GET /a,b: %q, want the list that the converter makes", got)
	}
}

func TestARuleOfABlueprintIsRefusedWithItsOwnPlace(t *testing.T) {
	bp := blueprints.New("bp")
	bp.Get("/<nope:id>", func() string { return "" }, carafe.Endpoint("x"))
	_, _, line, _ := runtime.Caller(0)
	app := carafe.New("app")
	got := panicText(func() { app.RegisterBlueprint(bp) })
	if want := fmt.Sprintf("conditions_test.go:%d:", line-1); !strings.Contains(got, want) {
		t.Errorf("RegisterBlueprint: panic %q, want the place of the route, %s", got, want)
	}
}
