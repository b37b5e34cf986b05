package main

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/gofiber/fiber/v3"
	"github.com/julienschmidt/httprouter"
	"github.com/labstack/echo/v5"

	"github.com/carafeweb/carafe"
)

type user struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
}

const hello = "Hello, World!"

func cases() []setup {
	return []setup{
		{"static text", "GET", "/hello", hello, 0, func() []contestant { return text("/hello") }},
		{"variable to text", "GET", "/users/42", "user 42", 0, variable},
		{"variable to JSON", "GET", "/users/42", `{"id":42,"name":"ada"}`, 0, jsonStruct},
		{"five hooks before and after", "GET", "/hello", hello, 10, hooks},
		{"404", "GET", "/nothing/here", "", 0, func() []contestant { return text("/hello") }},
	}
}

func newGin() *gin.Engine {
	gin.SetMode(gin.ReleaseMode)
	return gin.New()
}

func text(path string) []contestant {
	app := carafe.New("bench")
	app.Get(path, func() string { return hello })

	g := newGin()
	g.GET(path, func(c *gin.Context) { c.String(200, hello) })

	e := echo.New()
	e.GET(path, func(c *echo.Context) error { return c.String(200, hello) })

	x := chi.NewRouter()
	x.Get(path, writeHello)

	m := http.NewServeMux()
	m.HandleFunc("GET "+path, writeHello)

	h := httprouter.New()
	h.GET(path, func(w http.ResponseWriter, r *http.Request, _ httprouter.Params) { writeHello(w, r) })

	f := fiber.New()
	f.Get(path, func(c fiber.Ctx) error { return c.SendString(hello) })
	return contestants(app, g, e, x, m, h, f)
}

func contestants(app *carafe.App, g *gin.Engine, e *echo.Echo, x http.Handler, m, h http.Handler, f *fiber.App) []contestant {
	return []contestant{
		{"carafe", app, nil}, {"gin", g, nil}, {"echo", e, nil}, {"chi", x, nil}, {"net/http mux", m, nil}, {"httprouter", h, nil},
		{"fiber (fasthttp)", nil, f.Handler()},
	}
}

func writeHello(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, hello)
}

func writeUser(w http.ResponseWriter, id string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, "user "+id)
}

func variable() []contestant {
	app := carafe.New("bench")
	app.Get("/users/<int:id>", func(id int) string { return "user " + strconv.Itoa(id) })

	g := newGin()
	g.GET("/users/:id", func(c *gin.Context) { c.String(200, "user "+number(c.Param("id"))) })

	e := echo.New()
	e.GET("/users/:id", func(c *echo.Context) error { return c.String(200, "user "+number(c.Param("id"))) })

	x := chi.NewRouter()
	x.Get("/users/{id}", func(w http.ResponseWriter, r *http.Request) { writeUser(w, number(chi.URLParam(r, "id"))) })

	m := http.NewServeMux()
	m.HandleFunc("GET /users/{id}", func(w http.ResponseWriter, r *http.Request) { writeUser(w, number(r.PathValue("id"))) })

	h := httprouter.New()
	h.GET("/users/:id", func(w http.ResponseWriter, _ *http.Request, p httprouter.Params) {
		writeUser(w, number(p.ByName("id")))
	})

	f := fiber.New()
	f.Get("/users/:id", func(c fiber.Ctx) error { return c.SendString("user " + number(c.Params("id"))) })
	return contestants(app, g, e, x, m, h, f)
}

// number reads an int and writes it again, as a view that takes one does.
func number(s string) string {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return strconv.Itoa(n)
}

func find(s string) user {
	id, err := strconv.Atoi(s)
	if err != nil {
		panic(err)
	}
	return user{id, "ada"}
}

func writeJSON(w http.ResponseWriter, u user) {
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(u); err != nil {
		panic(err)
	}
}

func jsonStruct() []contestant {
	app := carafe.New("bench")
	app.Get("/users/<int:id>", func(_ *carafe.Context, id int) (user, error) { return user{id, "ada"}, nil })

	g := newGin()
	g.GET("/users/:id", func(c *gin.Context) { c.JSON(200, find(c.Param("id"))) })

	e := echo.New()
	e.GET("/users/:id", func(c *echo.Context) error { return c.JSON(200, find(c.Param("id"))) })

	x := chi.NewRouter()
	x.Get("/users/{id}", func(w http.ResponseWriter, r *http.Request) { writeJSON(w, find(chi.URLParam(r, "id"))) })

	m := http.NewServeMux()
	m.HandleFunc("GET /users/{id}", func(w http.ResponseWriter, r *http.Request) { writeJSON(w, find(r.PathValue("id"))) })

	h := httprouter.New()
	h.GET("/users/:id", func(w http.ResponseWriter, _ *http.Request, p httprouter.Params) { writeJSON(w, find(p.ByName("id"))) })

	f := fiber.New()
	f.Get("/users/:id", func(c fiber.Ctx) error { return c.JSON(find(c.Params("id"))) })
	return contestants(app, g, e, x, m, h, f)
}

// calls counts how often hooks are passed.
var calls int

func hooks() []contestant {
	app := carafe.New("bench")
	g := newGin()
	e := echo.New()
	x := chi.NewRouter()
	var m, h http.Handler
	mux := http.NewServeMux()
	mux.HandleFunc("GET /hello", writeHello)
	router := httprouter.New()
	router.GET("/hello", func(w http.ResponseWriter, r *http.Request, _ httprouter.Params) { writeHello(w, r) })
	m, h = mux, router
	f := fiber.New()
	for range 5 {
		app.BeforeRequest(func(*carafe.Context) (any, error) { calls++; return nil, nil })
		app.AfterRequest(func(_ *carafe.Context, resp *carafe.Response) (*carafe.Response, error) { calls++; return resp, nil })
		g.Use(func(c *gin.Context) { calls++; c.Next(); calls++ })
		e.Use(func(next echo.HandlerFunc) echo.HandlerFunc {
			return func(c *echo.Context) error { calls++; err := next(c); calls++; return err }
		})
		x.Use(around)
		m, h = around(m), around(h)
		f.Use(func(c fiber.Ctx) error { calls++; err := c.Next(); calls++; return err })
	}
	app.Get("/hello", func() string { return hello })
	g.GET("/hello", func(c *gin.Context) { c.String(200, hello) })
	e.GET("/hello", func(c *echo.Context) error { return c.String(200, hello) })
	x.Get("/hello", writeHello)
	f.Get("/hello", func(c fiber.Ctx) error { return c.SendString(hello) })
	return contestants(app, g, e, x, m, h, f)
}

func around(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		next.ServeHTTP(w, r)
		calls++
	})
}
