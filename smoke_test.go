package carafe_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"
	"unsafe"

	"github.com/carafeweb/carafe"
)

type user struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
}

func index(c *carafe.Context) string { return "hi" }

func TestSmoke(t *testing.T) {
	t.Log(unsafe.Sizeof(carafe.Context{}), unsafe.Sizeof(carafe.Request{}), unsafe.Sizeof(carafe.AppContext{}))
	app := carafe.New("x")
	app.Route("/", index)
	app.Route("/u/<int:id>", func(c *carafe.Context, id int) (user, error) { return user{id, "x"}, nil })
	app.Get("/t/<name>", func(name string) string { return "hello " + name })
	app.Get("/p/", func() string { panic("boom") })
	app.Get("/url", func(c *carafe.Context) string { return c.URLFor("index", "q", "a b", "_anchor", "x y") })
	app.Get("/h", func(w http.ResponseWriter, r *http.Request) { fmt.Fprintf(w, "handler") })
	for _, p := range []string{"GET /", "GET /u/7", "GET /u/x", "POST /", "OPTIONS /", "HEAD /", "GET /p", "GET /p/", "GET /url", "GET /h"} {
		var m, u string
		fmt.Sscan(p, &m, &u)
		w := httptest.NewRecorder()
		app.ServeHTTP(w, httptest.NewRequest(m, u, nil))
		t.Log(p, w.Code, w.Header(), w.Body.String())
	}
}

type nop struct{ h http.Header }

func (n nop) Header() http.Header               { return n.h }
func (n nop) Write(p []byte) (int, error)       { return len(p), nil }
func (n nop) WriteString(p string) (int, error) { return len(p), nil }
func (n nop) WriteHeader(int)                   {}

func BenchmarkText(b *testing.B) { bench(b, "/") }
func BenchmarkVar(b *testing.B)  { bench(b, "/t/bob") }
func BenchmarkJSON(b *testing.B) { bench(b, "/u/7") }
func Benchmark404(b *testing.B)  { bench(b, "/nope") }
func bench(b *testing.B, path string) {
	app := carafe.New("x")
	app.Route("/", index)
	app.Route("/u/<int:id>", func(c *carafe.Context, id int) (user, error) { return user{id, "x"}, nil })
	app.Get("/t/<name>", func(name string) string { return "hello " + name })
	r := httptest.NewRequest("GET", path, nil)
	w := nop{http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		app.ServeHTTP(w, r)
	}
}
