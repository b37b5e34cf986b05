package blueprints_test

import (
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/blueprints"
)

// trace notes what runs.
type trace []string

func (tr *trace) note(name string) { *tr = append(*tr, name) }

func (tr *trace) before(name string) func(*carafe.Context) (any, error) {
	return func(*carafe.Context) (any, error) {
		tr.note("before " + name)
		return nil, nil
	}
}

func (tr *trace) after(name string) func(*carafe.Context, *carafe.Response) (*carafe.Response, error) {
	return func(_ *carafe.Context, resp *carafe.Response) (*carafe.Response, error) {
		tr.note("after " + name)
		return resp, nil
	}
}

func (tr *trace) teardown(name string) func(*carafe.Context, error) {
	return func(*carafe.Context, error) { tr.note("teardown " + name) }
}

func (tr *trace) values(name string) func(*carafe.Context, string, carafe.Values) {
	return func(*carafe.Context, string, carafe.Values) { tr.note("values " + name) }
}

// take returns what was noted and forgets it.
func (tr *trace) take() string {
	all := strings.Join(*tr, ", ")
	*tr = nil
	return all
}

// hooked is where hooks are registered: the methods that App and Blueprint share.
type hooked interface {
	BeforeRequest(func(*carafe.Context) (any, error))
	AfterRequest(func(*carafe.Context, *carafe.Response) (*carafe.Response, error))
	TeardownRequest(func(*carafe.Context, error))
}

// hook registers two of each kind.
func (tr *trace) hook(s hooked, name string) {
	for _, n := range []string{name + "1", name + "2"} {
		s.BeforeRequest(tr.before(n))
		s.AfterRequest(tr.after(n))
		s.TeardownRequest(tr.teardown(n))
	}
}

func TestHooksOfABlueprintRunAroundItsOwnViews(t *testing.T) {
	var tr trace
	bp := blueprints.New("foo")
	bp.BeforeRequest(tr.before("bp"))
	bp.AfterRequest(func(_ *carafe.Context, resp *carafe.Response) (*carafe.Response, error) {
		body, err := resp.Bytes()
		resp.SetText(string(body) + "|after")
		tr.note("after bp")
		return resp, err
	})
	bp.TeardownRequest(tr.teardown("bp"))
	bp.Get("/bp", func() string { return "request" })
	app := carafe.New("app")
	app.Get("/", func() string { return "app" })
	app.RegisterBlueprint(bp)
	client := newClient(t, app)
	get(t, client, "/bp", "200 request|after")
	if got, want := tr.take(), "before bp, after bp, teardown bp"; got != want {
		t.Errorf("a request of the blueprint ran %q, want %q", got, want)
	}
	get(t, client, "/", "200 app")
	if got := tr.take(); got != "" {
		t.Errorf("a request of the app ran %q of the blueprint", got)
	}
}

func TestAppWideHooksOfABlueprintRunAroundEveryView(t *testing.T) {
	var tr trace
	bp := blueprints.New("bp")
	bp.BeforeAppRequest(tr.before("all"))
	bp.AfterAppRequest(tr.after("all"))
	bp.TeardownAppRequest(tr.teardown("all"))
	bp.AppURLValuePreprocessor(tr.values("all"))
	app := carafe.New("app")
	app.BeforeRequest(tr.before("early"))
	app.RegisterBlueprint(bp)
	app.RegisterBlueprint(bp, carafe.Name("again"))
	app.BeforeRequest(tr.before("late"))
	app.Get("/", func() string { return "request" })
	client := newClient(t, app)
	for range 2 {
		get(t, client, "/", "200 request")
		if got, want := tr.take(), "values all, before early, before all, before late, after all, teardown all"; got != want {
			t.Errorf("a request of the app ran %q, want %q", got, want)
		}
	}
	if resp := client.Get("/missing"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("GET /missing: %d, want 404", resp.StatusCode)
	}
	if got, want := tr.take(), "values all, before early, before all, before late, after all, teardown all"; got != want {
		t.Errorf("a request that matches nothing ran %q, want %q", got, want)
	}
}

func TestHooksOfNestedBlueprintsRunFromOutsideInAndBack(t *testing.T) {
	var tr trace
	app := carafe.New("app")
	parent, child := blueprints.New("parent", carafe.URLPrefix("/parent")), blueprints.New("child", carafe.URLPrefix("/child"))
	sibling := blueprints.New("sibling", carafe.URLPrefix("/sibling"))
	tr.hook(child, "child")
	tr.hook(parent, "parent")
	tr.hook(sibling, "sibling")
	tr.hook(app, "app")
	child.URLValuePreprocessor(tr.values("child"))
	parent.URLValuePreprocessor(tr.values("parent"))
	app.URLValuePreprocessor(tr.values("app"))
	child.Get("/", func() string { tr.note("view"); return "" })
	parent.Get("/", func() string { tr.note("view"); return "" })
	parent.RegisterBlueprint(child)
	parent.RegisterBlueprint(sibling)
	app.RegisterBlueprint(parent)
	client := newClient(t, app)
	for _, tt := range []struct{ path, want string }{
		{"/parent/child/", "values app, values parent, values child, before app1, before app2, before parent1, before parent2, before child1, before child2, view, " +
			"after child2, after child1, after parent2, after parent1, after app2, after app1, " +
			"teardown child2, teardown child1, teardown parent2, teardown parent1, teardown app2, teardown app1"},
		{"/parent/", "values app, values parent, before app1, before app2, before parent1, before parent2, view, " +
			"after parent2, after parent1, after app2, after app1, teardown parent2, teardown parent1, teardown app2, teardown app1"},
		{"/parent/child/missing", "values app, before app1, before app2, after app2, after app1, teardown app2, teardown app1"},
	} {
		client.Get(tt.path)
		if got := tr.take(); got != tt.want {
			t.Errorf("GET %s ran\n%s, want\n%s", tt.path, got, tt.want)
		}
	}
}

func TestABeforeFunctionOfTheParentAnswersForTheChild(t *testing.T) {
	parent, child := blueprints.New("parent"), blueprints.New("child")
	parent.BeforeRequest(func(*carafe.Context) (any, error) { return "no entry", nil })
	child.BeforeRequest(func(*carafe.Context) (any, error) {
		t.Error("the child's before-request function runs after the parent's has answered")
		return nil, nil
	})
	child.Get("/", index)
	parent.RegisterBlueprint(child)
	app := carafe.New("app")
	app.RegisterBlueprint(parent)
	get(t, newClient(t, app), "/", "200 no entry")
}

func TestEveryTeardownOfNestedBlueprintsRunsAndIsToldTheError(t *testing.T) {
	var tr trace
	boom := fmt.Errorf("boom")
	told := func(name string) func(*carafe.Context, error) {
		return func(_ *carafe.Context, err error) { tr.note(fmt.Sprintf("%s %v", name, err)) }
	}
	app := carafe.New("app")
	app.Logger = quiet
	parent, child := blueprints.New("parent"), blueprints.New("child")
	app.TeardownRequest(told("app"))
	parent.TeardownRequest(told("parent"))
	child.TeardownRequest(func(*carafe.Context, error) { panic("in the child's teardown") })
	child.TeardownRequest(told("child"))
	child.Get("/boom", func() error { return boom })
	parent.RegisterBlueprint(child)
	app.RegisterBlueprint(parent)
	plainClient(t, app).Get("/boom")
	if got, want := tr.take(), "child boom, parent boom, app boom"; got != want {
		t.Errorf("teardown functions were told %q, want %q", got, want)
	}
}

func TestTheContextNamesTheBlueprintsItIsIn(t *testing.T) {
	var name string
	var names []string
	look := func(c *carafe.Context) string {
		name, names = c.Blueprint(), c.Blueprints()
		return ""
	}
	app := carafe.New("app")
	parent, child := blueprints.New("p"), blueprints.New("c")
	child.Get("/inner", look, carafe.Endpoint("inner"))
	parent.RegisterBlueprint(child, carafe.Name("kid"))
	app.RegisterBlueprint(parent)
	app.Get("/app", look, carafe.Endpoint("app"))
	app.Get("/dotted", look, carafe.Endpoint("p.guest"))
	client := newClient(t, app)
	for _, tt := range []struct {
		path, name string
		names      []string
	}{
		{"/inner", "p.kid", []string{"p.kid", "p"}},
		{"/app", "", nil},
		{"/dotted", "p", []string{"p"}},
	} {
		if client.Get(tt.path); name != tt.name || !reflect.DeepEqual(names, tt.names) {
			t.Errorf("GET %s: blueprint %q of %q, want %q of %q", tt.path, name, names, tt.name, tt.names)
		}
	}
}

// TestADottedEndpointOfTheAppIsInTheBlueprintThatItNames pins what Flask's request.blueprints does, which splits the endpoint.
func TestADottedEndpointOfTheAppIsInTheBlueprintThatItNames(t *testing.T) {
	var tr trace
	bp := blueprints.New("bp")
	bp.BeforeRequest(tr.before("bp"))
	app := carafe.New("app")
	app.RegisterBlueprint(bp)
	app.Get("/", index, carafe.Endpoint("bp.guest"))
	app.Get("/below", index, carafe.Endpoint("bp.unknown.guest"))
	app.Get("/other", index, carafe.Endpoint("other.guest"))
	client := newClient(t, app)
	for path, want := range map[string]string{"/": "before bp", "/below": "before bp", "/other": ""} {
		get(t, client, path, "200 index")
		if got := tr.take(); got != want {
			t.Errorf("GET %s ran %q, want %q", path, got, want)
		}
	}
}

func TestHooksRunUnderEveryNameOfABlueprint(t *testing.T) {
	var tr trace
	bp := blueprints.New("bp")
	bp.BeforeRequest(tr.before("bp"))
	bp.Get("/", foo, carafe.Endpoint("index"))
	app := carafe.New("app")
	app.RegisterBlueprint(bp, carafe.URLPrefix("/a"))
	app.RegisterBlueprint(bp, carafe.URLPrefix("/b"), carafe.Name("again"))
	client := newClient(t, app)
	for path, want := range map[string]string{"/a/": "200 bp.index", "/b/": "200 again.index"} {
		get(t, client, path, want)
		if got := tr.take(); got != "before bp" {
			t.Errorf("GET %s ran %q, want %q", path, got, "before bp")
		}
	}
}

func TestOptionsOfABlueprintsRouteRunItsHooks(t *testing.T) {
	var tr trace
	bp := blueprints.New("bp")
	bp.BeforeRequest(tr.before("bp"))
	bp.Route("/", index, carafe.Methods{"GET", "POST"})
	app := carafe.New("app")
	app.RegisterBlueprint(bp)
	resp := newClient(t, app).Options("/")
	got := map[string]bool{}
	for m := range strings.SplitSeq(resp.Header.Get("Allow"), ", ") {
		got[m] = true
	}
	if want := map[string]bool{"GET": true, "HEAD": true, "POST": true, "OPTIONS": true}; !maps.Equal(got, want) || tr.take() != "before bp" {
		t.Errorf("OPTIONS /: Allow %q, want GET, HEAD, POST and OPTIONS, and the blueprint's hooks", resp.Header.Get("Allow"))
	}
}
