package carafetest_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
	carafetest "github.com/carafeweb/carafe/testing"
)

// A failingTest is a test that is expected to fail: it keeps the message, and the line that t would blame.
type failingTest struct {
	testing.TB
	helpers map[string]bool
	message string
	line    int
}

func (f *failingTest) Helper() {
	if pc, _, _, ok := runtime.Caller(1); ok {
		f.helpers[runtime.FuncForPC(pc).Name()] = true
	}
}

func (f *failingTest) Fatalf(format string, args ...any) {
	f.message = fmt.Sprintf(format, args...)
	pcs := make([]uintptr, 32)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		frame, more := frames.Next()
		if !f.helpers[frame.Function] {
			if strings.HasSuffix(frame.File, "_test.go") {
				f.line = frame.Line
			}
			break
		}
		if !more {
			break
		}
	}
	runtime.Goexit()
}

// failure runs do with a client of app and returns how the test fails; "" means it does not. It also checks that the line of
// do's one call is blamed.
func failure(t *testing.T, app *carafe.App, do func(*carafetest.Client), opts ...carafetest.Option) string {
	t.Helper()
	f := &failingTest{TB: t, helpers: map[string]bool{}}
	done := make(chan struct{})
	go func() {
		defer close(done)
		do(carafetest.NewClient(f, app, opts...))
	}()
	<-done
	if f.message != "" && f.line == 0 {
		t.Errorf("%q does not blame the line of the call", f.message)
	}
	return f.message
}

var quiet = slog.New(slog.NewTextHandler(io.Discard, nil))

func TestRequestsThatContradictThemselvesFailTheTest(t *testing.T) {
	app := carafe.New("app")
	app.Get("/", func() string { return "" }, carafe.Endpoint("index"))
	type options = []carafetest.RequestOption
	for _, tt := range []struct {
		name string
		path string
		opts options
		want string
	}{
		{"a query in the path and as an option", "/?a=1", options{carafetest.Query{"b": {"2"}}}, "the query is defined in the path and as an option"},
		{"an empty query in the path and one as an option", "/?", options{carafetest.RawQuery("b")}, "the query is defined in the path and as an option"},
		{"Query and RawQuery", "/", options{carafetest.Query{}, carafetest.RawQuery("a")}, "Query and RawQuery cannot be given together"},
		{"JSON and a form", "/", options{carafetest.JSON(1), carafetest.Form{}}, "the body is given twice: JSON and Form"},
		{"a form and text", "/", options{carafetest.Form{}, carafetest.Body("")}, "the body is given twice: Form and Body"},
		{"a file and a reader", "/", options{carafetest.File("f", "n", ""), carafetest.BodyFrom(strings.NewReader(""))}, "the body is given twice: File and BodyFrom"},
		{"JSON twice", "/", options{carafetest.JSON(1), carafetest.JSON(2)}, "the body is given twice: JSON and JSON"},
		{"JSON that cannot be", "/", options{carafetest.JSON(func() {})}, "unsupported type"},
		{"BaseURL and Subdomain", "/", options{carafetest.BaseURL("http://a/"), carafetest.Subdomain("x")}, "BaseURL cannot be given together with Subdomain or Scheme"},
		{"BaseURL and Scheme", "/", options{carafetest.BaseURL("http://a/"), carafetest.Scheme("https")}, "BaseURL cannot be given together with Subdomain or Scheme"},
		{"BaseURL with a query", "/", options{carafetest.BaseURL("http://a/?b")}, "must not contain a query or fragment"},
		{"BaseURL with a fragment", "/", options{carafetest.BaseURL("http://a/#b")}, "must not contain a query or fragment"},
		{"BaseURL without a host", "/", options{carafetest.BaseURL("/root")}, "needs a scheme and a host"},
		{"BaseURL and a full URL", "http://a/", options{carafetest.BaseURL("http://a/")}, "cannot be given together with a path that is a full URL"},
		{"an unknown scheme", "/", options{carafetest.Scheme("ftp")}, `the scheme "ftp" is neither http nor https`},
		{"a path that is none", "mailto:bean", nil, "begin it with a slash"},
		{"a path with a broken escape", "/%zz", nil, "the path cannot be read"},
		{"a form of a wrong type", "/", options{carafetest.Form{}, carafetest.ContentType("text/plain")}, `a form cannot be sent as "text/plain"`},
		{"a file in an urlencoded form", "/", options{carafetest.File("f", "n", ""), carafetest.ContentType("application/x-www-form-urlencoded")}, "files cannot be sent as"},
		{"a boundary that cannot be", "/", options{carafetest.Form{}, carafetest.ContentType(`multipart/form-data; boundary="ö"`)}, "boundary"},
		{"a type that cannot be read", "/", options{carafetest.Form{}, carafetest.ContentType("a/b; c")}, `the content type "a/b; c"`},
		{"a BaseURL that cannot be read", "/", options{carafetest.BaseURL("http://a b/")}, "BaseURL: "},
		{"a file of something else", "/", options{carafetest.File("f", "n", 7)}, "the content is a int"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got := failure(t, app, func(c *carafetest.Client) { c.Get(tt.path, tt.opts...) })
			if !strings.Contains(got, tt.want) || !strings.HasPrefix(got, "GET "+tt.path+": ") {
				t.Errorf("the test fails with %q, want the request and %q in it", got, tt.want)
			}
		})
	}
	got := failure(t, app, func(c *carafetest.Client) {
		r, _ := http.NewRequest("GET", "/", nil)
		c.Do(r, carafetest.Body("x"))
	})
	if want := "Do takes the URL and the body of the request as they are"; !strings.Contains(got, want) {
		t.Errorf("Do with a body fails with %q, want %q in it", got, want)
	}
}

// boomApp has views that fail in every way.
func boomApp() *carafe.App {
	app := carafe.New("app")
	app.Logger = quiet
	app.Get("/ok", func() string { return "fine" })
	app.Get("/error", func() error { return errBoom })
	app.Get("/panic", func() string { panic("bang") })
	app.Get("/cut", func() any {
		return func(yield func([]byte, error) bool) { _ = yield([]byte("half"), nil) && yield(nil, errBoom) }
	})
	app.Get("/abort", func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) })
	app.Get("/gone", func() error { return carafe.Abort(http.StatusGone) })
	return app
}

var errBoom = errors.New("boom")

func TestUnansweredErrorsFailTheTestOfATestingApp(t *testing.T) {
	for _, tt := range []struct{ path, want string }{
		{"/ok", ""},
		{"/gone", ""},
		{"/error", "GET http://localhost/error: boom"},
		{"/panic", "GET http://localhost/panic: panic: bang\n"},
		{"/cut", "GET http://localhost/cut: the body was cut off after 4 bytes: boom"},
		{"/abort", "GET http://localhost/abort: the body was cut off after 0 bytes: net/http: abort Handler"},
	} {
		app := boomApp()
		app.Config.Testing = true
		got := failure(t, app, func(c *carafetest.Client) { c.Get(tt.path) })
		if tt.want == "" && got != "" || !strings.HasPrefix(got, tt.want) {
			t.Errorf("the test of %s fails with %q, want %q", tt.path, got, tt.want)
		}
		if tt.path == "/panic" && !strings.Contains(got, "failures_test.go") {
			t.Errorf("the test of %s fails with %q, want the stack of the panic in it", tt.path, got)
		}
	}
}

func TestWantErrorTakesTheErrorInPlaceOfTheTest(t *testing.T) {
	app := boomApp()
	app.Config.Testing = true
	client := carafetest.NewClient(t, app)
	var err error
	if resp := client.Get("/error", carafetest.WantError(&err)); !errors.Is(err, errBoom) || resp.StatusCode != 500 || resp.Err != err {
		t.Errorf("the error is %v, the answer %d with %v, want boom and 500", err, resp.StatusCode, resp.Err)
	}
	var bang *carafe.PanicError
	if client.Get("/panic", carafetest.WantError(&err)); !errors.As(err, &bang) || bang.Value != "bang" {
		t.Errorf("the error is %v, want the panic", err)
	}
	if resp := client.Get("/cut", carafetest.WantError(&err)); !errors.Is(err, errBoom) || resp.StreamErr == nil || resp.Err != nil || resp.Text() != "half" {
		t.Errorf("the error is %v, the answer %q with %v, want what cut the body off", err, resp.Text(), resp.StreamErr)
	}
	got := failure(t, app, func(c *carafetest.Client) { c.Get("/ok", carafetest.WantError(&err)) })
	if want := "GET http://localhost/ok: an error was expected, but the answer is 200: fine"; got != want {
		t.Errorf("a test that wants an error where there is none fails with %q, want %q", got, want)
	}
}

func TestWithoutTestingErrorsAreAnsweredAndKept(t *testing.T) {
	client := carafetest.NewClient(t, boomApp())
	if resp := client.Get("/error"); resp.StatusCode != 500 || !errors.Is(resp.Err, errBoom) || strings.Contains(resp.Text(), "boom") {
		t.Errorf("the answer is %d %q with error %v, want a plain 500 and boom", resp.StatusCode, resp.Text(), resp.Err)
	}
	if resp := client.Get("/cut"); resp.StatusCode != 200 || !errors.Is(resp.StreamErr, errBoom) || resp.Text() != "half" {
		t.Errorf("the answer is %d %q cut off by %v, want the half", resp.StatusCode, resp.Text(), resp.StreamErr)
	}
	if resp := client.Get("/gone"); resp.StatusCode != http.StatusGone || resp.Err != nil {
		t.Errorf("an aborted request is %d with error %v, want 410 and none", resp.StatusCode, resp.Err)
	}
	app := boomApp()
	app.Config.Testing = true
	app.Config.PropagateErrors = new(bool)
	client = carafetest.NewClient(t, app)
	if resp := client.Get("/error"); resp.StatusCode != 500 {
		t.Errorf("with PropagateErrors false the answer is %d, want 500", resp.StatusCode)
	}
	if resp := client.Get("/cut"); !errors.Is(resp.StreamErr, errBoom) {
		t.Errorf("with PropagateErrors false the body was cut off by %v, want boom", resp.StreamErr)
	}
}

func TestErrorsOfTeardownFailTheTestToo(t *testing.T) {
	app := boomApp()
	app.Config.Testing = true
	app.TeardownRequest(func(*carafe.Context, error) { panic(errBoom) })
	got := failure(t, app, func(c *carafetest.Client) { c.Get("/ok") })
	if want := "boom"; !strings.HasPrefix(got, "GET http://localhost/ok: ") || !strings.Contains(got, want) {
		t.Errorf("the test fails with %q, want %q in it", got, want)
	}
}

func TestAPanicOutsideOfTheWalkIsTheTests(t *testing.T) {
	app := boomApp()
	app.Use(func(http.Handler) http.Handler {
		return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("middleware") })
	})
	defer func() {
		if v := recover(); v != "middleware" {
			t.Errorf("the test got the panic %v, want the middleware's", v)
		}
	}()
	carafetest.NewClient(t, app).Get("/ok")
}

func TestResponseJSONSaysWhatIsWrong(t *testing.T) {
	app := carafe.New("app")
	app.Get("/text", func() string { return "<p>" })
	app.Get("/long", func() string { return strings.Repeat("x", 301) })
	app.Get("/broken", func() (string, http.Header) {
		return "{", http.Header{"Content-Type": {"application/json"}}
	})
	for path, want := range map[string]string{
		"/text":   `GET /text: the answer is 200 with the type "text/html; charset=utf-8", not JSON: <p>`,
		"/long":   `GET /long: the answer is 200 with the type "text/html; charset=utf-8", not JSON: ` + strings.Repeat("x", 300) + " …",
		"/broken": `GET /broken: the answer is not the JSON of a *int: unexpected end of JSON input: {`,
	} {
		got := failure(t, app, func(c *carafetest.Client) { c.Get(path).JSON(new(int)) })
		if got != want {
			t.Errorf("the test fails with %q, want %q", got, want)
		}
	}
}
