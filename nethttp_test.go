package carafe_test

import (
	"encoding/json"
	"errors"
	"expvar"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	_ "net/http/pprof" // adds its pages to http.DefaultServeMux
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/gateway"
)

func debugPages(app *carafe.App, allowed func(*carafe.Context) bool) {
	app.Router().PathPrefix("/debug/pprof/").Handler(http.DefaultServeMux)
	app.Router().Handle("/debug/vars", expvar.Handler())
	app.BeforeRequest(func(c *carafe.Context) (any, error) {
		if strings.HasPrefix(c.Request.Path(), "/debug/") && !allowed(c) {
			return nil, carafe.Abort(404)
		}
		return nil, nil
	})
}

func below(app *carafe.App) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/shop/", &gateway.Dispatcher{Mounts: map[string]http.Handler{"/shop": app}})
	return mux
}

func takeOrder(c *carafe.Context) (any, error) {
	var in struct{ Item string }
	if err := json.NewDecoder(c.Request.Body).Decode(&in); err != nil {
		var syntax *json.SyntaxError
		if errors.As(err, &syntax) {
			return nil, carafe.Abort(400, syntax.Error())
		}
		return nil, fmt.Errorf("reading the order: %w", err)
	}
	return in, nil
}

// The snippets of docs/net-http.md are the functions above.
func TestThePageOnNetHTTPIsThisFile(t *testing.T) {
	page, err := os.ReadFile("docs/net-http.md")
	must(t, err)
	source, err := os.ReadFile("nethttp_test.go")
	must(t, err)
	snippets := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(string(page), -1)
	if len(snippets) != 3 {
		t.Errorf("the page has %d snippets, want 3", len(snippets))
	}
	for _, s := range snippets {
		if !strings.Contains(string(source), "\n"+s[1]) {
			t.Errorf("the page has a snippet that is not in this file:\n%s", s[1])
		}
	}
}

func TestDebugPagesOfTheStandardLibrary(t *testing.T) {
	app := carafe.New("debugged")
	debugPages(app, func(c *carafe.Context) bool { return c.Request.Header.Get("X-Me") == "yes" })
	for path, want := range map[string]string{
		"/debug/pprof/": "goroutine", "/debug/pprof/goroutine?debug=1": "goroutine profile", "/debug/pprof/cmdline": ".test", "/debug/vars": "memstats",
	} {
		r := httptest.NewRequest("GET", path, nil)
		stranger := httptest.NewRecorder()
		app.ServeHTTP(stranger, r)
		r.Header.Set("X-Me", "yes")
		w := httptest.NewRecorder()
		app.ServeHTTP(w, r)
		if w.Code != 200 || !strings.Contains(w.Body.String(), want) || stranger.Code != 404 {
			t.Errorf("GET %s: %d, %.80q, and %d for a stranger; want %q and 404", path, w.Code, w.Body, stranger.Code, want)
		}
	}
}

func TestAnAppBelowAServeMux(t *testing.T) {
	app := carafe.New("shop")
	app.Get("/link", func(c *carafe.Context) string { return c.URLFor("folder") })
	app.Get("/folder/", func() string { return "" }, carafe.Endpoint("folder"))
	for path, want := range map[string]string{"/shop/link": "200 /shop/folder/ ", "/shop/folder": "308  /shop/folder/"} {
		w := httptest.NewRecorder()
		below(app).ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		body := w.Body.String()
		if w.Code != 200 {
			body = ""
		}
		if got := fmt.Sprint(w.Code, " ", body, " ", w.Header().Get("Location")); got != want {
			t.Errorf("GET %s: %q, want %q", path, got, want)
		}
	}
}

func TestOrdersThatAViewReadsByItself(t *testing.T) {
	app := carafe.New("orders")
	app.Post("/", takeOrder)
	for _, tt := range []struct {
		name, body string
		status     int
	}{
		{"an order", `{"item": "tea"}`, 200},
		{"one that is no JSON", `{"item": tea}`, 400},
		{"one that is too long", `{"item": "` + strings.Repeat("tea", 100) + `"}`, 413},
	} {
		w := httptest.NewRecorder()
		http.MaxBytesHandler(app, 100).ServeHTTP(w, httptest.NewRequest("POST", "/", strings.NewReader(tt.body)))
		if w.Code != tt.status {
			t.Errorf("%s: %d %s, want %d", tt.name, w.Code, w.Body, tt.status)
		}
	}
}

// The context that http.TimeoutHandler ends is the view's, and its answer the client's, whatever the view does then.
func TestATimeoutHandlerAroundAnApp(t *testing.T) {
	app := carafe.New("slow")
	app.LogException = func(*carafe.Context, error) {}
	ended := make(chan error, 1)
	app.Get("/", func(c *carafe.Context) (string, error) {
		_, limited := c.Deadline()
		<-c.Done()
		ended <- fmt.Errorf("%v, with a deadline: %v", c.Err(), limited)
		return "", c.Err()
	})
	server := httptest.NewServer(http.TimeoutHandler(app, time.Millisecond, "too slow"))
	defer server.Close()
	resp, err := server.Client().Get(server.URL)
	must(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	must(t, err)
	if said := <-ended; resp.StatusCode != 503 || string(body) != "too slow" || said.Error() != "context deadline exceeded, with a deadline: true" {
		t.Errorf("the client got %d %q, the view %v", resp.StatusCode, body, said)
	}
}
