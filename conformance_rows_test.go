package carafe_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"testing"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/blueprints"
	carafetest "github.com/carafeweb/carafe/testing"
)

// The tests of this file are rows of docs/conformance.md that no other test shows.

func TestAnUnansweredErrorReachesTheTeardownOfTheOuterContextToo(t *testing.T) {
	app := quiet()
	app.Config.Testing = true
	broken := errors.New("dummy")
	var torn []error
	app.TeardownAppContext(func(_ *carafe.AppContext, err error) { torn = append(torn, err) })
	app.Route("/", func() error { return broken })
	got := app.AppContext(t.Context()).With(func(ctx context.Context) error {
		var err error
		carafetest.NewClient(t, app).Get("/", carafetest.Context(ctx), carafetest.WantError(&err))
		return err
	})
	if !errors.Is(got, broken) {
		t.Errorf("the outer context's end gives %v, want the view's error", got)
	}
	if len(torn) != 2 || torn[0] != broken || torn[1] != broken {
		t.Errorf("teardown of the request and the outer context got %v, want the view's error twice", torn)
	}
}

func TestOnlyTheErrorOfWithReachesARequestsTeardown(t *testing.T) {
	broken := errors.New("broken")
	for _, tt := range []struct {
		name string
		f    func(context.Context) error
		want error
	}{
		{"an end without an error", func(context.Context) error { return nil }, nil},
		{"an error that was dealt with inside", func(context.Context) error {
			defer func() { _ = recover() }()
			panic(broken)
		}, nil},
		{"an error that is returned", func(context.Context) error { return broken }, broken},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := quiet()
			var got []error
			app.TeardownRequest(func(_ *carafe.Context, err error) { got = append(got, err) })
			c := app.TestRequestContext(httptest.NewRequest("GET", "/", nil))
			if err := c.With(tt.f); !errors.Is(err, tt.want) {
				t.Errorf("With returned %v, want %v", err, tt.want)
			}
			if len(got) != 1 || got[0] != tt.want {
				t.Errorf("teardown got %v, want %v once", got, tt.want)
			}
		})
	}
}

func TestWorkOfGoSeesTheRequestItCameFrom(t *testing.T) {
	app := quiet()
	app.Config.SecretKey = "dev"
	answered, saw := make(chan struct{}), make(chan string, 1)
	app.Route("/", func(c *carafe.Context) string {
		c.Session().Set("fizz", "buzz")
		c.Go(func(ctx context.Context) {
			<-answered // a session is for one goroutine at a time, and the walk saves it
			mine := carafe.CurrentContext(ctx)
			saw <- fmt.Sprint(carafe.CurrentApp(ctx) == app, " ", mine.Request.Path(), " ", mine.Query("foo"), " ", mine.Session().Get("fizz"))
		})
		return "Hello"
	})
	carafetest.NewClient(t, app).Get("/?foo=bar")
	close(answered)
	must(t, app.Drain(t.Context()))
	if got := <-saw; got != "true / bar buzz" {
		t.Errorf("the work sees %s, want the app, the path, the query and the session", got)
	}
}

func TestA500OfABlueprintGoesToItsOwnHandler(t *testing.T) {
	bp := blueprints.New("bp", carafe.URLPrefix("/bp"))
	bp.ErrorHandler(500, say("bp-error"))
	bp.Route("/error", func() error { return carafe.Abort(500) }, carafe.Endpoint("error"))
	app := quiet()
	app.ErrorHandler(500, say("app-error"))
	app.Route("/error", func() error { return carafe.Abort(500) }, carafe.Endpoint("error"))
	app.RegisterBlueprint(bp)
	client := carafetest.NewClient(t, app)
	for path, want := range map[string]string{"/error": "app-error", "/bp/error": "bp-error"} {
		if got := client.Get(path).Text(); got != want {
			t.Errorf("GET %s = %q, want %q", path, got, want)
		}
	}
}

func TestTheHandlerOfHTTPErrorsTakesWhatIsLeftInItsScope(t *testing.T) {
	bp := blueprints.New("bp", carafe.URLPrefix("/bp"))
	carafe.OnError(bp, text[*carafe.HTTPError]("bp-default"))
	bp.ErrorHandler(403, say("bp-forbidden"))
	bp.Route("/undefined", func() error { return carafe.Abort(418) }, carafe.Endpoint("undefined"))
	bp.Route("/forbidden", func() error { return carafe.Abort(403) }, carafe.Endpoint("forbidden"))
	app := quiet()
	carafe.OnError(app, text[*carafe.HTTPError]("default"))
	app.ErrorHandler(403, say("forbidden"))
	app.Route("/forbidden", func() error { return carafe.Abort(403) }, carafe.Endpoint("forbidden"))
	app.Route("/slash/", func() string { return "slash" }, carafe.Endpoint("slash"))
	app.RegisterBlueprint(bp)
	client := carafetest.NewClient(t, app)
	for path, want := range map[string]string{
		"/bp/undefined": "bp-default",
		"/bp/forbidden": "bp-forbidden",
		"/undefined":    "default",
		"/forbidden":    "forbidden",
		"/slash":        "slash", // the redirect is no error
	} {
		if got := client.Get(path, carafetest.FollowRedirects(true)).Text(); got != want {
			t.Errorf("GET %s = %q, want %q", path, got, want)
		}
	}
}

func TestPairsOfAReplyJoinTheHeaderOfAResponse(t *testing.T) {
	app := quiet()
	app.Route("/", func() any {
		return carafe.Reply(carafe.JSON(map[string]string{"msg": "W00t"}), 400, [][2]string{{"X-Foo", "bar"}})
	}, carafe.Endpoint("x"))
	resp := carafetest.NewClient(t, app).Get("/")
	if resp.StatusCode != 400 || resp.Text() != "{\"msg\":\"W00t\"}\n" || resp.Header.Get("Content-Type") != "application/json" || resp.Header.Get("X-Foo") != "bar" {
		t.Errorf("GET / = %d %q with %v, want a 400 that is still JSON, and X-Foo", resp.StatusCode, resp.Text(), resp.Header)
	}
}

type (
	getView    struct{}
	deleteView struct{}
	bothViews  struct {
		getView
		deleteView
	}
)

func (getView) Get() string       { return "GET" }
func (deleteView) Delete() string { return "DELETE" }

func TestAClassBasedViewEmbedsTwo(t *testing.T) {
	app := quiet()
	app.Route("/", bothViews{}, carafe.Endpoint("x"))
	client := carafetest.NewClient(t, app)
	for method, want := range map[string]string{"GET": "200 GET", "DELETE": "200 DELETE"} {
		resp := client.Open(method, "/")
		if got := fmt.Sprint(resp.StatusCode, " ", resp.Text()); got != want {
			t.Errorf("%s / = %s, want %s", method, got, want)
		}
	}
	if got := client.Post("/").StatusCode; got != 405 {
		t.Errorf("POST / = %d, want 405: neither has it", got)
	}
}
