package blueprints_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"testing"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/blueprints"
	carafetest "github.com/carafeweb/carafe/testing"
)

// quiet is a logger for tests whose errors are expected.
var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

// plainClient is a client of an app that answers errors as in production.
func plainClient(t *testing.T, app *carafe.App) *carafetest.Client {
	t.Helper()
	return carafetest.NewClient(t, app)
}

func says(text string, code int) func(*carafe.Context, *carafe.HTTPError) (any, error) {
	return func(*carafe.Context, *carafe.HTTPError) (any, error) { return carafe.Reply(text, code), nil }
}

func forbidden() error { return carafe.Abort(http.StatusForbidden) }

func TestABlueprintsHandlerAnswersItsOwnErrors(t *testing.T) {
	front, back, side := blueprints.New("front"), blueprints.New("back"), blueprints.New("side")
	front.Get("/frontend-no", forbidden)
	front.ErrorHandler(http.StatusForbidden, says("frontend says no", http.StatusForbidden))
	back.Get("/backend-no", forbidden)
	back.ErrorHandler(http.StatusForbidden, says("backend says no", http.StatusForbidden))
	side.Get("/what-is-a-sideend", forbidden)
	app := carafe.New("app")
	app.ErrorHandler(http.StatusForbidden, says("application itself says no", http.StatusForbidden))
	for _, bp := range []*blueprints.Blueprint{front, back, side} {
		app.RegisterBlueprint(bp)
	}
	client := newClient(t, app)
	get(t, client, "/frontend-no", "403 frontend says no")
	get(t, client, "/backend-no", "403 backend says no")
	get(t, client, "/what-is-a-sideend", "403 application itself says no")
}

type (
	decorated struct{ text string }
	called    struct{ text string }
)

func (e *decorated) Error() string { return e.text }
func (e called) Error() string     { return e.text }

func TestABlueprintHandlesErrorTypes(t *testing.T) {
	bp := blueprints.New("mybp")
	carafe.OnError(bp, func(_ *carafe.Context, err *decorated) (any, error) { return "decorated " + err.text, nil })
	carafe.OnError(bp, func(_ *carafe.Context, err called) (any, error) { return "called " + err.text, nil })
	bp.Get("/decorated", func() error { return fmt.Errorf("wrapped: %w", &decorated{"boom"}) })
	bp.Get("/called", func() error { return called{"bam"} })
	app := carafe.New("app")
	app.Get("/app", func() error { return called{"unanswered"} })
	app.RegisterBlueprint(bp)
	client := newClient(t, app)
	get(t, client, "/decorated", "200 decorated boom")
	get(t, client, "/called", "200 called bam")
	var err error
	if client.Get("/app", carafetest.WantError(&err)); !errors.Is(err, called{"unanswered"}) {
		t.Errorf("an error of the app's own view was answered by the blueprint: %v", err)
	}
}

func TestAppWideHandlersOfABlueprintAnswerForAll(t *testing.T) {
	wide, other := blueprints.New("errors"), blueprints.New("other")
	wide.AppErrorHandler(http.StatusForbidden, says("you shall not pass", http.StatusForbidden))
	wide.AppErrorHandler(http.StatusNotFound, says("nothing here", http.StatusNotFound))
	blueprints.OnAppError(wide, func(_ *carafe.Context, err called) (any, error) { return "app-wide " + err.text, nil })
	other.Get("/forbidden", forbidden)
	other.Get("/called", func() error { return called{"bam"} })
	app := carafe.New("app")
	app.Get("/forbidden-app", forbidden, carafe.Endpoint("app"))
	app.RegisterBlueprint(other)
	app.RegisterBlueprint(wide)
	client := newClient(t, app)
	get(t, client, "/forbidden", "403 you shall not pass")
	get(t, client, "/forbidden-app", "403 you shall not pass")
	get(t, client, "/nowhere", "404 nothing here")
	get(t, client, "/called", "200 app-wide bam")
}

func TestTheLastAppWideHandlerOfATypeWins(t *testing.T) {
	first, second := blueprints.New("first"), blueprints.New("second")
	catch := func(text string) func(*carafe.Context, error) (any, error) {
		return func(*carafe.Context, error) (any, error) { return text, nil }
	}
	blueprints.OnAppError(first, catch("first"))
	blueprints.OnAppError(second, catch("second"))
	app := carafe.New("app")
	app.Get("/", func() error { return called{"bam"} }, carafe.Endpoint("index"))
	app.RegisterBlueprint(first)
	app.RegisterBlueprint(second)
	get(t, newClient(t, app), "/", "200 second")
}

func TestErrorsOfNestedBlueprintsGoToTheNearestHandler(t *testing.T) {
	parent, child, grandchild := blueprints.New("parent"), blueprints.New("child"), blueprints.New("grandchild")
	parent.ErrorHandler(http.StatusForbidden, says("Parent no", http.StatusForbidden))
	grandchild.ErrorHandler(http.StatusForbidden, says("Grandchild no", http.StatusForbidden))
	for _, bp := range []*blueprints.Blueprint{parent, child, grandchild} {
		bp.Get("/", func() string { return bp.Name() + " yes" }, carafe.Endpoint("index"))
		bp.Get("/no", forbidden, carafe.Endpoint("no"))
	}
	child.RegisterBlueprint(grandchild, carafe.URLPrefix("/grandchild"))
	parent.RegisterBlueprint(child, carafe.URLPrefix("/child"))
	app := carafe.New("app")
	app.RegisterBlueprint(parent, carafe.URLPrefix("/parent"))
	client := newClient(t, app)
	get(t, client, "/parent/", "200 parent yes")
	get(t, client, "/parent/child/", "200 child yes")
	get(t, client, "/parent/child/grandchild/", "200 grandchild yes")
	get(t, client, "/parent/no", "403 Parent no")
	get(t, client, "/parent/child/no", "403 Parent no")
	get(t, client, "/parent/child/grandchild/no", "403 Grandchild no")
}

// TestHandlersAreLookedUpByCodeFirstAndThenByType is section 8.4 of Flask's lookup: blueprint code, app code, blueprint type,
// app type.
func TestHandlersAreLookedUpByCodeFirstAndThenByType(t *testing.T) {
	for _, tt := range []struct {
		name string
		set  func(app *carafe.App, bp *blueprints.Blueprint)
		want string
	}{
		{"the blueprint's code before the app's", func(app *carafe.App, bp *blueprints.Blueprint) {
			app.ErrorHandler(http.StatusForbidden, says("app code", 200))
			bp.ErrorHandler(http.StatusForbidden, says("bp code", 200))
		}, "200 bp code"},
		{"the app's code before the blueprint's type", func(app *carafe.App, bp *blueprints.Blueprint) {
			app.ErrorHandler(http.StatusForbidden, says("app code", 200))
			carafe.OnError(bp, says("bp type", 200))
		}, "200 app code"},
		{"the blueprint's catch-all before the app's nearer type", func(app *carafe.App, bp *blueprints.Blueprint) {
			carafe.OnError(app, says("app type", 200))
			carafe.OnError(bp, func(*carafe.Context, error) (any, error) { return "bp error", nil })
		}, "200 bp error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app, bp := carafe.New("app"), blueprints.New("bp")
			bp.Get("/", forbidden)
			tt.set(app, bp)
			app.RegisterBlueprint(bp)
			get(t, newClient(t, app), "/", tt.want)
		})
	}
}

func TestABlueprintsHandlersDoNotSeeErrorsOfRouting(t *testing.T) {
	bp := blueprints.New("bp", carafe.URLPrefix("/bp"))
	bp.ErrorHandler(http.StatusNotFound, says("blueprint", http.StatusNotFound))
	bp.ErrorHandler(http.StatusMethodNotAllowed, says("blueprint", http.StatusMethodNotAllowed))
	bp.Get("/", index)
	bp.Get("/gone", func() error { return carafe.Abort(http.StatusNotFound) })
	app := carafe.New("app")
	app.ErrorHandler(http.StatusNotFound, says("app", http.StatusNotFound))
	app.ErrorHandler(http.StatusMethodNotAllowed, says("app", http.StatusMethodNotAllowed))
	app.RegisterBlueprint(bp)
	client := newClient(t, app)
	get(t, client, "/bp/missing", "404 app")
	get(t, client, "/bp/gone", "404 blueprint")
	if resp := client.Post("/bp/"); resp.StatusCode != http.StatusMethodNotAllowed || resp.Text() != "app" {
		t.Errorf("POST /bp/: %d %s, want 405 of the app", resp.StatusCode, resp.Text())
	}
}
