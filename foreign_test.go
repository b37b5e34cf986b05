package carafe_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/routing"
	carafetest "github.com/carafeweb/carafe/testing"
	"github.com/gorilla/mux"
)

// register is a third party's way to add its routes.
func register(r *mux.Router) {
	api := r.PathPrefix("/api").Subrouter()
	api.HandleFunc("/things/{id:[0-9]+}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "thing %s by %s", mux.Vars(r)["id"], mux.CurrentRoute(r).GetName())
	}).Methods("GET", "PUT").Name("api.thing")
	r.PathPrefix("/files/").HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "file ", r.URL.Path) })
	r.HandleFunc("/both", func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "foreign ", r.Method) }).Methods("POST", "PUT")
	r.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic("spilt") })
	r.HandleFunc("/gone", func(http.ResponseWriter, *http.Request) { panic(carafe.Abort(http.StatusGone)) })
}

func foreignApp() *carafe.App {
	app := carafe.New("app")
	register(app.Router())
	app.Get("/both", func() string { return "rule" }, carafe.Endpoint("both"))
	app.Get("/branch/", func() string { return "branch" }, carafe.Endpoint("branch"))
	return app
}

func TestForeignRoutesAnswerWhatNoRuleAnswers(t *testing.T) {
	for _, tt := range []struct{ name, method, path, want string }{
		{"a sub-router's route with its variables and its name", "GET", "/api/things/7", "200 thing 7 by api.thing"},
		{"a prefix", "GET", "/files/a/b.txt", "200 file /files/a/b.txt"},
		{"a rule goes first", "GET", "/both", "200 rule"},
		{"a method that no rule of the path takes", "POST", "/both", "200 foreign POST"},
		{"a redirect of a rule goes first", "GET", "/branch", "308"},
		{"a variable that does not fit", "GET", "/api/things/x", "404"},
		{"nothing at all", "GET", "/nothing", "404"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp := carafetest.NewClient(t, foreignApp()).Open(tt.method, tt.path)
			got := fmt.Sprint(resp.StatusCode)
			if resp.StatusCode == http.StatusOK {
				got += " " + resp.Text()
			}
			if got != tt.want {
				t.Errorf("%s %s: %q, want %q", tt.method, tt.path, got, tt.want)
			}
		})
	}
}

func TestA405NamesTheMethodsOfRulesAndForeignRoutes(t *testing.T) {
	for _, tt := range []struct {
		name, method, path string
		status             int
		allow              string
	}{
		{"of a foreign route alone", "DELETE", "/api/things/7", 405, "GET, PUT"},
		{"of both", "DELETE", "/both", 405, "GET, HEAD, OPTIONS, POST, PUT"},
		{"in the answer to OPTIONS", "OPTIONS", "/both", 200, "GET, HEAD, OPTIONS, POST, PUT"},
		{"not those of other paths", "DELETE", "/branch/", 405, "GET, HEAD, OPTIONS"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp := carafetest.NewClient(t, foreignApp()).Open(tt.method, tt.path)
			if resp.StatusCode != tt.status || resp.Header.Get("Allow") != tt.allow {
				t.Errorf("%s %s: %d with Allow %q, want %d with %q", tt.method, tt.path, resp.StatusCode, resp.Header.Get("Allow"), tt.status, tt.allow)
			}
		})
	}
}

func TestTheWalkRunsAroundAForeignHandler(t *testing.T) {
	app := foreignApp()
	var walk []string
	note := func(format string, args ...any) { walk = append(walk, fmt.Sprintf(format, args...)) }
	app.URLValuePreprocessor(func(c *carafe.Context, endpoint string, values carafe.Values) {
		note("preprocess %s %v", endpoint, values)
	})
	app.BeforeRequest(func(c *carafe.Context) (any, error) {
		note("before %s %s %q %s", c.Endpoint(), c.Param("id"), c.Blueprint(), c.Rule())
		return nil, nil
	})
	app.AfterRequest(func(c *carafe.Context, resp *carafe.Response) (*carafe.Response, error) {
		body, err := resp.Bytes()
		note("after %d %s", resp.Status, body)
		resp.Header.Set("X-After", "yes")
		return resp, err
	})
	app.TeardownRequest(func(c *carafe.Context, err error) { note("teardown %v", err) })
	resp := carafetest.NewClient(t, app).Get("/api/things/7")
	want := []string{"preprocess api.thing map[id:7]", `before api.thing 7 "" /api/things/{id:[0-9]+}`, "after 200 thing 7 by api.thing", "teardown <nil>"}
	if !slices.Equal(walk, want) {
		t.Errorf("GET /api/things/7 ran\n%s\nwant\n%s", strings.Join(walk, "\n"), strings.Join(want, "\n"))
	}
	if resp.Header.Get("X-After") != "yes" {
		t.Error("the answer lacks what the after-request function has set")
	}
}

func TestABeforeFunctionAnswersInPlaceOfAForeignHandler(t *testing.T) {
	app := foreignApp()
	app.BeforeRequest(func(*carafe.Context) (any, error) { return "closed", nil })
	if got := carafetest.NewClient(t, app).Get("/files/x").Text(); got != "closed" {
		t.Errorf("GET /files/x: %q, want what the before-request function answers", got)
	}
}

func TestErrorsOfForeignHandlersGoToTheAppsHandlers(t *testing.T) {
	app := foreignApp()
	app.Config.PropagateErrors = new(bool)
	app.ErrorHandler(http.StatusInternalServerError, func(c *carafe.Context, err *carafe.HTTPError) (any, error) {
		return carafe.Reply("mopped up", http.StatusInternalServerError), nil
	})
	app.ErrorHandler(http.StatusGone, func(c *carafe.Context, err *carafe.HTTPError) (any, error) {
		return carafe.Reply("drunk", http.StatusGone), nil
	})
	client := carafetest.NewClient(t, app)
	for path, want := range map[string]string{"/panic": "500 mopped up", "/gone": "410 drunk"} {
		resp := client.Get(path)
		if got := fmt.Sprint(resp.StatusCode, " ", resp.Text()); got != want {
			t.Errorf("GET %s: %q, want %q", path, got, want)
		}
	}
}

func TestANotFoundHandlerOfASubrouterAnswersBelowIt(t *testing.T) {
	app := carafe.New("app")
	sub := app.Router().PathPrefix("/api").Subrouter()
	sub.HandleFunc("/x", func(http.ResponseWriter, *http.Request) {})
	sub.NotFoundHandler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.Error(w, "no such call", http.StatusNotFound) })
	app.Post("/api/rule", func() string { return "" }, carafe.Endpoint("rule"))
	client := carafetest.NewClient(t, app)
	if resp := client.Get("/api/y"); resp.StatusCode != 404 || resp.Text() != "no such call\n" {
		t.Errorf("GET /api/y: %d %q, want the sub-router's own 404", resp.StatusCode, resp.Text())
	}
	if resp := client.Get("/api/rule"); resp.StatusCode != 405 {
		t.Errorf("GET /api/rule, which a rule takes by POST: %d, want the rule's 405", resp.StatusCode)
	}
}

func TestForeignRoutesSurviveAURLThatIsBuiltDuringSetUp(t *testing.T) {
	app := foreignApp()
	app.Config.ServerName = "example.com"
	if _, err := app.URLFor("both"); err != nil {
		t.Fatal(err)
	}
	app.Get("/later", func() string { return "later" }, carafe.Endpoint("later"))
	register(app.Router().PathPrefix("/v2").Subrouter())
	client := carafetest.NewClient(t, app)
	for path, want := range map[string]string{"/later": "later", "/files/x": "file /files/x", "/v2/files/x": "file /v2/files/x"} {
		if got := client.Get(path).Text(); got != want {
			t.Errorf("GET %s: %q, want %q", path, got, want)
		}
	}
	if resp := client.Open("DELETE", "/v2/api/things/7"); resp.Header.Get("Allow") != "GET, PUT" {
		t.Errorf("DELETE /v2/api/things/7: %d with Allow %q, want GET, PUT", resp.StatusCode, resp.Header.Get("Allow"))
	}
}

func TestRouterIsForSetUp(t *testing.T) {
	app := foreignApp()
	app.Config.Debug, app.Config.PropagateErrors = true, new(bool)
	kept := app.Router()
	client := carafetest.NewClient(t, app)
	client.Get("/nothing")
	if got := panicText(func() { app.Router() }); !strings.Contains(got, `"Router" can no longer be called`) || !strings.Contains(got, "foreign_test.go:") {
		t.Errorf("Router after the first request: %q, want the panic of every set-up method", got)
	}
	kept.HandleFunc("/late", func(http.ResponseWriter, *http.Request) {})
	if resp := client.Get("/late"); resp.StatusCode != 500 {
		t.Errorf("GET /late, a route added while serving: %d, want the debug mode to notice", resp.StatusCode)
	}
}

func panicText(f func()) (text string) {
	defer func() {
		if v := recover(); v != nil {
			text = fmt.Sprint(v)
		}
	}()
	f()
	return ""
}

func TestFreezeReportsForeignRoutesThatCannotWork(t *testing.T) {
	app := carafe.New("app")
	app.Router().HandleFunc("/x/{broken", func(http.ResponseWriter, *http.Request) {}).Name("x")
	if err := app.Freeze(); err == nil || !strings.Contains(err.Error(), "unbalanced braces") {
		t.Errorf("Freeze with the template /x/{broken: %v, want gorilla/mux's complaint", err)
	}
}

func TestAWrongMethodStaysA405WhereTheForeignPathIsAnother(t *testing.T) {
	c := foreignApp().TestRequestContext(httptest.NewRequest("DELETE", "/both", nil))
	c.Push()
	var refused *carafe.HTTPError
	if !errors.As(c.RoutingError(), &refused) || refused.Code != 405 || c.Endpoint() != "" {
		t.Errorf("DELETE /both: %v at endpoint %q, want a 405 that is kept", c.RoutingError(), c.Endpoint())
	}
}

// site has a bit of everything; both ways of routing have to answer alike.
func twoWaysSite() *carafe.App {
	app := carafe.New("app", carafe.SubdomainMatching(true))
	app.Config.ServerName = "example.com"
	say := func(c *carafe.Context) string { return fmt.Sprint(c.Endpoint(), " ", c.Params()) }
	for _, rule := range []string{"/", "/users/<int:id>", "/users/me", "/branch/", "/f/<path:file>", "/<a>-<b>.html", "/<any(de,fr):lang>/x", "/x{y}/%"} {
		app.Get(rule, say, carafe.Endpoint(rule))
	}
	app.Post("/users/<name>", say, carafe.Endpoint("post"))
	app.Get("/list/", say, carafe.Endpoint("list"), carafe.Defaults{"page": 1})
	app.Get("/list/<int:page>", say, carafe.Endpoint("list"))
	app.Get("/sub", say, carafe.Endpoint("sub"), carafe.Subdomain("<user>"))
	app.Get("/cond", say, carafe.Endpoint("beta"), carafe.Headers{"X-Beta": "1"})
	app.Get("/cond", say, carafe.Endpoint("plain"))
	app.Get("/ws", say, carafe.Endpoint("ws"), carafe.WebSocket(true))
	register(app.Router())
	return app
}

// TestGorillaMuxAloneServesTheSame runs a site as CARAFE_ROUTER=mux has it, without the index.
func TestGorillaMuxAloneServesTheSame(t *testing.T) {
	index := carafetest.NewClient(t, twoWaysSite())
	t.Setenv(routing.RouterVariable, "mux")
	alone := carafetest.NewClient(t, twoWaysSite())
	found := 0
	for _, path := range []string{"/", "/users/7", "/users/me", "/users/bob", "/users/", "/branch", "/branch/", "/branch//", "/f/a/b", "/f/", "//users//7",
		"/2024-05.html", "/de/x", "/en/x", "/x{y}/%25", "/list/", "/list/1", "/list/2", "/list", "/sub", "/cond", "/ws", "/api/things/7",
		"/files/x", "/nothing", "/users/99999999999999999999"} {
		for _, method := range []string{"GET", "HEAD", "POST", "DELETE", "OPTIONS"} {
			for _, opts := range [][]carafetest.RequestOption{nil, {carafetest.Subdomain("bob")}, {carafetest.Header{"X-Beta": "1"}}} {
				a, b := index.Open(method, path, opts...), alone.Open(method, path, opts...)
				if want, got := answerOf(a), answerOf(b); got != want {
					t.Errorf("%s %s %v: gorilla/mux alone answers %q, the index %q", method, path, opts, got, want)
				}
				if a.StatusCode == 200 && method == "GET" {
					found++
				}
			}
		}
	}
	if found < 25 {
		t.Errorf("only %d GET requests found a view: the comparison proves little", found)
	}
}

func answerOf(resp *carafetest.Response) string {
	return fmt.Sprintf("%d %s %s %s", resp.StatusCode, resp.Header.Get("Location"), resp.Header.Get("Allow"), resp.Text())
}

// gorilla/mux tells nobody where a route was added: the call of App.Router that gave the router is the nearest place there is.
func TestABrokenForeignRouteNamesTheCallOfRouter(t *testing.T) {
	app := quiet()
	app.Router().HandleFunc("/fine", func(http.ResponseWriter, *http.Request) {})
	_, _, line, _ := runtime.Caller(0)
	app.Router().HandleFunc("no slash", func(http.ResponseWriter, *http.Request) {})
	app.Router().HandleFunc("/{unclosed", func(http.ResponseWriter, *http.Request) {})
	app.Router()
	err := app.Freeze()
	for i, text := range []string{"path must start with a slash", "unbalanced braces"} {
		want := fmt.Sprintf("carafe: foreign_test.go:%d: a route of app.Router(), named \"\": mux: %s", line+1+i, text)
		if err == nil || strings.Count(err.Error(), want) != 1 {
			t.Errorf("Freeze says\n%v\nwant once %q", err, want)
		}
	}
}
