package carafe_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"

	"github.com/carafeweb/carafe"
	"github.com/carafeweb/carafe/routing"
	"github.com/gorilla/mux"
)

// fetchText is the text with which the app answers GET target.
func fetchText(app *carafe.App, target string) string {
	w := httptest.NewRecorder()
	app.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
	return w.Body.String()
}

// In a request URLs are relative to its host, unless they are wanted otherwise.
func ExampleContext_URLFor() {
	app := carafe.New("shop")
	app.Get("/users/<int:id>", func(c *carafe.Context, id int) string {
		return strings.Join([]string{
			c.URLFor("user", "id", id+1),
			c.URLFor("user", "id", id, "tag", []string{"a", "b c"}),
			c.URLFor("user", "id", id, "_external", true),
			c.URLFor("user", "id", id, "_scheme", "https"),
		}, "\n")
	}, carafe.Endpoint("user"))

	fmt.Println(fetchText(app, "/users/7"))
	// Output:
	// /users/8
	// /users/7?tag=a&tag=b+c
	// http://example.com/users/7
	// https://example.com/users/7
}

// A library that registers its routes with gorilla/mux finds its place in the app, and the app's hooks run around it.
func ExampleApp_Router() {
	register := func(r *mux.Router) {
		r.HandleFunc("/things/{id}", func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "thing %s", mux.Vars(r)["id"])
		}).Name("thing")
	}

	app := carafe.New("shop")
	register(app.Router().PathPrefix("/vendor").Subrouter())
	app.BeforeRequest(func(c *carafe.Context) (any, error) {
		fmt.Println(c.Endpoint(), c.Param("id"))
		return nil, nil
	})

	fmt.Println(fetchText(app, "/vendor/things/7"))
	// Output:
	// thing 7
	// thing 7
}

// listConverter is a converter for "a+b+c".
type listConverter struct{}

func (listConverter) Parse(_ context.Context, text string) (any, error) {
	return strings.Split(text, "+"), nil
}

func (listConverter) Format(v any) (string, error) {
	return routing.QuotePath(strings.Join(v.([]string), "+")), nil
}

func ExampleApp_Converter() {
	app := carafe.New("shop")
	app.Converter("list", func(routing.Arguments) (routing.Definition, error) {
		return routing.Definition{Converter: listConverter{}, Type: reflect.TypeFor[[]string]()}, nil
	})
	app.Get("/tags/<list:tags>", func(c *carafe.Context, tags []string) string {
		return fmt.Sprint(len(tags), " ", c.URLFor("tags", "tags", append(tags, "new")))
	}, carafe.Endpoint("tags"))

	fmt.Println(fetchText(app, "/tags/hot+cold"))
	// Output: 2 /tags/hot+cold+new
}

// Of two rules for a path, the one with conditions answers where they hold.
func ExampleHeaders() {
	app := carafe.New("shop")
	app.Get("/", func() string { return "new" }, carafe.Endpoint("beta"), carafe.Headers{"X-Beta": "1"})
	app.Get("/", func() string { return "old" }, carafe.Endpoint("index"))

	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("X-Beta", "1")
	w := httptest.NewRecorder()
	app.ServeHTTP(w, r)
	fmt.Println(w.Body, fetchText(app, "/"))
	// Output: new old
}
