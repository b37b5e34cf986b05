package carafe_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/gorilla/mux"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/gateway"
	carafetest "github.com/carafeweb/carafe/testing"
)

func TestMountMovesThePrefixToTheScriptRoot(t *testing.T) {
	inner := quiet()
	inner.Route("/about/", func(c *carafe.Context) string {
		return fmt.Sprint(c.Request.ScriptRoot(), " ", c.Request.URL.Path, " ", c.URLFor("about"), " ", c.URLFor("about", "_external", true))
	}, carafe.Endpoint("about"))
	outer := quiet()
	hooks := 0
	outer.BeforeRequest(func(*carafe.Context) (any, error) { hooks++; return nil, nil })
	outer.Mount("/app", inner)
	outer.Mount("/app/plain/", http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, gateway.ScriptName(r), " ", r.URL.Path)
	}))
	outer.Route("/", func() string { return "outer" }, carafe.Endpoint("index"))
	client := carafetest.NewClient(t, outer)
	for path, want := range map[string]string{
		"/app/about/":    "/app /about/ /app/about/ http://localhost/app/about/",
		"/app/plain/x/y": "/app/plain /x/y", // the longest prefix wins
		"/":              "outer",
	} {
		if got := client.Get(path).Text(); got != want {
			t.Errorf("GET %s = %q, want %q", path, got, want)
		}
	}
	if resp := client.Get("/app/about"); resp.StatusCode != 308 || resp.Location() != "http://localhost/app/about/" {
		t.Errorf("GET /app/about = %d to %q: the slash redirect keeps the script root", resp.StatusCode, resp.Location())
	}
	if resp := client.Get("/apple"); resp.StatusCode != 404 {
		t.Errorf("GET /apple = %d: a prefix ends at a slash", resp.StatusCode)
	}
	if hooks != 2 { // "/" and "/apple"
		t.Errorf("the outer app's hooks ran %d times, want only for its own requests", hooks)
	}
}

func TestUseTakesMiddlewareOfGorillaMux(t *testing.T) {
	app := quiet()
	var mw mux.MiddlewareFunc = func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Mux", "seen")
			next.ServeHTTP(w, r)
		})
	}
	app.Use(mw)
	app.Route("/", func() string { return "" }, carafe.Endpoint("index"))
	if got := carafetest.NewClient(t, app).Get("/").Header.Get("X-Mux"); got != "seen" {
		t.Errorf("X-Mux %q", got)
	}
}
