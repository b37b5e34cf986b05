// Package guests has the same small site in gin, echo, chi, the mux of net/http, as a plain Application, and in Carafe. Its tests
// run each under every server of the gateway and under server.Run, and all of them side by side.
//
// It is a module of its own: the frameworks are no dependencies of Carafe.
package guests

import (
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/labstack/echo/v5"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/gateway"
)

// A Guest is a framework with the site in it.
type Guest struct {
	Name    string
	Handler http.Handler
}

// All makes one of each. Every site has:
//
//	GET  /hello/NAME   "hello NAME from FRAMEWORK below SCRIPT_NAME"
//	POST /copy         the body, with the status 201
//	GET  /stream       "one\n", flushed, and "two\n" when gate lets it
//	GET  /move         a redirect to /hello/moved
func All(gate <-chan bool) []Guest {
	return []Guest{
		{"gin", newGin(gate)},
		{"echo", newEcho(gate)},
		{"chi", newChi(gate)},
		{"mux", newMux(gate)},
		{"application", gateway.Handler(application(gate))},
		{"carafe", newCarafe(gate)},
	}
}

// Named is the guest of that name.
func Named(name string, gate <-chan bool) http.Handler {
	for _, g := range All(gate) {
		if g.Name == name {
			return g.Handler
		}
	}
	panic("no guest " + name)
}

func greeting(name, framework string, r *http.Request) string {
	return fmt.Sprintf("hello %s from %s below %q", name, framework, gateway.ScriptName(r))
}

// stream writes a line, flushes it, and waits for the gate.
func stream(w http.ResponseWriter, r *http.Request, gate <-chan bool) {
	w.Header().Set("Content-Type", "text/plain")
	io.WriteString(w, "one\n")
	w.(http.Flusher).Flush()
	select {
	case <-gate:
		io.WriteString(w, "two\n")
	case <-r.Context().Done():
	}
}

func newGin(gate <-chan bool) http.Handler {
	gin.SetMode(gin.ReleaseMode)
	g := gin.New()
	g.GET("/hello/:name", func(c *gin.Context) { c.String(200, "%s", greeting(c.Param("name"), "gin", c.Request)) })
	g.POST("/copy", func(c *gin.Context) {
		body, err := io.ReadAll(c.Request.Body)
		if err != nil {
			c.AbortWithError(400, err)
			return
		}
		c.Data(201, "text/plain", body)
	})
	g.GET("/stream", func(c *gin.Context) { stream(c.Writer, c.Request, gate) })
	g.GET("/move", func(c *gin.Context) { c.Redirect(302, "/hello/moved") })
	return g
}

func newEcho(gate <-chan bool) http.Handler {
	e := echo.New()
	e.GET("/hello/:name", func(c *echo.Context) error { return c.String(200, greeting(c.Param("name"), "echo", c.Request())) })
	e.POST("/copy", func(c *echo.Context) error {
		body, err := io.ReadAll(c.Request().Body)
		if err != nil {
			return err
		}
		return c.Blob(201, "text/plain", body)
	})
	e.GET("/stream", func(c *echo.Context) error { stream(c.Response(), c.Request(), gate); return nil })
	e.GET("/move", func(c *echo.Context) error { return c.Redirect(302, "/hello/moved") })
	return e
}

func newChi(gate <-chan bool) http.Handler {
	x := chi.NewRouter()
	x.Get("/hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, greeting(chi.URLParam(r, "name"), "chi", r))
	})
	x.Post("/copy", echoBody)
	x.Get("/stream", func(w http.ResponseWriter, r *http.Request) { stream(w, r, gate) })
	x.Get("/move", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/hello/moved", http.StatusFound) })
	return x
}

func newMux(gate <-chan bool) http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, greeting(r.PathValue("name"), "mux", r))
	})
	m.HandleFunc("POST /copy", echoBody)
	m.HandleFunc("GET /stream", func(w http.ResponseWriter, r *http.Request) { stream(w, r, gate) })
	m.HandleFunc("GET /move", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/hello/moved", http.StatusFound) })
	return m
}

func echoBody(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), 400)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	w.WriteHeader(201)
	w.Write(body)
}

// newCarafe is the site as an App. As the others' routes it has no hooks; its redirect is built by the endpoint.
func newCarafe(gate <-chan bool) http.Handler {
	app := carafe.New("guest")
	app.Get("/hello/<name>", func(c *carafe.Context, name string) *carafe.Response {
		return carafe.Text(greeting(name, "carafe", c.Request.Request))
	}, carafe.Endpoint("hello"))
	app.Post("/copy", func(c *carafe.Context) (any, error) {
		body, err := io.ReadAll(c.Request.Body)
		return carafe.Reply(carafe.Text(string(body)), 201), err
	}, carafe.Endpoint("echo"))
	app.Get("/stream", func(c *carafe.Context) any {
		return carafe.Stream(func(yield func([]byte) bool) {
			if !yield([]byte("one\n")) {
				return
			}
			select {
			case <-gate:
				yield([]byte("two\n"))
			case <-c.Done():
			}
		})
	}, carafe.Endpoint("stream"))
	app.Get("/move", func(c *carafe.Context) any { return carafe.Redirect(c.URLFor("hello", "name", "moved")) }, carafe.Endpoint("move"))
	return app
}

// application is the site in the contract's literal form.
func application(gate <-chan bool) gateway.Application {
	return gateway.ApplicationFunc(func(env gateway.Environ, start gateway.StartResponse) (gateway.Body, error) {
		method, path := env.String("REQUEST_METHOD"), env.String("PATH_INFO")
		status, header := "200 OK", http.Header{"Content-Type": {"text/plain"}}
		var body gateway.Body = gateway.Text("")
		switch name, isHello := strings.CutPrefix(path, "/hello/"); {
		case isHello && method == "GET":
			body = gateway.Text(fmt.Sprintf("hello %s from application below %q", name, env.String("SCRIPT_NAME")))
		case path == "/copy" && method == "POST":
			order, err := io.ReadAll(env.Input()) // first, for nginx sends no more of it once the answer begins
			if err != nil {
				return nil, err
			}
			status, body = "201 Created", gateway.List{order}
		case path == "/stream" && method == "GET":
			body = gateway.Stream(func(yield func([]byte, error) bool) {
				if yield([]byte("one\n"), nil) {
					select {
					case <-gate:
						yield([]byte("two\n"), nil)
					case <-env.Context().Done():
					}
				}
			}, nil)
		case path == "/move" && method == "GET":
			status = "302 Found"
			header.Set("Location", env.String("SCRIPT_NAME")+"/hello/moved")
		default:
			status = "404 Not Found"
		}
		_, err := start(status, header, nil)
		return body, err
	})
}

// Beside is all of them below one Dispatcher, "/gin", "/copy" and so on; Carafe's is the site's root too.
func Beside(gate <-chan bool) http.Handler {
	d := &gateway.Dispatcher{Mounts: map[string]http.Handler{}}
	for _, g := range All(gate) {
		h := g.Handler
		if g.Name != "carafe" && g.Name != "application" { // which know script names themselves
			h = gateway.Guest(h)
		}
		d.Mounts["/"+g.Name] = h
	}
	d.Default = newCarafe(gate)
	return d
}
