package main

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/gofiber/fiber/v3"
	"github.com/labstack/echo/v5"
)

// readmeModules are the peers' modules, by their names in the README.
var readmeModules = map[string]string{
	"gin": "github.com/gin-gonic/gin", "echo": "github.com/labstack/echo/v5", "chi": "github.com/go-chi/chi/v5", "fiber": "github.com/gofiber/fiber/v3",
}

// readmeWords are the lower-case names of all that a module exports or imports, one a line, as it lies in the module cache.
func readmeWords(t *testing.T, module string) string {
	t.Helper()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", module).Output()
	if err != nil {
		t.Fatal(err)
	}
	var words strings.Builder
	note := func(s string) { words.WriteString(strings.ToLower(s) + "\n") }
	files := 0
	err = filepath.WalkDir(strings.TrimSpace(string(dir)), func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		files++
		for _, imp := range f.Imports {
			note(imp.Path.Value)
		}
		ast.Inspect(f, func(n ast.Node) bool {
			if id, ok := n.(*ast.Ident); ok && id.IsExported() {
				note(id.Name)
			}
			return true
		})
		return nil
	})
	if err != nil || files < 10 {
		t.Fatalf("%s has %d files of Go: %v", module, files, err)
	}
	return words.String()
}

// TestWhoHasSessionsTemplatesAndReloads looks for the words that such a thing could not do without.
func TestWhoHasSessionsTemplatesAndReloads(t *testing.T) {
	rows := []struct {
		begins string
		words  []string // any of them says that it is there
	}{
		{"signed sessions", []string{"session", "flashmessage"}},
		{"Jinja2's templates", []string{"jinja", "pongo", "django"}},
		{"a development server", []string{"fsnotify", "livereload", "hotreload", "watcher"}},
		{"a pre-fork server", []string{"prefork"}},
	}
	for name, module := range readmeModules {
		words := readmeWords(t, module)
		for _, r := range rows {
			has := false
			for _, word := range r.words {
				has = has || strings.Contains(words, word)
			}
			if cell := readmeRow(t, r.begins)[name]; has != (cell != "no") {
				t.Errorf("%s: of %q in its source: %v, and the README says %q", name, r.words, has, cell)
			}
		}
	}
}

// TestFibersFlashesAreUnsigned writes one as a client would make it up, and has fiber believe it.
func TestFibersFlashesAreUnsigned(t *testing.T) {
	app := fiber.New()
	app.Get("/flash", func(c fiber.Ctx) error { return c.Redirect().With("note", "saved").To("/") })
	app.Get("/", func(c fiber.Ctx) error { return c.SendString(c.Redirect().Message("note").Value) })
	told, err := app.Test(httptest.NewRequest("GET", "/flash", nil))
	if err != nil || len(told.Cookies()) != 1 {
		t.Fatalf("fiber's flash: %v, %v", told, err)
	}
	cookie := told.Cookies()[0]
	cookie.Value = strings.Replace(cookie.Value, "7361766564", "66616b6564", 1) // saved, faked
	r := httptest.NewRequest("GET", "/", nil)
	r.AddCookie(cookie)
	w, err := app.Test(r)
	if err != nil {
		t.Fatal(err)
	}
	body := make([]byte, 16)
	n, _ := w.Body.Read(body)
	if says := readmeRow(t, "signed sessions")["fiber"]; string(body[:n]) != "faked" || !strings.Contains(says, "flashes unsigned") {
		t.Errorf("fiber shows %q of a flash that was tampered with, and the README says %q", body[:n], says)
	}
}

// groupedSite is a peer's site: /in is in a group whose hook sets the header X-Hook, and fails; /out is not.
type groupedSite struct {
	name  string
	group any // what the hooks are given to
	ask   func(path string) *http.Response
}

func groupedSites(t *testing.T) []groupedSite {
	t.Helper()
	gin.SetMode(gin.ReleaseMode)
	bean := errors.New("bean")
	recorded := func(h http.Handler) func(string) *http.Response {
		return func(path string) *http.Response {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
			return w.Result()
		}
	}
	g := gin.New()
	inGin := g.Group("/g", func(c *gin.Context) { c.Header("X-Hook", "ran") })
	inGin.GET("/in", func(c *gin.Context) { _ = c.Error(bean); c.Status(500) })
	g.GET("/out", func(c *gin.Context) {})
	e := echo.New()
	inEcho := e.Group("/g", func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c *echo.Context) error { c.Response().Header().Set("X-Hook", "ran"); return next(c) }
	})
	inEcho.GET("/in", func(c *echo.Context) error { return bean })
	e.GET("/out", func(c *echo.Context) error { return nil })
	r := chi.NewRouter()
	inChi := chi.NewRouter()
	inChi.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Header().Set("X-Hook", "ran"); next.ServeHTTP(w, r) })
	})
	inChi.Get("/in", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) })
	inChi.NotFound(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(499) })
	r.Mount("/g", inChi)
	r.Get("/out", func(http.ResponseWriter, *http.Request) {})
	f := fiber.New()
	inFiber := f.Group("/g", func(c fiber.Ctx) error { c.Set("X-Hook", "ran"); return c.Next() })
	inFiber.Get("/in", func(fiber.Ctx) error { return bean })
	f.Get("/out", func(fiber.Ctx) error { return nil })
	own := fiber.New(fiber.Config{ErrorHandler: func(c fiber.Ctx, _ error) error { return c.SendStatus(499) }})
	own.Get("/in", func(fiber.Ctx) error { return bean })
	f.Use("/mounted", own)
	inFiberApp := func(path string) *http.Response {
		resp, err := f.Test(httptest.NewRequest("GET", path, nil))
		if err != nil {
			t.Fatal(err)
		}
		return resp
	}
	return []groupedSite{
		{"gin", inGin, recorded(g)}, {"echo", inEcho, recorded(e)}, {"chi", inChi, recorded(r)}, {"fiber", inFiber, inFiberApp},
	}
}

func TestWhoseGroupsHaveHooksAndErrorHandlers(t *testing.T) {
	row := readmeRow(t, "blueprints with")
	for _, s := range groupedSites(t) {
		in, out := s.ask("/g/in"), s.ask("/out")
		if in.Header.Get("X-Hook") != "ran" || out.Header.Get("X-Hook") != "" || in.StatusCode != 500 || !strings.Contains(row[s.name], "with hooks") {
			t.Errorf("%s: the hook of a group ran %q in it and %q beside it, status %d; the README says %q", s.name, in.Header.Get("X-Hook"), out.Header.Get("X-Hook"), in.StatusCode, row[s.name])
		}
		typ := reflect.TypeOf(s.group)
		for i := range typ.NumMethod() {
			if name := typ.Method(i).Name; strings.Contains(name, "Error") {
				t.Errorf("%s: a group has %s, and the README says %q", s.name, name, row[s.name])
			}
		}
		if own := s.ask("/g/nowhere").StatusCode == 499; own != strings.Contains(row[s.name], "404s") {
			t.Errorf("%s: a 404 of the group's own: %v, and the README says %q", s.name, own, row[s.name])
		}
		if own := s.ask("/mounted/in").StatusCode == 499; own != strings.Contains(row[s.name], "mounted apps") {
			t.Errorf("%s: an error handler of a mounted app: %v, and the README says %q", s.name, own, row[s.name])
		}
	}
}
