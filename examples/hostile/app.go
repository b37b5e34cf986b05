package main

import (
	"path/filepath"

	"github.com/carafeweb/carafe"
)

// settings are what the ways of serving differ in.
type settings struct {
	site      string // the folder with the files
	hard      bool   // the hosts are named
	restarted bool   // somebody starts a new process when this one dies
}

// site is the application.
type site struct {
	settings
	probes
}

// newApp makes it. Everything is Carafe's default, but for the key that sessions need, and the hosts if they are asked for.
func newApp(set settings) *carafe.App {
	app := carafe.New("hostile", carafe.Static{Dir: filepath.Join(set.site, "static"), Path: "/static"})
	app.Config.SecretKey = "only for tests: not a secret 8c1f6b0e2d"
	if set.hard {
		app.Config.TrustedHosts = []string{"127.0.0.1", "good.test"}
	}
	s := &site{settings: set}
	s.addEchoes(app)
	s.addBodies(app)
	s.addHeaders(app)
	s.addFaults(app)
	s.addSessions(app)
	s.addProbes(app)
	return app
}

// addEchoes are the views that answer with what they got.
func (s *site) addEchoes(app *carafe.App) {
	app.TemplateFilter("link", link)
	app.Get("/", func() *carafe.Response { return carafe.Text("ok") }, carafe.Endpoint("index"))
	app.Get("/hello/<name>", carafe.Text, carafe.Endpoint("hello"))
	app.Get("/int/<int:id>", number)
	app.Get("/slash/", func() *carafe.Response { return carafe.Text("slash") }, carafe.Endpoint("slash"))
	app.Get("/any/<path:p>", carafe.Text, carafe.Endpoint("any"))
	app.Get("/query", query)
	app.Get("/q", func(c *carafe.Context) *carafe.Response { return carafe.Text(c.Query("x")) }, carafe.Endpoint("q"))
	app.Get("/xin", func(c *carafe.Context) *carafe.Response { return carafe.Text(c.Request.Header.Get("X-In")) }, carafe.Endpoint("xin"))
	app.Get("/cookies", cookies)
	app.Get("/tmpl", page)
	app.Get("/ip", func(c *carafe.Context) *carafe.Response { return carafe.Text(c.Request.ClientAddr()) }, carafe.Endpoint("ip"))
	app.Get("/scheme", func(c *carafe.Context) *carafe.Response { return carafe.Text(c.Request.Scheme()) }, carafe.Endpoint("scheme"))
	app.Get("/host", func(c *carafe.Context) *carafe.Response { return carafe.Text(c.Request.Authority()) }, carafe.Endpoint("host"))
	app.Get("/download", s.download)
	app.Get("/attach", attach)
}

// addBodies are the views that read a body.
func (s *site) addBodies(app *carafe.App) {
	app.Post("/json", readJSON)
	app.Post("/form", readForm)
	app.Post("/upload", readUpload)
	app.Post("/bind", bind)
	app.Post("/body", readBody)
	app.Post("/transfer", func() *carafe.Response { return carafe.Text("done") }, carafe.Endpoint("transfer"))
}

// addHeaders are the views that put what they got into the head of the answer.
func (s *site) addHeaders(app *carafe.App) {
	app.Get("/redirect", func(c *carafe.Context) *carafe.Response { return carafe.Redirect(c.Query("to")) }, carafe.Endpoint("redirect"))
	app.Get("/setheader", setHeader)
	app.Get("/setheadername", setHeaderName)
	app.Get("/setcookie", setCookie)
	app.Get("/status", status)
	app.Get("/wronglen", wrongLength)
}

// addFaults are the views and hooks that fail.
func (s *site) addFaults(app *carafe.App) {
	app.Get("/panic", func() string { panic(secretPanic) }, carafe.Endpoint("panic"))
	app.Get("/panic-nil", nilMap)
	app.Get("/panic-late", late)
	for _, path := range []string{"/panic-before", "/panic-after", "/panic-teardown"} {
		app.Get(path, func() *carafe.Response { return carafe.Text("reached") }, carafe.Endpoint(path[1:]))
	}
	app.Get("/error", failing)
	app.Get("/nil", func() any { return nil }, carafe.Endpoint("nil"))
	app.BeforeRequest(panicBefore)
	app.AfterRequest(panicAfter)
	app.TeardownRequest(panicTeardown)
}

func (s *site) addSessions(app *carafe.App) {
	app.Get("/session/login", login)
	app.Get("/session/whoami", whoami)
	app.Get("/session/has", hasUser)
}

func (s *site) addProbes(app *carafe.App) {
	app.Get("/retain/<name>", s.retain)
	app.Get("/retainctx/<name>", s.retainContext)
	app.Get("/retained", s.retained)
	app.Get("/stream", s.stream)
	app.Get("/wait", s.wait)
	app.Get("/active", s.active)
	app.Get("/ctxmap", scratch)
	app.Get("/gopanic", s.background)
}
