package routing_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"

	"github.com/gorilla/mux"

	"github.com/carafeweb/carafe/routing"
)

func Example() {
	m := routing.New(routing.Options{})
	err := m.Add(
		&routing.Rule{Rule: "/", Endpoint: "index"},
		&routing.Rule{Rule: "/downloads/", Endpoint: "downloads"},
		&routing.Rule{Rule: "/downloads/<int:id>", Endpoint: "download", Methods: []string{"GET"}},
	)
	if err != nil {
		fmt.Println(err)
		return
	}
	web, err := m.Bind("example.com", routing.BindOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, path := range []string{"/", "/downloads/42", "/downloads", "/missing"} {
		match, err := web.Match(context.Background(), "GET", path)
		if err != nil {
			fmt.Println(path, "→", err)
			continue
		}
		fmt.Println(path, "→", match.Rule.Endpoint, match.Values())
	}
	url, err := web.Build("download", []routing.Pair{{Name: "id", Value: 7}, {Name: "mirror", Value: "de"}}, routing.BuildOptions{})
	fmt.Println(url, err)
	// Output:
	// / → index map[]
	// /downloads/42 → download map[id:42]
	// /downloads → routing: the request redirects to http://example.com/downloads/
	// /missing → routing: no rule matches the path
	// /downloads/7?mirror=de <nil>
}

// A server calls Find with a Match of its own, reads the rule's Data, and makes an Adapter
// only when it has to redirect.
func ExampleMap_Find() {
	type view func(w http.ResponseWriter, m *routing.Match)
	m := routing.New(routing.Options{})
	if err := m.Add(&routing.Rule{Rule: "/users/<int:id>", Endpoint: "user", Methods: []string{"GET"},
		Data: view(func(w http.ResponseWriter, m *routing.Match) { fmt.Fprintf(w, "user %d", m.Int(0)) })}); err != nil {
		fmt.Println(err)
		return
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var match routing.Match
		err := m.Find(r.Context(), &match, "", r.Method, r.URL.Path, false)
		var refused *routing.MethodNotAllowed
		switch {
		case err == nil:
			match.Rule.Data.(view)(w, &match)
		case errors.As(err, &refused):
			w.Header().Set("Allow", strings.Join(refused.Allow, ", "))
			w.WriteHeader(http.StatusMethodNotAllowed)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	for _, method := range []string{"GET", "POST"} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(method, "/users/7", nil))
		fmt.Println(w.Code, w.Header().Get("Allow"), w.Body)
	}
	// Output:
	// 200  user 7
	// 405 GET, HEAD
}

// Defaults give a canonical URL to values that most requests have.
func ExampleRule_defaults() {
	m := routing.New(routing.Options{})
	_ = m.Add(
		&routing.Rule{Rule: "/all/", Endpoint: "all", Defaults: routing.Values{"page": 1}},
		&routing.Rule{Rule: "/all/page/<int:page>", Endpoint: "all"},
	)
	web, _ := m.Bind("example.com", routing.BindOptions{})
	_, err := web.Match(context.Background(), "GET", "/all/page/1")
	fmt.Println(err)
	for page := 1; page < 3; page++ {
		url, _ := web.Build("all", []routing.Pair{{Name: "page", Value: page}}, routing.BuildOptions{})
		fmt.Println(url)
	}
	// Output:
	// routing: the request redirects to http://example.com/all/
	// /all/
	// /all/page/2
}

// Subdomains are matched before paths, and URLs that lead to another one are complete.
func ExampleOptions_subdomainMatching() {
	m := routing.New(routing.Options{SubdomainMatching: true})
	_ = m.Add(
		&routing.Rule{Rule: "/", Endpoint: "home"},
		&routing.Rule{Rule: "/", Endpoint: "profile", Subdomain: "<user>"},
	)
	r := httptest.NewRequest("GET", "/", nil)
	r.Host = "bob.example.com"
	web, _ := m.BindRequest(r, "example.com")
	match, err := web.Match(r.Context(), "", "")
	fmt.Println(match.Rule.Endpoint, match.Text(0), err)
	home, _ := web.Build("home", nil, routing.BuildOptions{})
	bob, _ := web.Build("profile", []routing.Pair{{Name: "user", Value: "bob"}}, routing.BuildOptions{})
	fmt.Println(home, bob)
	// Output:
	// profile bob <nil>
	// http://example.com/ /
}

// A list converter for "a+b+c".
type listConverter struct{}

func (listConverter) Parse(_ context.Context, text string) (any, error) {
	return strings.Split(text, "+"), nil
}

func (listConverter) Format(value any) (string, error) {
	items, ok := value.([]string)
	if !ok {
		return "", fmt.Errorf("a list is []string, not %T", value)
	}
	return routing.QuotePath(strings.Join(items, "+")), nil
}

func ExampleConverter() {
	m := routing.New(routing.Options{Converters: map[string]routing.ConverterFunc{
		"list": func(routing.Arguments) (routing.Definition, error) {
			return routing.Definition{Converter: listConverter{}, Type: reflect.TypeFor[[]string]()}, nil
		},
	}})
	_ = m.Add(&routing.Rule{Rule: "/tags/<list:tags>", Endpoint: "tags"})
	web, _ := m.Bind("example.com", routing.BindOptions{})
	match, _ := web.Match(context.Background(), "GET", "/tags/go+web")
	fmt.Printf("%q\n", match.Value(0))
	url, _ := web.Build("tags", []routing.Pair{{Name: "tags", Value: []string{"a b", "c"}}}, routing.BuildOptions{})
	fmt.Println(url)
	// Output:
	// ["go" "web"]
	// /tags/a%20b+c
}

func ExampleMap_Check() {
	m := routing.New(routing.Options{})
	_ = m.Add(
		&routing.Rule{Rule: "/users/<name>", Endpoint: "by_name", Source: "site.go:14"},
		&routing.Rule{Rule: "/users/<login>", Endpoint: "by_login", Source: "site.go:20"},
	)
	for _, err := range m.Check() {
		fmt.Println(err)
	}
	// Output:
	// routing: rule "/users/<login>" (site.go:20): rule "/users/<name>" (site.go:14) matches the same paths: GET /users/a goes to endpoint "by_name", never to "by_login": remove one, or give them different methods
}

// A BuildError says what would do.
func ExampleBuildError() {
	m := routing.New(routing.Options{})
	_ = m.Add(&routing.Rule{Rule: "/users/<int:id>", Endpoint: "user"})
	web, _ := m.Bind("example.com", routing.BindOptions{})
	for _, endpoint := range []string{"usr", "user"} {
		_, err := web.Build(endpoint, nil, routing.BuildOptions{})
		fmt.Println(err)
	}
	// Output:
	// Could not build url for endpoint 'usr'. Did you mean 'user' instead?
	// Could not build url for endpoint 'user'. Did you forget to specify values ['id']?
}

// Libraries that register routes with gorilla/mux are asked when no rule matches.
func ExampleMap_Router() {
	m := routing.New(routing.Options{})
	_ = m.Add(&routing.Rule{Rule: "/", Endpoint: "index"})
	m.Router().PathPrefix("/admin").Subrouter().HandleFunc("/users/{id}", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, "user", mux.Vars(r)["id"])
	})
	r := httptest.NewRequest("GET", "/admin/users/7", nil)
	handler, err := m.Foreign(r)
	if err != nil {
		fmt.Println(err)
		return
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, r)
	fmt.Print(w.Body)
	// Output: user 7
}

// Conditions are decided by gorilla/mux on the request that the context carries.
func ExampleRule_when() {
	m := routing.New(routing.Options{})
	_ = m.Add(
		&routing.Rule{Rule: "/feed", Endpoint: "feed.json", When: func(r *mux.Route) { r.Headers("Accept", "application/json") }},
		&routing.Rule{Rule: "/feed", Endpoint: "feed.html"},
	)
	for _, accept := range []string{"text/html", "application/json"} {
		r := httptest.NewRequest("GET", "/feed", nil)
		r.Header.Set("Accept", accept)
		var match routing.Match
		err := m.Find(routing.ContextWithRequest(r.Context(), r), &match, "", "GET", "/feed", false)
		fmt.Println(match.Rule.Endpoint, err)
	}
	// Output:
	// feed.html <nil>
	// feed.json <nil>
}
