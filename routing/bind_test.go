package routing_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"github.com/carafeweb/carafe/routing"
)

func TestRequestHost(t *testing.T) {
	for _, tt := range []struct{ scheme, host, want string }{
		{"http", "example.com", "example.com"},
		{"http", "example.com:80", "example.com"},
		{"https", "example.com:80", "example.com:80"},
		{"wss", "example.com:443", "example.com"},
		{"http", "[::1]:5000", "[::1]:5000"},
		{"http", "[::1]", "[::1]"},
		{"http", "[:]", ""},
		{"http", "[zz::1]", ""},
		{"http", "bad host", ""},
		{"http", "user@example.com", ""},
		{"http", "example.com:", ""},
		{"http", "example.com:x", ""},
		{"http", "a_b", ""},
		{"http", "", ""},
	} {
		if got := routing.RequestHost(tt.scheme, tt.host); got != tt.want {
			t.Errorf("RequestHost(%q, %q) = %q, want %q", tt.scheme, tt.host, got, tt.want)
		}
	}
}

// The expected names are what Python's idna codec gives.
func TestServerNamesBecomeASCII(t *testing.T) {
	for _, tt := range []struct{ name, want string }{
		{"EXAMPLE.com:8080", "example.com:8080"},
		{"bücher.example", "xn--bcher-kva.example"},
		{"例え.テスト:80", "xn--r8jz45g.xn--zckzah:80"},
		{"☃.net", "xn--n3h.net"},
		{"a。b.ü", "a.b.xn--tda"},
		{"[::1]:5000", "[::1]:5000"},
		{"example.com.", "example.com."},
		{"a..b", ""},
		{".ü", ""},
		{"ü..b", ""},
		{strings.Repeat("a", 64) + ".com", ""},
		{strings.Repeat("ü", 60) + ".com", ""},
	} {
		a, err := routing.New(routing.Options{}).Bind(tt.name, routing.BindOptions{})
		switch {
		case tt.want == "":
			if !errors.Is(err, routing.ErrBadHost) {
				t.Errorf("Bind(%q) = %q, %v; want ErrBadHost", tt.name, a.ServerName, err)
			}
		case err != nil || a.ServerName != tt.want:
			t.Errorf("Bind(%q) = %q, %v; want %q", tt.name, a.ServerName, err, tt.want)
		}
	}
}

func TestBindRequest(t *testing.T) {
	opts := routing.Options{SubdomainMatching: true}
	m := addAll(t, opts, &routing.Rule{Rule: "/", Endpoint: "user", Subdomain: "<user>"})
	for _, tt := range []struct {
		name, host, server, subdomain string
		foreign                       bool
	}{
		{"a subdomain", "Bob.Example.com", "example.com", "bob", false},
		{"no subdomain", "example.com", "example.com", "", false},
		{"no server name", "bob.example.com", "", "", false},
		{"another host", "example.org", "example.com", "<invalid>", true},
		{"a host that only ends alike", "notexample.com", "example.com", "<invalid>", true},
		{"empty labels", "a..b.example.com", "example.com", "a.b", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := httptest.NewRequest("GET", "/x?q=1", nil)
			r.Host = tt.host
			a, err := m.BindRequest(r, tt.server)
			if err != nil || a.Subdomain != tt.subdomain || a.Foreign != tt.foreign || a.Path != "/x" || a.Query != "q=1" {
				t.Errorf("BindRequest = %+v, %v; want subdomain %q, foreign %v", a, err, tt.subdomain, tt.foreign)
			}
		})
	}
	t.Run("without SubdomainMatching every host is the default's", func(t *testing.T) {
		r := httptest.NewRequest("GET", "/", nil)
		r.Host = "bob.example.com"
		a, err := routing.New(routing.Options{DefaultSubdomain: "www"}).BindRequest(r, "example.com")
		if err != nil || a.Subdomain != "www" || a.Foreign {
			t.Errorf("BindRequest = %+v, %v; want subdomain www", a, err)
		}
	})
	t.Run("a websocket over TLS", func(t *testing.T) {
		r := httptest.NewRequest("GET", "/", nil)
		r.TLS = &tls.ConnectionState{}
		r.Header.Set("Connection", "keep-alive, Upgrade")
		r.Header.Set("Upgrade", "WebSocket")
		if a, err := m.BindRequest(r, ""); err != nil || a.Scheme != "wss" || !a.Websocket {
			t.Errorf("BindRequest = %+v, %v; want wss", a, err)
		}
	})
	t.Run("the usual request allocates nothing", func(t *testing.T) {
		r := httptest.NewRequest("GET", "/x", nil)
		r.Host = "bob.example.com"
		if allocs := testing.AllocsPerRun(100, func() { _, _ = m.BindRequest(r, "example.com") }); allocs > 0 {
			t.Errorf("BindRequest allocates %.0f times", allocs)
		}
	})
}

// The expected texts are bytes.decode("utf-8", "replace") of Python.
func TestDecodedPath(t *testing.T) {
	for in, want := range map[string]string{
		"/é":             "/é",
		"/\xff\xfe":      "/\ufffd\ufffd",
		"/\xe2\x82x":     "/\ufffdx",
		"/\xe2\x82\xacx": "/€x",
		"/\xf0\x9f\x98":  "/\ufffd",
		"/\xed\xa0\x80":  "/\ufffd\ufffd\ufffd",
		"/\xc0\x80":      "/\ufffd\ufffd",
		"/\xf5\x80":      "/\ufffd\ufffd",
	} {
		if got := routing.DecodedPath(in); got != want {
			t.Errorf("DecodedPath(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestAMatchIsSmall(t *testing.T) {
	if size := unsafe.Sizeof(routing.Match{}); size > 96 {
		t.Errorf("a Match has %d bytes, want at most 96", size)
	}
}

type point struct{ x, y int }

// pointConverter reads "3,4". It needs the context, to show that it gets it.
type pointConverter struct{}

func (pointConverter) Parse(ctx context.Context, text string) (any, error) {
	var p point
	if _, err := fmt.Sscanf(text, "%d,%d", &p.x, &p.y); err != nil {
		return nil, fmt.Errorf("point: %w", routing.ErrValidation)
	}
	if limit, ok := ctx.Value(point{}).(int); ok && p.x > limit {
		return nil, errTooFar
	}
	return p, nil
}

func (pointConverter) Format(value any) (string, error) {
	p, ok := value.(point)
	if !ok {
		return "", routing.ErrValidation
	}
	return fmt.Sprintf("%d,%d", p.x, p.y), nil
}

var errTooFar = errors.New("too far")

func TestConvertersOfTheUsers(t *testing.T) {
	opts := routing.Options{Converters: map[string]routing.ConverterFunc{
		"point": func(routing.Arguments) (routing.Definition, error) {
			return routing.Definition{Converter: pointConverter{}, Regexp: "(-?[0-9]+),(.+)", Type: reflect.TypeFor[point]()}, nil
		},
	}}
	m := addAll(t, opts, &routing.Rule{Rule: "/at/<point:p>", Endpoint: "at"},
		&routing.Rule{Rule: "/at/<name>", Endpoint: "at", Defaults: routing.Values{"zoom": 3}},
		&routing.Rule{Rule: "/at/<name>", Endpoint: "post", Methods: []string{"POST"}})
	a, err := m.Bind("example.com", routing.BindOptions{})
	if err != nil {
		t.Fatal(err)
	}
	match, err := a.Match(context.WithValue(t0, point{}, 10), "GET", "/at/3,4")
	if err != nil || match.Value(0) != (point{3, 4}) || match.Rule.Variables()[0].Type != reflect.TypeFor[point]() {
		t.Errorf("Match = %v, %v; want the point 3,4", match.Values(), err)
	}
	if _, err = a.Match(context.WithValue(t0, point{}, 2), "GET", "/at/3,4"); !errors.Is(err, errTooFar) {
		t.Errorf("Match = %v, want the converter's error", err)
	}
	if _, err = a.Match(t0, "GET", "/at/3,x"); !errors.Is(err, routing.ErrNotFound) {
		t.Errorf("Match = %v, want ErrNotFound, with no other rule tried", err)
	}
	match, err = a.Match(t0, "GET", "/at/home")
	if err != nil || match.Len() != 2 || match.Text(1) != "3" || fmt.Sprint(match.Pairs()) != "[{name home} {zoom 3}]" {
		t.Errorf("Match = %v, %v; want a name and the default", match.Pairs(), err)
	}
	if got, err := a.Build("at", []routing.Pair{{Name: "p", Value: point{1, 2}}}, routing.BuildOptions{}); got != "/at/1,2" {
		t.Errorf("Build = %q, %v", got, err)
	}
	// A value that the converter refuses makes Build go on to the next rule.
	got, err := a.Build("at", []routing.Pair{{Name: "p", Value: 7}, {Name: "name", Value: "x"}}, routing.BuildOptions{})
	if got != "/at/x?p=7" {
		t.Errorf("Build = %q, %v", got, err)
	}
}

func TestRedirectFunctions(t *testing.T) {
	target := func(a *routing.Adapter, v routing.Values) (string, error) {
		if v["id"] == 0 {
			return "", errTooFar
		}
		return a.Build("new", []routing.Pair{{Name: "slug", Value: fmt.Sprintf("post-%d", v["id"])}}, routing.BuildOptions{})
	}
	m := addAll(t, routing.Options{}, &routing.Rule{Rule: "/old/<int:id>", Endpoint: "old", RedirectTo: target},
		&routing.Rule{Rule: "/new/<slug>", Endpoint: "new"})
	a, err := m.Bind("example.com", routing.BindOptions{ScriptName: "/app"})
	if err != nil {
		t.Fatal(err)
	}
	var redirect *routing.RequestRedirect
	if _, err = a.Match(t0, "GET", "/old/7"); !errors.As(err, &redirect) || redirect.URL != "http://example.com/app/new/post-7" {
		t.Errorf("Match = %v, want a redirect", err)
	}
	if _, err = a.Match(t0, "GET", "/old/0"); !errors.Is(err, errTooFar) {
		t.Errorf("Match = %v, want the function's error", err)
	}
}

func TestExpects(t *testing.T) {
	m := addAll(t, routing.Options{}, &routing.Rule{Rule: "/<lang>/", Endpoint: "e"}, &routing.Rule{Rule: "/p/<int:n>", Endpoint: "e", Defaults: routing.Values{"m": 1}})
	for _, tt := range []struct {
		endpoint string
		names    []string
		want     bool
	}{{"e", []string{"lang"}, true}, {"e", []string{"n", "m"}, true}, {"e", []string{"lang", "n"}, false}, {"f", nil, false}} {
		if got := m.Expects(tt.endpoint, tt.names...); got != tt.want {
			t.Errorf("Expects(%s, %v) = %v", tt.endpoint, tt.names, got)
		}
	}
}
