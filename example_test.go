package carafe_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"

	"github.com/carafeweb/carafe"
)

// ask serves one request and prints the answer.
func ask(app *carafe.App, method, path string) {
	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest(method, path, nil))
	fmt.Println(w.Code, w.Body)
}

// A view returns what it has to say; variables of the rule arrive with the types of their converters.
func Example() {
	app := carafe.New("hello")
	app.Get("/", func() string { return "Hello, World!" })
	app.Get("/hello/<name>", func(name string) any { return carafe.Text("Hello, " + name + "!") })
	app.Get("/double/<int:n>", func(n int) map[string]int { return map[string]int{"double": 2 * n} })
	ask(app, "GET", "/")
	ask(app, "GET", "/hello/Ada")
	ask(app, "GET", "/double/21")
	// Output:
	// 200 Hello, World!
	// 200 Hello, Ada!
	// 200 {"double":42}
}

func ExampleApp_URLFor() {
	app := carafe.New("shop")
	app.Config.ServerName = "shop.example"
	app.Get("/users/<int:id>", func(id int) string { return "" }, carafe.Endpoint("user"))
	fmt.Println(app.URLFor("user", "id", 7, "page", 2, "_anchor", "orders"))
	// Output: http://shop.example/users/7?page=2#orders <nil>
}

// Middleware wraps the gateway, and everybody keeps the App.
func ExampleApp_Use() {
	app := carafe.New("shop")
	app.Use(func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Println("in")
			next.ServeHTTP(w, r)
			fmt.Println("out")
		})
	})
	app.Get("/", func() string { fmt.Println("view"); return "hi" }, carafe.Endpoint("index"))
	ask(app, "GET", "/")
	// Output:
	// in
	// view
	// out
	// 200 hi
}

// Abort is returned, or panicked with from any depth.
func ExampleAbort() {
	app := carafe.New("shop")
	app.ErrorHandler(404, func(_ *carafe.Context, e *carafe.HTTPError) (any, error) {
		return carafe.Reply("nothing here: "+e.Description, 404), nil
	})
	app.Get("/beans/<kind>", func(kind string) error { return carafe.Abort(404, "no "+kind) })
	ask(app, "GET", "/beans/decaf")
	// Output: 404 nothing here: no decaf
}

// A handler takes the errors of a type, however they are wrapped.
func ExampleOnError() {
	app := carafe.New("shop")
	carafe.OnError(app, func(_ *carafe.Context, e *outOfStock) (any, error) {
		return carafe.Reply(map[string]string{"missing": e.item}, 409), nil
	})
	app.Get("/buy", func() error { return fmt.Errorf("order 7: %w", &outOfStock{"beans"}) }, carafe.Endpoint("buy"))
	ask(app, "GET", "/buy")
	// Output: 409 {"missing":"beans"}
}

type outOfStock struct{ item string }

func (e *outOfStock) Error() string { return e.item + " is out of stock" }

// A key gives a value of the request's scratch store its type.
func ExampleKey() {
	user := carafe.NewKey[string]("user")
	app := carafe.New("shop")
	app.BeforeRequest(func(c *carafe.Context) (any, error) {
		user.Set(c, "ada")
		return nil, nil
	})
	app.Get("/", func(c *carafe.Context) string { return "Hello " + user.Get(c) }, carafe.Endpoint("index"))
	ask(app, "GET", "/")
	// Output: 200 Hello ada
}
