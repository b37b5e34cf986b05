package carafe_test

import (
	"net/http/httptest"
	"testing"

	"github.com/carafeweb/carafe"
)

func urlsApp() *carafe.App {
	app := carafe.New("app")
	app.Config.ServerName = "example.com"
	app.Get("/", func() string { return "" }, carafe.Endpoint("index"))
	app.Get("/users/<int:id>/posts/<slug>", func() string { return "" }, carafe.Endpoint("post"))
	return app
}

// BenchmarkURLFor is what URLs of a page cost; TestURLForAllocations guards the allocations.
func BenchmarkURLFor(b *testing.B) {
	app := urlsApp()
	c := app.TestRequestContext(httptest.NewRequest("GET", "/", nil))
	c.Push()
	b.Run("in a request, no values", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c.URLFor("index")
		}
	})
	b.Run("in a request, two variables", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c.URLFor("post", "id", 7, "slug", "hello")
		}
	})
	b.Run("in a request, two variables and a query", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			c.URLFor("post", "id", 7, "slug", "hello", "page", 2)
		}
	})
	b.Run("outside of a request", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := app.URLFor("post", "id", 7, "slug", "hello"); err != nil {
				b.Fatal(err)
			}
		}
	})
}
