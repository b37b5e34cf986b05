package carafetest_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
	carafetest "github.com/carafeweb/carafe/testing"
)

// remembering is an app that shows its session's values.
func remembering() *carafe.App {
	app := carafe.New("app")
	app.Config.Testing = true
	app.Config.SecretKey = "testing"
	app.Get("/", func(c *carafe.Context) any { return []any{c.Session().Get("foo")} }, carafe.Endpoint("index"))
	app.Get("/getsession", func(c *carafe.Context) any { return c.Session().Values() }, carafe.Endpoint("getsession"))
	app.Get("/redirect", func(c *carafe.Context) any {
		c.Session().Set("data", "foo")
		return carafe.Redirect("/next")
	}, carafe.Endpoint("redirect"))
	app.Get("/next", func(c *carafe.Context) any {
		c.Session().Set("more", "bar")
		return c.Session().Values()
	}, carafe.Endpoint("next"))
	return app
}

func TestASessionIsChangedBetweenRequests(t *testing.T) {
	client := carafetest.NewClient(t, remembering())
	client.Session(func(s *carafe.Session) {
		if s.Len() != 0 || !s.Fresh() {
			t.Errorf("the first session has %v, want it to be empty and fresh", s.Keys())
		}
		s.Set("foo", []any{42})
	})
	if got := client.Get("/").Text(); got != "[[42]]\n" {
		t.Errorf("GET / after the change: %s, want [[42]]", got)
	}
	client.Session(func(s *carafe.Session) {
		if s.Len() != 1 || s.Fresh() {
			t.Errorf("the next session has %v, want foo alone", s.Keys())
		}
		s.Clear()
	})
	if client.Cookie("session") != nil {
		t.Error("a session that was cleared has left its cookie")
	}
}

func TestASessionThatIsOnlyReadIsNotSaved(t *testing.T) {
	client := carafetest.NewClient(t, remembering())
	client.Session(func(s *carafe.Session) { s.Set("foo", 1) })
	before := client.Cookie("session").Value
	client.Session(func(s *carafe.Session) { _ = s.Get("foo") })
	if after := client.Cookie("session").Value; after != before {
		t.Errorf("reading the session has changed its cookie from %s to %s", before, after)
	}
}

// TestASessionRunsNoTeardown is unlike Flask, whose transaction pushes a context twice.
func TestASessionRunsNoTeardown(t *testing.T) {
	app := remembering()
	app.TeardownRequest(func(*carafe.Context, error) { t.Error("a teardown function has run") })
	carafetest.NewClient(t, app).Session(func(s *carafe.Session) { s.Set("foo", 1) })
}

func TestTheSessionAfterRedirectsHasAllThatWasSet(t *testing.T) {
	client := carafetest.NewClient(t, remembering())
	resp := client.Get("/redirect", carafetest.FollowRedirects(true))
	var got map[string]string
	resp.JSON(&got)
	if got["data"] != "foo" || got["more"] != "bar" {
		t.Errorf("the page after the redirect has %v, want both values", got)
	}
	client.Session(func(s *carafe.Session) {
		if s.Get("data") != "foo" || s.Get("more") != "bar" {
			t.Errorf("the session has %v, want both values", s.Values())
		}
	})
	if resp := resp.Context().Session(); resp.Get("data") != "foo" || resp.Get("more") != "bar" {
		t.Errorf("the last request's session has %v, want both values", resp.Values())
	}
}

func TestASessionHoldsForTheHostAndPathOfTheApp(t *testing.T) {
	app := remembering()
	app.Config.ServerName, app.Config.ApplicationRoot = "shop.test:8080", "/app"
	client := carafetest.NewClient(t, app)
	client.Session(func(s *carafe.Session) { s.Set("foo", 7) })
	if got := client.Get("/").Text(); got != "[7]\n" {
		t.Errorf("GET / after the change: %s, want [7]", got)
	}
	if c := client.Cookie("session"); c.Domain != "shop.test" || c.Path != "/app" {
		t.Errorf("the cookie is for %s%s, want shop.test/app", c.Domain, c.Path)
	}
}

// brokenSessions cannot be opened, or not be saved.
type brokenSessions struct{ open, save error }

func (b brokenSessions) Open(*carafe.Context) (*carafe.Session, error) {
	return carafe.NewSession(nil, true), b.open
}
func (b brokenSessions) Save(*carafe.Context, *carafe.Session, *carafe.Response) error { return b.save }

func TestSessionsThatCannotBeHad(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		change     func(app *carafe.App)
		opts       []carafetest.Option
	}{
		{"a client without cookies", "Cookies are disabled.", func(*carafe.App) {}, []carafetest.Option{carafetest.Cookies(false)}},
		{"an app without a key", "Session backend did not open a session", func(app *carafe.App) { app.Config.SecretKey = "" }, nil},
		{"a store that fails", "opening it: the store is gone", func(app *carafe.App) {
			app.Sessions = brokenSessions{open: errors.New("the store is gone")}
		}, nil},
		{"a store that is full", "saving it: the store is full", func(app *carafe.App) {
			app.Sessions = brokenSessions{save: errors.New("the store is full")}
		}, nil},
	} {
		app := remembering()
		tt.change(app)
		got := failure(t, app, func(c *carafetest.Client) {
			c.Session(func(s *carafe.Session) { s.Set("foo", 1) })
		}, tt.opts...)
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s: the test fails with %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestTemplatesThatWereRendered(t *testing.T) {
	app := remembering()
	app.ContextProcessor(func(*carafe.Context) map[string]any { return map[string]any{"n": 1} })
	app.Get("/page", func() any { return carafe.RenderString("{{ n }}{{ m }}", map[string]any{"m": 2}) }, carafe.Endpoint("page"))
	app.Get("/broken", func() any { return carafe.RenderString("{{ n.m.o }}", nil) }, carafe.Endpoint("broken"))
	client := carafetest.NewClient(t, app)
	rendered := carafetest.Templates(t, app)
	f := &failingTest{TB: t, helpers: map[string]bool{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		carafetest.Templates(f, app).Last()
	}()
	if <-done; f.message != "no template was rendered" {
		t.Errorf("Last of none fails the test with %q", f.message)
	}
	client.Get("/page")
	var err error
	client.Get("/broken", carafetest.WantError(&err))
	last := rendered.Last()
	if len(rendered.All()) != 1 || last.Data["n"] != 1 || last.Data["m"] != 2 || last.Context.Endpoint() != "page" {
		t.Errorf("rendered %+v, want the page alone with all its data", rendered.All())
	}
	if names := rendered.Names(); len(names) != 1 || names[0] != "" {
		t.Errorf("names %q, want one that is empty", names)
	}
}
