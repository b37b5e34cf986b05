package main

import (
	"io"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/carafeweb/carafe"
	carafetest "github.com/carafeweb/carafe/testing"
)

// quietApp is the example without its log.
func quietApp() *carafe.App {
	app := newApp()
	app.Logger = slog.New(slog.DiscardHandler)
	return app
}

// answers are what the example says, whichever way it is asked.
var answers = []struct {
	name, method, path string
	status             int
	header             map[string]string
	body               string // "" means it is not looked at, unless the method is HEAD
}{
	{"text", "GET", "/", 200, map[string]string{"Content-Type": "text/html; charset=utf-8"}, "Hello, World!"},
	{"a variable", "GET", "/hello/Ada%20L", 200, nil, "Hello, Ada L!"},
	{"a struct as JSON", "GET", "/users/2", 200, map[string]string{"Content-Type": "application/json"}, "{\"id\":2,\"name\":\"grace\"}\n"},
	{"an error that the view returns", "GET", "/users/3", 404, nil, ""},
	{"a variable that is no int", "GET", "/users/x", 404, nil, ""},
	{"an unknown path", "GET", "/nowhere", 404, nil, ""},
	{"a method that the rule does not have", "POST", "/users/1", 405, map[string]string{"Allow": "GET, HEAD, OPTIONS"}, ""},
	{"HEAD", "HEAD", "/", 200, map[string]string{"Content-Length": "13"}, ""},
	{"OPTIONS", "OPTIONS", "/users/1", 200, map[string]string{"Allow": "GET, HEAD, OPTIONS"}, ""},
	{"a slash that is missing", "GET", "/about", 308, nil, ""},
	{"a URL that is built", "GET", "/about/", 200, map[string]string{"Content-Type": "text/plain; charset=utf-8"}, "You are at /about/\n"},
	{"a panic", "GET", "/panic", 500, nil, ""},
	{"the request after a panic", "GET", "/", 200, nil, "Hello, World!"},
}

// checkAnswers asks for everything, in order.
func checkAnswers(t *testing.T, ask func(method, path string) (int, http.Header, string)) {
	t.Helper()
	for _, tt := range answers {
		status, header, body := ask(tt.method, tt.path)
		if status != tt.status {
			t.Errorf("%s: %s %s: status %d, want %d", tt.name, tt.method, tt.path, status, tt.status)
		}
		for name, want := range maps.All(tt.header) {
			if got := header.Get(name); got != want {
				t.Errorf("%s: %s %s: %s is %q, want %q", tt.name, tt.method, tt.path, name, got, want)
			}
		}
		if (tt.body != "" || tt.method == "HEAD") && body != tt.body {
			t.Errorf("%s: %s %s: body %q, want %q", tt.name, tt.method, tt.path, body, tt.body)
		}
		if strings.Contains(body, "a view that panics") {
			t.Errorf("%s: the client sees the text of the panic: %s", tt.name, body)
		}
	}
}

func TestTheExampleAnswersTheTestClient(t *testing.T) {
	client := carafetest.NewClient(t, quietApp())
	checkAnswers(t, func(method, path string) (int, http.Header, string) {
		resp := client.Open(method, path)
		return resp.StatusCode, resp.Header, resp.Text()
	})
}

// fetch makes a request over a socket and follows no redirect.
func fetch(t *testing.T, method, url string) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

func TestTheExampleAnswersOnASocket(t *testing.T) {
	site := carafetest.Serve(t, quietApp())
	checkAnswers(t, func(method, path string) (int, http.Header, string) {
		resp, body := fetch(t, method, site+path)
		return resp.StatusCode, resp.Header, body
	})
}

// command is a line of the README that asks the example, and what it says comes back.
var command = regexp.MustCompile(`(?m)^\$ curl (-i )?(?:-X (\w+) )?http://127\.0\.0\.1:5000(\S*)\n((?:[^$\n].*\n)*)`)

// TestTheReadmeShowsWhatTheExampleAnswers sends each curl line of the README. With -i the lines shown are among those of the
// answer's head; without, they are its body.
func TestTheReadmeShowsWhatTheExampleAnswers(t *testing.T) {
	page, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, block, _ := strings.Cut(string(page), "```console\n")
	block, _, _ = strings.Cut(block, "```")
	site := carafetest.Serve(t, quietApp())
	lines := command.FindAllStringSubmatch(block, -1)
	if want := strings.Count(block, "$ "); len(lines) != want || want == 0 {
		t.Fatalf("%d of %d commands of the README can be read", len(lines), want)
	}
	for _, line := range lines {
		head, method, path, shown := line[1] != "", line[2], line[3], strings.ReplaceAll(line[4], "http://127.0.0.1:5000", site)
		if method == "" {
			method = "GET"
		}
		resp, body := fetch(t, method, site+path)
		if !head {
			if strings.TrimSuffix(body, "\n") != strings.TrimSuffix(shown, "\n") {
				t.Errorf("%s %s: body %q, but the README shows %q", method, path, body, shown)
			}
			continue
		}
		var got strings.Builder
		got.WriteString("HTTP/1.1 " + resp.Status + "\n")
		for name, values := range resp.Header {
			got.WriteString(name + ": " + strings.Join(values, ", ") + "\n")
		}
		for want := range strings.Lines(shown) {
			if !strings.Contains(got.String(), want) {
				t.Errorf("%s %s: the README shows %q, but the head is\n%s", method, path, want, &got)
			}
		}
	}
}
