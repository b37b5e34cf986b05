package main

import (
	"net/http"
	"strconv"

	"github.com/carafeweb/carafe"
)

// carafeApp is the site in Carafe, as its manual would write it. The static file needs no line: it lies where the app looks.
func carafeApp(dir string) *carafe.App {
	app := carafe.New("bench", carafe.RootPath(dir), carafe.Templates{Dir: "templates"}, carafe.Static{Dir: "static"})
	app.Config.SecretKey = secret
	app.Get("/hello", func() string { return hello }, carafe.Endpoint("hello"))
	app.Get("/users/<int:id>", func(id int) (any, error) { return user{id, "ada"}, nil }, carafe.Endpoint("user"))
	app.Post("/orders", func(in order) (order, error) { return in, nil }, carafe.Endpoint("orders"))
	app.Get("/session", carafeVisit)
	app.Get("/page", func() any {
		return carafe.Render("users.html", map[string]any{"Title": thePage.Title, "Users": users})
	}, carafe.Endpoint("page"))
	app.Get("/stream", func() any { return carafe.Stream(pieces()) }, carafe.Endpoint("stream"))
	return app
}

func carafeVisit(c *carafe.Context) string {
	s := c.Session()
	n, _ := s.Get("n").(int)
	if n == 0 {
		for k, v := range remembered {
			s.Set(k, v)
		}
	}
	s.Set("n", n+1)
	return visit(n + 1)
}

// number is for the peers, whose variables are texts.
func number(w http.ResponseWriter, text string) (int, bool) {
	n, err := strconv.Atoi(text)
	if err != nil {
		http.Error(w, "no such user", http.StatusNotFound)
	}
	return n, err == nil
}
