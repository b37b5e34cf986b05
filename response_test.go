package carafe_test

import (
	"context"
	"encoding/json"
	"fmt"
	"html/template"
	"iter"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/routing"
	carafetest "github.com/carafeweb/carafe/testing"
)

func TestReplyIsFlasksTuple(t *testing.T) {
	json := http.Header{"Content-Type": {"application/json"}}
	for _, tt := range []struct {
		name  string
		value any
		want  string // status, Content-Type, X-Foo, body
	}{
		{"text", "Hällo Wörld", "200 text/html; charset=utf-8 [] Hällo Wörld"},
		{"body, status and headers", carafe.Reply("Meh", 400, http.Header{"X-Foo": {"Testing"}, "Content-Type": {"text/plain"}}), "400 text/plain [Testing] Meh"},
		{"body and headers", carafe.Reply("Hello", http.Header{"X-Foo": {"Test"}, "Content-Type": {"text/plain"}}), "200 text/plain [Test] Hello"},
		{"body and status", carafe.Reply("Hello", 400), "400 text/html; charset=utf-8 [] Hello"},
		{"a response whose header is replaced", carafe.Reply(headed1("Hello", "X-Foo", "Baz"), map[string]string{"X-Foo": "Bar"}), "200 text/html; charset=utf-8 [Bar] Hello"},
		{"a response whose status is replaced", carafe.Reply(headed1("", "X-Foo", "Baz"), 500), "500 text/html; charset=utf-8 [Baz] "},
		{"an HTTP error as a response", carafe.Reply(&carafe.HTTPError{Code: 404}, 404), "404 text/html; charset=utf-8 [] *"},
		{"a map and a status", carafe.Reply(map[string]any{"foo": "bar"}, 201), "201 application/json [] {\"foo\":\"bar\"}\n"},
		{"a slice and a status", carafe.Reply([]string{"foo"}, 201), "201 application/json [] [\"foo\"]\n"},
		{"text that says it is JSON", carafe.Reply("{}", json), "200 application/json [] {}"},
		{"repeated names survive", carafe.Reply(map[string]any{}, [][2]string{{"X-Foo", "1"}, {"X-Foo", "2"}}), "200 application/json [1 2] {}\n"},
		{"a status as text", carafe.Reply("x", "201 Made"), "201 text/html; charset=utf-8 [] x"},
		{"nil parts are ignored", carafe.Reply("x", nil, nil), "200 text/html; charset=utf-8 [] x"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := quiet()
			app.Route("/", func() any { return tt.value }, carafe.Endpoint("x"))
			resp := carafetest.NewClient(t, app).Get("/")
			body := resp.Text()
			if strings.HasSuffix(tt.want, "*") {
				body = "*"
			}
			if got := fmt.Sprint(resp.StatusCode, " ", resp.Header.Get("Content-Type"), " ", resp.Header["X-Foo"], " ", body); got != tt.want {
				t.Errorf("GET / = %q, want %q", got, tt.want)
			}
		})
	}
}

func headed1(body, name, value string) *carafe.Response {
	resp := carafe.HTML(body)
	resp.Header.Set(name, value)
	return resp
}

func TestWhatIsNoResponseIsAnErrorWithTheCure(t *testing.T) {
	var nothing *carafe.Response
	var pointer *point
	for _, tt := range []struct {
		value any
		want  string
	}{
		{nil, `the view function for "x" returned nil`},
		{nothing, "a nil *carafe.Response"},
		{pointer, "a nil *carafe_test.point"},
		{42, "a int"},
		{true, "a bool"},
		{1.5, "a float64"},
		{make(chan int), "a chan int"},
		{func() {}, "a func()"},
		{[2]int{}, "a [2]int"},
		{carafe.Reply("x"), "Reply has 0 parts beside the body: it must have the form"},
		{carafe.Reply("x", 200, nil, nil), "Reply has 3 parts beside the body"},
		{carafe.Reply(nil, 204), "returned nil"},
		{carafe.Reply(carafe.Reply("x", 201), 202), "a Reply within a Reply"},
		{carafe.Reply("x", http.Header{}, 201), "the order is body, status, headers"},
		{carafe.Reply("x", 200, "X-A: 1"), "the order is body, status, headers"},
		{carafe.Reply("x", 1.5), "Reply has a float64 among its parts"},
		{carafe.Reply("x", "Created"), `the status "Created" does not begin with a number`},
		{carafe.Reply("x", 99), "99 cannot be the status of a response"},
		{carafe.Reply("x", 1000), "1000 cannot be the status"},
		{carafe.Reply("x", 103), "103 cannot be the status"},
		{carafe.Reply("x", map[string]string{"X-A": "a\nb"}), "has a control character"},
		{carafe.Reply("x", map[string]string{"X A": "a"}), `"X A" cannot be the name of a header`},
		{carafe.Redirect("/a\r\nX: y"), "has a control character"},
		{map[string]any{"x": math.NaN()}, "NaN"},
		{map[string]any{"x": make(chan int)}, "chan int"},
	} {
		app := quiet()
		var got error
		app.Signals.GotRequestException.Connect(func(_ context.Context, e carafe.RequestError) { got = e.Err })
		app.Route("/", func() any { return tt.value }, carafe.Endpoint("x"))
		resp := carafetest.NewClient(t, app).Get("/")
		if resp.StatusCode != 500 || got == nil || !strings.Contains(got.Error(), tt.want) {
			t.Errorf("a view that returns %v: status %d, error %v, want %q in it", tt.value, resp.StatusCode, got, tt.want)
		}
	}
}

func TestMakeResponse(t *testing.T) {
	app := quiet()
	c := app.TestRequestContext(httptest.NewRequest("GET", "/", nil))
	chars := iter.Seq[string](func(yield func(string) bool) {
		for _, r := range "Hello" {
			if !yield(string(r)) {
				return
			}
		}
	})
	for _, tt := range []struct {
		name   string
		values []any
		want   string
	}{
		{"nothing", nil, "200 text/html; charset=utf-8 "},
		{"text", []any{"Awesome"}, "200 text/html; charset=utf-8 Awesome"},
		{"text and status", []any{"W00t", 404}, "404 text/html; charset=utf-8 W00t"},
		{"an iterator", []any{chars}, "200 text/html; charset=utf-8 Hello"},
		{"a response and a status", []any{carafe.JSON(map[string]string{"msg": "W00t"}), 400}, "400 application/json {\"msg\":\"W00t\"}\n"},
		{"a response, a status and headers", []any{carafe.Text(""), 400, [][2]string{{"Content-Type", "text/html"}}}, "400 text/html "},
	} {
		t.Run(tt.name, func(t *testing.T) {
			must(t, c.With(func(context.Context) error {
				resp, err := app.MakeResponse(c, tt.values...)
				must(t, err)
				body, err := resp.Bytes()
				must(t, err)
				status := resp.Status
				if status == 0 {
					status = 200
				}
				typ := "text/html; charset=utf-8"
				if resp.Header != nil {
					typ = resp.Header.Get("Content-Type")
				}
				if got := fmt.Sprint(status, " ", typ, " ", string(body)); got != tt.want {
					t.Errorf("MakeResponse = %q, want %q", got, tt.want)
				}
				return nil
			}))
		})
	}
}

// TestDirectAnswersAreTheSame has views answered with and without a Response in between.
func TestDirectAnswersAreTheSame(t *testing.T) {
	for i, view := range []any{
		func() string { return "text" },
		func() string { return "" },
		func() (string, int) { return "text", 404 },
		func() (string, int) { return "text", 204 },
		func() (string, int) { return "text", 304 },
		func() (string, int) { return "text", 99 },
		func() (point, error) { return point{1, 2}, nil },
		func() map[string]string { return map[string]string{"é": "☃"} },
		func() (map[string]float64, error) { return map[string]float64{"x": math.Inf(1)}, nil },
		func() map[string]string { return nil },
		func() any { return "text" },
		func() any { return point{1, 2} },
		func() (any, error) { return &point{1, 2}, nil },
		func() any { return (*point)(nil) },
		func() any { return []byte("bytes") },
		func() any { return []string{"a"} },
		func() any { return map[string]any(nil) },
		func() any { return json.RawMessage("[1]") },
		func() any { return &[]int{1} },
		func() any { return template.HTML("<p>") },
		func() any { return carafe.Abort(404) },
		func() any { return carafe.Reply(point{1, 2}, 201) },
		func() any { return http.RedirectHandler("/x", http.StatusFound) },
		func() any { return http.NewServeMux() },
		func() any { return strings.NewReader("read") },
		func() any { return carafe.Text("x") },
		func() any { return time.Unix(0, 0) },
		func() any { return 7 },
		func() any { return nil },
	} {
		var answers [2]string
		for j := range answers {
			app := quiet()
			if j == 1 {
				app.AfterRequest(func(_ *carafe.Context, resp *carafe.Response) (*carafe.Response, error) { return resp, nil })
			}
			app.Route("/", view, carafe.Endpoint("x"))
			for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
				resp := carafetest.NewClient(t, app).Open(method, "/")
				answers[j] += fmt.Sprintln(resp.StatusCode, resp.Header, resp.Text())
			}
		}
		if answers[0] != answers[1] {
			t.Errorf("view %d (%T): directly\n%s\nwith a hook that looks at it\n%s", i, view, answers[0], answers[1])
		}
	}
}

func TestACookieThatIsTooLargeIsWarnedOf(t *testing.T) {
	for _, tt := range []struct{ limit, warnings int }{{4093, 0}, {100, 1}, {0, 0}} {
		var log strings.Builder
		app := quiet()
		app.Logger = textLogger(&log)
		app.Config.SecretKey = "dev"
		app.Config.MaxCookieSize = tt.limit
		app.Route("/", func(c *carafe.Context) string {
			c.Session().Set("large", "Sphinx of black quartz, judge my vow; 0123456789 pack my box with five dozen liquor jugs")
			return ""
		}, carafe.Endpoint("x"))
		resp := carafetest.NewClient(t, app).Get("/")
		if n := strings.Count(log.String(), "cookie is too large"); n != tt.warnings || resp.Header.Get("Set-Cookie") == "" {
			t.Errorf("limit %d: %d warnings, want %d; Set-Cookie %q", tt.limit, n, tt.warnings, resp.Header.Get("Set-Cookie"))
		}
	}
}

func TestAResponseOfACloserIsClosedOnce(t *testing.T) {
	app := quiet()
	closed := 0
	app.AfterRequest(func(*carafe.Context, *carafe.Response) (*carafe.Response, error) { return carafe.Text("another"), nil })
	app.Route("/", func() *carafe.Response {
		resp := carafe.Text("x")
		resp.OnClose(func() { closed++ })
		return resp
	}, carafe.Endpoint("x"))
	if got := carafetest.NewClient(t, app).Get("/").Text(); got != "another" || closed != 1 {
		t.Errorf("GET / = %q, closed %d times", got, closed)
	}
}

// discardWriter is the cheapest http.ResponseWriter.
type discardWriter struct{ header http.Header }

func (w discardWriter) Header() http.Header             { return w.header }
func (discardWriter) WriteHeader(int)                   {}
func (discardWriter) Write(p []byte) (int, error)       { return len(p), nil }
func (discardWriter) WriteString(s string) (int, error) { return len(s), nil }

func TestAllocations(t *testing.T) {
	t.Setenv(routing.RouterVariable, "") // gorilla/mux alone would add its own
	app := quiet()
	app.Route("/text", func() string { return "Hello, World!" }, carafe.Endpoint("text"))
	app.Route("/name/<name>", func(name string) string { return name }, carafe.Endpoint("name"))
	app.Route("/json/<int:id>", func(_ *carafe.Context, id int) (point, error) { return point{id, id}, nil }, carafe.Endpoint("json"))
	app.Route("/any/<int:id>", func(_ *carafe.Context, id int) (any, error) { return point{id, id}, nil }, carafe.Endpoint("any"))
	for path, budget := range map[string]float64{"/text": 1, "/name/ada": 1, "/json/7": 4, "/any/7": 3, "/nothing": 9} {
		r := httptest.NewRequest("GET", path, nil)
		w := discardWriter{http.Header{}}
		app.ServeHTTP(w, r)
		if poolsLeak {
			budget *= 2
		}
		if got := testing.AllocsPerRun(100, func() { app.ServeHTTP(w, r) }); got > budget {
			t.Errorf("GET %s makes %.0f allocations, want at most %.0f", path, got, budget)
		}
	}
}
