package router

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/cloudwego/hertz/pkg/app"
	hertzconfig "github.com/cloudwego/hertz/pkg/common/config"
	"github.com/cloudwego/hertz/pkg/common/hlog"
	"github.com/cloudwego/hertz/pkg/route"
	"github.com/gin-gonic/gin"
	"github.com/go-chi/chi/v5"
	"github.com/gofiber/fiber/v3"
	"github.com/gorilla/mux"
	"github.com/julienschmidt/httprouter"
	"github.com/labstack/echo/v5"
	"github.com/uptrace/bunrouter"
	"github.com/valyala/fasthttp"

	"github.com/carafeweb/carafe/routing"
)

// A call is a request; a path with ":name" or the filled-in path.
type call struct{ method, path string }

// A peer makes, for some routes, a function that answers calls. It is prepared per call, so
// that only routing is measured, and each router runs what it runs for a real request: our
// index is a http.Handler too.
type peer struct {
	name string
	make func(routes []call) func(c call) answer
	// hides405 is a router that answers a wrong method with 404 where other rules of the path are below a variable.
	hides405 bool
}

// An answer to one call: run gives it, and status is what it was, 0 for the 200 of a handler that says nothing.
type answer struct {
	run    func()
	status func() int
}

var peers = []peer{
	{name: "carafe", make: carafe},
	{name: "nethttp", make: netHTTP},
	{name: "mux", make: gorilla},
	{name: "chi", make: chiRouter},
	{name: "gin", make: ginEngine},
	{name: "echo", make: echoRouter},
	{name: "httprouter", make: httpRouter},
	{name: "bunrouter", make: bun, hides405: true},
	{name: "fiber", make: fiberApp},
	{name: "hertz", make: hertzEngine},
}

// nothing is a response that goes nowhere.
type nothing struct {
	header http.Header
	status int
}

func (n *nothing) Header() http.Header         { return n.header }
func (n *nothing) Write(p []byte) (int, error) { return len(p), nil }
func (n *nothing) WriteHeader(status int)      { n.status = status }

func serve(h http.Handler) func(call) answer {
	return func(c call) answer {
		r, err := http.NewRequest(c.method, c.path, nil)
		if err != nil {
			panic(err)
		}
		w := &nothing{header: http.Header{}}
		return answer{func() { h.ServeHTTP(w, r) }, func() int { return w.status }}
	}
}

var variable = regexp.MustCompile(`:([a-z_0-9]+)`)

// server is the least that makes a http.Handler of a map; a match is handed to the handler.
type server struct{ m *routing.Map }

type handler func(w http.ResponseWriter, r *http.Request, m routing.Match)

func (s server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var m routing.Match
	switch err := s.m.Find(r.Context(), &m, "", r.Method, r.URL.Path, false); err.(type) {
	case nil:
		m.Rule.Data.(handler)(w, r, m)
	case *routing.MethodNotAllowed:
		w.WriteHeader(http.StatusMethodNotAllowed)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func carafe(routes []call) func(call) answer { return serve(server{carafeMap(routes)}) }

func carafeMap(routes []call) *routing.Map { return compiled(carafeRules(routes)) }

func carafeRules(routes []call) []*routing.Rule {
	h := handler(func(http.ResponseWriter, *http.Request, routing.Match) {})
	var rules []*routing.Rule
	for _, r := range routes {
		rules = append(rules, &routing.Rule{Rule: variable.ReplaceAllString(r.path, "<$1>"), Endpoint: r.method + r.path,
			Methods: []string{r.method}, Data: h})
	}
	return rules
}

func compiled(rules []*routing.Rule) *routing.Map {
	m := routing.New(routing.Options{})
	if err := m.Add(rules...); err != nil {
		panic(err)
	}
	if err := m.Compile(); err != nil {
		panic(err)
	}
	return m
}

func ok(http.ResponseWriter, *http.Request) {}

func netHTTP(routes []call) func(call) answer {
	m := http.NewServeMux()
	for _, r := range routes {
		path := variable.ReplaceAllString(r.path, "{$1}")
		if path == "/" {
			path = "/{$}"
		}
		m.HandleFunc(r.method+" "+path, ok)
	}
	return serve(m)
}

func gorilla(routes []call) func(call) answer {
	m := mux.NewRouter()
	for _, r := range routes {
		m.HandleFunc(variable.ReplaceAllString(r.path, "{$1}"), ok).Methods(r.method)
	}
	return serve(m)
}

func chiRouter(routes []call) func(call) answer {
	m := chi.NewRouter()
	for _, r := range routes {
		m.MethodFunc(r.method, variable.ReplaceAllString(r.path, "{$1}"), ok)
	}
	return serve(m)
}

func ginEngine(routes []call) func(call) answer {
	gin.SetMode(gin.ReleaseMode)
	e := gin.New()
	e.HandleMethodNotAllowed = true
	for _, r := range routes {
		e.Handle(r.method, r.path, func(*gin.Context) {})
	}
	return serve(e)
}

func echoRouter(routes []call) func(call) answer {
	e := echo.New()
	for _, r := range routes {
		e.Add(r.method, r.path, func(*echo.Context) error { return nil })
	}
	return serve(e)
}

func httpRouter(routes []call) func(call) answer {
	h := httprouter.New()
	for _, r := range routes {
		h.Handle(r.method, r.path, func(http.ResponseWriter, *http.Request, httprouter.Params) {})
	}
	return serve(h)
}

func bun(routes []call) func(call) answer {
	b := bunrouter.New()
	for _, r := range routes {
		b.Handle(r.method, r.path, func(http.ResponseWriter, bunrouter.Request) error { return nil })
	}
	return serve(b)
}

func fiberApp(routes []call) func(call) answer {
	a := fiber.New()
	for _, r := range routes {
		a.Add([]string{r.method}, r.path, func(fiber.Ctx) error { return nil })
	}
	h := a.Handler()
	return func(c call) answer {
		ctx := &fasthttp.RequestCtx{}
		ctx.Request.Header.SetMethod(c.method)
		ctx.Request.SetRequestURI(c.path)
		return answer{func() { h(ctx) }, ctx.Response.StatusCode}
	}
}

func hertzEngine(routes []call) func(call) answer {
	hlog.SetLevel(hlog.LevelFatal)
	options := hertzconfig.NewOptions([]hertzconfig.Option{})
	options.HandleMethodNotAllowed = true
	e := route.NewEngine(options)
	for _, r := range routes {
		e.Handle(r.method, r.path, func(context.Context, *app.RequestContext) {})
	}
	if err := e.Init(); err != nil {
		panic(err)
	}
	return func(c call) answer {
		ctx := e.NewContext()
		ctx.Request.SetMethod(c.method)
		ctx.Request.SetRequestURI(c.path)
		background := context.Background()
		run := func() {
			ctx.SetHandlers(nil)
			ctx.SetIndex(-1)
			e.ServeHTTP(background, ctx)
		}
		return answer{run, ctx.Response.StatusCode}
	}
}

// run measures all calls in turn; an operation is one round.
func run(b *testing.B, routes, calls []call) {
	for _, p := range peers {
		b.Run(p.name, func(b *testing.B) {
			prepare := p.make(routes)
			var all []func()
			for _, c := range calls {
				all = append(all, prepare(c).run)
			}
			b.ReportAllocs()
			if len(all) == 1 {
				one := all[0]
				for b.Loop() {
					one()
				}
				return
			}
			for b.Loop() {
				for _, f := range all {
					f()
				}
			}
		})
	}
}

// filled gives each variable of the calls a value.
func filled(routes []call) []call {
	out := make([]call, len(routes))
	for i, r := range routes {
		out[i] = call{r.method, variable.ReplaceAllStringFunc(r.path, func(s string) string { return s[1:] + "7" })}
	}
	return out
}

func lines(text string) []call {
	var calls []call
	for line := range strings.Lines(text) {
		method, path, _ := strings.Cut(strings.TrimSpace(line), " ")
		calls = append(calls, call{method, path})
	}
	return calls
}
