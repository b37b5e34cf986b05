// Package router measures the index of package routing against other routers of Go.
package router

import (
	_ "embed"
	"fmt"
	"strings"
	"testing"

	"github.com/carafeweb/carafe/routing"
	"github.com/gorilla/mux"
)

//go:embed github.txt
var github string

func variables(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "/:v%d", i)
	}
	return b.String()
}

func BenchmarkOneStatic(b *testing.B) {
	run(b, []call{{"GET", "/users/settings"}}, []call{{"GET", "/users/settings"}})
}

func BenchmarkVariables1(b *testing.B)  { benchmarkVariables(b, 1) }
func BenchmarkVariables5(b *testing.B)  { benchmarkVariables(b, 5) }
func BenchmarkVariables20(b *testing.B) { benchmarkVariables(b, 20) }

func benchmarkVariables(b *testing.B, n int) {
	routes := []call{{"GET", variables(n)}}
	run(b, routes, filled(routes))
}

func BenchmarkGitHubStatic(b *testing.B) { run(b, lines(github), []call{{"GET", "/user/repos"}}) }

func BenchmarkGitHubVariable(b *testing.B) {
	run(b, lines(github), []call{{"GET", "/repos/julien/router/stargazers"}})
}

func BenchmarkGitHubAll(b *testing.B) {
	routes := lines(github)
	run(b, routes, filled(routes))
}

func BenchmarkStatic150(b *testing.B) { run(b, staticPages(), staticPages()) }

func staticPages() []call {
	var routes []call
	for i := range 150 {
		routes = append(routes, call{"GET", fmt.Sprintf("/doc/%s/page%d.html", []string{"go", "articles", "progs"}[i%3], i)})
	}
	return routes
}

var (
	notFound   = call{"GET", "/repos/julien/router/nothing/here"}
	notAllowed = call{"PATCH", "/repos/julien/router/issues"}
)

func BenchmarkNotFound(b *testing.B)         { run(b, lines(github), []call{notFound}) }
func BenchmarkMethodNotAllowed(b *testing.B) { run(b, lines(github), []call{notAllowed}) }

func many(n int) []call {
	var routes []call
	for i := range n {
		routes = append(routes, call{"GET", fmt.Sprintf("/section%d/resource%d/:id/items", i%100, i)})
	}
	return routes
}

func BenchmarkRules10(b *testing.B)    { benchmarkMany(b, 10) }
func BenchmarkRules100(b *testing.B)   { benchmarkMany(b, 100) }
func BenchmarkRules1000(b *testing.B)  { benchmarkMany(b, 1000) }
func BenchmarkRules10000(b *testing.B) { benchmarkMany(b, 10000) }

func benchmarkMany(b *testing.B, n int) { run(b, many(n), tenOf(many(n))) }

// tenOf are ten of the rules, spread evenly: an operation is ten requests.
func tenOf(routes []call) []call {
	var some []call
	for i := range 10 {
		some = append(some, routes[i*len(routes)/10])
	}
	return filled(some)
}

func BenchmarkSetUp1000(b *testing.B) {
	routes := many(1000)
	b.Run("index", func(b *testing.B) { benchmarkSetUp(b, routes, func(*routing.Map) {}) })
	b.Run("index and mux table", func(b *testing.B) {
		benchmarkSetUp(b, routes, func(m *routing.Map) { m.Table() })
	})
	b.Run("gorilla mux alone", func(b *testing.B) {
		templates := make([]string, len(routes))
		for i, r := range routes {
			templates[i] = variable.ReplaceAllString(r.path, "{$1}")
		}
		b.ReportAllocs()
		for b.Loop() {
			m := mux.NewRouter()
			for i, r := range routes {
				m.HandleFunc(templates[i], ok).Methods(r.method)
			}
		}
	})
}

// benchmarkSetUp leaves out writing the rules down, which is the application's affair.
func benchmarkSetUp(b *testing.B, routes []call, after func(*routing.Map)) {
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		rules := carafeRules(routes)
		b.StartTimer()
		after(compiled(rules))
	}
}

func BenchmarkBuild(b *testing.B) {
	m := routing.New(routing.Options{})
	if err := m.Add(&routing.Rule{Rule: "/users/<int:id>/posts/<slug>", Endpoint: "post"}); err != nil {
		b.Fatal(err)
	}
	a, err := m.Bind("example.com", routing.BindOptions{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := a.Build("post", []routing.Pair{{Name: "id", Value: 7}, {Name: "slug", Value: "hello-world"}}, routing.BuildOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}

// Every peer has to answer the calls of the benchmarks as they are meant before it is measured.
func TestPeersFindTheRoutes(t *testing.T) {
	routes := lines(github)
	for _, p := range peers {
		prepare := p.make(routes)
		for _, c := range filled(routes) {
			a := prepare(c)
			if a.run(); a.status() != 0 && a.status() != 200 {
				t.Errorf("%s answers %s %s with %d", p.name, c.method, c.path, a.status())
			}
		}
		for want, c := range map[int]call{404: notFound, 405: notAllowed} {
			if p.hides405 {
				want = 404
			}
			a := prepare(c)
			if a.run(); a.status() != want {
				t.Errorf("%s answers %s %s with %d, want %d", p.name, c.method, c.path, a.status(), want)
			}
		}
	}
}
