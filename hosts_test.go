package carafe_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/routing"
	carafetest "github.com/carafeweb/carafe/testing"
)

func saying(text string) func() string { return func() string { return text } }

// hostRequest is GET / of a host, by the client's base URL.
func hostRequest(t *testing.T, app *carafe.App, base string) string {
	t.Helper()
	resp := carafetest.NewClient(t, app).Get("/", carafetest.BaseURL(base))
	if resp.StatusCode != 200 {
		return fmt.Sprint(resp.StatusCode)
	}
	return resp.Text()
}

func TestServerNameNeverRestrictsRequests(t *testing.T) {
	for _, tt := range []struct {
		name string
		opts []carafe.AppOption
		want map[string]string
	}{
		{"without matching of hosts", nil,
			map[string]string{"http://example.test": "default", "http://xyz.other.test": "default", "http://abc.example.test": "default"}},
		{"with subdomain matching", []carafe.AppOption{carafe.SubdomainMatching(true)},
			map[string]string{"http://example.test": "default", "http://abc.example.test": "abc", "http://xyz.example.test": "xyz", "http://other.test": "404"}},
		{"with host matching", []carafe.AppOption{carafe.HostMatching(true)},
			map[string]string{"http://abc.example.test": "abc", "http://xyz.other.test": "default", "http://example.test": "default"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := quiet(tt.opts...)
			app.Config.ServerName = "example.test"
			name := func(c *carafe.Context) string {
				if c.Param("name") != "" {
					return c.Param("name")
				}
				return "default"
			}
			switch tt.name {
			case "without matching of hosts":
				app.Get("/", name)
			case "with subdomain matching":
				app.Get("/", name, carafe.Endpoint("index"))
				app.Get("/", name, carafe.Endpoint("named"), carafe.Subdomain("<name>"))
			default:
				app.Get("/", name, carafe.Endpoint("index"), carafe.Host("<host>"))
				app.Get("/", name, carafe.Endpoint("named"), carafe.Host("<name>.example.test"))
			}
			for base, want := range tt.want {
				if got := hostRequest(t, app, base); got != want {
					t.Errorf("GET %s/: %q, want %q", base, got, want)
				}
			}
		})
	}
}

func TestSubdomainsAreThoseOfTheServerName(t *testing.T) {
	app := func(server string) *carafe.App {
		app := quiet(carafe.SubdomainMatching(true))
		app.Config.ServerName = server
		app.Get("/", saying("default"), carafe.Endpoint("index"))
		app.Get("/", saying("subdomain"), carafe.Endpoint("sub"), carafe.Subdomain("foo"))
		return app
	}
	for _, tt := range []struct{ name, server, base, want string }{
		{"the server itself", "dev.local:5000", "http://dev.local:5000", "default"},
		{"its subdomain", "dev.local:5000", "http://foo.dev.local:5000", "subdomain"},
		{"a server without a port", "dev.local", "http://dev.local", "default"},
		{"a server without a port over TLS", "dev.local", "https://dev.local", "default"},
		{"TLS with its own port", "dev.local:443", "https://dev.local", "default"},
		{"a subdomain over TLS", "dev.local", "https://foo.dev.local", "subdomain"},
		{"another host", "dev.local", "http://foo.localhost", "404"},
		{"an address", "dev.local:3000", "http://127.0.0.1:3000", "404"},
		{"a subdomain that no rule has", "dev.local:3000", "http://www.dev.local:3000", "404"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := hostRequest(t, app(tt.server), tt.base); got != tt.want {
				t.Errorf("GET %s/ of server %s: %q, want %q", tt.base, tt.server, got, tt.want)
			}
		})
	}
}

func TestASubdomainMayBeAVariable(t *testing.T) {
	for _, server := range []string{"localhost.localdomain", "localhost.localdomain:3000"} {
		app := quiet(carafe.SubdomainMatching(true))
		app.Config.ServerName = server
		app.Get("/", func(user string) string { return "index for " + user }, carafe.Endpoint("index"), carafe.Subdomain("<user>"))
		if got := hostRequest(t, app, "http://mitsuhiko."+server); got != "index for mitsuhiko" {
			t.Errorf("GET http://mitsuhiko.%s/: %q, want the index for mitsuhiko", server, got)
		}
		if got := hostRequest(t, app, "http://127.0.0.1"); got != "404" {
			t.Errorf("GET http://127.0.0.1/: %q, want 404: unlike Flask, a foreign host has no subdomain", got)
		}
	}
}

func TestAnyHostIsServedWithoutMatchingOfHosts(t *testing.T) {
	app := quiet()
	app.Config.ServerName = "localhost.localdomain:3000"
	app.Get("/", saying("served"))
	for _, base := range []string{"http://127.0.0.1:3000", "http://www.localhost.localdomain:3000"} {
		if got := hostRequest(t, app, base); got != "served" {
			t.Errorf("GET %s/: %q, want it served", base, got)
		}
	}
}

func TestURLsOfOtherHostsAreAbsolute(t *testing.T) {
	app := quiet(carafe.HostMatching(true))
	app.Config.ServerName = "example.test"
	app.Get("/", func(c *carafe.Context) string { return c.URLFor("here") + " " + c.URLFor("there", "name", "x") }, carafe.Endpoint("here"), carafe.Host("a.test"))
	app.Get("/t", saying(""), carafe.Endpoint("there"), carafe.Host("<name>.test"))
	if got := hostRequest(t, app, "http://a.test"); got != "/ http://x.test/t" {
		t.Errorf("URLs built at a.test: %q, want its own without a host and the other's with it", got)
	}
}

func TestARuleMayHaveLettersOfAnyScript(t *testing.T) {
	app := quiet()
	app.Get("/киртест", saying("Hello World!"), carafe.Endpoint("index"))
	if got := carafetest.NewClient(t, app).Get("/%D0%BA%D0%B8%D1%80%D1%82%D0%B5%D1%81%D1%82").Text(); got != "Hello World!" {
		t.Errorf("GET of the encoded path: %q, want Hello World!", got)
	}
}

// movingConverter aborts with a redirect of its own code.
type movingConverter struct{ code int }

func (m movingConverter) Parse(context.Context, string) (any, error) {
	return nil, carafe.AbortWith(carafe.Redirect("http://localhost/user/", m.code))
}

func (movingConverter) Format(v any) (string, error) { return fmt.Sprint(v), nil }

func TestARoutingRedirectKeepsTheForm(t *testing.T) {
	app := quiet()
	app.Config.Debug = true
	app.Post("/user/", func(c *carafe.Context) string { return c.Form("status") }, carafe.Endpoint("user"))
	client := carafetest.NewClient(t, app)
	resp := client.Post("/user", carafetest.Form{"status": {"success"}}, carafetest.FollowRedirects(true))
	if resp.Text() != "success" || len(resp.History) != 1 || resp.History[0].StatusCode != 308 {
		t.Errorf("POST /user, followed: %q after %d answers, want the form to survive a 308", resp.Text(), len(resp.History))
	}
}

func TestDebugModeRaisesARoutingRedirectThatLosesTheForm(t *testing.T) {
	for _, tt := range []struct {
		name, method string
		code         int
		debug, lost  bool
	}{
		{"a 301 of a POST in debug mode", "POST", 301, true, true},
		{"a 303 of a PUT", "PUT", 303, true, true},
		{"a 308 keeps the form", "POST", 308, true, false},
		{"a 307 too", "POST", 307, true, false},
		{"a GET has none", "GET", 301, true, false},
		{"without debug mode", "POST", 301, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := quiet()
			app.Config.Debug = tt.debug
			app.Converter("moving", func(routing.Arguments) (routing.Definition, error) {
				return routing.Definition{Converter: movingConverter{tt.code}}, nil
			})
			app.Route("/<moving:x>", func() string { return "" }, carafe.Endpoint("x"), carafe.Methods{"GET", "POST", "PUT"})
			var raised error
			var opts []carafetest.RequestOption
			if tt.lost {
				opts = append(opts, carafetest.WantError(&raised))
			}
			resp := carafetest.NewClient(t, app).Open(tt.method, "/user", opts...)
			var lost *carafe.FormDataRoutingRedirect
			if errors.As(raised, &lost) != tt.lost || !tt.lost && resp.StatusCode != tt.code {
				t.Fatalf("%s with a %d: error %v; want it raised: %v", tt.method, tt.code, raised, tt.lost)
			}
			if tt.lost && (lost.Canonical != "http://localhost/user/" || !strings.Contains(raised.Error(), `"http://localhost/user/"`)) {
				t.Errorf("the error %q does not name the canonical URL", raised)
			}
		})
	}
}

// multi has a view with a default value, as a method.
type multi struct{}

func (multi) Index(test string) string { return test }

func TestOneViewMayHaveSeveralRules(t *testing.T) {
	function := func(test string) string { return test }
	for name, view := range map[string]any{"a function": function, "a method": multi{}.Index} {
		app := quiet()
		app.Route("/", view, carafe.Endpoint("index"), carafe.Defaults{"test": "a"})
		app.Route("/<test>/", view, carafe.Endpoint("index"))
		client := carafetest.NewClient(t, app)
		for path, want := range map[string]string{"/": "a", "/b/": "b"} {
			if got := client.Get(path).Text(); got != want {
				t.Errorf("%s: GET %s: %q, want %q", name, path, got, want)
			}
		}
	}
}

// sessionConverter reads the request's session.
type sessionConverter struct{}

func (sessionConverter) Parse(ctx context.Context, text string) (any, error) {
	c := carafe.CurrentContext(ctx)
	return fmt.Sprint(text, " ", c.Request.Method, " ", c.Session().Get("user")), nil
}

func (sessionConverter) Format(v any) (string, error) { return fmt.Sprint(v), nil }

func TestAConverterHasTheRequestAndItsSession(t *testing.T) {
	app := quiet()
	app.Config.SecretKey = "coffee"
	app.Converter("reader", func(routing.Arguments) (routing.Definition, error) {
		return routing.Definition{Converter: sessionConverter{}}, nil
	})
	app.Get("/<reader:name>", func(c *carafe.Context) string { return fmt.Sprint(c.Params()["name"]) }, carafe.Endpoint("index"))
	app.Get("/login", func(c *carafe.Context) string {
		c.Session().Set("user", "bean")
		return ""
	}, carafe.Endpoint("login"))
	client := carafetest.NewClient(t, app)
	client.Get("/login")
	if got := client.Get("/admin").Text(); got != "admin GET bean" {
		t.Errorf("GET /admin: %q, want what the converter made of request and session", got)
	}
}

// HTTP/1.0 leaves the host out. "http:///docs/", which Flask answers, leads browsers to a host "docs".
func TestARedirectWithoutAHostIsAPath(t *testing.T) {
	app := quiet()
	app.Get("/docs/", saying("docs"), carafe.Endpoint("docs"))
	app.Get("/a/<int:id>", nil, carafe.Endpoint("old"), carafe.RedirectTo("/b/<id>"))
	app.Get("/away", nil, carafe.Endpoint("away"), carafe.RedirectTo("https://elsewhere.example/x"))
	app.Get("/aside", nil, carafe.Endpoint("aside"), carafe.RedirectTo("//elsewhere.example/x"))
	for _, tt := range []struct{ host, target, want string }{
		{"", "/docs?a=1", "/docs/?a=1"},
		{"", "//docs", "/docs/"},
		{"", "/a/7", "/b/7"},
		{"", "/away", "https://elsewhere.example/x"},
		{"", "/aside", "http://elsewhere.example/x"},
		{"localhost", "/docs", "http://localhost/docs/"},
	} {
		r := httptest.NewRequest("GET", "http://here.example"+tt.target, nil)
		r.Host = tt.host
		w := httptest.NewRecorder()
		app.ServeHTTP(w, r)
		if got := w.Header().Get("Location"); w.Code != 308 || got != tt.want {
			t.Errorf("GET %s with Host %q = %d, Location %q; want 308 and %q", tt.target, tt.host, w.Code, got, tt.want)
		}
	}
}
