package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/gofiber/fiber/v3"
	"github.com/labstack/echo/v5"

	"github.com/carafeweb/carafe"
)

// Each test here shows what a row of the README's table "Beside others" says of the frameworks in the versions of go.mod.

var readmePeers = []struct {
	name   string
	app    any
	handle any // a handler
	given  any // what the handler is given
	routes any // what else may build URLs
}{
	{"Carafe", carafe.New("x"), nil, (*carafe.Context)(nil), nil},
	{"gin", gin.New(), gin.HandlerFunc(nil), (*gin.Context)(nil), gin.RoutesInfo{}},
	{"echo", echo.New(), echo.HandlerFunc(nil), (*echo.Context)(nil), echo.Routes{}},
	{"chi", chi.NewRouter(), http.HandlerFunc(nil), (*chi.Context)(nil), chi.Route{}},
	{"fiber", fiber.New(), fiber.Handler(nil), fiber.NewDefaultCtx(fiber.New()), fiber.Route{}},
}

// readmeRow is a row of the README's table, by the names in its head.
func readmeRow(t *testing.T, begins string) map[string]string {
	t.Helper()
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var head []string
	for line := range strings.Lines(string(page)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		for i := range cells {
			cells[i] = strings.TrimSpace(regexp.MustCompile(`\[([^]]*)\]\([^)]*\)`).ReplaceAllString(cells[i], "$1"))
		}
		if len(cells) > 4 && cells[1] == "Carafe" {
			head = cells
		}
		if head != nil && strings.HasPrefix(cells[0], begins) {
			row := map[string]string{}
			for i, name := range head {
				row[name] = cells[i]
			}
			return row
		}
	}
	t.Fatalf("the README has no row %q", begins)
	return nil
}

func TestWhoIsAnHTTPHandler(t *testing.T) {
	row := readmeRow(t, "the app is an")
	for _, p := range readmePeers {
		_, is := p.app.(http.Handler)
		if says := strings.HasPrefix(row[p.name], "yes"); says != is {
			t.Errorf("%s is an http.Handler: %v, and the README says %q", p.name, is, row[p.name])
		}
	}
}

func TestWhoseViewsReturnTheirAnswer(t *testing.T) {
	row := readmeRow(t, "a view returns")
	for _, p := range readmePeers {
		says := "yes" // what carafe.New's views may be, its own tests show
		if p.handle != nil {
			switch typ := reflect.TypeOf(p.handle); {
			case typ.NumOut() == 0:
				says = "no"
			case typ.NumOut() == 1 && typ.Out(0) == reflect.TypeFor[error]():
				says = "an error only"
			}
		}
		if row[p.name] != says {
			t.Errorf("%s: what a view returns is %q, and the README says %q", p.name, says, row[p.name])
		}
	}
}

// TestWhoRecycles keeps what a view is given beyond the answer, and looks whether a later request is handed the same one.
func TestWhoRecycles(t *testing.T) {
	row := readmeRow(t, "what a view was given")
	gin.SetMode(gin.ReleaseMode)
	kept := map[string]map[any]bool{}
	keep := func(name string, given any) {
		if kept[name] == nil {
			kept[name] = map[any]bool{}
		}
		kept[name][given] = true
	}
	ours := carafe.New("x")
	ours.Get("/<n>", func(c *carafe.Context) string { keep("Carafe", c); return "" })
	ginApp := gin.New()
	ginApp.GET("/:n", func(c *gin.Context) { keep("gin", c) })
	echoApp := echo.New()
	echoApp.GET("/:n", func(c *echo.Context) error { keep("echo", c); return nil })
	chiApp := chi.NewRouter()
	chiApp.Get("/{n}", func(_ http.ResponseWriter, r *http.Request) { keep("chi", chi.RouteContext(r.Context())) })
	fiberApp := fiber.New()
	fiberApp.Get("/:n", func(c fiber.Ctx) error { keep("fiber", c); return nil })
	const requests = 200
	for range requests {
		for _, h := range []http.Handler{ours, ginApp, echoApp, chiApp} {
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/7", nil))
		}
		if resp, err := fiberApp.Test(httptest.NewRequest("GET", "/7", nil)); err != nil || resp.StatusCode != 200 {
			t.Fatalf("fiber answers %v, %v", resp, err)
		}
	}
	for _, p := range readmePeers {
		own := len(kept[p.name]) == requests
		if says := row[p.name] == "yes"; says != own {
			t.Errorf("%s gave %d values to %d views, and the README says %q", p.name, len(kept[p.name]), requests, row[p.name])
		}
	}
}

// TestWhoBuildsURLsAndBinds looks for the methods that do.
func TestWhoBuildsURLsAndBinds(t *testing.T) {
	urls, bind := readmeRow(t, "URLs built"), readmeRow(t, "a struct bound")
	for _, p := range readmePeers[1:] {
		builds := "no"
		for _, where := range []any{p.app, p.given, p.routes} {
			typ := reflect.TypeOf(where)
			if m, ok := typ.MethodByName("Reverse"); ok && m.Type.IsVariadic() {
				builds = "by position"
			}
			if _, ok := typ.MethodByName("GetRouteURL"); ok {
				builds = "by name"
			}
		}
		if urls[p.name] != builds {
			t.Errorf("%s builds URLs: %q, and the README says %q", p.name, builds, urls[p.name])
		}
		binds := "no"
		for _, name := range []string{"Bind", "ShouldBind"} {
			if _, ok := reflect.TypeOf(p.given).MethodByName(name); ok {
				binds = "by a call"
			}
		}
		if bind[p.name] != binds {
			t.Errorf("%s binds: %q, and the README says %q", p.name, binds, bind[p.name])
		}
	}
}

// TestWhoForks looks for a setting of fiber's; the others have none.
func TestWhoForks(t *testing.T) {
	row := readmeRow(t, "a pre-fork server")
	_, prefork := reflect.TypeFor[fiber.ListenConfig]().FieldByName("EnablePrefork")
	if !prefork || !strings.HasPrefix(row["fiber"], "processes") {
		t.Errorf("fiber has pre-fork: %v, and the README says %q", prefork, row["fiber"])
	}
}
