// Command hello is the smallest Carafe program that shows what a view may be.
//
//	go run ./examples/hello
//	curl -i http://127.0.0.1:5000/
package main

import (
	"log"

	"github.com/carafeweb/carafe"
)

// User is what /users/<int:id> answers with.
type User struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
}

var users = map[int]User{1: {1, "ada"}, 2: {2, "grace"}}

func main() {
	if err := newApp().Run(); err != nil {
		log.Fatal(err)
	}
}

func newApp() *carafe.App {
	app := carafe.New("hello")
	app.Route("/", index)
	app.Route("/hello/<name>", hello)
	app.Route("/users/<int:id>", user)
	app.Route("/about/", about)
	app.Route("/panic", broken)
	return app
}

func index() string { return "Hello, World!" }

// A string is HTML, as in Flask; what comes from outside is sent as plain text, or escaped.
func hello(name string) *carafe.Response { return carafe.Text("Hello, " + name + "!") }

func user(c *carafe.Context, id int) (User, error) {
	u, ok := users[id]
	if !ok {
		return User{}, carafe.Abort(404)
	}
	return u, nil
}

func about(c *carafe.Context) *carafe.Response {
	return carafe.Text("You are at " + c.URLFor("about") + "\n")
}

func broken() string { panic("a view that panics is a 500, and the next request is served") }
