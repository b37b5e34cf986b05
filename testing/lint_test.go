package carafetest_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/gateway"
	carafetest "github.com/carafeweb/carafe/testing"
)

// A lintedTest keeps what fails it, and when it is over.
type lintedTest struct {
	testing.TB
	mu       sync.Mutex
	failures []string
	cleanups []func()
}

func (l *lintedTest) Helper()          {}
func (l *lintedTest) Cleanup(f func()) { l.cleanups = append(l.cleanups, f) }
func (l *lintedTest) Errorf(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failures = append(l.failures, fmt.Sprintf(format, args...))
}

// end is the end of the test; it returns what failed it.
func (l *lintedTest) end() string {
	for i := len(l.cleanups) - 1; i >= 0; i-- {
		l.cleanups[i]()
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.failures, "\n")
}

func lintedGet(h http.Handler) {
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/menu", nil))
}

func TestLintFailsTheTestOfAHandler(t *testing.T) {
	broken := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204); w.WriteHeader(500) })
	l := &lintedTest{TB: t}
	lintedGet(carafetest.Lint(l).Wrap(broken))
	_, file, line, _ := runtime.Caller(0)
	want := fmt.Sprintf("%s:%d: GET /menu: WriteHeader(500) after status 204", filepath.Base(file), line-3)
	if got := l.end(); !strings.Contains(got, want) || strings.Contains(got, "\n") {
		t.Errorf("the test fails with %q, want one line with %q", got, want)
	}
}

func TestLintFailsTheTestOfAnApp(t *testing.T) {
	for _, tt := range []struct{ name, path, want string }{
		{"an ETag without quotes", "/tag", "GET /tag: ETag v1 is not in double quotes (RFC 9110 section 8.8.3)"},
		{"a header named Status", "/status", "GET /status: a header named Status"},
		{"a right answer", "/right", ""},
		{"a 404", "/nowhere", ""},
		{"a stream", "/stream", ""},
		{"a redirect for a slash", "/folder", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			app := carafe.New("app")
			app.Get("/tag", func() (string, http.Header) { return "", http.Header{"Etag": {"v1"}} }, carafe.Endpoint("tag"))
			app.Get("/status", func() (string, http.Header) { return "", http.Header{"Status": {"404"}} }, carafe.Endpoint("status"))
			app.Get("/right", func() map[string]int { return map[string]int{"a": 1} }, carafe.Endpoint("right"))
			app.Get("/folder/", func() string { return "" }, carafe.Endpoint("folder"))
			app.Get("/stream", func() any { return strings.NewReader("beans") }, carafe.Endpoint("stream"))
			l := &lintedTest{TB: t}
			app.Use(carafetest.Lint(l).Wrap)
			for _, open := range []func(string, ...carafetest.RequestOption) *carafetest.Response{carafetest.NewClient(t, app).Get, carafetest.NewClient(t, app).Head} {
				open(tt.path)
			}
			if got := l.end(); tt.want == "" && got != "" || !strings.Contains(got, tt.want) {
				t.Errorf("the test fails with %q, want %q", got, tt.want)
			}
		})
	}
}

func TestLintFailsTheTestOfAnApplication(t *testing.T) {
	start := func(string, http.Header, error) (io.Writer, error) { return io.Discard, nil }
	env := func() gateway.Environ { return gateway.EnvironOf(httptest.NewRequest("GET", "/menu", nil)) }
	unstarted := gateway.ApplicationFunc(func(gateway.Environ, gateway.StartResponse) (gateway.Body, error) { return nil, nil })
	l := &lintedTest{TB: t}
	carafetest.Lint(l).Application(unstarted).ServeGateway(env(), start)
	if got := l.end(); !strings.Contains(got, "lint_test.go") || !strings.Contains(got, "GET /menu: the response ended and start_response was never called") {
		t.Errorf("the test fails with %q, want that nothing was started", got)
	}
	l = &lintedTest{TB: t}
	carafetest.Lint(l).Application(gateway.ApplicationFunc(lintHello)).ServeGateway(env(), start) // and nobody closes the body
	if got := l.end(); !strings.Contains(got, "never closed") {
		t.Errorf("the test fails with %q, want that the body was never closed", got)
	}
	l = &lintedTest{TB: t}
	app := carafe.New("app")
	app.Get("/menu", func() string { return "espresso" }, carafe.Endpoint("menu"))
	srv := httptest.NewServer(gateway.Handler(carafetest.Lint(l).Application(app)))
	resp, err := http.Get(srv.URL + "/menu")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	srv.Close()
	if got := l.end(); got != "" || resp.StatusCode != 200 {
		t.Errorf("an App as an Application: %d, the test fails with %q", resp.StatusCode, got)
	}
}

func lintHello(_ gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
	_, err := start("200 OK", http.Header{"Content-Type": {"text/plain"}}, nil)
	return gateway.Text("hello"), err
}

func TestLintIsSilentWhenTheTestIsOver(t *testing.T) {
	l := &lintedTest{TB: t}
	h := carafetest.Lint(l).Wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204); w.WriteHeader(500) }))
	l.end()
	lintedGet(h)
	if len(l.failures) > 0 {
		t.Errorf("a test that is over fails with %q", l.failures)
	}
}

// In a test, t is the test's own, and every finding fails it.
func ExampleLint() {
	t := &lintedTest{}
	app := carafe.New("shop")
	app.Use(carafetest.Lint(t).Wrap)
	app.Get("/menu", func() (string, http.Header) {
		return "espresso", http.Header{"Etag": {"v1"}}
	}, carafe.Endpoint("menu"))
	lintedGet(app)
	_, finding, _ := strings.Cut(t.end(), "GET ")
	fmt.Println(finding)
	// Output: /menu: ETag v1 is not in double quotes (RFC 9110 section 8.8.3)
}
