package carafe_test

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
	carafetest "github.com/carafeweb/carafe/testing"
)

type namedPage struct{ name string }

func (p *namedPage) Show() string { return p.name }

func TestTwoReceiversOfOneMethodAreTwoViews(t *testing.T) {
	app := quiet()
	a, b := &namedPage{"a"}, &namedPage{"b"}
	app.Get("/a", a.Show)
	app.Get("/b", b.Show)
	client := carafetest.NewClient(t, app)
	for path, want := range map[string]string{"/a": "a", "/b": "b"} {
		if got := client.Get(path).Text(); got != want {
			t.Errorf("GET %s = %q, want %q", path, got, want)
		}
	}
}

func TestARequestToAMountEndsSetup(t *testing.T) {
	app := quiet()
	app.Mount("/m", http.NotFoundHandler())
	app.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/m/x", nil))
	wantSetupPanic(t, "can no longer be called", func() { app.Mount("/late", http.NotFoundHandler()) })
}

func TestAResponseThatIsDroppedForAnErrorIsClosed(t *testing.T) {
	for name, setup := range map[string]func(app *carafe.App, resp *carafe.Response) any{
		"an after function fails": func(app *carafe.App, resp *carafe.Response) any {
			app.AfterRequest(func(*carafe.Context, *carafe.Response) (*carafe.Response, error) { return nil, errors.New("x") })
			return resp
		},
		"its status cannot be": func(_ *carafe.App, resp *carafe.Response) any { resp.Status = 99; return resp },
	} {
		app := quiet()
		closed := 0
		resp := carafe.Text("x")
		resp.OnClose(func() { closed++; panic("a closer that fails") })
		result := setup(app, resp)
		app.Route("/", func() any { return result }, carafe.Endpoint("x"))
		if code := carafetest.NewClient(t, app).Get("/").StatusCode; code != 500 || closed != 1 {
			t.Errorf("%s: status %d, closed %d times, want 500 and once", name, code, closed)
		}
	}
}

func TestWhatIsNilUnderAnInterfaceIsA500(t *testing.T) {
	for name, view := range map[string]any{
		"a nil *HTTPError":      func() (string, error) { var e *carafe.HTTPError; return "", e },
		"a nil iterator":        func() iter.Seq[string] { return nil },
		"a nil *strings.Reader": func() io.Reader { var r *strings.Reader; return r },
	} {
		app := quiet()
		app.LogException = func(*carafe.Context, error) { panic("a log that fails") }
		app.Route("/", view, carafe.Endpoint("x"))
		if code := carafetest.NewClient(t, app).Get("/").StatusCode; code != 500 {
			t.Errorf("%s: status %d, want 500", name, code)
		}
	}
}

func TestAReplacedStreamGivesNothingMoreAway(t *testing.T) {
	app := quiet()
	app.AfterRequest(func(*carafe.Context, *carafe.Response) (*carafe.Response, error) { return carafe.Text("replaced"), nil })
	app.Route("/", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "FIRST")
		w.(http.Flusher).Flush()
		fmt.Fprint(w, "SECOND")
	}, carafe.Endpoint("x"))
	if got := carafetest.NewClient(t, app).Get("/").Text(); got != "replaced" {
		t.Errorf("GET / = %q, want what the hook put in its place", got)
	}
}

func TestHeadersAreSentUnderTheirCanonicalNames(t *testing.T) {
	app := quiet()
	app.Route("/", func() *carafe.Response {
		resp := carafe.Text("x")
		for name, value := range map[string]string{"transfer-encoding": "chunked", "content-length": "5"} {
			resp.Header[name] = []string{value}
		}
		return resp
	}, carafe.Endpoint("x"))
	h := carafetest.NewClient(t, app).Get("/").Header
	if len(h) != 3 || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Content-Type") == "" || h.Get("Content-Length") != "1" {
		t.Errorf("the headers are %v", h)
	}
}
