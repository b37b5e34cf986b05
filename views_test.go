package carafe_test

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"io"
	"iter"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/gateway"
	"github.com/carafeweb/carafe/routing"
	carafetest "github.com/carafeweb/carafe/testing"
)

type point struct {
	X, Y int
}

// A textID is a type of the user's own kind of text.
type textID string

func TestEveryShapeOfAView(t *testing.T) {
	id := uuid.MustParse("3f2504e0-4f89-11d3-9a0c-0305e82c3301")
	header := http.Header{"X-A": {"1"}}
	for _, tt := range []struct {
		name, rule, path string
		view             any
		want             string // status, X-A, body
	}{
		{"text", "/", "/", func() string { return "x" }, "200  x"},
		{"text and an error", "/", "/", func() (string, error) { return "x", nil }, "200  x"},
		{"text with a context", "/", "/?q=1", func(c *carafe.Context) string { return c.Query("q") }, "200  1"},
		{"a context.Context will do", "/", "/", func(ctx context.Context) string { return carafe.CurrentContext(ctx).Request.Method }, "200  GET"},
		{"text and status", "/", "/", func() (string, int) { return "x", 201 }, "201  x"},
		{"text and headers", "/", "/", func() (string, http.Header) { return "x", header }, "200 1 x"},
		{"text, status, headers and an error", "/", "/", func() (string, int, http.Header, error) { return "x", 201, header, nil }, "201 1 x"},
		{"bytes", "/", "/", func() []byte { return []byte("x") }, "200  x"},
		{"a struct is JSON", "/", "/", func() point { return point{1, 2} }, `200  {"X":1,"Y":2}` + "\n"},
		{"a struct, status and an error", "/", "/", func() (point, int, error) { return point{1, 2}, 202, nil }, `202  {"X":1,"Y":2}` + "\n"},
		{"a pointer to a struct", "/", "/", func() *point { return &point{1, 2} }, `200  {"X":1,"Y":2}` + "\n"},
		{"a map", "/", "/", func() map[string]any { return map[string]any{"b": 1, "a": nil} }, `200  {"a":null,"b":1}` + "\n"},
		{"a slice", "/", "/", func() []int { return []int{1, 2} }, "200  [1,2]\n"},
		{"an empty slice", "/", "/", func() []int { return []int{} }, "200  []\n"},
		{"a response", "/", "/", func() *carafe.Response { return carafe.Text("x") }, "200  x"},
		{"a response and an error", "/", "/", func() (*carafe.Response, error) { return carafe.Redirect("/y"), nil }, "302  *"},
		{"any", "/", "/", func(*carafe.Context) any { return carafe.Reply("x", 203, header) }, "203 1 x"},
		{"any and an error", "/", "/", func(*carafe.Context) (any, error) { return nil, carafe.Abort(409) }, "409  *"},
		{"an error alone", "/", "/", func() error { return carafe.Abort(418) }, "418  *"},
		{"safe HTML", "/", "/", func() template.HTML { return "<b>" }, "200  <b>"},
		{"text of one's own type", "/", "/", func() textID { return "x" }, "200  x"},
		{"a reader", "/", "/", func() io.Reader { return strings.NewReader("x") }, "200  x"},
		{"an iterator of bytes", "/", "/", func() iter.Seq[[]byte] { return func(y func([]byte) bool) { y([]byte("x")) } }, "200  x"},
		{"an iterator of text", "/", "/", func() iter.Seq[string] { return func(y func(string) bool) { _ = y("x") && y("y") } }, "200  xy"},
		{"an iterator with errors", "/", "/", func() iter.Seq2[[]byte, error] { return func(y func([]byte, error) bool) { y([]byte("x"), nil) } }, "200  x"},
		{"a handler", "/", "/", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(201); fmt.Fprint(w, "x") }), "201  x"},
		{"a function of net/http", "/", "/", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X-A", "1"); fmt.Fprint(w, "x") }, "200 1 x"},
		{"a handler that is returned", "/", "/", func() http.Handler { return http.NotFoundHandler() }, "404  *"},
		{"an application that is returned", "/", "/", func() gateway.Application {
			return gateway.ApplicationFunc(func(_ gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
				_, err := start("201 Made", header, nil)
				return gateway.Text("x"), err
			})
		}, "201 1 x"},
		{"an int variable", "/<int:id>", "/7", func(id int) string { return strconv.Itoa(id) }, "200  7"},
		{"an int variable as int8", "/<int:id>", "/7", func(id int8) string { return fmt.Sprint(id) }, "200  7"},
		{"an int variable that does not fit is no match", "/<int:id>", "/700", func(id int8) string { return fmt.Sprint(id) }, "404  *"},
		{"an int variable as uint16", "/<int:id>", "/7", func(id uint16) string { return fmt.Sprint(id) }, "200  7"},
		{"a negative one is none", "/<int(signed=True):id>", "/-7", func(id uint16) string { return fmt.Sprint(id) }, "404  *"},
		{"a float variable", "/<float:f>", "/1.5", func(f float64) string { return fmt.Sprint(f) }, "200  1.5"},
		{"a uuid variable", "/<uuid:u>", "/" + id.String(), func(u uuid.UUID) string { return u.String() }, "200  " + id.String()},
		{"a path variable", "/<path:p>", "/a/b", func(p string) string { return p }, "200  a/b"},
		{"text of one's own type as variable", "/<name>", "/ada", func(name textID) string { return string(name) }, "200  ada"},
		{"several variables after the context", "/<int:a>/<b>", "/1/x", func(_ *carafe.Context, a int, b string) string { return fmt.Sprint(a, b) }, "200  1x"},
		{"variables may be left out", "/<int:a>/<b>", "/1/x", func(c *carafe.Context) string { return c.Param("a") + c.Param("b") }, "200  1x"},
		{"a variable and a struct", "/<int:a>", "/1", func(a int) (point, error) { return point{a, 0}, nil }, `200  {"X":1,"Y":0}` + "\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := quiet()
			app.Route(tt.rule, tt.view, carafe.Endpoint("x"))
			resp := carafetest.NewClient(t, app).Get(tt.path)
			body := resp.Text()
			if strings.HasSuffix(tt.want, " *") {
				body = "*"
			}
			if got := fmt.Sprint(resp.StatusCode, " ", resp.Header.Get("X-A"), " ", body); got != tt.want {
				t.Errorf("GET %s = %q, want %q", tt.path, got, tt.want)
			}
		})
	}
}

// TestFrequentShapesAgree calls the shapes that are compiled to direct calls through reflection too.
func TestFrequentShapesAgree(t *testing.T) {
	broken := carafe.Abort(409)
	for i, tt := range []struct {
		rule string
		view any
	}{
		{"/", func() string { return "x" }},
		{"/", func(c *carafe.Context) string { return c.Query("q") }},
		{"/", func() (string, error) { return "x", nil }},
		{"/", func() (string, error) { return "x", broken }},
		{"/", func(c *carafe.Context) (string, error) { return c.Query("q"), nil }},
		{"/", func(*carafe.Context) any { return point{1, 2} }},
		{"/", func() map[string]any { return map[string]any{"x": 1} }},
		{"/", func() map[string]any { return nil }},
		{"/", func(c *carafe.Context) map[string]any { return map[string]any{"q": c.Query("q")} }},
		{"/", func(*carafe.Context) (map[string]any, error) { return map[string]any{"x": 1}, nil }},
		{"/", func(*carafe.Context) (map[string]any, error) { return nil, nil }},
		{"/", func(*carafe.Context) (map[string]any, error) { return map[string]any{"x": 1}, broken }},
		{"/<int:v>", func(_ *carafe.Context, v int) any { return point{v, v} }},
		{"/<v>", func(_ *carafe.Context, v string) any { return []string{v} }},
		{"/", func(*carafe.Context) *carafe.Response { return carafe.Text("x") }},
		{"/", func(*carafe.Context) *carafe.Response { return nil }},
		{"/", func(*carafe.Context) (*carafe.Response, error) { return carafe.Text("x"), nil }},
		{"/<int:v>", func(v int) string { return strconv.Itoa(v) }},
		{"/<int:v>", func(_ *carafe.Context, v int) string { return strconv.Itoa(v) }},
		{"/<int:v>", func(_ *carafe.Context, v int) (string, error) { return strconv.Itoa(v), nil }},
		{"/<int:v>", func(_ *carafe.Context, v int) (any, error) { return point{v, v}, nil }},
		{"/<v>", func(v string) string { return v }},
		{"/<v>", func(_ *carafe.Context, v string) string { return v }},
		{"/<v>", func(_ *carafe.Context, v string) (string, error) { return v, broken }},
		{"/<v>", func(_ *carafe.Context, v string) (any, error) { return carafe.Reply(v, 201), nil }},
		{"/<int:v>", func(v int) (any, error) { return &point{v, v}, nil }},
		{"/<int:v>", func(v int) any { return v }},
		{"/<v>", func(v string) (any, error) { return v, broken }},
		{"/<v>", func(v string) map[string]any { return map[string]any{"v": v} }},
		{"/<int:v>", func(*carafe.Context, int) (*carafe.Response, error) { return nil, broken }},
		{"/", func() any { return nil }},
		{"/", func() (any, error) { return "x", nil }},
		{"/", func() *carafe.Response { return carafe.Text("x") }},
	} {
		var answers [2]string
		for j := range answers {
			app := quiet()
			app.Route(tt.rule, tt.view, carafe.Endpoint("x"))
			must(t, app.Freeze())
			if j == 1 {
				app.ViewByReflection("x")
			}
			resp := carafetest.NewClient(t, app).Get(strings.NewReplacer("<int:v>", "7", "<v>", "seven").Replace(tt.rule) + "?q=1")
			answers[j] = fmt.Sprint(resp.StatusCode, resp.Header, resp.Text())
		}
		if answers[0] != answers[1] {
			t.Errorf("view %d (%T): directly %s, by reflection %s", i, tt.view, answers[0], answers[1])
		}
	}
}

func TestDefaultsAreVariablesAfterThoseOfTheRule(t *testing.T) {
	app := quiet()
	view := func(id, page int, sort string) string { return fmt.Sprint(id, page, sort) }
	app.Route("/u/<int:id>/", view, carafe.Endpoint("u"), carafe.Defaults{"sort": "name", "page": 1})
	app.Route("/v/<int:id>/<int:page>", view, carafe.Endpoint("v"), carafe.Defaults{"sort": "name"})
	client := carafetest.NewClient(t, app)
	for path, want := range map[string]string{"/u/7/": "7 1name", "/v/7/2": "7 2name"} {
		if got := client.Get(path).Text(); got != want {
			t.Errorf("GET %s = %q, want %q", path, got, want)
		}
	}
}

// A csv is a custom converter's value.
type csv []string

type csvConverter struct{}

func (csvConverter) Parse(ctx context.Context, s string) (any, error) {
	if c := carafe.CurrentContext(ctx); c == nil || c.Request == nil {
		return nil, errors.New("a converter runs without a request")
	}
	return csv(strings.Split(s, ",")), nil
}

func (csvConverter) Format(v any) (string, error) { return fmt.Sprint(strings.Join(v.(csv), ",")), nil }

func TestCustomConverters(t *testing.T) {
	app := quiet()
	app.Converter("list", func(routing.Arguments) (routing.Definition, error) {
		return routing.Definition{Converter: csvConverter{}}, nil
	})
	app.Route("/<list:args>", func(c *carafe.Context) string {
		return strings.Join(c.Params()["args"].(csv), "|") + " " + c.URLFor("x", "args", csv{"4", "5", "6"})
	}, carafe.Endpoint("x"))
	if got := carafetest.NewClient(t, app).Get("/1,2,3").Text(); got != "1|2|3 /4,5,6" {
		t.Errorf("GET /1,2,3 = %q", got)
	}
}

// The class-based views of the tests below.
type (
	getPost  struct{}
	getOnly  struct{}
	deleter  struct{}
	inherits struct {
		getPost
		deleter
	}
	headed    struct{ getOnly }
	dispatch  struct{}
	propfind  struct{ getOnly }
	limited   struct{ getPost }
	noOptions struct{ getPost }
	ownOption struct{ getPost }
	decorated struct{ getPost }
	counter   struct{ n int }
)

func (getPost) Get() string  { return "GET" }
func (getPost) Post() string { return "POST" }
func (getOnly) Get(c *carafe.Context) (string, http.Header) {
	return "GET", http.Header{"X-Method": {c.Request.Method}}
}
func (deleter) Delete() string                     { return "DELETE" }
func (headed) Head() (string, http.Header)         { return "", http.Header{"X-Method": {"own HEAD"}} }
func (dispatch) Methods() []string                 { return []string{"GET", "POST"} }
func (dispatch) Dispatch(c *carafe.Context) string { return c.Request.Method }
func (propfind) Methods() []string                 { return []string{"GET", "PROPFIND"} }
func (propfind) Propfind() string                  { return "PROPFIND" }
func (limited) Methods() []string                  { return []string{"GET"} }
func (noOptions) AutomaticOptions() bool           { return false }
func (ownOption) Options() (string, http.Header)   { return "", http.Header{"X-Test": {"test"}} }
func (c *counter) Get() string                     { c.n++; return strconv.Itoa(c.n) }
func (decorated) Decorators() []func(carafe.View) carafe.View {
	wrap := func(name string) func(carafe.View) carafe.View {
		return func(next carafe.View) carafe.View {
			return func(c *carafe.Context) (any, error) {
				v, err := next(c)
				return fmt.Sprintf("%s(%v)", name, v), err
			}
		}
	}
	return []func(carafe.View) carafe.View{wrap("inner"), wrap("outer")}
}

func TestClassBasedViews(t *testing.T) {
	for _, tt := range []struct {
		name string
		view any
		want map[string]string // method → status, body, X-Method or X-Test
	}{
		{"methods come from the functions", getPost{}, map[string]string{"GET": "200 GET ", "POST": "200 POST ", "PUT": "405  ", "OPTIONS": "200  "}},
		{"Dispatch takes the methods that Methods names", dispatch{}, map[string]string{"GET": "200 GET ", "POST": "200 POST ", "PUT": "405  "}},
		{"embedding inherits", inherits{}, map[string]string{"GET": "200 GET ", "POST": "200 POST ", "DELETE": "200 DELETE "}},
		{"HEAD falls back to Get, which sees it", getOnly{}, map[string]string{"HEAD": "200  HEAD", "GET": "200 GET GET"}},
		{"a Head of its own is used", headed{}, map[string]string{"HEAD": "200  own HEAD", "GET": "200 GET GET"}},
		{"Methods names others, inherited ones stay", propfind{}, map[string]string{"GET": "200 GET GET", "PROPFIND": "200 PROPFIND "}},
		{"Methods hides what was inherited", limited{}, map[string]string{"GET": "200 GET ", "POST": "405  "}},
		{"AutomaticOptions switches OPTIONS off", noOptions{}, map[string]string{"OPTIONS": "405  "}},
		{"a view with Options answers it", ownOption{}, map[string]string{"OPTIONS": "200  test"}},
		{"decorators wrap it, the first innermost", decorated{}, map[string]string{"GET": "200 outer(inner(GET)) "}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := quiet()
			app.Route("/", tt.view, carafe.Endpoint("x"))
			client := carafetest.NewClient(t, app)
			for method, want := range tt.want {
				resp := client.Open(method, "/")
				body := resp.Text()
				if resp.StatusCode != 200 {
					body = ""
				}
				got := fmt.Sprint(resp.StatusCode, " ", body, " ", resp.Header.Get("X-Method")+resp.Header.Get("X-Test"))
				if got != want {
					t.Errorf("%s / = %q, want %q", method, got, want)
				}
			}
		})
	}
}

func TestAllowOfClassBasedViews(t *testing.T) {
	app := quiet()
	app.Route("/", inherits{}, carafe.Endpoint("x"))
	if got := allow(carafetest.NewClient(t, app).Options("/")); got != "DELETE GET HEAD OPTIONS POST" {
		t.Errorf("Allow %s", got)
	}
	off := quiet()
	off.Config.ProvideAutomaticOptions = false
	off.Route("/", getPost{}, carafe.Endpoint("x"), carafe.AutomaticOptions(true))
	if got := allow(carafetest.NewClient(t, off).Options("/")); got != "GET HEAD OPTIONS POST" {
		t.Errorf("with the option on although the config says off: Allow %s", got)
	}
}

func TestAClassBasedViewIsSharedOrMadePerRequest(t *testing.T) {
	for _, tt := range []struct {
		name string
		view any
		want string
	}{
		{"shared", &counter{}, "1 2"},
		{"per request", carafe.PerRequest(func() *counter { return &counter{} }), "1 1"},
	} {
		app := quiet()
		app.Route("/", tt.view, carafe.Endpoint("x"))
		client := carafetest.NewClient(t, app)
		if got := client.Get("/").Text() + " " + client.Get("/").Text(); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestTheFirstOfTwoViewsKeepsTheEndpoint(t *testing.T) {
	app := quiet()
	app.Route("/", getPost{}, carafe.Endpoint("x"))
	wantSetupPanic(t, "overwriting an existing endpoint function", func() { app.Route("/other", getOnly{}, carafe.Endpoint("x")) })
	if got := carafetest.NewClient(t, app).Get("/").Text(); got != "GET" {
		t.Errorf("GET / = %q", got)
	}
}

type site struct{}

func (*site) index(c *carafe.Context) string {
	if v := c.Param("test"); v != "" {
		return v
	}
	return "a"
}

func index() string { return "index" }

func TestEndpointsAreNamedAfterTheView(t *testing.T) {
	app := quiet()
	s := &site{}
	app.Route("/", index)
	app.Route("/m", s.index, carafe.Endpoint("method"))
	app.Route("/m/<test>/", s.index, carafe.Endpoint("method")) // the same method value again
	app.Route("/closure/<int:id>", func(id int) string { return "" })
	app.Post("/closure/<int:id>", func(id int) string { return "" })
	app.Get("/feed.xml", func() string { return "" })
	app.Put("/closure/<int:id>", func(id int) string { return "" })
	want := []string{"index", "method", "method", "/closure/<id>", "POST /closure/<id>", "/feed_xml", "PUT /closure/<id>"}
	for i, r := range app.Routes() {
		if r.Endpoint != want[i] {
			t.Errorf("rule %s has endpoint %q, want %q", r.Rule, r.Endpoint, want[i])
		}
	}
	client := carafetest.NewClient(t, app)
	for path, body := range map[string]string{"/m": "a", "/m/b/": "b"} {
		if got := client.Get(path).Text(); got != body {
			t.Errorf("GET %s = %q, want %q", path, got, body)
		}
	}
}

func TestAnEndpointMayGetItsViewLater(t *testing.T) {
	app := quiet()
	app.Route("/foo/", nil, carafe.Endpoint("foo"))
	app.Route("/foo/bar", nil, carafe.Endpoint("bar"))
	app.Endpoint("bar", func() string { return "bar" })
	app.Endpoint("foo", func() string { return "replaced" })
	app.Endpoint("foo", func() string { return "index" })
	client := carafetest.NewClient(t, app)
	for path, want := range map[string]string{"/foo/": "index", "/foo/bar": "bar"} {
		if got := client.Get(path).Text(); got != want {
			t.Errorf("GET %s = %q, want %q", path, got, want)
		}
	}
}
