package routing_test

import (
	"testing"

	"github.com/carafeweb/carafe/routing"
)

// BenchmarkFind guards the walk; bench/router compares it with other routers.
func BenchmarkFind(b *testing.B) {
	m := routing.New(routing.Options{})
	for _, text := range []string{"/", "/users/settings", "/users/<id>", "/users/<int:id>/posts/<slug>", "/<a>/<b>/<c>/<d>/<e>",
		"/static/<path:file>", "/repositories/popular"} {
		if err := m.Add(&routing.Rule{Rule: text, Endpoint: text, Methods: []string{"GET"}}); err != nil {
			b.Fatal(err)
		}
	}
	for _, bb := range []struct{ name, path string }{
		{"static", "/users/settings"}, {"long static", "/repositories/popular"}, {"variable", "/users/bob"},
		{"int and variable", "/users/42/posts/hello"}, {"five", "/a/b/c/d/e"}, {"path", "/static/css/site.css"},
	} {
		b.Run(bb.name, func(b *testing.B) {
			var match routing.Match
			b.ReportAllocs()
			for b.Loop() {
				if err := m.Find(t0, &match, "", "GET", bb.path, false); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
