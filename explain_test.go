package carafe_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/routing"
)

func explainedBefore(*carafe.Context) (any, error)                     { return nil, nil }
func explainedUser(_ *carafe.Context, id int) string                   { return fmt.Sprint(id) }
func explainedMissing(*carafe.Context, *carafe.HTTPError) (any, error) { return "no", nil }

func explainedApp() *carafe.App {
	app := quiet()
	app.BeforeRequest(explainedBefore)
	app.Get("/users/<int:id>", explainedUser)
	app.Post("/users/", func() string { return "" }, carafe.Endpoint("create"))
	app.ErrorHandler(404, explainedMissing)
	app.Mount("/old", http404{})
	return app
}

func explainedThing(http.ResponseWriter, *http.Request) {}

func TestExplainTellsOfForeignRoutes(t *testing.T) {
	app := explainedApp()
	router := app.Router()
	router.HandleFunc("/things/{id}", explainedThing).Name("thing")
	router.HandleFunc("/unnamed", explainedThing)
	router.PathPrefix("/files/").Handler(http404{})
	router.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, r) })
	})
	for _, tt := range []struct{ url, view, rule, endpoint string }{
		{"/things/7", "view carafe_test.explainedThing\n", "/things/{id}", "thing"},
		{"/unnamed", "view carafe_test.explainedThing\n", "/unnamed", ""},
		{"/files/a", "view carafe_test.http404\n", "/files/", ""},
	} {
		e, err := app.Explain("GET", tt.url)
		if err != nil {
			t.Fatal(err)
		}
		if !e.Foreign || e.Rule != tt.rule || e.Endpoint != tt.endpoint || !strings.Contains(explainedSteps(e), tt.view) {
			t.Errorf("GET %s: foreign %v, rule %q, endpoint %q, steps\n%swant %q, %q and %q", tt.url, e.Foreign, e.Rule, e.Endpoint, explainedSteps(e), tt.rule, tt.endpoint, tt.view)
		}
	}
	if e, _ := app.Explain("GET", "/users/7"); e.Foreign {
		t.Error("a rule's request counts as a foreign route's")
	}
	none := explainedApp()
	none.Router().NotFoundHandler = http.HandlerFunc(explainedThing)
	if e, _ := none.Explain("GET", "/nowhere"); !e.Foreign || !strings.Contains(explainedSteps(e), "view carafe_test.explainedThing\n") {
		t.Errorf("the router's NotFoundHandler is told as foreign %v\n%s", e.Foreign, explainedSteps(e))
	}
}

func explainedSteps(e *carafe.Explanation) string {
	var b strings.Builder
	for _, s := range e.Steps {
		fmt.Fprintf(&b, "%s %s\n", s.Kind, s.Text)
	}
	return b.String()
}

func TestExplainTellsWhatWouldHappenToARequest(t *testing.T) {
	app := explainedApp()
	for _, tt := range []struct {
		method, url, endpoint string
		status                int
		steps                 string // that are among them
	}{
		{"GET", "/users/7?page=2", "explainedUser", 200, "view carafe_test.explainedUser"},
		{"GET", "/users/7", "explainedUser", 200, "before carafe_test.explainedBefore"},
		{"GET", "/users/x", "", 404, "handler carafe_test.explainedMissing"},
		{"PUT", "/users/7", "", 405, "handler none of the app's: the error answers with its own page"},
		{"OPTIONS", "/users/7", "explainedUser", 200, "options answered by itself"},
		{"POST", "/users", "", 308, "error "},
		{"GET", "http://example.org/old/x", "", 200, "mount carafe_test.http404 at /old answers"},
	} {
		e, err := app.Explain(tt.method, tt.url)
		if err != nil {
			t.Errorf("%s %s: %v", tt.method, tt.url, err)
			continue
		}
		if e.Status != tt.status || e.Endpoint != tt.endpoint || !strings.Contains(explainedSteps(e), tt.steps) {
			t.Errorf("%s %s: %d, endpoint %q, steps\n%swant %d, %q and %q", tt.method, tt.url, e.Status, e.Endpoint, explainedSteps(e), tt.status, tt.endpoint, tt.steps)
		}
	}
	e, _ := app.Explain("GET", "/users/x")
	if len(e.Nearest) == 0 || e.Nearest[0].Verdict != routing.VerdictConverter || e.Nearest[0].Reason != `"x" does not fit <int:id>` || !strings.HasPrefix(e.Nearest[0].Site.String(), "explain_test.go:") {
		t.Errorf("the nearest rules to /users/x: %+v", e.Nearest)
	}
	if e, _ := app.Explain("PUT", "/users/7"); !slices.Equal(e.Allow, []string{"GET", "HEAD", "OPTIONS"}) {
		t.Errorf("a 405 allows %v", e.Allow)
	}
	if e, _ := app.Explain("POST", "/users"); e.Location != "http://localhost/users/" {
		t.Errorf("a redirect leads to %q", e.Location)
	}
}

func TestExplainRefusesWhatIsNoRequest(t *testing.T) {
	app := quiet()
	for _, url := range []string{"", "users", "//evil/x", "http://[/", "/%zz"} {
		if e, err := app.Explain("GET", url); err == nil {
			t.Errorf("Explain(GET, %q) = %+v, want an error", url, e)
		}
	}
	if _, err := app.Explain("GE T", "/"); err == nil {
		t.Error("a method with a blank is explained")
	}
	app.Route("/", nil, carafe.Endpoint("nobody"))
	if _, err := app.Explain("GET", "/"); err == nil || !strings.Contains(err.Error(), "has no view") {
		t.Errorf("an app with faults: %v", err)
	}
}

func TestExplainCallsNeitherViewsNorHooks(t *testing.T) {
	app := quiet()
	called := false
	app.BeforeRequest(func(*carafe.Context) (any, error) { called = true; return nil, nil })
	app.Get("/", func() string { called = true; return "" }, carafe.Endpoint("x"))
	if _, err := app.Explain("GET", "/"); err != nil || called {
		t.Errorf("Explain: %v, something was called: %v", err, called)
	}
	app.Get("/later", func() string { return "" }, carafe.Endpoint("later")) // set-up goes on
	if e, err := app.Explain("GET", "/later"); err != nil || e.Endpoint != "later" {
		t.Errorf("a route that was added later: %+v, %v", e, err)
	}
}

type http404 struct{}

func (http404) ServeHTTP(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) }

type explainedViews struct{}

func (*explainedViews) Show() string { return "" }

// A method value is a function that the compiler has written: what it is called says more than "<autogenerated>".
func TestExplainNamesAMethodWithoutAPlaceThatIsNone(t *testing.T) {
	app := carafe.New("methods")
	app.Get("/show", (&explainedViews{}).Show)
	e, err := app.Explain("GET", "/show")
	must(t, err)
	for _, step := range e.Steps {
		if strings.Contains(step.Site.File, "autogenerated") {
			t.Errorf("the step %q is at %v", step.Text, step.Site)
		}
	}
	if len(e.Steps) == 0 || !strings.Contains(e.Steps[0].Text, "explainedViews).Show") {
		t.Errorf("the steps are %+v, want the method", e.Steps)
	}
}

func TestTemplatesOfAnEmbeddedFolderGoByTheirName(t *testing.T) {
	app := carafe.New("embedded", carafe.Templates{FS: fstest.MapFS{"a.html": {Data: []byte("{{ x }}")}}})
	list, err := app.InspectTemplates()
	must(t, err)
	if len(list) != 1 || list[0].Name != "a.html" || list[0].File != "" {
		t.Errorf("the templates are %+v, want a.html without a file", list)
	}
}
