package carafe_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
	carafetest "github.com/carafeweb/carafe/testing"
)

func allow(resp *carafetest.Response) string {
	methods := strings.Split(resp.Header.Get("Allow"), ", ")
	slices.Sort(methods)
	return strings.Join(methods, " ")
}

func TestMethodsAreDispatched(t *testing.T) {
	app := quiet()
	method := func(c *carafe.Context) string { return c.Request.Method }
	app.Route("/", method, carafe.Endpoint("index"))
	app.Route("/more", method, carafe.Methods{"GET", "post"}, carafe.Endpoint("more"))
	app.Route("/choice", method, carafe.Methods{"options"}, carafe.Endpoint("choice"))
	client := carafetest.NewClient(t, app)
	for _, tt := range []struct {
		method, path string
		status       int
		body, allow  string
	}{
		{"GET", "/", 200, "GET", ""},
		{"POST", "/", 405, "", "GET HEAD OPTIONS"},
		{"HEAD", "/", 200, "", ""},
		{"GET", "/more", 200, "GET", ""},
		{"POST", "/more", 200, "POST", ""},
		{"HEAD", "/more", 200, "", ""},
		{"DELETE", "/more", 405, "", "GET HEAD OPTIONS POST"},
		{"OPTIONS", "/more", 200, "", "GET HEAD OPTIONS POST"},
		{"OPTIONS", "/choice", 200, "OPTIONS", ""},
		{"OPTIONS", "/nothing", 404, "", ""},
	} {
		resp := client.Open(tt.method, tt.path)
		if resp.StatusCode != tt.status || tt.status == 200 && resp.Text() != tt.body || tt.allow != "" && allow(resp) != tt.allow {
			t.Errorf("%s %s = %d %q, Allow %q; want %d %q, Allow %q", tt.method, tt.path, resp.StatusCode, resp.Text(), allow(resp), tt.status, tt.body, tt.allow)
		}
	}
}

// Source: Flask.add_url_rule adds OPTIONS to an empty list of methods too.
func TestAnEmptyListOfMethodsLeavesOptions(t *testing.T) {
	app := quiet()
	app.Route("/", func() string { return "never" }, carafe.Methods{}, carafe.Endpoint("index"))
	app.Get("/other", func() string { return "other" }, carafe.Endpoint("other"))
	client := carafetest.NewClient(t, app)
	if resp := client.Options("/"); resp.StatusCode != 200 || allow(resp) != "OPTIONS" {
		t.Errorf("OPTIONS / = %d, Allow %s; want 200 and OPTIONS", resp.StatusCode, allow(resp))
	}
	for _, method := range []string{"GET", "HEAD", "POST"} {
		if resp := client.Open(method, "/"); resp.StatusCode != 405 || allow(resp) != "OPTIONS" {
			t.Errorf("%s / = %d, Allow %s; want 405 and OPTIONS", method, resp.StatusCode, allow(resp))
		}
	}
	if resp := client.Get("/other"); resp.Text() != "other" {
		t.Errorf("GET /other = %d %q: the rest of the app has to work", resp.StatusCode, resp.Text())
	}
}

func TestOptionsAndAllowAreTheUnionOfAllRulesOfThePath(t *testing.T) {
	app := quiet()
	view := func() string { return "Hello World" }
	app.Route("/", view, carafe.Methods{"GET", "POST"}, carafe.Endpoint("index"))
	app.Route("/", view, carafe.Methods{"PUT"}, carafe.Endpoint("index_put"))
	app.Route("/<name>", view, carafe.Methods{"PATCH"}, carafe.Endpoint("named"))
	app.Route("/static", view, carafe.Methods{"DELETE"}, carafe.Endpoint("static_rule"))
	client := carafetest.NewClient(t, app)
	if got := allow(client.Options("/")); got != "GET HEAD OPTIONS POST PUT" {
		t.Errorf("OPTIONS /: Allow %s", got)
	}
	if resp := client.Get("/static"); resp.StatusCode != 405 || allow(resp) != "DELETE OPTIONS PATCH" {
		t.Errorf("GET /static = %d, Allow %s: want those of the static and the dynamic rule", resp.StatusCode, allow(resp))
	}
	if resp := client.Patch("/static"); resp.StatusCode != 200 {
		t.Errorf("PATCH /static = %d: matching goes back for the method", resp.StatusCode)
	}
}

func TestMethodShortcuts(t *testing.T) {
	app := quiet()
	hello := func() string { return "Hello" }
	shortcuts := map[string]func(string, any, ...carafe.RouteOption){
		"GET": app.Get, "POST": app.Post, "PUT": app.Put, "PATCH": app.Patch, "DELETE": app.Delete,
	}
	for method, register := range shortcuts {
		register("/", hello, carafe.Endpoint(strings.ToLower(method)))
	}
	client := carafetest.NewClient(t, app)
	for method := range shortcuts {
		if resp := client.Open(method, "/"); resp.StatusCode != 200 || resp.Text() != "Hello" || resp.Context().Endpoint() != strings.ToLower(method) {
			t.Errorf("%s / = %d %q by %s", method, resp.StatusCode, resp.Text(), resp.Context().Endpoint())
		}
	}
	wantSetupPanic(t, "it fixes the method, use Route for several", func() { app2 := quiet(); app2.Get("/", hello, carafe.Methods{"POST"}) })
}

func TestAutomaticOptionsCanBeSwitched(t *testing.T) {
	own := func() (string, http.Header) { return "", http.Header{"X-Test": {"test"}} }
	for _, tt := range []struct {
		name   string
		config bool
		opts   []carafe.RouteOption
		status int
		allow  string
	}{
		{"on by default", true, nil, 200, "GET HEAD OPTIONS"},
		{"off for a route", true, []carafe.RouteOption{carafe.AutomaticOptions(false)}, 405, "GET HEAD"},
		{"off by the config", false, nil, 405, "GET HEAD"},
		{"on for a route although the config says off", false, []carafe.RouteOption{carafe.AutomaticOptions(true)}, 200, "GET HEAD OPTIONS"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := quiet()
			app.Config.ProvideAutomaticOptions = tt.config
			app.Route("/", own, append(tt.opts, carafe.Endpoint("x"))...)
			resp := carafetest.NewClient(t, app).Options("/")
			if resp.StatusCode != tt.status || allow(resp) != tt.allow || resp.Header.Get("X-Test") != "" {
				t.Errorf("OPTIONS / = %d, Allow %s, X-Test %q; want %d, Allow %s", resp.StatusCode, allow(resp), resp.Header.Get("X-Test"), tt.status, tt.allow)
			}
		})
	}
	app := quiet()
	app.Route("/", own, carafe.Methods{"GET", "OPTIONS"}, carafe.Endpoint("x"))
	if got := carafetest.NewClient(t, app).Options("/").Header.Get("X-Test"); got != "test" {
		t.Errorf("a view that lists OPTIONS answers it itself: X-Test %q", got)
	}
}

func TestTheEarlierOfTwoRulesTakesOptions(t *testing.T) {
	view := func(c *carafe.Context) string { return "own" }
	for _, tt := range []struct{ first, second, want string }{{"get", "options", ""}, {"options", "get", "own"}} {
		app := quiet()
		for _, which := range []string{tt.first, tt.second} {
			if which == "get" {
				app.Get("/", func() string { return "get" }, carafe.Endpoint("get"))
			} else {
				app.Route("/", view, carafe.Methods{"OPTIONS", "PUT"}, carafe.Endpoint("options"))
			}
		}
		if got := carafetest.NewClient(t, app).Options("/").Text(); got != tt.want {
			t.Errorf("with the %s rule first, OPTIONS / = %q, want %q", tt.first, got, tt.want)
		}
	}
}

func TestHeadKeepsTheLengthAndDropsTheBody(t *testing.T) {
	app := quiet()
	started := false
	app.Route("/text", func() string { return "hello" }, carafe.Endpoint("text"))
	app.Route("/stream", func() any {
		return carafe.Stream(func(yield func([]byte) bool) { started = true; yield([]byte("x")) })
	}, carafe.Endpoint("stream"))
	app.Route("/handler", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("hello")) }, carafe.Endpoint("handler"))
	client := carafetest.NewClient(t, app)
	for _, path := range []string{"/text", "/handler"} {
		if resp := client.Head(path); resp.Header.Get("Content-Length") != "5" || resp.Text() != "" {
			t.Errorf("HEAD %s has length %q and body %q", path, resp.Header.Get("Content-Length"), resp.Text())
		}
	}
	if resp := client.Head("/stream"); resp.Text() != "" || resp.Header.Get("Content-Length") != "" || started {
		t.Errorf("HEAD /stream has body %q, length %q, started %v: a stream is never begun", resp.Text(), resp.Header.Get("Content-Length"), started)
	}
}

func TestStatusesWithoutABody(t *testing.T) {
	app := quiet()
	app.Route("/<int:status>", func(c *carafe.Context, status int) (string, int, http.Header) {
		return "body", status, http.Header{"Etag": {`"x"`}, "Last-Modified": {"Thu, 01 Jan 1970 00:00:00 GMT"}, "Set-Cookie": {"a=1"}}
	}, carafe.Endpoint("status"))
	client := carafetest.NewClient(t, app)
	for path, want := range map[string]string{
		"/200": "Content-Length Content-Type Etag Last-Modified Set-Cookie X-Content-Type-Options",
		"/204": "Content-Type Etag Last-Modified Set-Cookie",
		"/304": "Etag Set-Cookie",
	} {
		resp := client.Get(path)
		var names []string
		for k := range resp.Header {
			names = append(names, k)
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); got != want || path != "/200" && resp.Text() != "" {
			t.Errorf("GET %s has headers %s and body %q, want headers %s", path, got, resp.Text(), want)
		}
	}
}
